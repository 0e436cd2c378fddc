//! What a scheduling plugin is.

use bireme_core::scheduler::{ClusterEvent, NodeInfo, PodInfo, Rejection, Verdict};
use serde::Serialize;

/// What a filter says of one node after another, for one pod and all that are like it.
pub type NodeFilter = Box<dyn Fn(&NodeInfo) -> Verdict + Send>;

/// What a score gives one node after another, for one pod and all that are like it.
pub type NodeScore = Box<dyn Fn(&NodeInfo) -> i64 + Send>;

/// Decides which nodes can take a pod.
///
/// What it says of a node may depend on that node, on the pods on it, and on what [`shape`](Filter::shape) shows of the
/// pod; on nothing else. It is asked again when one of these has changed, and only then.
pub trait Filter: Send + Sync + 'static {
    /// The plugin's name as configuration and diagnoses show it.
    fn name(&self) -> &'static str;

    /// Looks at the pod once, and returns what looks at the nodes; `None` when it has nothing to say of this pod.
    fn for_pod(&self, pod: &PodInfo) -> Option<NodeFilter>;

    /// Adds what it looks at of the pod: of two pods with one shape the second is not looked at.
    fn shape(&self, pod: &PodInfo, shape: &mut PodShape) {
        shape.see_all(pod);
    }

    /// Whether the pods on a node matter to it, or just the node.
    fn looks_at_pods(&self) -> bool {
        true
    }

    /// Whether such a change could turn a rejection of this filter.
    fn is_helped_by(&self, event: ClusterEvent) -> bool;
}

/// Tells good nodes from better ones.
///
/// What it may depend on is what a [`Filter`] may depend on.
pub trait Score: Send + Sync + 'static {
    /// The plugin's name as configuration shows it.
    fn name(&self) -> &'static str;

    /// Looks at the pod once, and returns what gives each node points; `None` when all nodes are alike to it.
    fn for_pod(&self, pod: &PodInfo) -> Option<NodeScore>;

    /// Adds what it looks at of the pod: of two pods with one shape the second is not looked at.
    fn shape(&self, pod: &PodInfo, shape: &mut PodShape) {
        shape.see_all(pod);
    }

    /// Whether the pods on a node matter to it, or just the node.
    fn looks_at_pods(&self) -> bool {
        true
    }

    /// How points become points from 0 to 100.
    fn normalization(&self) -> Normalization {
        Normalization::None
    }
}

/// The most points a node can get from one score.
pub(crate) const MOST_POINTS: i64 = 100;

/// How the points that a score gives become points from 0 to 100, among the nodes that could take the pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Normalization {
    /// They are that already.
    None,
    /// The node with the most gets all; nobody gets any when there are none.
    ToMost,
    /// A node with none gets all, and the one with the most gets none.
    ToNone,
}

impl Normalization {
    /// What points are worth where the most that any node has is `most`.
    pub(crate) fn apply(self, points: i64, most: i64) -> i64 {
        let share = if most <= 0 { 0 } else { scale(points, most) };
        match self {
            Self::None => points,
            Self::ToMost => share,
            Self::ToNone => MOST_POINTS - share,
        }
    }
}

/// `part` of `whole` as points; without overflow, whatever nodes claim to have.
pub(crate) fn scale(part: i64, whole: i64) -> i64 {
    match part.checked_mul(MOST_POINTS) {
        Some(product) => product / whole,
        // At this size the fraction loses nothing that counts.
        None => part / (whole / MOST_POINTS).max(1),
    }
}

/// What plugins look at of a pod, as bytes: pods with one shape are scheduled alike.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PodShape(Vec<u8>);

impl PodShape {
    /// Adds a part of the pod, which must be serializable as JSON, as all of the object model is.
    pub fn see(&mut self, part: &(impl Serialize + ?Sized)) {
        // JSON values end where they end, so no two sequences of them look the same.
        if serde_json::to_writer(&mut self.0, part).is_err() {
            self.0.extend_from_slice(b"!");
        }
        self.0.push(b'\n');
    }

    /// Adds a text.
    pub fn see_text(&mut self, text: &str) {
        self.see_numbers([text.len().try_into().unwrap_or(i64::MAX)]);
        self.0.extend_from_slice(text.as_bytes());
    }

    /// Adds a part that is absent from most pods.
    pub fn see_if_any(&mut self, part: &Option<impl Serialize>) {
        match part {
            Some(part) => self.see(part),
            None => self.0.push(b'-'),
        }
    }

    /// Adds numbers.
    pub fn see_numbers(&mut self, numbers: impl IntoIterator<Item = i64>) {
        numbers.into_iter().for_each(|number| self.0.extend_from_slice(&number.to_ne_bytes()));
    }

    /// Adds all that users say about a pod: its namespace, labels, annotations and specification.
    pub fn see_all(&mut self, pod: &PodInfo) {
        self.see(&pod.key().namespace());
        self.see(pod.labels());
        self.see_if_any(&pod.pod().metadata.annotations);
        self.see(pod.spec());
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_stretched_and_turned_and_never_overflow() {
        assert_eq!(Normalization::ToMost.apply(3, 12), 25);
        assert_eq!(Normalization::ToNone.apply(3, 12), 75);
        assert_eq!(Normalization::ToMost.apply(0, 0), 0);
        assert_eq!(Normalization::ToNone.apply(0, 0), 100);
        assert_eq!(scale(i64::MAX / 2, i64::MAX), 50);
        assert_eq!(scale(i64::MAX, i64::MAX), 100);
    }

    #[test]
    fn shapes_of_different_parts_are_different() {
        let shape = |parts: &[&str]| {
            let mut shape = PodShape::default();
            parts.iter().for_each(|part| shape.see(part));
            shape
        };
        assert_eq!(shape(&["a", "b"]), shape(&["a", "b"]));
        assert_ne!(shape(&["a", "b"]), shape(&["ab"]));
        assert_ne!(shape(&["a"]), shape(&["a", ""]));
    }
}
