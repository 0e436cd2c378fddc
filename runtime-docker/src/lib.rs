//! The [`Runtime`] contract on Docker Engine, 20.10 (API 1.41) or later, over its Unix socket.
//!
//! A sandbox is a container of the pause image without a network; the pod's containers join its namespaces.
//! Everything carries labels that name the cluster, the node and the pod ([`Scope`]), and what does not carry this
//! runtime's own is never shown or touched. There is no state beside the engine's.

mod container;
mod error;
mod events;
mod image;
mod logs;
mod sandbox;
mod session;
mod status;

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use bireme_core::Environment;
use bireme_core::runtime::{
    ContainerId, ContainerSpec, ContainerStats, ContainerStatus, ExecSession, ExecSpec, Image, ImageImport,
    LogOptions, LogStream, RegistryAuth, Runtime, RuntimeError, RuntimeEvents, RuntimeVersion, SandboxId,
    SandboxSpec, SandboxStatus, Scope, Stdio,
};
use bollard::{API_DEFAULT_VERSION, Docker};
use tokio::sync::OnceCell;

use error::engine;

/// Where a Docker Engine usually listens.
pub const DEFAULT_SOCKET: &str = "/var/run/docker.sock";

/// How long a request may take before the engine counts as hung; a stop gets its grace period on top.
const REQUEST_LIMIT: Duration = Duration::from_secs(120);

/// One node's view of a Docker Engine.
pub struct DockerRuntime {
    docker: Docker,
    socket: PathBuf,
    scope: Scope,
    env: Environment,
    pause_image: OnceCell<String>,
}

impl DockerRuntime {
    /// Connects to the engine behind `socket`.
    ///
    /// # Errors
    ///
    /// [`RuntimeError::Unavailable`] when nothing answers there.
    pub async fn connect(socket: &Path, scope: Scope, env: Environment) -> Result<Self, RuntimeError> {
        let endpoint = socket.display().to_string();
        let unavailable = |source: bollard::errors::Error| RuntimeError::Unavailable {
            endpoint: endpoint.clone(),
            source: Box::new(source),
        };
        let docker = Docker::connect_with_unix(&endpoint, REQUEST_LIMIT.as_secs(), API_DEFAULT_VERSION)
            .map_err(unavailable)?;
        docker.ping().await.map_err(unavailable)?;
        Ok(Self { docker, socket: socket.to_owned(), scope, env, pause_image: OnceCell::new() })
    }

    /// Removes every sandbox and container of the cluster, those of its other nodes too.
    pub async fn remove_cluster(&self) -> Result<(), RuntimeError> {
        let ids = status::list_ids(self, &status::labelled(self.scope.of_cluster())).await?;
        status::for_each_at_once(ids, |id| container::remove(self, id)).await
    }

    fn failed(&self, operation: &'static str) -> impl Fn(bollard::errors::Error) -> RuntimeError + '_ {
        move |source| engine(operation, &self.socket, source)
    }
}

#[async_trait]
impl Runtime for DockerRuntime {
    async fn version(&self) -> Result<RuntimeVersion, RuntimeError> {
        let info = self.docker.info().await.map_err(self.failed("asking for the version"))?;
        Ok(RuntimeVersion {
            name: "docker".to_owned(),
            version: info.server_version.unwrap_or_default(),
            operating_system: info.operating_system.unwrap_or_default(),
            kernel: info.kernel_version.unwrap_or_default(),
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
        container::stop_own(self, &id.0, grace).await
    }

    async fn remove_container(&self, id: &ContainerId) -> Result<(), RuntimeError> {
        container::remove_own(self, &id.0).await
    }

    async fn containers(&self) -> Result<Vec<ContainerStatus>, RuntimeError> {
        status::containers(self).await
    }

    async fn container(&self, id: &ContainerId) -> Result<Option<ContainerStatus>, RuntimeError> {
        status::container(self, id).await
    }

    async fn events(&self) -> Result<RuntimeEvents, RuntimeError> {
        Ok(events::subscribe(self))
    }

    async fn logs(&self, id: &ContainerId, options: &LogOptions) -> Result<LogStream, RuntimeError> {
        logs::read(self, id, *options).await
    }

    async fn exec(&self, id: &ContainerId, spec: &ExecSpec) -> Result<ExecSession, RuntimeError> {
        session::exec(self, id, spec).await
    }

    async fn attach(&self, id: &ContainerId, stdio: Stdio) -> Result<ExecSession, RuntimeError> {
        session::attach(self, id, stdio).await
    }

    async fn stats(&self, id: &ContainerId) -> Result<Option<ContainerStats>, RuntimeError> {
        container::stats(self, id).await
    }

    async fn image(&self, reference: &str) -> Result<Option<Image>, RuntimeError> {
        image::find(self, reference).await
    }

    async fn images(&self) -> Result<Vec<Image>, RuntimeError> {
        image::list(self).await
    }

    async fn pull_image(&self, reference: &str, auth: Option<&RegistryAuth>) -> Result<Image, RuntimeError> {
        image::pull(self, reference, auth).await
    }

    async fn import_image(&self, import: &ImageImport) -> Result<Image, RuntimeError> {
        image::import(self, import).await
    }

    async fn remove_image(&self, id: &str) -> Result<(), RuntimeError> {
        image::remove(self, id).await
    }
}
