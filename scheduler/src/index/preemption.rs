//! Where room could be made for a pod, and who would have to go: upstream's `DefaultPreemption`, over all nodes.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use bireme_core::scheduler::{Budget, NodeId, NodeInfo, PodInfo, Snapshot};

use super::class::Class;
use super::ties::Ties;
use crate::topology::{Relief, Terrain};

/// What it would cost to make room on a node: less is better, compared field by field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cost {
    /// How many pods would go against a disruption budget.
    violations: usize,
    /// The priority of the most important pod that would go.
    highest: i32,
    /// All their priorities, counted from the lowest that there is.
    sum: i128,
    count: usize,
    /// When the first of the most important ones started: those that run for a shorter time lose less.
    started: Reverse<i64>,
}

/// What making room costs on every node, for pods of one shape and priority.
#[derive(Debug)]
pub(super) struct Costs {
    priority: i32,
    budgets: Vec<Budget>,
    generation: u64,
    /// By node.
    nodes: Vec<Option<(Cost, u64)>>,
    order: BTreeSet<(Cost, u64, NodeId)>,
}

/// What is needed to find victims.
pub(super) struct Search<'a> {
    pub(super) class: &'a Class,
    pub(super) pod: &'a PodInfo,
    pub(super) budgets: &'a [Budget],
    pub(super) snapshot: &'a Snapshot,
    pub(super) terrain: &'a Terrain,
    pub(super) ties: &'a Ties,
}

impl Costs {
    /// Whether these are the costs of what is searched for, but for nodes that changed.
    pub(super) fn are_for(&self, search: &Search<'_>) -> bool {
        self.priority == search.pod.priority() && self.budgets == search.budgets
    }

    /// Looks at every node.
    pub(super) fn new(search: &Search<'_>) -> Self {
        let mut costs = Self {
            priority: search.pod.priority(),
            budgets: search.budgets.to_vec(),
            generation: search.snapshot.generation(),
            nodes: Vec::new(),
            order: BTreeSet::new(),
        };
        search.snapshot.nodes().for_each(|node| costs.look_at(node.id(), search));
        costs
    }

    /// Looks again at the nodes that changed; false when that is not enough.
    pub(super) fn follow(&mut self, search: &Search<'_>) -> bool {
        // What is counted around a node can change with any pod anywhere.
        let is_local = search.class.around.is_none();
        let Some(changes) = search.snapshot.changes_since(self.generation).filter(|_| is_local) else {
            return false;
        };
        let touched: BTreeSet<NodeId> = changes.filter_map(|change| change.node()).collect();
        touched.into_iter().for_each(|node| self.look_at(node, search));
        self.generation = search.snapshot.generation();
        true
    }

    /// The node on which room is made at the least cost.
    pub(super) fn cheapest(&self) -> Option<NodeId> {
        self.order.first().map(|(_, _, node)| *node)
    }

    fn look_at(&mut self, id: NodeId, search: &Search<'_>) {
        if self.nodes.len() <= id.index() {
            self.nodes.resize(id.index() + 1, None);
        }
        if let Some((cost, tie)) = self.nodes[id.index()].take() {
            self.order.remove(&(cost, tie, id));
        }
        let victims = search.snapshot.by_id(id).and_then(|node| search.victims(node));
        if let Some((victims, violations)) = victims {
            let (cost, tie) = (cost(&victims, violations), search.ties.of(id));
            self.nodes[id.index()] = Some((cost, tie));
            self.order.insert((cost, tie, id));
        }
    }
}

