//! What depends on where other pods are: domains of nodes, and sums over the pods in each.

mod affinity;
mod carried;
mod counter;
mod domains;
mod relief;
mod spread;
mod surroundings;
mod tally;
mod term;
#[cfg(test)]
mod tests;

pub(crate) use relief::Relief;
pub(crate) use surroundings::{AFFINITY, SPREAD, Site, Surroundings, Weights};

use bireme_core::scheduler::{Change, ClusterEvent, Snapshot};
use carried::CarriedTerms;
use domains::Topologies;

/// Whether such a change could turn a rejection of a plugin that looks around.
pub(crate) fn is_helped_by(plugin: &str, event: ClusterEvent) -> bool {
    use ClusterEvent::{NamespaceLabels, NodeAllocatable, NodeTaints};
    match plugin {
        surroundings::SPREAD => !matches!(event, NodeAllocatable | NamespaceLabels),
        surroundings::AFFINITY => !matches!(event, NodeAllocatable | NodeTaints),
        _ => false,
    }
}

/// What all classes of pods share: the domains, and the terms that pods on nodes carry.
#[derive(Debug, Default)]
pub(crate) struct Terrain {
    topologies: Topologies,
    carried: CarriedTerms,
}

impl Terrain {
    /// Takes in everything that there is; to be done to an empty one.
    pub(crate) fn fill(&mut self, snapshot: &Snapshot) {
        for (node, pod) in snapshot.pods() {
            self.carried.count(node, pod, 1, &mut self.topologies, snapshot);
        }
    }

    /// Takes in one change.
    pub(crate) fn follow(&mut self, change: &Change, snapshot: &Snapshot) {
        match change {
            Change::Node(node) => {
                self.topologies.node_changed(*node, snapshot);
                self.carried.node_changed(*node, &self.topologies);
            }
            Change::Placed(node, pod) => {
                self.carried.count(*node, pod, 1, &mut self.topologies, snapshot);
            }
            Change::Left(node, pod) => {
                self.carried.count(*node, pod, -1, &mut self.topologies, snapshot);
            }
            Change::Namespace(_) => {}
        }
    }

    /// Whether the labels of namespaces matter to any pod on a node.
    pub(crate) fn selects_namespaces(&self) -> bool {
        self.carried.selects_namespaces()
    }
}
