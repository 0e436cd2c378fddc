//! A container engine in memory: the [`Runtime`] contract without a container.
//!
//! Nothing runs, but everything is kept as an engine keeps it: containers start, write, end and are listed back.
//! What they do is programmed by a [`SimScript`]. A container that runs until it is ended costs no task and no
//! timer, so that one process can hold thousands of nodes.

mod engine;
mod images;
mod script;
mod session;
#[cfg(test)]
mod tests;

pub use engine::SimEngine;
pub use script::{SimOperation, SimProcess, SimScript, StandardScript};

use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream;
use tokio::sync::{broadcast, watch};

use super::{
    ContainerId, ContainerSpec, ContainerState, ContainerStats, ContainerStatus, ExecSession, ExecSpec,
    Image, ImageImport, LogOptions, LogStream, RegistryAuth, Runtime, RuntimeError, RuntimeEvent,
    RuntimeEvents, RuntimeVersion, SandboxId, SandboxSpec, SandboxState, SandboxStatus, Stdio,
};
use engine::{Container, Node, State};

/// A connection to the engine of one simulated node.
#[derive(Clone)]
pub struct SimRuntime {
    engine: SimEngine,
    node: Arc<Node>,
}

fn no_container(id: &ContainerId) -> RuntimeError {
    RuntimeError::NotFound { what: "container", id: id.to_string() }
}

fn no_sandbox(id: &SandboxId) -> RuntimeError {
    RuntimeError::NotFound { what: "sandbox", id: id.to_string() }
}

impl SimRuntime {
    fn new(engine: SimEngine, node: Arc<Node>) -> Self {
        Self { engine, node }
    }

    /// Ends a container's main process from outside, as a crash or an operator on the machine does.
    pub fn end_container(&self, id: &ContainerId, code: i32) {
        self.node.end(&self.engine.env, id, code, false, None);
    }

    /// Ends a sandbox from outside, with all that runs in it.
    pub fn end_sandbox(&self, id: &SandboxId) {
        self.node.end_sandbox(&self.engine.env, id);
    }

    /// Cuts the engine off, or brings it back, which listeners learn as [`RuntimeEvent::Resync`].
    pub fn set_reachable(&self, reachable: bool) {
        self.node.state().reachable = reachable;
        if reachable {
            self.node.announce(RuntimeEvent::Resync);
        }
    }

    /// The way into the engine: waits as the script says, and answers its faults.
    async fn enter(&self, operation: SimOperation, subject: &str) -> Result<(), RuntimeError> {
        self.check()?;
        let latency = self.engine.script.latency(operation, subject);
        if !latency.is_zero() {
            self.engine.env.sleep(latency).await;
            self.check()?;
        }
        self.engine.script.fault(operation, subject).map_or(Ok(()), Err)
    }

    /// Whether the engine answers at all.
    fn check(&self) -> Result<(), RuntimeError> {
        self.reach().map(drop)
    }

    /// What the engine holds, if it answers.
    fn reach(&self) -> Result<MutexGuard<'_, State>, RuntimeError> {
        let state = self.node.state();
        if state.reachable {
            return Ok(state);
        }
        Err(RuntimeError::Unavailable {
            endpoint: "memory".to_owned(),
            source: std::io::Error::from(std::io::ErrorKind::ConnectionRefused).into(),
        })
    }

    /// Waits until a container has exited or is gone.
    async fn exited(&self, id: &ContainerId, mut changed: watch::Receiver<()>) {
        loop {
            changed.borrow_and_update();
            let over = self.node.state().containers.get(id).is_none_or(Container::has_exited);
            if over || changed.changed().await.is_err() {
                return;
            }
        }
    }
}

#[async_trait]
impl Runtime for SimRuntime {
    async fn version(&self) -> Result<RuntimeVersion, RuntimeError> {
        self.check()?;
        Ok(RuntimeVersion {
            name: "sim".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            operating_system: "Simulated".to_owned(),
            kernel: "0.0.0-sim".to_owned(),
        })
    }

    async fn run_sandbox(&self, spec: &SandboxSpec) -> Result<SandboxId, RuntimeError> {
        self.enter(SimOperation::RunSandbox, spec.pod.key.name()).await?;
        let mut state = self.reach()?;
        let same = |known: &&SandboxStatus| known.pod.uid == spec.pod.uid && known.attempt == spec.attempt;
        if let Some(known) = state.sandboxes.values().find(same) {
            return Ok(known.id.clone());
        }
        let id = SandboxId(self.engine.id());
        let status = SandboxStatus {
            id: id.clone(),
            pod: spec.pod.clone(),
            attempt: spec.attempt,
            state: SandboxState::Ready,
            created_at: self.engine.env.now(),
            netns: (!spec.host_network).then(|| format!("/sim/netns/{id}").into()),
        };
        state.sandboxes.insert(id.clone(), status);
        Ok(id)
    }

