//! The terms that pods on nodes carry: they matter to the pods that come after them.

use std::collections::{BTreeMap, HashMap};

use bireme_core::scheduler::{NodeId, PodInfo, Snapshot};
use k8s_openapi::api::core::v1::PodAffinityTerm;

use super::counter::Counter;
use super::domains::{Topologies, TopologyId};
use super::term::PodTerm;
use super::term::Terms;

/// A term that pods carry. Never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct TermId(u64);

impl TermId {
    /// As a part of what makes pods alike.
    pub(crate) fn number(self) -> i64 {
        self.0.cast_signed()
    }
}

/// What a pod on a node that is drawn to others is worth to them, as upstream has it.
const WEIGHT_OF_REQUIRED: i64 = 1;

/// The terms of all pods on nodes, each once however many pods carry it.
#[derive(Debug, Default)]
pub(crate) struct CarriedTerms {
    ids: HashMap<Vec<u8>, TermId>,
    terms: BTreeMap<TermId, CarriedTerm>,
    next: u64,
}

/// One term and who carries it, by domain.
#[derive(Debug)]
pub(crate) struct CarriedTerm {
    form: Vec<u8>,
    term: PodTerm,
    topology: TopologyId,
    carriers: usize,
    /// How many pods will not have a match of it in their domain.
    keeps_off: Counter,
    /// How much the pods like a match of it in their domain; below zero they dislike it.
    likes: Counter,
}

/// What carrying a term means.
#[derive(Clone, Copy)]
struct Meaning {
    keeps_off: i64,
    likes: i64,
}

impl CarriedTerms {
    /// The terms that are about the pod, in order.
    pub(crate) fn about(&self, pod: &PodInfo, snapshot: &Snapshot) -> Vec<TermId> {
        let about = |carried: &CarriedTerm| carried.term.matches(pod, snapshot);
        self.terms.iter().filter(|(_, carried)| about(carried)).map(|(id, _)| *id).collect()
    }

    /// One of them.
    pub(crate) fn get(&self, id: TermId) -> Option<&CarriedTerm> {
        self.terms.get(&id)
    }

    /// How many pods that will not have a match of the term in their domain the pod is: one, or none; more if it says so
    /// more than once.
    pub(crate) fn keeps_off_by(&self, id: TermId, pod: &PodInfo) -> i64 {
        let (Some(carried), Some(terms)) = (self.terms.get(&id), Terms::of(pod.spec())) else { return 0 };
        let namespace = pod.key().namespace().unwrap_or_default();
        let saying = terms.required_anti.iter().filter(|term| form(term, namespace) == carried.form);
        saying.map(|_| 1).sum()
    }

    /// Whether the labels of namespaces matter to any of them.
    pub(crate) fn selects_namespaces(&self) -> bool {
        self.terms.values().any(|carried| carried.term.selects_namespaces())
    }

    /// A pod came to a node (`sign` 1) or left it (-1).
    pub(crate) fn count(
        &mut self,
        node: NodeId,
        pod: &PodInfo,
        sign: i64,
        topologies: &mut Topologies,
        snapshot: &Snapshot,
    ) {
        let Some(terms) = Terms::of(pod.spec()) else { return };
        let namespace = pod.key().namespace().unwrap_or_default();
        for (term, meaning) in meanings(terms) {
            let id = self.intern(term, namespace, topologies, snapshot);
            let Some(carried) = self.terms.get_mut(&id) else { continue };
            carried.keeps_off.add(node, sign * meaning.keeps_off);
            carried.likes.add(node, sign * meaning.likes);
            carried.carriers = carried.carriers.saturating_add_signed(if sign > 0 { 1 } else { -1 });
            if carried.carriers == 0
                && let Some(carried) = self.terms.remove(&id)
            {
                self.ids.remove(&carried.form);
            }
        }
    }

    /// The node is another one, or in other domains: what is on it counts there.
    pub(crate) fn node_changed(&mut self, node: NodeId, topologies: &Topologies) {
        for carried in self.terms.values_mut() {
            carried.set_domain(node, topologies);
        }
    }

    fn intern(
        &mut self,
        term: &PodAffinityTerm,
        namespace: &str,
        topologies: &mut Topologies,
        snapshot: &Snapshot,
    ) -> TermId {
        let form = form(term, namespace);
        if let Some(id) = self.ids.get(&form) {
            return *id;
        }
        let (id, term) = (TermId(self.next), PodTerm::new(term, namespace));
        self.next += 1;
        let topology = topologies.intern(term.topology_key(), snapshot);
        let (keeps_off, likes) = (Counter::default(), Counter::default());
        let mut carried = CarriedTerm { form: form.clone(), term, topology, carriers: 0, keeps_off, likes };
        snapshot.nodes().for_each(|node| carried.set_domain(node.id(), topologies));
        self.terms.insert(id, carried);
        self.ids.insert(form, id);
        id
    }
}

impl CarriedTerm {
    fn set_domain(&mut self, node: NodeId, topologies: &Topologies) {
        let domain = topologies.domain(self.topology, node);
        self.keeps_off.set_domain(node, domain);
        self.likes.set_domain(node, domain);
    }

    pub(crate) fn topology(&self) -> TopologyId {
        self.topology
    }

    pub(crate) fn keeps_off(&self) -> &Counter {
        &self.keeps_off
    }

    pub(crate) fn likes(&self) -> &Counter {
        &self.likes
    }
}

/// Every term with what carrying it means.
fn meanings(terms: Terms<'_>) -> impl Iterator<Item = (&PodAffinityTerm, Meaning)> {
    let required =
        terms.required.iter().map(|term| (term, Meaning { keeps_off: 0, likes: WEIGHT_OF_REQUIRED }));
    let anti = terms.required_anti.iter().map(|term| (term, Meaning { keeps_off: 1, likes: 0 }));
    let likes = |sign: i64| move |weight: i32| Meaning { keeps_off: 0, likes: sign * i64::from(weight) };
    let (pro, contra) = (likes(1), likes(-1));
    let preferred = terms.preferred.iter().map(move |term| (&term.pod_affinity_term, pro(term.weight)));
    let preferred_anti =
        terms.preferred_anti.iter().map(move |term| (&term.pod_affinity_term, contra(term.weight)));
    required.chain(anti).chain(preferred).chain(preferred_anti)
}

/// What tells one term from another: what it says, and the namespace that it says it in.
fn form(term: &PodAffinityTerm, namespace: &str) -> Vec<u8> {
    // The term was JSON before it was a term, so that this cannot fail.
    let mut form = serde_json::to_vec(term).unwrap_or_default();
    form.extend_from_slice(namespace.as_bytes());
    form
}
