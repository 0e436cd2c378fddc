//! What a plan asks the worker to do.

use std::time::Duration;

use bireme_core::runtime::{ContainerId, SandboxId};
use jiff::Timestamp;

use super::memory::{KillReason, Slot};
use super::probe::ProbeKind;

/// One step towards what the pod should be. Each is idempotent and may be repeated after a crash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Write the volumes, or write them again because what they are made from changed.
    PrepareVolumes,
    /// Make the pod's sandbox.
    RunSandbox { attempt: u32 },
    /// Connect the sandbox to the network.
    Attach { sandbox: SandboxId },
    /// See to it that the image of a container is present, as its pull policy says.
    EnsureImage { container: String },
    /// Give up bringing an image, since the pod is ending.
    AbandonImage { container: String },
    /// Make a container.
    Create { container: String, attempt: u32, sandbox: SandboxId },
    /// Start a container that was made.
    Start { container: String, id: ContainerId },
    /// Run the hook after the start.
    PostStart { container: String, id: ContainerId },
    /// Run the hook before the stop.
    PreStop { container: String, id: ContainerId, until: Timestamp, why: KillReason },
    /// Ask a container to end, and end it when the time is over.
    Stop { container: String, id: ContainerId, until: Timestamp, why: KillReason },
    /// Probe a container.
    Probe { container: String, id: ContainerId, kind: ProbeKind },
    /// Remove a dead container that nobody asks for any more.
    Remove { id: ContainerId },
    /// Stop a sandbox and disconnect it.
    CloseSandbox { sandbox: SandboxId },
    /// Remove a closed sandbox with its containers.
    RemoveSandbox { sandbox: SandboxId },
    /// Remove the pod's files.
    RemoveVolumes,
    /// Tell the API that nothing of the pod is left.
    Delete,
}

impl Action {
    /// What the action occupies while it is under way.
    pub(crate) fn slot(&self) -> Slot {
        match self {
            Action::PrepareVolumes | Action::RemoveVolumes => Slot::Volumes,
            Action::RunSandbox { .. } | Action::CloseSandbox { .. } | Action::RemoveSandbox { .. } => {
                Slot::Sandbox
            }
            Action::Attach { .. } => Slot::Network,
            Action::EnsureImage { container } | Action::AbandonImage { container } => {
                Slot::Image(container.clone())
            }
            Action::Create { container, .. }
            | Action::Start { container, .. }
            | Action::PostStart { container, .. }
            | Action::PreStop { container, .. }
            | Action::Stop { container, .. } => Slot::Container(container.clone()),
            Action::Probe { container, kind, .. } => Slot::Probe(container.clone(), *kind),
            Action::Remove { id } => Slot::Remove(id.clone()),
            Action::Delete => Slot::Api,
        }
    }

    /// Until when a container may take to end, for the actions that give it time.
    pub(crate) fn until(&self) -> Option<Timestamp> {
        match self {
            Action::PreStop { until, .. } | Action::Stop { until, .. } => Some(*until),
            _ => None,
        }
    }
}

/// The time from `now` to `until`; none when that has passed.
pub(crate) fn remaining(now: Timestamp, until: Timestamp) -> Duration {
    Duration::try_from(until.duration_since(now)).unwrap_or(Duration::ZERO)
}
