//! What the cluster, rather than the author, says about a new pod.

use async_trait::async_trait;
use bireme_core::client::Part;
use bireme_core::error::ApiError;
use bireme_core::object::Kind;
use k8s_openapi::api::core::v1::{Pod, PodSpec, Toleration};

use super::{Admission, AdmissionRequest, Operation};
use crate::resource::Draft;

const NOT_READY: &str = "node.kubernetes.io/not-ready";
const UNREACHABLE: &str = "node.kubernetes.io/unreachable";

/// How long pods that say nothing about it stay on a node that is not well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TolerationSeconds {
    /// On a node that reports that it is not ready.
    pub not_ready: i64,
    /// On a node that reports nothing any more.
    pub unreachable: i64,
}

impl Default for TolerationSeconds {
    /// Five minutes each, as in Kubernetes.
    fn default() -> Self {
        Self { not_ready: 300, unreachable: 300 }
    }
}

/// Gives new pods the `default` service account, and tolerations of nodes that are not well for a while: Kubernetes'
/// ServiceAccount and DefaultTolerationSeconds. An update that leaves these tolerations out, because its author
/// wrote only their own, gets them again.
#[derive(Clone, Copy, Debug, Default)]
pub struct PodDefaults {
    /// The tolerations given.
    pub toleration_seconds: TolerationSeconds,
}

#[async_trait]
impl Admission for PodDefaults {
    fn handles(&self, request: &AdmissionRequest<'_>) -> bool {
        matches!(request.operation, Operation::Create | Operation::Update(Part::Main))
            && request.kind == Kind::of::<Pod>()
    }

    async fn mutate(&self, request: &AdmissionRequest<'_>, object: &mut Draft) -> Result<(), ApiError> {
        let Some(spec) = object.typed_mut::<Pod>().and_then(|pod| pod.spec.as_mut()) else { return Ok(()) };
        if request.operation == Operation::Create {
            begin(spec);
        }
        let tolerations = spec.tolerations.get_or_insert_default();
        tolerate(tolerations, NOT_READY, self.toleration_seconds.not_ready);
        tolerate(tolerations, UNREACHABLE, self.toleration_seconds.unreachable);
        Ok(())
    }
}

/// What a pod has from its beginning.
fn begin(spec: &mut PodSpec) {
    if spec.service_account_name.as_deref().unwrap_or_default().is_empty() {
        let account = spec.service_account.take().filter(|name| !name.is_empty());
        spec.service_account_name = Some(account.unwrap_or_else(|| "default".to_owned()));
    }
    spec.service_account.clone_from(&spec.service_account_name);
}

/// Adds a toleration of a taint that evicts, unless there is one.
fn tolerate(tolerations: &mut Vec<Toleration>, taint: &str, seconds: i64) {
    let is_named = |toleration: &Toleration| {
        let key = toleration.key.as_deref().unwrap_or_default();
        let effect = toleration.effect.as_deref().unwrap_or_default();
        (key == taint || key.is_empty()) && (effect == "NoExecute" || effect.is_empty())
    };
    if !tolerations.iter().any(is_named) {
        tolerations.push(Toleration {
            key: Some(taint.to_owned()),
            operator: Some("Exists".to_owned()),
            effect: Some("NoExecute".to_owned()),
            toleration_seconds: Some(seconds),
            value: None,
        });
    }
}
