//! A kubelet writes only about its own node and the pods on it.

use async_trait::async_trait;
use bireme_core::error::ApiError;
use bireme_core::object::Kind;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Node, Pod};

use super::{Admission, AdmissionRequest};
use crate::resource::Draft;

/// The namespace of the kubelets' heartbeats.
const LEASES: &str = "kube-node-lease";

/// Narrows what a kubelet may write to its own Node and Lease, and to the pods bound to its node.
#[derive(Clone, Copy, Debug, Default)]
pub struct NodeRestriction;

#[async_trait]
impl Admission for NodeRestriction {
    fn handles(&self, request: &AdmissionRequest<'_>) -> bool {
        request.identity.node_name().is_some()
    }

    async fn validate(
        &self,
        request: &AdmissionRequest<'_>,
        _object: Option<&Draft>,
        old: Option<&Draft>,
    ) -> Result<(), ApiError> {
        let Some(node) = request.identity.node_name() else { return Ok(()) };
        let is_own = if request.kind == Kind::of::<Node>() {
            request.key.name() == node
        } else if request.kind == Kind::of::<Lease>() {
            request.key.name() == node && request.key.namespace() == Some(LEASES)
        } else if request.kind == Kind::of::<Pod>() {
            let spec = old.and_then(Draft::typed::<Pod>).and_then(|pod| pod.spec.as_ref());
            spec.and_then(|spec| spec.node_name.as_deref()) == Some(node)
        } else {
            true
        };
        let why =
            || format!("node \"{node}\" may only change itself, its own lease and the pods bound to it");
        if is_own { Ok(()) } else { Err(ApiError::forbidden(request.kind, request.key.name(), why())) }
    }
}
