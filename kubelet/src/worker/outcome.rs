//! What became of an action.

use std::net::IpAddr;
use std::sync::Arc;

use bireme_core::client::Deletion;
use bireme_core::error::ApiError;
use bireme_core::network::NetworkError;
use bireme_core::object::Object;
use bireme_core::runtime::{ContainerId, RuntimeError, SandboxId};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::PodStatus;

use super::probes::Finding;
use crate::pod::probe::ProbeKind;

/// A step towards a running container that failed.
#[derive(Debug)]
pub(super) struct StepError {
    /// Why, as Kubernetes names it.
    pub(super) reason: &'static str,
    /// For people.
    pub(super) message: String,
    /// The image that was thought to be present is not.
    pub(super) image_missing: bool,
}

impl StepError {
    pub(super) fn new(reason: &'static str, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), image_missing: false }
    }
}

/// Why a sandbox could not be closed.
#[derive(Debug, thiserror::Error)]
pub(super) enum CloseError {
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    #[error(transparent)]
    Network(#[from] NetworkError),
}

/// What became of writing a status.
pub(super) enum Told {
    /// It was written; this is the pod now.
    Written(Arc<Object>),
    /// Somebody had changed the pod; this is what it is now.
    Changed(Arc<Object>),
    /// There is no such pod any more.
    Gone,
}

/// What became of an action, for the worker to remember.
pub(super) enum Outcome {
    Volumes(Result<(), String>),
    VolumesRemoved(Result<(), std::io::Error>),
    Sandbox(Result<SandboxId, RuntimeError>),
    Attached(SandboxId, Result<IpAddr, NetworkError>),
    Closed(SandboxId, Result<(), CloseError>),
    SandboxRemoved(SandboxId, Result<(), RuntimeError>),
    Image(String, Result<(), StepError>),
    Created(String, Result<ContainerId, StepError>),
    Started(String, ContainerId, Result<(), RuntimeError>),
    PostStart(String, ContainerId, Result<(), String>),
    PreStop(String, ContainerId, Result<(), String>),
    Stopped(ContainerId, Result<(), RuntimeError>),
    Removed(ContainerId, Result<(), RuntimeError>),
    Probed { container: String, id: ContainerId, kind: ProbeKind, begun: Timestamp, finding: Finding },
    Told(Box<PodStatus>, Result<Told, ApiError>),
    Deleted(Result<Option<Deletion>, ApiError>),
}
