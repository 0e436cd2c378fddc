//! What of the surroundings of a node matters to one class of pods.

use bireme_core::scheduler::{Change, NodeId, PodInfo, Rejection, Snapshot};

use super::Terrain;
use super::affinity::Affinity;
use super::carried::{CarriedTerm, TermId};
use super::counter::Counter;
use super::domains::{DomainId, TopologyId};
use super::relief::Relief;
use super::spread::Spread;
use super::tally::Tally;
use crate::framework::PodShape;

/// Which of the plugins that look around are on, and what their points weigh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Weights {
    pub(crate) spread_filter: bool,
    pub(crate) spread: i64,
    pub(crate) affinity_filter: bool,
    pub(crate) affinity: i64,
}

/// The names of the plugins that look around.
pub(crate) const SPREAD: &str = "PodTopologySpread";
/// The names of the plugins that look around.
pub(crate) const AFFINITY: &str = "InterPodAffinity";

/// What the pods of one class count around them, kept up to date.
///
/// Nodes with the same coordinates are a site: the rules say the same of all of them. In a topology whose domains have
/// many nodes a coordinate is the domain, so that a pod that comes changes what is counted in a domain, and no node's
/// coordinates; in one whose domains are single nodes it is what is counted there, so that there are few sites.
pub(crate) struct Surroundings {
    pub(super) tallies: Vec<Tally>,
    /// The terms of other pods that are about these pods.
    pub(super) terms: Vec<TermId>,
    /// The topologies that matter, and whether each is narrow.
    axes: Vec<(TopologyId, bool)>,
    /// By tally, then by term.
    probes: Vec<Probe>,
    spread: Spread,
    affinity: Affinity,
}

/// Where the coordinates tell what is counted at a site.
#[derive(Clone, Copy, Debug)]
struct Probe {
    /// The coordinate that tells the domain, or just that there is one.
    axis: usize,
    /// The coordinate that tells the count, where it is not the domain's.
    count: Option<usize>,
}

/// Nodes with the same coordinates.
pub(crate) struct Site<'a> {
    around: &'a Surroundings,
    terrain: &'a Terrain,
    coordinates: &'a [i64],
    nodes: usize,
    /// What is not to be counted.
    relief: Option<&'a Relief>,
}

impl Surroundings {
    /// The terms of pods on nodes that are about this pod: part of what makes pods alike.
    pub(crate) fn terms_about(pod: &PodInfo, terrain: &Terrain, snapshot: &Snapshot) -> Vec<TermId> {
        terrain.carried.about(pod, snapshot)
    }

    /// Adds what is looked at of the pod.
    pub(crate) fn shape(pod: &PodInfo, terms: &[TermId], shape: &mut PodShape) {
        let spec = pod.spec();
        shape.see_if_any(&spec.topology_spread_constraints);
        let among_pods =
            spec.affinity.as_ref().map(|affinity| (&affinity.pod_affinity, &affinity.pod_anti_affinity));
        let among_pods = among_pods.filter(|(pro, anti)| pro.is_some() || anti.is_some());
        shape.see_if_any(&among_pods);
        if spec.topology_spread_constraints.is_some() || among_pods.is_some() {
            // They are about pods in this namespace, and perhaps about the pod itself.
            shape.see(&pod.key().namespace());
            shape.see(pod.labels());
        }
        shape.see_numbers([terms.len().try_into().unwrap_or(i64::MAX)]);
        terms.iter().for_each(|term| shape.see_numbers([term.number()]));
    }

    /// `None` when nothing around a node matters to the pod.
    pub(crate) fn new(
        pod: &PodInfo,
        terms: Vec<TermId>,
        terrain: &mut Terrain,
        snapshot: &Snapshot,
    ) -> Option<Self> {
        let (topologies, mut tallies) = (&mut terrain.topologies, Vec::new());
        let spread = Spread::new(pod, topologies, snapshot, &mut tallies);
        let affinity = Affinity::new(pod, topologies, snapshot, &mut tallies);
        if spread.is_empty() && affinity.is_empty() && terms.is_empty() {
            return None;
        }
        tallies.iter_mut().for_each(|tally| tally.fill(snapshot, &terrain.topologies));
        let mut around = Self { tallies, terms, axes: Vec::new(), probes: Vec::new(), spread, affinity };
        around.lay_out(terrain);
        Some(around)
    }

