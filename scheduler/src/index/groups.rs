//! Nodes that differ in nothing but how much is on them.

use std::collections::{BTreeSet, HashMap};

use bireme_core::scheduler::NodeId;

/// A node among others of its group: the one with the most points first, and of equals the one that the seed prefers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rank {
    pub(crate) points: i64,
    pub(crate) tie: u64,
    pub(crate) node: NodeId,
}

impl Ord for Rank {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let (this, that) = ((self.tie, self.node), (other.tie, other.node));
        other.points.cmp(&self.points).then(this.cmp(&that))
    }
}

impl PartialOrd for Rank {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// The nodes that pass the filters that look at one node alone, grouped by what the others look at.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    ids: HashMap<Box<[i64]>, GroupId>,
    groups: Vec<Group>,
    empty: usize,
}

/// One of the groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GroupId(u32);

/// Nodes with the same coordinates.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) coordinates: Box<[i64]>,
    pub(crate) nodes: BTreeSet<Rank>,
}

impl Groups {
    /// The group with these coordinates.
    pub(crate) fn intern(&mut self, coordinates: &[i64]) -> GroupId {
        if let Some(id) = self.ids.get(coordinates) {
            return *id;
        }
        // No more groups than nodes, whose numbers fit.
        let id = GroupId(u32::try_from(self.groups.len()).unwrap_or(u32::MAX));
        self.ids.insert(coordinates.into(), id);
        self.groups.push(Group { coordinates: coordinates.into(), nodes: BTreeSet::new() });
        self.empty += 1;
        id
    }

    pub(crate) fn insert(&mut self, id: GroupId, rank: Rank) {
        let nodes = &mut self.groups[id.0 as usize].nodes;
        self.empty -= usize::from(nodes.is_empty());
        nodes.insert(rank);
    }

    pub(crate) fn remove(&mut self, id: GroupId, rank: &Rank) {
        let nodes = &mut self.groups[id.0 as usize].nodes;
        if nodes.remove(rank) {
            self.empty += usize::from(nodes.is_empty());
        }
    }

    /// Those that have nodes.
    pub(crate) fn occupied(&self) -> impl Iterator<Item = &Group> {
        self.groups.iter().filter(|group| !group.nodes.is_empty())
    }

    /// Whether so many groups have lost their nodes that looking past them costs more than starting anew.
    pub(crate) fn is_sparse(&self) -> bool {
        self.empty > 64 + self.groups.len() / 2
    }
}
