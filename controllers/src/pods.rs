//! What the controllers want to know of a pod, and do to it.

use bireme_core::client::DeleteOptions;
use bireme_core::object::ObjectKey;
use bireme_core::reconciler::{Command, ObjectRef, Plan};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{Pod, PodCondition};

/// The pod's phase, which is `Pending` until somebody says otherwise.
pub(crate) fn phase(pod: &Pod) -> &str {
    pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or("Pending")
}

/// Whether all containers have ended for good.
pub(crate) fn is_finished(pod: &Pod) -> bool {
    matches!(phase(pod), "Succeeded" | "Failed")
}

/// Whether the pod is on its way out.
pub(crate) fn is_terminating(pod: &Pod) -> bool {
    pod.metadata.deletion_timestamp.is_some()
}

/// Whether the pod counts as one of those that a workload wants.
pub(crate) fn is_active(pod: &Pod) -> bool {
    !is_finished(pod) && !is_terminating(pod)
}

/// The pod's condition of a type.
pub(crate) fn condition<'a>(pod: &'a Pod, type_: &str) -> Option<&'a PodCondition> {
    let conditions = pod.status.as_ref()?.conditions.as_deref()?;
    conditions.iter().find(|condition| condition.type_ == type_)
}

/// Whether the pod can serve.
pub(crate) fn is_ready(pod: &Pod) -> bool {
    condition(pod, "Ready").is_some_and(|ready| ready.status == "True")
}

/// Since when the pod can serve without break; none if it cannot, or if nobody said.
pub(crate) fn ready_since(pod: &Pod) -> Option<Timestamp> {
    let ready = condition(pod, "Ready").filter(|ready| ready.status == "True")?;
    ready.last_transition_time.as_ref().map(|time| time.0)
}

/// From when on the pod counts as available: ready, for `min_ready_seconds` at least.
pub(crate) fn available_from(pod: &Pod, min_ready_seconds: i32) -> Option<Timestamp> {
    if min_ready_seconds <= 0 {
        return is_ready(pod).then_some(Timestamp::MIN);
    }
    let wait = SignedDuration::from_secs(min_ready_seconds.into());
    Some(ready_since(pod)?.checked_add(wait).unwrap_or(Timestamp::MAX))
}

/// The name of the node that the pod is bound to.
pub(crate) fn node_name(pod: &Pod) -> Option<&str> {
    pod.spec.as_ref()?.node_name.as_deref().filter(|name| !name.is_empty())
}

/// How often containers of the pod were restarted, all together.
pub(crate) fn restarts(pod: &Pod) -> i32 {
    let statuses = pod.status.as_ref().and_then(|status| status.container_statuses.as_deref());
    statuses.unwrap_or_default().iter().map(|status| status.restart_count).sum()
}

/// The pod by its key.
pub(crate) fn reference(pod: &Pod) -> ObjectRef {
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    ObjectRef::to::<Pod>(ObjectKey::new(pod.metadata.namespace.as_deref(), name))
}

/// Removes a pod without asking its node.
pub(crate) fn remove(plan: &mut Plan, pod: &Pod) {
    let uid = pod.metadata.uid.as_deref().unwrap_or_default();
    let options = DeleteOptions { grace_period_seconds: Some(0), ..DeleteOptions::of_uid(uid) };
    plan.push(Command::Delete { target: reference(pod), options, announce: None });
}