    /// Whether a topology has become narrow, or ceased to be: the coordinates of all nodes are others then.
    pub(crate) fn is_stale(&self, terrain: &Terrain) -> bool {
        self.axes.iter().any(|(topology, narrow)| terrain.topologies.is_narrow(*topology) != *narrow)
    }

    /// Takes in one change.
    pub(crate) fn follow(&mut self, change: &Change, terrain: &Terrain, snapshot: &Snapshot) {
        match change {
            Change::Node(node) => {
                let moved = |tally: &mut Tally| tally.node_changed(*node, snapshot, &terrain.topologies);
                self.tallies.iter_mut().for_each(moved);
            }
            Change::Placed(node, pod) => {
                self.tallies.iter_mut().for_each(|tally| tally.count(*node, pod, 1, snapshot));
            }
            Change::Left(node, pod) => {
                self.tallies.iter_mut().for_each(|tally| tally.count(*node, pod, -1, snapshot));
            }
            Change::Namespace(_) => {}
        }
    }

    /// Adds the coordinates of a node.
    pub(crate) fn coordinates(&self, node: NodeId, terrain: &Terrain, coordinates: &mut Vec<i64>) {
        for (topology, narrow) in &self.axes {
            let domain = terrain.topologies.domain(*topology, node);
            coordinates.push(match domain {
                None => NOWHERE,
                Some(_) if *narrow => SOMEWHERE,
                Some(domain) => domain.number(),
            });
        }
        let (of_tallies, of_terms) = self.probes.split_at(self.tallies.len());
        for (tally, _) in self.tallies.iter().zip(of_tallies).filter(|(_, probe)| probe.count.is_some()) {
            coordinates.push(tally.counter.share(node));
        }
        for (term, _) in self.terms(terrain).zip(of_terms).filter(|(_, probe)| probe.count.is_some()) {
            coordinates.push(term.map_or(0, |term| term.keeps_off().share(node)));
            coordinates.push(term.map_or(0, |term| term.likes().share(node)));
        }
    }

    /// The nodes with these coordinates, of which there are so many.
    pub(crate) fn site<'a>(&'a self, coordinates: &'a [i64], nodes: usize, terrain: &'a Terrain) -> Site<'a> {
        Site { around: self, terrain, coordinates, nodes, relief: None }
    }

    /// Why the pod cannot go to a site, in the order in which the filters are asked.
    pub(crate) fn rejections(&self, site: &Site<'_>, weights: &Weights) -> impl Iterator<Item = Rejection> {
        let asked = [
            (SPREAD, weights.spread_filter.then(|| self.spread.reject(site)).flatten()),
            (AFFINITY, weights.affinity_filter.then(|| self.affinity.reject(site)).flatten()),
        ];
        asked.into_iter().filter_map(|(filter, why)| {
            let (reason, eviction_helps) = why?;
            Some(Rejection { filter: filter.to_owned(), reason: reason.to_owned(), eviction_helps })
        })
    }

    /// What each plugin gives each site, weighted, of all those that can take the pod.
    pub(crate) fn score(
        &self,
        sites: &[Site<'_>],
        weights: &Weights,
    ) -> impl Iterator<Item = (&'static str, Vec<i64>)> {
        let spread = (weights.spread != 0).then(|| self.spread.score(sites)).flatten();
        let affinity = (weights.affinity != 0).then(|| self.affinity.score(sites));
        let given = [(SPREAD, weights.spread, spread), (AFFINITY, weights.affinity, affinity)];
        given.into_iter().filter_map(|(plugin, weight, points)| {
            Some((plugin, points?.into_iter().map(|points| weight * points).collect()))
        })
    }

    /// Whether the labels of namespaces matter.
    pub(crate) fn selects_namespaces(&self) -> bool {
        self.affinity.selects_namespaces()
    }

    fn terms<'a>(&'a self, terrain: &'a Terrain) -> impl Iterator<Item = Option<&'a CarriedTerm>> {
        self.terms.iter().map(|term| terrain.carried.get(*term))
    }

    /// Decides what the coordinates are.
    fn lay_out(&mut self, terrain: &Terrain) {
        let of_tallies = self.tallies.iter().map(|tally| (Some(tally.topology), tally.per_node, 1));
        let of_terms = self.terms(terrain).map(|term| (term.map(CarriedTerm::topology), false, 2));
        let probed: Vec<_> = of_tallies.chain(of_terms).collect();
        for topology in probed.iter().filter_map(|(topology, ..)| *topology) {
            if !self.axes.iter().any(|(known, _)| *known == topology) {
                self.axes.push((topology, terrain.topologies.is_narrow(topology)));
            }
        }
        let mut next = self.axes.len();
        for (topology, per_node, width) in probed {
            let axis = self.axes.iter().position(|(known, _)| Some(*known) == topology).unwrap_or_default();
            let counts_itself = per_node || self.axes.get(axis).is_some_and(|(_, narrow)| *narrow);
            let count = counts_itself.then_some(next);
            next += if counts_itself { width } else { 0 };
            self.probes.push(Probe { axis, count });
        }
    }
}

