//! A pod's binding.

use bireme_core::client::Part;
use bireme_core::error::ApiError;
use bireme_core::object::{Kind, ObjectKey};
use bireme_core::store::Revision;
use k8s_openapi::api::core::v1::{Binding, Pod, PodCondition};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::update::{Proposal, Target};
use crate::metadata::{now, uid_mismatch};
use crate::registry::Registry;
use crate::request::RequestContext;
use crate::resource::Draft;
use crate::table::KindEntry;

const POD: Kind = Kind::of::<Pod>();

impl Registry {
    /// Binds a pod to a node, once.
    ///
    /// # Errors
    ///
    /// `Conflict` when the pod is bound already, is being deleted, or is another one than the binding's uid says;
    /// `BadRequest` when the binding names no node; `NotFound`; `Forbidden`.
    pub async fn bind(
        &self,
        context: &RequestContext,
        key: &ObjectKey,
        binding: &Binding,
    ) -> Result<(), ApiError> {
        let entry = self.table.entry(POD)?;
        self.authorize_object(context, "create", POD, key, Some("binding"))?;
        let node = binding.target.name.as_deref().unwrap_or_default();
        let kind = binding.target.kind.as_deref().unwrap_or_default();
        if node.is_empty() || !matches!(kind, "" | "Node") {
            return Err(ApiError::bad_request("a binding's target must be a Node with a name"));
        }
        let target = Target { entry, key, part: Part::Main, subresource: Some("binding"), trusted: true };
        let time = now(&self.env);
        self.modify(context, target, |_, old| {
            let draft = bound(entry, key, old, binding, node, &time)?;
            Ok(Proposal { draft, revision: Revision::ZERO, warnings: Vec::new(), managers: None })
        })
        .await
        .map(drop)
    }
}

/// The pod as it is once bound.
fn bound(
    entry: &KindEntry,
    key: &ObjectKey,
    old: &Draft,
    binding: &Binding,
    node: &str,
    time: &Time,
) -> Result<Draft, ApiError> {
    let conflict = |why: String| Err(ApiError::conflict(POD, key.name(), why));
    let actual = old.metadata().uid.as_deref().unwrap_or_default();
    if let Some(uid) = binding.metadata.uid.as_deref().filter(|uid| !uid.is_empty() && *uid != actual) {
        return Err(uid_mismatch(entry, key, uid, actual));
    }
    if old.metadata().deletion_timestamp.is_some() {
        return conflict(format!("pod {} is being deleted, cannot be assigned to a host", key.name()));
    }
    let mut draft = old.clone();
    let metadata = draft.metadata_mut();
    if let Some(annotations) = &binding.metadata.annotations {
        metadata.annotations.get_or_insert_default().extend(annotations.clone());
    }
    let Some(pod) = draft.typed_mut::<Pod>() else { return Ok(draft) };
    let spec = pod.spec.get_or_insert_default();
    if let Some(present) = spec.node_name.as_deref().filter(|name| !name.is_empty()) {
        return conflict(format!("pod {} is already assigned to node \"{present}\"", key.name()));
    }
    if spec.scheduling_gates.as_ref().is_some_and(|gates| !gates.is_empty()) {
        return conflict(format!("pod {} has non-empty .spec.schedulingGates", key.name()));
    }
    spec.node_name = Some(node.to_owned());
    let conditions = pod.status.get_or_insert_default().conditions.get_or_insert_default();
    conditions.retain(|condition| condition.type_ != "PodScheduled");
    conditions.push(PodCondition {
        type_: "PodScheduled".to_owned(),
        status: "True".to_owned(),
        last_transition_time: Some(time.clone()),
        ..PodCondition::default()
    });
    Ok(draft)
}
