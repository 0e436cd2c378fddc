//! The [`Runtime`] contract: what a node needs of a container engine, shaped like the CRI.

mod container;
mod error;
mod image;
mod marks;
mod sandbox;
mod session;
pub mod sim;

pub use container::{
    ContainerId, ContainerResources, ContainerSpec, ContainerState, ContainerStatus, ContainerUser, Exit,
    Mount, Privileges, Seccomp,
};
pub use error::RuntimeError;
pub use image::{Image, ImageImport, RegistryAuth};
pub use marks::{Marks, Processes, Role, Scope, asked_for};
pub use sandbox::{PodIdentity, SandboxId, SandboxSpec, SandboxState, SandboxStatus};
pub use session::{ExecSession, ExecSpec, LogChunk, LogOptions, LogStream, Output, Stdio, TerminalSize};
pub use sim::{SimEngine, SimOperation, SimProcess, SimRuntime, SimScript, StandardScript};

use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;

/// What happened in the engine. An event tells where to look; the truth is in the status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuntimeEvent {
    /// A container started, exited, or is gone.
    Container {
        /// The container.
        id: ContainerId,
        /// The sandbox it belongs to.
        sandbox: SandboxId,
    },
    /// A sandbox stopped or is gone.
    Sandbox(SandboxId),
    /// Events may have been missed (the engine restarted, the stream broke): list everything.
    Resync,
}

/// Events in the order in which they happened; an item after the engine was out of reach is `Resync`.
pub type RuntimeEvents = BoxStream<'static, RuntimeEvent>;

/// Which engine this is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuntimeVersion {
    /// The engine's name: `docker`, `containerd`, `sim`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The operating system the containers run on, as upstream's node info shows it.
    pub operating_system: String,
    /// The kernel's version.
    pub kernel: String,
}

/// What a container has used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ContainerStats {
    /// CPU time since the container started.
    pub cpu: Duration,
    /// Memory that cannot be reclaimed, in bytes.
    pub memory_working_set: u64,
}

/// A container engine on one node.
///
/// A *sandbox* holds a pod's namespaces, kept open by the pause program; *containers* join it. The engine's
/// sandboxes start without a network: the node attaches one to [`SandboxStatus::netns`].
///
/// # What every implementation promises
///
/// * **Scoped.** An implementation is made for one node of one cluster and marks what it makes with both. It
///   never shows, changes or removes what does not carry its marks.
/// * **Recoverable.** Everything needed after a crash of the agent is listed back from the engine: there is no
///   state beside it.
/// * **Idempotent.** Running a sandbox that exists for the same (pod uid, attempt), or creating a container that
///   exists for the same (sandbox, name, attempt), returns the existing one; starting what runs, stopping what
///   stopped and removing what is gone succeed. A call that was dropped, or whose answer was lost, may be repeated.
/// * **Not blocking.** No method blocks the executor.
///
/// # Errors
///
/// [`RuntimeError::NotFound`] only where something must exist for the call to make sense (starting, reading
/// logs, exec). [`RuntimeError::Unavailable`] when the engine cannot be reached: the call may be repeated.
#[async_trait]
pub trait Runtime: Send + Sync + 'static {
    /// Which engine this is; an error when it cannot be reached.
    async fn version(&self) -> Result<RuntimeVersion, RuntimeError>;

    /// Makes and starts a pod's sandbox.
    async fn run_sandbox(&self, spec: &SandboxSpec) -> Result<SandboxId, RuntimeError>;

    /// Stops a sandbox and all containers in it, at once.
    async fn stop_sandbox(&self, id: &SandboxId) -> Result<(), RuntimeError>;

    /// Removes a sandbox and all containers in it, running or not.
    async fn remove_sandbox(&self, id: &SandboxId) -> Result<(), RuntimeError>;

    /// The node's sandboxes, running or not.
    async fn sandboxes(&self) -> Result<Vec<SandboxStatus>, RuntimeError>;

    /// One sandbox; `None` when it does not exist. An engine that can look at one without listing all should.
    async fn sandbox(&self, id: &SandboxId) -> Result<Option<SandboxStatus>, RuntimeError> {
        Ok(self.sandboxes().await?.into_iter().find(|sandbox| sandbox.id == *id))
    }

    /// Makes a container in a running sandbox; does not start it. The image must be present.
    async fn create_container(
        &self,
        sandbox: &SandboxId,
        spec: &ContainerSpec,
    ) -> Result<ContainerId, RuntimeError>;

    /// Starts a container that was created.
    ///
    /// # Errors
    ///
    /// [`RuntimeError::Start`] when its command cannot be run; the container is then `Exited` with the code that
    /// the engine gives such (126, 127 or 128).
    async fn start_container(&self, id: &ContainerId) -> Result<(), RuntimeError>;

    /// Sends the stop signal, and after `grace` SIGKILL; returns when the container has exited.
    async fn stop_container(&self, id: &ContainerId, grace: Duration) -> Result<(), RuntimeError>;

    /// Removes a container; kills it first when it runs.
    async fn remove_container(&self, id: &ContainerId) -> Result<(), RuntimeError>;

    /// The node's containers, running or not.
    async fn containers(&self) -> Result<Vec<ContainerStatus>, RuntimeError>;

    /// One container; `None` when it does not exist.
    async fn container(&self, id: &ContainerId) -> Result<Option<ContainerStatus>, RuntimeError>;

    /// What happens from now on. Dropping the stream ends it.
    async fn events(&self) -> Result<RuntimeEvents, RuntimeError>;

    /// What a container wrote. With `follow`, the stream ends when the container has exited and all was read.
    async fn logs(&self, id: &ContainerId, options: &LogOptions) -> Result<LogStream, RuntimeError>;

    /// Runs a further command in a running container.
    async fn exec(&self, id: &ContainerId, spec: &ExecSpec) -> Result<ExecSession, RuntimeError>;

    /// Connects to the main process of a running container: what it writes from then on, and its input.
    ///
    /// Several may be connected at once, and each gets all output. Letting go of the session ends nothing, but for
    /// the input of a container whose [`stdin_once`](ContainerSpec::stdin_once) says so. The output ends with the
    /// container.
    async fn attach(&self, id: &ContainerId, stdio: Stdio) -> Result<ExecSession, RuntimeError>;

    /// What a running container has used; `None` when it does not run.
    async fn stats(&self, id: &ContainerId) -> Result<Option<ContainerStats>, RuntimeError>;

    /// The image that a reference names here; `None` when it is not present.
    async fn image(&self, reference: &str) -> Result<Option<Image>, RuntimeError>;

    /// All images that are present, those that bireme did not bring too.
    async fn images(&self) -> Result<Vec<Image>, RuntimeError>;

    /// Brings an image from its registry, also when it is present (its tag may have moved).
    async fn pull_image(&self, reference: &str, auth: Option<&RegistryAuth>) -> Result<Image, RuntimeError>;

    /// Makes an image of one layer from a tar archive. A repeat with the same archive and settings changes nothing.
    async fn import_image(&self, import: &ImageImport) -> Result<Image, RuntimeError>;

    /// Removes an image by its id.
    ///
    /// # Errors
    ///
    /// [`RuntimeError::InUse`] when a container uses it.
    async fn remove_image(&self, id: &str) -> Result<(), RuntimeError>;
}
