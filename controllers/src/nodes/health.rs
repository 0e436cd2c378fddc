//! Whether a node is heard of, and what is said of one that is not.

use std::sync::Arc;

use bireme_core::cache::Index;
use bireme_core::client::Part;
use bireme_core::reconciler::{Plan, ReconcileError};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Node, NodeCondition, Pod, PodCondition};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::NodeTimings;
use crate::pods;

/// The conditions that only the kubelet can know.
const REPORTED: &[&str] = &["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"];

/// Nodes by whether they are ready: `True`, `False` or `Unknown`.
pub(super) const BY_READINESS: Index = Index::new("readiness", |object| {
    // What is not a readable node is in no state; whoever reads it by name meets the error.
    object.typed::<Node>().map(|node| readiness(&node).to_owned()).into_iter().collect()
});

/// The node's condition of a type.
pub(super) fn condition<'a>(node: &'a Node, type_: &str) -> Option<&'a NodeCondition> {
    let conditions = node.status.as_ref()?.conditions.as_deref()?;
    conditions.iter().find(|condition| condition.type_ == type_)
}

/// Whether the node is ready: `True`, `False` or `Unknown`; `False` before it has said anything.
pub(super) fn readiness(node: &Node) -> &str {
    condition(node, "Ready").map_or("False", |ready| ready.status.as_str())
}

pub(super) fn is_unreachable(node: &Node) -> bool {
    readiness(node) == "Unknown"
}

/// From when on the node counts as silent unless it is heard of again.
pub(super) fn overdue_at(
    node: &Node,
    lease: Option<&Lease>,
    timings: &NodeTimings,
    since: Timestamp,
) -> Timestamp {
    let renewed = lease.and_then(|lease| lease.spec.as_ref()?.renew_time.as_ref()).map(|time| time.0);
    let ready = condition(node, "Ready").filter(|ready| ready.status != "Unknown");
    let reported = ready.and_then(|ready| ready.last_heartbeat_time.as_ref()).map(|time| time.0);
    let created = node.metadata.creation_timestamp.as_ref().map(|time| time.0);
    let (heard, grace) = match renewed.max(reported) {
        Some(heard) => (heard, timings.monitor_grace_period),
        None => (created.unwrap_or(since), timings.startup_grace_period),
    };
    let grace = SignedDuration::try_from(grace).unwrap_or(SignedDuration::MAX);
    heard.max(since).checked_add(grace).unwrap_or(Timestamp::MAX)
}

/// The node as one of which nothing is known any more.
pub(super) fn silenced(node: &Node, now: Timestamp) -> Node {
    let mut node = node.clone();
    let created = node.metadata.creation_timestamp.clone();
    let conditions = node.status.get_or_insert_default().conditions.get_or_insert_default();
    for type_ in REPORTED {
        match conditions.iter_mut().find(|condition| condition.type_ == *type_) {
            Some(known) if known.status == "Unknown" => {}
            Some(known) => {
                known.status = "Unknown".to_owned();
                known.reason = Some("NodeStatusUnknown".to_owned());
                known.message = Some("Kubelet stopped posting node status.".to_owned());
                known.last_transition_time = Some(Time(now));
            }
            None => conditions.push(NodeCondition {
                type_: (*type_).to_owned(),
                status: "Unknown".to_owned(),
                reason: Some("NodeStatusNeverUpdated".to_owned()),
                message: Some("Kubelet never posted node status.".to_owned()),
                last_heartbeat_time: created.clone(),
                last_transition_time: Some(Time(now)),
            }),
        }
    }
    node
}

/// Nobody may be sent to the pods of a node that cannot be reached.
pub(super) fn mark_not_ready(
    plan: &mut Plan,
    pods: &[Arc<Pod>],
    now: Timestamp,
) -> Result<(), ReconcileError> {
    for pod in pods.iter().filter(|pod| pods::is_ready(pod)) {
        let mut marked = (**pod).clone();
        let conditions = marked.status.get_or_insert_default().conditions.get_or_insert_default();
        for ready in conditions.iter_mut().filter(|condition| condition.type_ == "Ready") {
            *ready = PodCondition {
                status: "False".to_owned(),
                reason: Some("NodeNotReady".to_owned()),
                message: None,
                last_transition_time: Some(Time(now)),
                ..ready.clone()
            };
        }
        plan.change(&**pod, &marked, Part::Status)?;
    }
    Ok(())
}
