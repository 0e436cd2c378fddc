//! Carrying a decision out through the API.

use bireme_core::client::{Client, Part, Patch, WriteOptions};
use bireme_core::error::ApiError;
use bireme_core::object::Kind;
use bireme_core::scheduler::PodInfo;
use k8s_openapi::api::core::v1::{Binding, ObjectReference, Pod, PodCondition};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use serde_json::json;

/// Binds this incarnation of the pod to the node.
pub(crate) async fn bind(client: &dyn Client, pod: &PodInfo, node: &str) -> Result<(), ApiError> {
    let key = pod.key();
    let binding = Binding {
        metadata: ObjectMeta {
            name: Some(key.name().to_owned()),
            namespace: key.namespace().map(Into::into),
            uid: Some(pod.uid().to_string()),
            ..ObjectMeta::default()
        },
        target: ObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some("Node".to_owned()),
            name: Some(node.to_owned()),
            ..ObjectReference::default()
        },
    };
    client.bind(key, &binding).await
}

/// Whether the pod's condition says something else than that it cannot be scheduled, for this reason.
pub(crate) fn needs_marking(pod: &PodInfo, reason: &str, message: &str) -> bool {
    let status = pod.pod().status.as_ref();
    let mut conditions = status.into_iter().flat_map(|status| status.conditions.iter().flatten());
    !conditions.any(|condition| {
        condition.type_ == "PodScheduled"
            && condition.status == "False"
            && condition.reason.as_deref() == Some(reason)
            && condition.message.as_deref() == Some(message)
    })
}

/// Writes the condition `PodScheduled=False` with a reason and a message.
pub(crate) async fn mark_unscheduled(
    client: &dyn Client,
    pod: &PodInfo,
    reason: &str,
    message: &str,
    now: Time,
) -> Result<(), ApiError> {
    let condition = PodCondition {
        type_: "PodScheduled".to_owned(),
        status: "False".to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message.to_owned()),
        last_transition_time: Some(now),
        ..PodCondition::default()
    };
    // The uid keeps the patch from a pod of the same name that came later.
    let patch = json!({"metadata": {"uid": &**pod.uid()}, "status": {"conditions": [condition]}});
    let patch = Patch::Strategic(patch.to_string().into());
    let options = WriteOptions::manager("bireme-scheduler");
    client.patch(Kind::of::<Pod>(), pod.key(), Part::Status, &patch, &options).await?;
    Ok(())
}