    async fn stop_sandbox(&self, id: &SandboxId) -> Result<(), RuntimeError> {
        self.check()?;
        self.node.end_sandbox(&self.engine.env, id);
        Ok(())
    }

    async fn remove_sandbox(&self, id: &SandboxId) -> Result<(), RuntimeError> {
        self.stop_sandbox(id).await?;
        let mut state = self.reach()?;
        state.sandboxes.remove(id);
        state.containers.retain(|_, container| container.status.sandbox != *id);
        Ok(())
    }

    async fn sandboxes(&self) -> Result<Vec<SandboxStatus>, RuntimeError> {
        Ok(self.reach()?.sandboxes.values().cloned().collect())
    }

    async fn sandbox(&self, id: &SandboxId) -> Result<Option<SandboxStatus>, RuntimeError> {
        Ok(self.reach()?.sandboxes.get(id).cloned())
    }

    async fn create_container(
        &self,
        sandbox: &SandboxId,
        spec: &ContainerSpec,
    ) -> Result<ContainerId, RuntimeError> {
        self.enter(SimOperation::CreateContainer, &spec.image).await?;
        self.create(sandbox, spec)
    }

    async fn start_container(&self, id: &ContainerId) -> Result<(), RuntimeError> {
        let image = {
            let state = self.reach()?;
            let container = state.containers.get(id).ok_or_else(|| no_container(id))?;
            match container.status.state {
                ContainerState::Running { .. } => return Ok(()),
                ContainerState::Created => container.status.image.clone(),
                ContainerState::Exited(_) => {
                    let detail = format!("container {id} has exited");
                    return Err(RuntimeError::State { operation: "start container", detail });
                }
            }
        };
        self.enter(SimOperation::StartContainer, &image).await?;
        let error = {
            let state = self.reach()?;
            let container = state.containers.get(id).ok_or_else(|| no_container(id))?;
            container.process.start_error.clone()
        };
        match error {
            None => self.node.start(&self.engine.env, id),
            Some(detail) => {
                self.node.end(&self.engine.env, id, 128, false, Some(detail.clone()));
                return Err(RuntimeError::Start { detail });
            }
        }
        Ok(())
    }

    async fn stop_container(&self, id: &ContainerId, grace: Duration) -> Result<(), RuntimeError> {
        let (process, changed) = {
            let mut state = self.reach()?;
            let Some(container) = state.containers.get_mut(id) else { return Ok(()) };
            if !matches!(container.status.state, ContainerState::Running { .. }) {
                return Ok(());
            }
            (container.process.clone(), container.changed.subscribe())
        };
        let env = &self.engine.env;
        match process.stops_within {
            Some(within) if within.is_zero() && !grace.is_zero() => self.node.end(env, id, 0, false, None),
            Some(within) if within < grace => self.node.end_later(env, id, within, 0, false),
            Some(_) | None => {}
        }
        if env.timeout(grace, self.exited(id, changed)).await.is_err() {
            self.node.end(env, id, 137, false, None);
        }
        Ok(())
    }

    async fn remove_container(&self, id: &ContainerId) -> Result<(), RuntimeError> {
        self.check()?;
        self.node.end(&self.engine.env, id, 137, false, None);
        let removed = self.reach()?.containers.remove(id);
        if let Some(container) = removed {
            let sandbox = container.status.sandbox;
            self.node.announce(RuntimeEvent::Container { id: id.clone(), sandbox });
        }
        Ok(())
    }

    async fn containers(&self) -> Result<Vec<ContainerStatus>, RuntimeError> {
        Ok(self.reach()?.containers.values().map(|container| container.status.clone()).collect())
    }

    async fn container(&self, id: &ContainerId) -> Result<Option<ContainerStatus>, RuntimeError> {
        Ok(self.reach()?.containers.get(id).map(|container| container.status.clone()))
    }

    async fn events(&self) -> Result<RuntimeEvents, RuntimeError> {
        self.check()?;
        let events = self.node.events.subscribe();
        let next = |mut events: broadcast::Receiver<RuntimeEvent>| async move {
            match events.recv().await {
                Ok(event) => Some((event, events)),
                Err(broadcast::error::RecvError::Lagged(_)) => Some((RuntimeEvent::Resync, events)),
                Err(broadcast::error::RecvError::Closed) => None,
            }
        };
        Ok(stream::unfold(events, next).boxed())
    }

