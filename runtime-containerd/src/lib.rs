//! The [`Runtime`] contract on containerd, 1.6 or later, over its Unix socket.
//!
//! A sandbox is a container of the pause image with namespaces of its own; the pod's containers join them. All that
//! bireme has is in containerd's namespace `bireme`, and everything carries labels that name the cluster, the node and
//! the pod ([`Scope`]); what does not carry this runtime's own is never shown or touched. Which containers exist, what
//! they are for and how they ended, the engine keeps. Beside it there are only files: what containers write, and the
//! host name and shared memory of sandboxes ([`Options::root`]).
//!
//! containerd writes to files of this machine and opens the runtime's pipes: it has to be on the same machine, and the
//! runtime has to run as root.

mod cgroup;
mod container;
mod engine;
mod error;
mod events;
mod files;
mod ids;
mod image;
mod labels;
mod log;
mod output;
mod sandbox;
mod session;
mod spec;
mod status;
mod task;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bireme_core::Environment;
use bireme_core::runtime::{
    ContainerId, ContainerSpec, ContainerStats, ContainerStatus, ExecSession, ExecSpec, Image, ImageImport,
    LogOptions, LogStream, RegistryAuth, Runtime, RuntimeError, RuntimeEvents, RuntimeVersion, SandboxId,
    SandboxSpec, SandboxStatus, Scope, Stdio,
};
use tokio::sync::OnceCell;
use tokio_util::task::AbortOnDropHandle;

use engine::Engine;
use error::file;
use files::Files;
use log::Recorder;

/// Where containerd usually listens.
pub const DEFAULT_SOCKET: &str = "/run/containerd/containerd.sock";

/// How a runtime reaches containerd, and where it keeps its files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// containerd's socket.
    pub socket: PathBuf,
    /// The folder of what containers write and of sandboxes' files. Runtimes of several nodes and clusters may share
    /// it; the next runtime of a node has to have the same.
    pub root: PathBuf,
}

/// How long bringing an image may take before what is here of it may be removed again.
const IMAGE_LEASE: Duration = Duration::from_secs(24 * 60 * 60);

/// One node's view of containerd. Clones share it.
#[derive(Clone)]
pub struct ContainerdRuntime {
    engine: Engine,
    scope: Scope,
    env: Environment,
    files: Files,
    recorder: Arc<Recorder>,
    _recording: Arc<AbortOnDropHandle<()>>,
    pause: Arc<OnceCell<image::Present>>,
}

impl ContainerdRuntime {
    /// Connects to containerd.
    ///
    /// # Errors
    ///
    /// [`RuntimeError::Unavailable`] when nothing answers there; [`RuntimeError::Engine`] when the folder cannot be used.
    pub async fn connect(options: &Options, scope: Scope, env: Environment) -> Result<Self, RuntimeError> {
        let node = ids::of_node(&scope);
        let engine = Engine::connect(&options.socket, &format!("bireme-{node}")).await?;
        let opening = |error| file("opening the folder of containers' files", error);
        std::fs::create_dir_all(&options.root).map_err(opening)?;
        let files = Files::new(std::path::absolute(&options.root).map_err(opening)?);
        let (recorder, recording) = Recorder::start(files.clone(), &env).map_err(opening)?;
        let runtime = Self {
            engine,
            scope,
            env,
            files,
            recorder,
            _recording: Arc::new(recording),
            pause: Arc::default(),
        };
        status::take_over(&runtime, &node).await?;
        Ok(runtime)
    }

    /// Removes every sandbox and container of the cluster, those of its other nodes too.
    pub async fn remove_cluster(&self) -> Result<(), RuntimeError> {
        let filter = labels::filter(self.scope.of_cluster());
        task::for_each_at_once(status::list(self, filter).await?, |found| task::remove(self, found.id)).await
    }

    /// Imports an image, under a lease of its own.
    async fn bring(&self, import: &ImageImport) -> Result<Image, RuntimeError> {
        let leased = self.leased().await?;
        leased.end(image::import(&leased, import).await).await
    }

    /// Ends the lease under which an image was brought. Why there is none comes before why the lease did not end.
    async fn end(&self, image: Result<Image, RuntimeError>) -> Result<Image, RuntimeError> {
        let ended = self.engine.end_lease().await;
        let image = image?;
        ended.map(|()| image)
    }