impl Search<'_> {
    /// Who would have to go from the node, the most important first, and how many of them against a budget; `None` when
    /// nobody's going would help, or nobody has to.
    pub(super) fn victims(&self, node: &NodeInfo) -> Option<(Vec<PodInfo>, usize)> {
        let is_lower = |pod: &PodInfo| pod.priority() < self.pod.priority();
        if !node.pods().iter().any(is_lower) {
            return None;
        }
        let mut what_if = WhatIf::new(self, node);
        let mut lower: Vec<PodInfo> = node.pods().iter().filter(|pod| is_lower(pod)).cloned().collect();
        lower.iter().for_each(|pod| what_if.take(pod));
        if !what_if.fits() {
            return None;
        }
        lower.sort_by_key(|pod| (Reverse(pod.priority()), started(pod), pod.uid().clone()));
        let (protected, free) = self.divide(lower);
        let (mut victims, mut violations) = (Vec::new(), 0);
        for (pod, is_protected) in
            protected.into_iter().map(|pod| (pod, true)).chain(free.into_iter().map(|pod| (pod, false)))
        {
            what_if.put(&pod);
            if !what_if.fits() {
                what_if.take(&pod);
                violations += usize::from(is_protected);
                victims.push(pod);
            }
        }
        victims.sort_by_key(|pod| (Reverse(pod.priority()), started(pod), pod.uid().clone()));
        (!victims.is_empty()).then_some((victims, violations))
    }

    /// Those whose going would be against a budget, and the others, each in the order in which they come.
    fn divide(&self, pods: Vec<PodInfo>) -> (Vec<PodInfo>, Vec<PodInfo>) {
        let mut allowed: Vec<i32> = self.budgets.iter().map(|budget| budget.allowed).collect();
        pods.into_iter().partition(|pod| {
            let protecting = self.budgets.iter().zip(&mut allowed).filter(|(budget, _)| budget.protects(pod));
            protecting.fold(false, |violates, (_, allowed)| {
                *allowed -= 1;
                violates || *allowed < 0
            })
        })
    }
}

/// A node from which pods are taken on trial.
struct WhatIf<'a> {
    search: &'a Search<'a>,
    node: NodeInfo,
    relief: Option<Relief>,
    coordinates: Vec<i64>,
}

impl<'a> WhatIf<'a> {
    fn new(search: &'a Search<'a>, node: &NodeInfo) -> Self {
        let mut coordinates = Vec::new();
        let relief = search.class.around.as_ref().map(|around| {
            around.coordinates(node.id(), search.terrain, &mut coordinates);
            around.no_relief()
        });
        Self { search, node: node.clone(), relief, coordinates }
    }

    fn take(&mut self, pod: &PodInfo) {
        self.node.take(pod.uid());
        self.relieve(pod, 1);
    }

    fn put(&mut self, pod: &PodInfo) {
        self.node.put(pod.clone());
        self.relieve(pod, -1);
    }

    fn relieve(&mut self, pod: &PodInfo, sign: i64) {
        if let (Some(around), Some(relief)) = (&self.search.class.around, &mut self.relief) {
            around.relieve(relief, pod, sign, self.search.terrain, self.search.snapshot);
        }
    }

    fn fits(&self) -> bool {
        let alone = self.search.class.accepts(&self.node);
        let around = || match (&self.search.class.around, &self.relief) {
            (Some(around), Some(relief)) => {
                around.accepts(&self.coordinates, relief, self.search.terrain, self.search.class.weights())
            }
            _ => true,
        };
        alone && around()
    }
}

fn cost(victims: &[PodInfo], violations: usize) -> Cost {
    let highest = victims.iter().map(PodInfo::priority).max().unwrap_or(i32::MIN);
    let above_lowest = |pod: &PodInfo| i128::from(pod.priority()) - i128::from(i32::MIN);
    let of_highest = victims.iter().filter(|pod| pod.priority() == highest);
    Cost {
        violations,
        highest,
        sum: victims.iter().map(above_lowest).sum(),
        count: victims.len(),
        started: Reverse(of_highest.map(started).min().unwrap_or(i64::MAX)),
    }
}

/// When the pod started, in seconds; one that has not counts as the last.
fn started(pod: &PodInfo) -> i64 {
    let start = pod.pod().status.as_ref().and_then(|status| status.start_time.as_ref());
    start.map_or(i64::MAX, |start| start.0.as_second())
}
