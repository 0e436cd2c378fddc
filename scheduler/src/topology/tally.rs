//! What one class of pods counts in the domains of one topology key.

use bireme_core::scheduler::{NodeId, NodeInfo, PodInfo, Snapshot};

use super::counter::Counter;
use super::domains::{Topologies, TopologyId};
use crate::plugins::Eligible;

/// What a pod on a node amounts to.
pub(crate) type Amount = Box<dyn Fn(&PodInfo, &Snapshot) -> i64 + Send>;

/// Pods of some kind, counted by domain.
pub(crate) struct Tally {
    pub(crate) topology: TopologyId,
    /// Whether the pods on a node matter, and not those in all its domain.
    pub(crate) per_node: bool,
    pub(crate) counter: Counter,
    amount: Amount,
    eligible: Option<Eligible>,
}

impl Tally {
    pub(crate) fn new(topology: TopologyId, amount: Amount) -> Self {
        Self { topology, per_node: false, counter: Counter::default(), amount, eligible: None }
    }

    /// The same over some nodes only.
    pub(crate) fn over(self, eligible: Eligible) -> Self {
        Self { eligible: Some(eligible), ..self }
    }

    /// The same of every node for itself.
    pub(crate) fn per_node(self) -> Self {
        Self { per_node: true, ..self }
    }

    /// Counts everything that there is; to be done once.
    pub(crate) fn fill(&mut self, snapshot: &Snapshot, topologies: &Topologies) {
        for (node, pod) in snapshot.pods() {
            self.counter.add(node, (self.amount)(pod, snapshot));
        }
        for node in snapshot.nodes() {
            self.node_changed(node.id(), snapshot, topologies);
        }
    }

    /// What a pod on a node amounts to.
    pub(crate) fn amount_of(&self, pod: &PodInfo, snapshot: &Snapshot) -> i64 {
        (self.amount)(pod, snapshot)
    }

    /// A pod came to the node (`sign` 1) or left it (-1).
    pub(crate) fn count(&mut self, node: NodeId, pod: &PodInfo, sign: i64, snapshot: &Snapshot) {
        self.counter.add(node, sign * (self.amount)(pod, snapshot));
    }

    /// The node is new, another one, or gone.
    pub(crate) fn node_changed(&mut self, id: NodeId, snapshot: &Snapshot, topologies: &Topologies) {
        let counts = |node: &&NodeInfo| self.eligible.as_ref().is_none_or(|eligible| eligible(node));
        let counted = snapshot.by_id(id).filter(counts);
        self.counter.set_domain(id, counted.and_then(|_| topologies.domain(self.topology, id)));
    }
}
