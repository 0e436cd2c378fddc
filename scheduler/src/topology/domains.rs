//! Which nodes a topology key puts together.

use std::collections::HashMap;
use std::sync::Arc;

use bireme_core::scheduler::{NodeId, Snapshot};

/// A topology key that somebody looks at, as a small number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct TopologyId(u32);

/// One value of a topology key, as a small number: the nodes whose label has it are one domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct DomainId(u32);

impl DomainId {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }

    /// As a coordinate.
    pub(crate) fn number(self) -> i64 {
        self.0.into()
    }

    /// The domain whose number it is.
    pub(crate) fn of_number(number: i64) -> Self {
        Self(u32::try_from(number).unwrap_or(u32::MAX))
    }
}

/// The domains of every topology key that somebody looks at.
#[derive(Debug, Default)]
pub(crate) struct Topologies {
    ids: HashMap<String, TopologyId>,
    all: Vec<Topology>,
}

/// The domains of one topology key.
#[derive(Debug, Default)]
struct Topology {
    key: String,
    /// By node.
    domains: Vec<Option<DomainId>>,
    ids: HashMap<Arc<str>, DomainId>,
    /// By domain: its value, and how many nodes have it; none where the number is free.
    values: Vec<(Arc<str>, usize)>,
    free: Vec<DomainId>,
    /// How many domains have more than one node.
    shared: usize,
}

impl Topologies {
    /// The key's number, and its domains filled in if nobody looked at it before.
    pub(crate) fn intern(&mut self, key: &str, snapshot: &Snapshot) -> TopologyId {
        if let Some(id) = self.ids.get(key) {
            return *id;
        }
        let mut topology = Topology { key: key.to_owned(), ..Topology::default() };
        snapshot.nodes().for_each(|node| topology.set(node.id(), node.labels().get(key).map(String::as_str)));
        // Keys are names that pods use, far fewer than numbers.
        let id = TopologyId(u32::try_from(self.all.len()).unwrap_or(u32::MAX));
        self.all.push(topology);
        self.ids.insert(key.to_owned(), id);
        id
    }

    /// The node has other labels, is new, or gone.
    pub(crate) fn node_changed(&mut self, id: NodeId, snapshot: &Snapshot) {
        let node = snapshot.by_id(id);
        for topology in &mut self.all {
            let value = node.and_then(|node| node.labels().get(&topology.key));
            topology.set(id, value.map(String::as_str));
        }
    }

    /// The domain that a node is in; `None` for one without the label.
    pub(crate) fn domain(&self, topology: TopologyId, node: NodeId) -> Option<DomainId> {
        self.of(topology).domains.get(node.index()).copied().flatten()
    }

    /// Whether no two nodes are in one domain, as with the host name.
    pub(crate) fn is_narrow(&self, topology: TopologyId) -> bool {
        self.of(topology).shared == 0
    }

    fn of(&self, topology: TopologyId) -> &Topology {
        &self.all[topology.0 as usize]
    }
}

impl Topology {
    fn set(&mut self, node: NodeId, value: Option<&str>) {
        let at = node.index();
        if self.domains.len() <= at {
            self.domains.resize(at + 1, None);
        }
        if self.domains[at].is_some() || value.is_some() {
            self.leave(at);
            self.domains[at] = value.map(|value| self.join(value));
        }
    }

    fn leave(&mut self, at: usize) {
        let Some(domain) = self.domains[at].take() else { return };
        let (value, nodes) = &mut self.values[domain.index()];
        *nodes -= 1;
        match *nodes {
            0 => {
                self.ids.remove(value);
                self.free.push(domain);
            }
            1 => self.shared -= 1,
            _ => {}
        }
    }

    fn join(&mut self, value: &str) -> DomainId {
        let domain = self.ids.get(value).copied().unwrap_or_else(|| self.add(value.into()));
        let (_, nodes) = &mut self.values[domain.index()];
        *nodes += 1;
        self.shared += usize::from(*nodes == 2);
        domain
    }

    fn add(&mut self, value: Arc<str>) -> DomainId {
        let domain = match self.free.pop() {
            Some(domain) => {
                self.values[domain.index()] = (value.clone(), 0);
                domain
            }
            None => {
                self.values.push((value.clone(), 0));
                // No more domains than nodes, whose numbers fit.
                DomainId(u32::try_from(self.values.len() - 1).unwrap_or(u32::MAX))
            }
        };
        self.ids.insert(value, domain);
        domain
    }
}
