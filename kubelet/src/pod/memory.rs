//! What a pod's worker knows that the engine and the API do not tell.
//!
//! Nothing here must survive the agent: after a restart a worker begins with an empty memory, and what it needs
//! comes back from the engine's labels, the network's attachments and the pod's last status.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use bireme_core::runtime::{ContainerId, SandboxId};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::PodStatus;

use super::backoff::{Crash, Failure};
use super::probe::{ProbeKind, ProbeTable};

/// Why the node does not take a pod that was bound to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rejection {
    /// As Kubernetes names it: `OutOfcpu`, `NodePorts`, …
    pub(crate) reason: String,
    /// For people.
    pub(crate) message: String,
}

/// What can be under way at one time, each at most once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Slot {
    /// Making, stopping or removing a sandbox.
    Sandbox,
    /// Connecting the sandbox.
    Network,
    /// Writing or removing volumes.
    Volumes,
    /// Finding or pulling the image of the container of this name.
    Image(String),
    /// A step of the container of this name.
    Container(String),
    /// A probe of the container of this name.
    Probe(String, ProbeKind),
    /// Removing a dead container.
    Remove(ContainerId),
    /// Writing the status to the API, or deleting the pod from it.
    Api,
}

/// How far the pod's volumes are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Volumes {
    /// Not looked at by this agent yet.
    #[default]
    Unknown,
    /// They can be mounted.
    Ready,
    /// They are ready, and what they were made from has changed.
    Stale,
    /// They could not be made.
    Failed(Failure),
    /// They are gone.
    Removed,
}

/// Where a hook is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hook {
    /// It has yet to run.
    Due,
    /// It ran and succeeded, or need not run.
    Done,
    /// It ran and failed.
    Failed,
}

/// Why a single container is ended while its pod goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KillReason {
    /// Its liveness probe failed.
    Liveness,
    /// Its startup probe failed.
    Startup,
    /// Its postStart hook failed.
    PostStart,
    /// The pod now asks for another image.
    Changed,
    /// The pod's main containers have ended.
    SidecarDone,
    /// The pod is ending.
    PodEnding,
}

/// The memory of one pod's worker.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    /// The node does not take the pod.
    pub(crate) rejected: Option<Rejection>,
    /// The pod is gone from the API.
    pub(crate) gone: bool,
    /// Since when the pod is known to end.
    pub(crate) ending_since: Option<Timestamp>,
    /// What is under way; for a stop, until when the container may take.
    pub(crate) busy: BTreeMap<Slot, Option<Timestamp>>,
    /// The sandbox that is connected, and its address.
    pub(crate) address: Option<(SandboxId, IpAddr)>,
    /// Sandboxes that have been stopped and disconnected.
    pub(crate) closed: BTreeSet<SandboxId>,
    /// The last attempt to make or connect a sandbox failed.
    pub(crate) sandbox_failure: Option<Failure>,
    /// The last step of the pod's end, or of removing what is left, failed.
    pub(crate) teardown_failure: Option<Failure>,
    /// How far the volumes are.
    pub(crate) volumes: Volumes,
    /// Containers whose image is known to be present for their next start.
    pub(crate) images: BTreeSet<String>,
    /// Containers whose image could not be brought here.
    pub(crate) image_failures: BTreeMap<String, Failure>,
    /// Containers that could not be made or started.
    pub(crate) failures: BTreeMap<String, Failure>,
    /// Containers that were started by this agent after they had ended.
    pub(crate) crashes: BTreeMap<String, Crash>,
    /// Hooks after the start, of containers that this agent started.
    pub(crate) post_start: BTreeMap<ContainerId, Hook>,
    /// Containers whose hook before the stop has run.
    pub(crate) pre_stop_done: BTreeSet<ContainerId>,
    /// Since when a container is being ended, and why.
    pub(crate) kills: BTreeMap<ContainerId, (Timestamp, KillReason)>,
    /// What containers left as their last word.
    pub(crate) messages: BTreeMap<ContainerId, String>,
    /// What the probes found.
    pub(crate) probes: ProbeTable,
    /// The pod's own deletion has been accepted.
    pub(crate) deleted: bool,
    /// The status that the API took last, as it was sent.
    pub(crate) told: Option<PodStatus>,
    /// The API could not be told.
    pub(crate) api_failure: Option<Failure>,
}

impl Memory {
    pub(crate) fn is_busy(&self, slot: &Slot) -> bool {
        self.busy.contains_key(slot)
    }

    /// The pod's address, if its sandbox is connected.
    pub(crate) fn address_of(&self, sandbox: &SandboxId) -> Option<IpAddr> {
        self.address.as_ref().filter(|(connected, _)| connected == sandbox).map(|(_, address)| *address)
    }

    /// Whether the hook after the start has yet to end. A container that an earlier agent started counts as past it.
    pub(crate) fn post_start_of(&self, id: &ContainerId) -> Hook {
        self.post_start.get(id).copied().unwrap_or(Hook::Done)
    }
}