    /// This runtime under a lease of its own, which [`Self::end`] ends.
    async fn leased(&self) -> Result<Self, RuntimeError> {
        let expires = self.env.now() + IMAGE_LEASE;
        let engine = self.engine.leased(&format!("bireme-image-{}", self.random_name()), expires).await?;
        Ok(Self { engine, ..self.clone() })
    }

    /// A name that nothing else has.
    fn random_name(&self) -> String {
        self.env.random_bytes::<8>().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[async_trait]
impl Runtime for ContainerdRuntime {
    async fn version(&self) -> Result<RuntimeVersion, RuntimeError> {
        let system = rustix::system::uname();
        let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
        let name = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
        Ok(RuntimeVersion {
            name: "containerd".to_owned(),
            version: self.engine.version().await?,
            operating_system: name.unwrap_or("Linux").trim_matches('"').to_owned(),
            kernel: system.release().to_string_lossy().into_owned(),
        })
    }

    async fn run_sandbox(&self, spec: &SandboxSpec) -> Result<SandboxId, RuntimeError> {
        sandbox::run(self, spec).await
    }

    async fn stop_sandbox(&self, id: &SandboxId) -> Result<(), RuntimeError> {
        sandbox::stop(self, id).await
    }

    async fn remove_sandbox(&self, id: &SandboxId) -> Result<(), RuntimeError> {
        sandbox::remove(self, id).await
    }

    async fn sandboxes(&self) -> Result<Vec<SandboxStatus>, RuntimeError> {
        status::sandboxes(self).await
    }

    async fn sandbox(&self, id: &SandboxId) -> Result<Option<SandboxStatus>, RuntimeError> {
        status::sandbox(self, id).await
    }

    async fn create_container(
        &self,
        sandbox: &SandboxId,
        spec: &ContainerSpec,
    ) -> Result<ContainerId, RuntimeError> {
        container::create(self, sandbox, spec).await
    }

    async fn start_container(&self, id: &ContainerId) -> Result<(), RuntimeError> {
        container::start(self, id).await
    }

    async fn stop_container(&self, id: &ContainerId, grace: Duration) -> Result<(), RuntimeError> {
        container::stop(self, id, grace).await
    }

    async fn remove_container(&self, id: &ContainerId) -> Result<(), RuntimeError> {
        match status::own(self, &id.0).await? {
            Some(found) => task::remove(self, found.id).await,
            None => Ok(()),
        }
    }

    async fn containers(&self) -> Result<Vec<ContainerStatus>, RuntimeError> {
        status::containers(self).await
    }

    async fn container(&self, id: &ContainerId) -> Result<Option<ContainerStatus>, RuntimeError> {
        status::container(self, id).await
    }

    async fn events(&self) -> Result<RuntimeEvents, RuntimeError> {
        events::subscribe(self).await
    }

    async fn logs(&self, id: &ContainerId, options: &LogOptions) -> Result<LogStream, RuntimeError> {
        output::read_log(self, id, *options).await
    }

    async fn exec(&self, id: &ContainerId, spec: &ExecSpec) -> Result<ExecSession, RuntimeError> {
        session::exec(self, id, spec).await
    }

    async fn attach(&self, id: &ContainerId, stdio: Stdio) -> Result<ExecSession, RuntimeError> {
        session::attach(self, id, stdio).await
    }

    async fn stats(&self, id: &ContainerId) -> Result<Option<ContainerStats>, RuntimeError> {
        let status = status::container(self, id).await?;
        let runs = |status: &ContainerStatus| {
            matches!(status.state, bireme_core::runtime::ContainerState::Running { .. })
        };
        Ok(status.filter(runs).and_then(|_| cgroup::stats(&id.0)))
    }

    async fn image(&self, reference: &str) -> Result<Option<Image>, RuntimeError> {
        image::find(&self.engine, reference).await
    }

    async fn images(&self) -> Result<Vec<Image>, RuntimeError> {
        image::list(&self.engine).await
    }

    async fn pull_image(&self, reference: &str, auth: Option<&RegistryAuth>) -> Result<Image, RuntimeError> {
        let leased = self.leased().await?;
        leased.end(image::registry::pull(&leased, reference, auth).await).await
    }

    async fn import_image(&self, import: &ImageImport) -> Result<Image, RuntimeError> {
        self.bring(import).await
    }

    async fn remove_image(&self, id: &str) -> Result<(), RuntimeError> {
        image::remove(self, id).await
    }
}
