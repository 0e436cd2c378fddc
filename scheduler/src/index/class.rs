//! All that is known about the nodes for pods of one shape.

use std::collections::HashMap;
use std::hash::Hash;

use bireme_core::scheduler::{Change, Diagnosis, NodeId, NodeInfo, PodInfo, Rejection, Snapshot, Verdict};

use super::groups::{GroupId, Groups, Rank};
use super::images::{Held, Images};
use super::ties::Ties;
use crate::framework::{NodeFilter, NodeScore, Normalization};
use crate::profile::Profile;
use crate::topology::{Surroundings, Terrain, Weights};

/// Pods of one shape, and for every node what the plugins say of it, repaired for the nodes that changed.
pub(crate) struct Class {
    filters: Vec<Bound>,
    scores: Vec<Asked>,
    images: Option<Images>,
    pub(super) around: Option<Surroundings>,
    weights: Weights,
    /// How far the snapshot's changes have been followed.
    generation: u64,
    still: Interner<Still>,
    rejections: Interner<Vec<Rejection>>,
    /// How many nodes there are with each of the rejections.
    rejected: Vec<usize>,
    /// By node.
    entries: Vec<Entry>,
    pub(super) groups: Groups,
    scratch: Vec<i64>,
}

/// A filter that has looked at the pod.
struct Bound {
    ask: NodeFilter,
    looks_at_pods: bool,
}

/// A score that has looked at the pod.
struct Asked {
    plugin: &'static str,
    ask: NodeScore,
    weight: i64,
    normalization: Normalization,
    looks_at_pods: bool,
}

/// What of a node does not depend on the pods on it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Still {
    /// The first filter that rejects it, by position, and its reasons.
    rejection: Option<(usize, u32)>,
    /// Weighted points that need no normalization.
    points: i64,
    /// Points to be normalized, by score.
    raw: Box<[i64]>,
    images: Option<Held>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    still: u32,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Absent,
    Rejected(u32),
    Open { group: GroupId, rank: Rank },
}

impl Class {
    /// Looks at every node for the pod.
    pub(crate) fn new(
        pod: &PodInfo,
        profile: &Profile,
        around: Option<Surroundings>,
        snapshot: &Snapshot,
        terrain: &Terrain,
        ties: &Ties,
    ) -> Self {
        let filters = profile.filters.iter().filter_map(|filter| {
            Some(Bound { ask: filter.for_pod(pod)?, looks_at_pods: filter.looks_at_pods() })
        });
        let scores = profile.scores.iter().filter_map(|(score, weight)| {
            Some(Asked {
                plugin: score.name(),
                ask: score.for_pod(pod)?,
                weight: *weight,
                normalization: score.normalization(),
                looks_at_pods: score.looks_at_pods(),
            })
        });
        let mut class = Self {
            filters: filters.collect(),
            scores: scores.collect(),
            images: (profile.images != 0).then(|| Images::new(pod)).flatten(),
            around,
            weights: profile.around,
            generation: snapshot.generation(),
            still: Interner::default(),
            rejections: Interner::default(),
            rejected: Vec::new(),
            entries: vec![Entry { still: 0, state: State::Absent }; snapshot.width()],
            groups: Groups::default(),
            scratch: Vec::new(),
        };
        for node in snapshot.nodes() {
            class.look_at(node);
            class.place(node, terrain, ties);
        }
        class
    }

    /// How many nodes it keeps something about.
    pub(crate) fn width(&self) -> usize {
        self.entries.len()
    }

