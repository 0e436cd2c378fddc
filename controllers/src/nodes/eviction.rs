//! Pods that must leave their node.

use std::sync::Arc;

use bireme_core::events::{Note, Severity};
use bireme_core::reconciler::{Plan, ReconcileError, View};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{Node, Pod, Taint};

use super::taints::{NO_EXECUTE, tolerates};
use crate::pods;

/// Removes the pods that should have ended by themselves `patience` ago, and comes back for the others.
pub(super) fn force_overdue(plan: &mut Plan, pods: &[Arc<Pod>], patience: SignedDuration, now: Timestamp) {
    for pod in pods {
        let Some(due) = &pod.metadata.deletion_timestamp else { continue };
        let overdue = due.0.checked_add(patience).unwrap_or(Timestamp::MAX);
        if overdue <= now {
            pods::remove(plan, pod);
        } else {
            plan.requeue_at(overdue);
        }
    }
}

/// Deletes the pods that do not tolerate the node's taints, or no longer, and comes back for those that will not
/// always.
pub(super) fn evict_intolerant(
    plan: &mut Plan,
    view: &View,
    node: &Node,
    pods: &[Arc<Pod>],
    now: Timestamp,
) -> Result<(), ReconcileError> {
    let taints = node.spec.as_ref().and_then(|spec| spec.taints.as_deref()).unwrap_or_default();
    let taints: Vec<_> = taints.iter().filter(|taint| taint.effect == NO_EXECUTE).collect();
    if taints.is_empty() {
        return Ok(());
    }
    for pod in pods.iter().filter(|pod| !pods::is_terminating(pod)) {
        let Some(until) = taints.iter().filter_map(|taint| tolerated_until(pod, taint, now)).min() else {
            continue;
        };
        if until > now {
            plan.requeue_at(until);
        } else if let Some(object) = view.object(&pods::reference(pod))? {
            let message = format!("Marking for deletion Pod {}", object.key());
            plan.record(Note::new(&object, Severity::Normal, "TaintManagerEviction", message));
            plan.delete(&object, None);
        }
    }
    Ok(())
}

/// Until when the pod tolerates the taint; none if for ever.
fn tolerated_until(pod: &Pod, taint: &Taint, now: Timestamp) -> Option<Timestamp> {
    let tolerations = pod.spec.as_ref().and_then(|spec| spec.tolerations.as_deref()).unwrap_or_default();
    let Some(toleration) = tolerations.iter().find(|toleration| tolerates(toleration, taint)) else {
        return Some(Timestamp::MIN);
    };
    let seconds = SignedDuration::from_secs(toleration.toleration_seconds?.max(0));
    // Without a time the taint counts from now; it is about to get one.
    let since = taint.time_added.as_ref().map_or(now, |time| time.0);
    Some(since.checked_add(seconds).unwrap_or(Timestamp::MAX))
}
