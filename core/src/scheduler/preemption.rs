//! Making room for a pod by taking it from less important ones.

use crate::object::ObjectKey;
use crate::selector::LabelSelector;

use super::PodInfo;

/// Which pods go so that another can come.
#[derive(Clone, Debug)]
pub struct Preemption {
    /// The node that the pod is to have a place on.
    pub node: String,
    /// The pods that have to leave it, the most important first.
    pub victims: Vec<PodInfo>,
}

/// How many of some pods may be taken away now: what a `PodDisruptionBudget` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// The budget's namespace and name.
    pub key: ObjectKey,
    /// Which pods of its namespace it protects; `None` protects nothing.
    pub selector: Option<LabelSelector>,
    /// How many of them may go.
    pub allowed: i32,
    /// Names of pods that are going already, and have been counted.
    pub disrupted: Vec<String>,
}

impl Budget {
    /// Whether it protects the pod.
    pub fn protects(&self, pod: &PodInfo) -> bool {
        pod.key().namespace() == self.key.namespace()
            // As upstream: a pod without labels is protected by nothing, not even by a selector that means all.
            && !pod.labels().is_empty()
            && self.selector.as_ref().is_some_and(|selector| selector.matches(pod.labels()))
            && !self.disrupted.iter().any(|name| name == pod.key().name())
    }
}