    /// Follows the changes since it was asked last; false when it has to be made anew.
    pub(crate) fn follow(&mut self, snapshot: &Snapshot, terrain: &Terrain, ties: &Ties) -> bool {
        let Some(changes) = snapshot.changes_since(self.generation) else { return false };
        let crowded = self.still.len() > 64 + 2 * self.entries.len();
        if crowded
            || self.groups.is_sparse()
            || self.around.as_ref().is_some_and(|around| around.is_stale(terrain))
        {
            return false;
        }
        let mut touched: Vec<(NodeId, bool)> = Vec::new();
        for change in changes {
            if let Some(around) = &mut self.around {
                around.follow(change, terrain, snapshot);
            }
            match change {
                Change::Node(node) => touched.push((*node, true)),
                Change::Placed(node, _) | Change::Left(node, _) => touched.push((*node, false)),
                Change::Namespace(_) => {}
            }
        }
        // Of a node's entries the first that is left tells whether any of them is of the node itself.
        touched.sort_unstable();
        touched.reverse();
        touched.dedup_by_key(|(node, _)| *node);
        self.entries.resize(snapshot.width(), Entry { still: 0, state: State::Absent });
        for (id, itself) in touched {
            self.take_out(id, itself);
            let Some(node) = snapshot.by_id(id) else { continue };
            if itself {
                self.look_at(node);
            }
            self.place(node, terrain, ties);
        }
        self.generation = snapshot.generation();
        true
    }

    /// Looks at what does not depend on the pods on the node.
    fn look_at(&mut self, node: &NodeInfo) {
        let mut still = Still { rejection: None, points: 0, raw: [].into(), images: None };
        for (position, filter) in self.filters.iter().enumerate().filter(|(_, filter)| !filter.looks_at_pods)
        {
            if let Verdict::Rejects(rejections) = (filter.ask)(node) {
                still.rejection = Some((position, self.rejections.intern(rejections)));
                break;
            }
        }
        if still.rejection.is_none() {
            let scores = || self.scores.iter().filter(|score| !score.looks_at_pods);
            still.points = scores().filter(|score| score.is_final()).map(|score| score.weigh(node)).sum();
            still.raw = scores().filter(|score| !score.is_final()).map(|score| (score.ask)(node)).collect();
        }
        if let Some(images) = &mut self.images {
            still.images = images.held_by(node);
            images.count(still.images.as_ref(), 1);
        }
        self.entries[node.id().index()].still = self.still.intern(still);
    }

    /// Looks at the pods on the node, and puts it where it belongs.
    fn place(&mut self, node: &NodeInfo, terrain: &Terrain, ties: &Ties) {
        let id = node.id();
        let still = self.still.get(self.entries[id.index()].still);
        let until = still.rejection.map_or(usize::MAX, |(position, _)| position);
        let mut at_pods = self.filters.iter().take(until).filter(|filter| filter.looks_at_pods);
        let rejection = at_pods.find_map(|filter| match (filter.ask)(node) {
            Verdict::Fits => None,
            Verdict::Rejects(rejections) => Some(rejections),
        });
        let rejection = match (rejection, still.rejection) {
            (Some(rejections), _) => Some(self.rejections.intern(rejections)),
            (None, found) => found.map(|(_, rejections)| rejections),
        };
        self.entries[id.index()].state = match rejection {
            Some(rejections) => {
                self.rejected.resize(self.rejections.len(), 0);
                self.rejected[rejections as usize] += 1;
                State::Rejected(rejections)
            }
            None => self.open(node, terrain, ties),
        };
    }

    /// Puts a node that passes the filters among its like.
    fn open(&mut self, node: &NodeInfo, terrain: &Terrain, ties: &Ties) -> State {
        let id = node.id();
        let still = self.still.get(self.entries[id.index()].still);
        let at_pods = || self.scores.iter().filter(|score| score.looks_at_pods);
        let points = still.points
            + at_pods().filter(|score| score.is_final()).map(|score| score.weigh(node)).sum::<i64>();
        self.scratch.clear();
        // The order is that of `Class::raw_scores`.
        self.scratch.extend_from_slice(&still.raw);
        self.scratch.extend(at_pods().filter(|score| !score.is_final()).map(|score| (score.ask)(node)));
        if let Some(images) = &self.images {
            self.scratch.extend(match &still.images {
                Some(held) => held.to_vec(),
                None => vec![Images::ABSENT; images.len()],
            });
        }
        if let Some(around) = &self.around {
            around.coordinates(id, terrain, &mut self.scratch);
        }
        let group = self.groups.intern(&self.scratch);
        let rank = Rank { points, tie: ties.of(id), node: id };
        self.groups.insert(group, rank);
        State::Open { group, rank }
    }

