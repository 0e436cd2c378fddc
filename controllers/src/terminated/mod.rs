//! Pods that have ended for good and that nobody has deleted: above a number of them, the oldest go.
//!
//! Jobs, evictions and restart policies leave such pods behind so that their logs and exit codes can be read.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use bireme_core::cache::{Delta, Index};
use bireme_core::object::{Kind, ObjectKey};
use bireme_core::reconciler::{ObjectRef, Plan, ReconcileError, Reconciler, View, Watch};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;

use crate::pods;

/// How many are kept unless said otherwise; as upstream.
pub const DEFAULT_THRESHOLD: usize = 12_500;

/// How many go in one plan. The changes that they make lead to the next plan.
const BATCH: usize = 500;

/// The one value of [`BY_END`].
const ENDED: &str = "ended";

/// Pods that have ended and are not yet on their way out.
const BY_END: Index = Index::new("terminated", |object| {
    let has_ended = object.typed::<Pod>().is_ok_and(|pod| pods::is_finished(&pod));
    let goes = object.metadata().is_being_deleted();
    (has_ended && !goes).then(|| ENDED.to_owned()).into_iter().collect()
});

/// Deletes the oldest pods that have ended when there are too many.
#[derive(Clone, Copy, Debug)]
pub struct TerminatedPods {
    threshold: usize,
}

impl TerminatedPods {
    /// Keeps so many.
    pub fn new(threshold: usize) -> Self {
        Self { threshold }
    }
}

impl Reconciler for TerminatedPods {
    fn name(&self) -> &'static str {
        "pod-garbage-collector"
    }

    fn watches(&self) -> Vec<Watch> {
        vec![Watch::of::<Pod>().indexed(BY_END)]
    }

    fn targets(&self, view: &View, _delta: &Delta) -> Result<Vec<ObjectRef>, ReconcileError> {
        let count = view.cache(Kind::of::<Pod>())?.count_indexed(BY_END, ENDED);
        // There is but one target, which is no pod: all that have ended.
        let all = || ObjectRef::to::<Pod>(ObjectKey::cluster(ENDED));
        Ok((count > self.threshold).then(all).into_iter().collect())
    }

    fn reconcile(&self, view: &View, _target: &ObjectRef, _now: Timestamp) -> Result<Plan, ReconcileError> {
        let mut ended = view.indexed::<Pod>(BY_END, ENDED)?;
        let mut plan = Plan::nothing();
        let excess = ended.len().saturating_sub(self.threshold);
        ended.sort_by_cached_key(rank);
        for pod in ended.iter().take(excess.min(BATCH)) {
            pods::remove(&mut plan, pod);
        }
        Ok(plan)
    }
}

/// What goes first: evicted pods, of which a node in need can leave very many, then the oldest.
fn rank(pod: &Arc<Pod>) -> (bool, Option<Timestamp>, Option<String>, Option<String>) {
    let reason = pod.status.as_ref().and_then(|status| status.reason.as_deref());
    let metadata = &pod.metadata;
    let created = metadata.creation_timestamp.as_ref().map(|time| time.0);
    (reason != Some("Evicted"), created, metadata.namespace.clone(), metadata.name.clone())
}
