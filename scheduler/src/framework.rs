//! What a scheduling plugin is.

use bireme_core::scheduler::{ClusterEvent, NodeInfo, PodInfo, Rejection, Verdict};

/// What a filter says of one node after another, for one pod.
pub type NodeFilter<'a> = Box<dyn Fn(&NodeInfo) -> Verdict + 'a>;

/// What a score gives one node after another, for one pod.
pub type NodeScore<'a> = Box<dyn Fn(&NodeInfo) -> i64 + 'a>;

/// Decides which nodes can take a pod.
pub trait Filter: Send + Sync + 'static {
    /// The plugin's name as configuration and diagnoses show it.
    fn name(&self) -> &'static str;

    /// Looks at the pod once, and returns what looks at the nodes; `None` when it has nothing to say of this pod.
    fn for_pod<'a>(&'a self, pod: &'a PodInfo) -> Option<NodeFilter<'a>>;

    /// Whether such a change could turn a rejection of this filter.
    fn is_helped_by(&self, event: ClusterEvent) -> bool;
}

/// Tells good nodes from better ones.
pub trait Score: Send + Sync + 'static {
    /// The plugin's name as configuration shows it.
    fn name(&self) -> &'static str;

    /// Looks at the pod once, and returns what gives each node points; `None` when all nodes are alike to it.
    fn for_pod<'a>(&'a self, pod: &'a PodInfo) -> Option<NodeScore<'a>>;

    /// Brings the points of all nodes that passed the filters into the range 0 to 100.
    fn normalize(&self, _points: &mut [i64]) {}
}

/// The most points a node can get from one score.
pub(crate) const MOST_POINTS: i64 = 100;

/// Stretches points so that the best node has all; with `reverse`, so that the one with none has all.
pub(crate) fn stretch(points: &mut [i64], reverse: bool) {
    let most = points.iter().copied().max().unwrap_or_default();
    for point in points {
        let scaled = if most == 0 { 0 } else { MOST_POINTS * *point / most };
        *point = if reverse { MOST_POINTS - scaled } else { scaled };
    }
}

/// The verdict of a filter that has one reason.
pub(crate) fn verdict(
    fits: bool,
    filter: &'static str,
    eviction_helps: bool,
    reason: impl Fn() -> String,
) -> Verdict {
    if fits {
        Verdict::Fits
    } else {
        Verdict::Rejects(vec![Rejection { filter: filter.to_owned(), reason: reason(), eviction_helps }])
    }
}