    /// Takes a node out; `itself` says that it is another one now.
    fn take_out(&mut self, id: NodeId, itself: bool) {
        let entry = &mut self.entries[id.index()];
        match std::mem::replace(&mut entry.state, State::Absent) {
            State::Absent => return,
            State::Rejected(rejections) => self.rejected[rejections as usize] -= 1,
            State::Open { group, rank } => self.groups.remove(group, &rank),
        }
        if let Some(images) = self.images.as_mut().filter(|_| itself) {
            images.count(self.still.get(entry.still).images.as_ref(), -1);
        }
    }

    /// The scores whose points are normalized, in the order of the coordinates, each with what it weighs.
    pub(super) fn raw_scores(&self) -> impl Iterator<Item = (&'static str, Normalization, i64)> {
        let raw = |at_pods: bool| {
            self.scores.iter().filter(move |score| score.looks_at_pods == at_pods && !score.is_final())
        };
        raw(false).chain(raw(true)).map(|score| (score.plugin, score.normalization, score.weight))
    }

    /// Where the coordinates begin that are those of the surroundings: behind the raw scores and the images.
    pub(super) fn coordinates_of_surroundings(&self) -> usize {
        self.raw_scores().count() + self.images.as_ref().map_or(0, Images::len)
    }

    /// What the scores give a node whose points need no normalization.
    pub(super) fn final_scores(&self, node: &NodeInfo) -> impl Iterator<Item = (&'static str, i64)> {
        self.scores.iter().filter(|score| score.is_final()).map(|score| (score.plugin, score.weigh(node)))
    }

    /// Whether every filter of single nodes lets the pod go to a node as it would be.
    pub(super) fn accepts(&self, node: &NodeInfo) -> bool {
        self.filters.iter().all(|filter| matches!((filter.ask)(node), Verdict::Fits))
    }

    /// Which of the plugins that look around are on.
    pub(super) fn weights(&self) -> &Weights {
        &self.weights
    }

    pub(super) fn images(&self) -> Option<&Images> {
        self.images.as_ref()
    }

    /// Why each node that the filters of single nodes reject is rejected.
    pub(super) fn diagnose(&self, diagnosis: &mut Diagnosis) {
        for (rejections, nodes) in
            self.rejections.values.iter().zip(&self.rejected).filter(|(_, nodes)| **nodes > 0)
        {
            diagnosis.count_of(rejections, *nodes);
        }
    }

    /// What every filter of single nodes has against a node.
    pub(super) fn rejections(&self, node: &NodeInfo) -> Vec<Rejection> {
        let of = |filter: &Bound| match (filter.ask)(node) {
            Verdict::Fits => Vec::new(),
            Verdict::Rejects(rejections) => rejections,
        };
        self.filters.iter().flat_map(of).collect()
    }
}

impl Asked {
    /// Whether its points need no normalization.
    fn is_final(&self) -> bool {
        self.normalization == Normalization::None
    }

    fn weigh(&self, node: &NodeInfo) -> i64 {
        self.weight * (self.ask)(node)
    }
}

/// Values that many nodes have in common, each once.
#[derive(Debug)]
struct Interner<T> {
    ids: HashMap<T, u32>,
    values: Vec<T>,
}

impl<T> Default for Interner<T> {
    fn default() -> Self {
        Self { ids: HashMap::new(), values: Vec::new() }
    }
}

impl<T: Clone + Eq + Hash> Interner<T> {
    fn intern(&mut self, value: T) -> u32 {
        if let Some(id) = self.ids.get(&value) {
            return *id;
        }
        // No more values than nodes, whose numbers fit.
        let id = u32::try_from(self.values.len()).unwrap_or(u32::MAX);
        self.values.push(value.clone());
        self.ids.insert(value, id);
        id
    }

    fn get(&self, id: u32) -> &T {
        &self.values[id as usize]
    }

    fn len(&self) -> usize {
        self.values.len()
    }
}