    async fn logs(&self, id: &ContainerId, options: &LogOptions) -> Result<LogStream, RuntimeError> {
        self.check()?;
        session::logs(self.node.clone(), id, options)
    }

    async fn exec(&self, id: &ContainerId, spec: &ExecSpec) -> Result<ExecSession, RuntimeError> {
        let container = self.running(id)?;
        self.enter(SimOperation::Exec, &container.image).await?;
        Ok(session::session(self.engine.script.exec(&container, &spec.command), spec.stdio))
    }

    async fn attach(&self, id: &ContainerId, stdio: Stdio) -> Result<ExecSession, RuntimeError> {
        self.running(id)?;
        session::attach(&self.engine.env, self.node.clone(), id, stdio)
    }

    async fn stats(&self, id: &ContainerId) -> Result<Option<ContainerStats>, RuntimeError> {
        let state = self.reach()?;
        let Some(container) = state.containers.get(id) else { return Ok(None) };
        let ContainerState::Running { started_at } = container.status.state else { return Ok(None) };
        let ran = self.engine.env.now().duration_since(started_at).unsigned_abs();
        let cpu = ran.mul_f64(container.process.cpu_millis as f64 / 1000.0);
        Ok(Some(ContainerStats { cpu, memory_working_set: container.process.memory_bytes }))
    }

    async fn image(&self, reference: &str) -> Result<Option<Image>, RuntimeError> {
        Ok(self.reach()?.images.get(reference).cloned())
    }

    async fn images(&self) -> Result<Vec<Image>, RuntimeError> {
        Ok(images::distinct(&self.reach()?.images))
    }

    async fn pull_image(&self, reference: &str, _auth: Option<&RegistryAuth>) -> Result<Image, RuntimeError> {
        self.enter(SimOperation::PullImage, reference).await?;
        let image = images::named(reference);
        self.reach()?.images.insert(reference.to_owned(), image.clone());
        Ok(image)
    }

    async fn import_image(&self, import: &ImageImport) -> Result<Image, RuntimeError> {
        let image = images::imported(import);
        self.reach()?.images.insert(import.reference.clone(), image.clone());
        Ok(image)
    }

    async fn remove_image(&self, id: &str) -> Result<(), RuntimeError> {
        let mut state = self.reach()?;
        if state.containers.values().any(|container| container.status.image_id == id) {
            return Err(RuntimeError::InUse(id.to_owned()));
        }
        state.images.retain(|_, image| image.id != id);
        Ok(())
    }
}

impl SimRuntime {
    fn create(&self, sandbox: &SandboxId, spec: &ContainerSpec) -> Result<ContainerId, RuntimeError> {
        let mut state = self.reach()?;
        let home = state.sandboxes.get(sandbox).ok_or_else(|| no_sandbox(sandbox))?.clone();
        let same = |known: &&Container| {
            let known = &known.status;
            (&known.sandbox, &known.name, known.attempt) == (sandbox, &spec.name, spec.attempt)
        };
        if let Some(known) = state.containers.values().find(same) {
            return Ok(known.status.id.clone());
        }
        if home.state != SandboxState::Ready {
            let detail = format!("sandbox {sandbox} is not running");
            return Err(RuntimeError::State { operation: "create container", detail });
        }
        let image = state.images.get(&spec.image).ok_or_else(|| images::missing(&spec.image))?.id.clone();
        let id = ContainerId(self.engine.id());
        let status = ContainerStatus {
            id: id.clone(),
            sandbox: sandbox.clone(),
            pod: home.pod,
            name: spec.name.clone(),
            attempt: spec.attempt,
            image: spec.image.clone(),
            image_id: image,
            created_at: self.engine.env.now(),
            state: ContainerState::Created,
            labels: spec.labels.clone(),
        };
        let process = self.engine.script.process(spec);
        let container = Container { status, process, log: Vec::new(), changed: watch::Sender::new(()) };
        state.containers.insert(id.clone(), container);
        Ok(id)
    }

    fn running(&self, id: &ContainerId) -> Result<ContainerStatus, RuntimeError> {
        let state = self.reach()?;
        let container = state.containers.get(id).ok_or_else(|| no_container(id))?;
        match container.status.state {
            ContainerState::Running { .. } => Ok(container.status.clone()),
            ContainerState::Created | ContainerState::Exited(_) => {
                let detail = format!("container {id} is not running");
                Err(RuntimeError::State { operation: "reach into container", detail })
            }
        }
    }
}
