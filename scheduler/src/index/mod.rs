//! What is known about all nodes for all shapes of pods that came lately.
//!
//! Pods of one shape are alike to all plugins. For each shape a [`Class`] holds every node's verdict and points, which
//! are looked at again for the nodes that changed and no others; the nodes that could take a pod are in order, so that
//! the best is at hand. What depends on more than one node (spreading, affinity among pods, images) is not part of the
//! order: nodes that are alike to it form a group, and it is asked once for each group.

mod class;
mod evaluation;
mod groups;
mod images;
mod preemption;
mod ties;

use std::collections::HashMap;

use bireme_core::scheduler::{Budget, Change, PodInfo, Preemption, Snapshot};
use class::Class;
pub(crate) use evaluation::{Evaluation, IMAGES};
use images::Images;
use preemption::{Costs, Search};
use ties::Ties;

use crate::framework::PodShape;
use crate::profile::Profile;
use crate::topology::{Surroundings, Terrain};

/// How many entries of nodes all classes together may have unless told otherwise: less than a hundred bytes each.
const MOST_ENTRIES: usize = 8 << 20;
/// How many classes are kept however many nodes there are.
const LEAST_CLASSES: usize = 2;

/// The classes, and what they share.
pub(crate) struct Index {
    terrain: Terrain,
    ties: Ties,
    /// Where each shape's class is.
    places: HashMap<Box<[u8]>, usize>,
    classes: Vec<Kept>,
    /// How far the snapshot's changes have been followed; `None` before the first.
    generation: Option<u64>,
    /// Counts the decisions.
    now: u64,
    most_entries: usize,
    shape: PodShape,
}

struct Kept {
    shape: Box<[u8]>,
    class: Class,
    costs: Option<Costs>,
    used: u64,
}

impl Index {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            terrain: Terrain::default(),
            ties: Ties::new(seed),
            places: HashMap::new(),
            classes: Vec::new(),
            generation: None,
            now: 0,
            most_entries: MOST_ENTRIES,
            shape: PodShape::default(),
        }
    }

    /// Keeps so many entries of nodes.
    pub(crate) fn keep(&mut self, entries: usize) {
        self.most_entries = entries;
    }

    /// What the profile's plugins say of every node for the pod.
    pub(crate) fn evaluate(
        &mut self,
        profile: &Profile,
        snapshot: &Snapshot,
        pod: &PodInfo,
    ) -> Evaluation<'_> {
        let at = self.look_up(profile, snapshot, pod);
        Evaluation::new(&self.classes[at].class, profile, snapshot, &self.terrain)
    }

    /// Where room is made for the pod at the least cost, and who goes.
    pub(crate) fn preempt(
        &mut self,
        profile: &Profile,
        snapshot: &Snapshot,
        pod: &PodInfo,
        budgets: &[Budget],
    ) -> Option<Preemption> {
        let at = self.look_up(profile, snapshot, pod);
        let Kept { class, costs, .. } = &mut self.classes[at];
        let (terrain, ties) = (&self.terrain, &self.ties);
        let search = Search { class, pod, budgets, snapshot, terrain, ties };
        let is_current = costs.as_mut().is_some_and(|costs| costs.are_for(&search) && costs.follow(&search));
        if !is_current {
            *costs = Some(Costs::new(&search));
        }
        let node = snapshot.by_id(costs.as_ref()?.cheapest()?)?;
        let (victims, _) = search.victims(node)?;
        Some(Preemption { node: node.name().to_string(), victims })
    }

    /// Finds the pod's class, and has it follow what changed.
    fn look_up(&mut self, profile: &Profile, snapshot: &Snapshot, pod: &PodInfo) -> usize {
        self.follow(snapshot);
        self.now += 1;
        let terms = match profile.looks_around() {
            true => Surroundings::terms_about(pod, &self.terrain, snapshot),
            false => Vec::new(),
        };
        self.shape.clear();
        profile.shape(pod, &mut self.shape);
        if profile.looks_around() {
            Surroundings::shape(pod, &terms, &mut self.shape);
        }
        if profile.images != 0 {
            Images::shape(pod, &mut self.shape);
        }
        let (terrain, ties) = (&mut self.terrain, &self.ties);
        let known = self.places.get(self.shape.bytes()).copied();
        if let Some(at) = known {
            let kept = &mut self.classes[at];
            kept.used = self.now;
            if kept.class.follow(snapshot, terrain, ties) {
                return at;
            }
        }
        let around =
            profile.looks_around().then(|| Surroundings::new(pod, terms, terrain, snapshot)).flatten();
        let class = Class::new(pod, profile, around, snapshot, terrain, ties);
        let shape: Box<[u8]> = self.shape.bytes().into();
        let kept = Kept { shape: shape.clone(), class, costs: None, used: self.now };
        if let Some(at) = known {
            self.classes[at] = kept;
            return at;
        }
        self.make_room(snapshot);
        self.places.insert(shape, self.classes.len());
        self.classes.push(kept);
        self.classes.len() - 1
    }

    /// Takes in what changed since the last time.
    fn follow(&mut self, snapshot: &Snapshot) {
        let changes = self.generation.and_then(|generation| snapshot.changes_since(generation));
        let followed = changes.is_some_and(|changes| {
            for change in changes {
                // A namespace with other labels has its pods meant by other terms.
                if matches!(change, Change::Namespace(_)) && self.namespaces_matter() {
                    return false;
                }
                self.terrain.follow(change, snapshot);
                if let Change::Node(node) = change {
                    self.ties.node_changed(*node, snapshot);
                }
            }
            true
        });
        if !followed {
            self.places.clear();
            self.classes.clear();
            self.terrain = Terrain::default();
            self.terrain.fill(snapshot);
            self.ties.fill(snapshot);
        }
        self.generation = Some(snapshot.generation());
    }

    fn namespaces_matter(&self) -> bool {
        let of_class = |kept: &Kept| kept.class.around.as_ref().is_some_and(Surroundings::selects_namespaces);
        self.terrain.selects_namespaces() || self.classes.iter().any(of_class)
    }

    /// Forgets the classes that have not been used for the longest time, as far as there are too many.
    fn make_room(&mut self, snapshot: &Snapshot) {
        let entries = |kept: &Kept| kept.class.width().max(1);
        let mut present: usize = self.classes.iter().map(entries).sum::<usize>() + snapshot.width();
        while present > self.most_entries && self.classes.len() >= LEAST_CLASSES {
            let oldest = self.classes.iter().enumerate().min_by_key(|(_, kept)| kept.used);
            let Some((at, _)) = oldest else { return };
            let forgotten = self.classes.swap_remove(at);
            self.places.remove(&forgotten.shape);
            if let Some(moved) = self.classes.get(at) {
                self.places.insert(moved.shape.clone(), at);
            }
            present -= entries(&forgotten);
        }
    }
}
