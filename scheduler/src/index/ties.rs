//! Which of equally good nodes a scheduler takes.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use bireme_core::scheduler::{NodeId, Snapshot};

/// A number for every node that depends on its name and the seed alone: of equals the one with the lowest is taken, so
/// that a decision does not depend on the order in which nodes became known, and schedulers with different seeds
/// do not run after the same node.
#[derive(Debug)]
pub(crate) struct Ties {
    seed: u64,
    /// By node.
    numbers: Vec<u64>,
}

impl Ties {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, numbers: Vec::new() }
    }

    /// Forgets all nodes, and looks at those that there are.
    pub(crate) fn fill(&mut self, snapshot: &Snapshot) {
        self.numbers.clear();
        snapshot.nodes().for_each(|node| self.node_changed(node.id(), snapshot));
    }

    /// The node may be another one.
    pub(crate) fn node_changed(&mut self, id: NodeId, snapshot: &Snapshot) {
        let Some(node) = snapshot.by_id(id) else { return };
        if self.numbers.len() <= id.index() {
            self.numbers.resize(id.index() + 1, 0);
        }
        let mut hasher = DefaultHasher::new();
        (self.seed, &**node.name()).hash(&mut hasher);
        self.numbers[id.index()] = hasher.finish();
    }

    /// The node's number.
    pub(crate) fn of(&self, node: NodeId) -> u64 {
        self.numbers.get(node.index()).copied().unwrap_or_default()
    }
}