/// The coordinate of nodes that are in no domain.
const NOWHERE: i64 = -1;
/// The coordinate of nodes that are in a domain each.
const SOMEWHERE: i64 = -2;

impl<'a> Site<'a> {
    /// The same without what some pods amount to.
    pub(crate) fn relieved(self, relief: &'a Relief) -> Self {
        Self { relief: Some(relief), ..self }
    }

    /// How many nodes there are.
    pub(crate) fn nodes(&self) -> usize {
        self.nodes
    }

    /// What is counted; `None` for nodes that are in no domain.
    pub(crate) fn tally(&self, tally: usize) -> Option<i64> {
        let relief = self.relief.map_or(0, |relief| relief.tallies[tally]);
        Some(self.read(self.around.probes[tally], self.counter(tally), 0)? - relief)
    }

    /// What is counted everywhere.
    pub(crate) fn counter(&self, tally: usize) -> &Counter {
        &self.around.tallies[tally].counter
    }

    /// What is counted in all domains.
    pub(crate) fn total(&self, tally: usize) -> i64 {
        let relief = self.relief.filter(|_| self.domain(tally).is_some());
        self.counter(tally).total() - relief.map_or(0, |relief| relief.tallies[tally])
    }

    /// The coordinate of the domain that is counted in.
    pub(crate) fn domain(&self, tally: usize) -> Option<i64> {
        Some(self.coordinates[self.around.probes[tally].axis]).filter(|domain| *domain != NOWHERE)
    }

    /// The same, if it is one that other sites may be in too.
    pub(crate) fn shared_domain(&self, tally: usize) -> Option<i64> {
        self.domain(tally).filter(|domain| *domain != SOMEWHERE)
    }

    /// Whether a pod in the domain does not want this one there.
    pub(crate) fn is_kept_off(&self) -> bool {
        let relief = |at: usize| self.relief.map_or(0, |relief| relief.keeps_off[at]);
        self.terms(0, CarriedTerm::keeps_off).any(|(at, count)| count > relief(at))
    }

    /// How much the pods in the domain want this one there.
    pub(crate) fn likes(&self) -> i64 {
        self.terms(1, CarriedTerm::likes).map(|(_, likes)| likes).sum()
    }

    fn terms(
        &self,
        offset: usize,
        counter: fn(&CarriedTerm) -> &Counter,
    ) -> impl Iterator<Item = (usize, i64)> {
        let probes = &self.around.probes[self.around.tallies.len()..];
        let terms = self.around.terms(self.terrain).zip(probes).enumerate();
        terms.filter_map(move |(at, (term, probe))| Some((at, self.read(*probe, counter(term?), offset)?)))
    }

    fn read(&self, probe: Probe, counter: &Counter, offset: usize) -> Option<i64> {
        let domain = self.coordinates[probe.axis];
        if domain == NOWHERE {
            return None;
        }
        Some(match probe.count {
            Some(at) => self.coordinates[at + offset],
            None => counter.sum(DomainId::of_number(domain)),
        })
    }
}
