//! The state of a simulated engine: what a crash of the agent leaves behind.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{broadcast, watch};

use super::SimRuntime;
use super::script::{SimProcess, SimScript, StandardScript};
use crate::Environment;
use crate::runtime::{
    ContainerId, ContainerState, ContainerStatus, Exit, Image, LogChunk, Output, RuntimeEvent, SandboxId,
    SandboxState, SandboxStatus,
};

/// How many events a listener may be behind before it is told to list everything.
const EVENT_BUFFER: usize = 64;

/// Simulated container engines, one for each node name, that outlive the [`SimRuntime`]s that speak to them:
/// two runtimes for one node see the same sandboxes, as two agents that follow one another on a machine do.
/// Clones share the state.
#[derive(Clone)]
pub struct SimEngine {
    pub(super) env: Environment,
    pub(super) script: Arc<dyn SimScript>,
    nodes: Arc<Mutex<BTreeMap<String, Arc<Node>>>>,
}

impl SimEngine {
    /// Engines in which images do what their names say.
    pub fn new(env: Environment) -> Self {
        Self::with_script(env, StandardScript)
    }

    /// Engines in which things happen as the script says.
    pub fn with_script(env: Environment, script: impl SimScript) -> Self {
        Self { env, script: Arc::new(script), nodes: Arc::default() }
    }

    /// The engine of one node.
    pub fn runtime(&self, node: &str) -> SimRuntime {
        let mut nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        let node = nodes.entry(node.to_owned()).or_insert_with(|| Arc::new(Node::new()));
        SimRuntime::new(self.clone(), node.clone())
    }

    pub(super) fn id(&self) -> Arc<str> {
        let bytes = self.env.random_bytes::<32>();
        bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()
    }
}

/// One node's engine.
pub(super) struct Node {
    state: Mutex<State>,
    pub(super) events: broadcast::Sender<RuntimeEvent>,
}

pub(super) struct State {
    pub(super) reachable: bool,
    pub(super) sandboxes: BTreeMap<SandboxId, SandboxStatus>,
    pub(super) containers: BTreeMap<ContainerId, Container>,
    /// By reference.
    pub(super) images: BTreeMap<String, Image>,
}

pub(super) struct Container {
    pub(super) status: ContainerStatus,
    pub(super) process: SimProcess,
    pub(super) log: Vec<LogChunk>,
    /// Says that the status or the log changed.
    pub(super) changed: watch::Sender<()>,
}

impl Container {
    pub(super) fn has_exited(&self) -> bool {
        matches!(self.status.state, ContainerState::Exited(_))
    }

    fn write(&mut self, env: &Environment, bytes: Bytes) {
        self.log.push(LogChunk { time: env.now(), output: Output::Stdout(bytes) });
    }
}

impl Node {
    fn new() -> Self {
        let state = State {
            reachable: true,
            sandboxes: BTreeMap::new(),
            containers: BTreeMap::new(),
            images: BTreeMap::new(),
        };
        Self { state: Mutex::new(state), events: broadcast::Sender::new(EVENT_BUFFER) }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // Nothing between two changes of the state can panic, so a poisoned one is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn announce(&self, event: RuntimeEvent) {
        if self.events.receiver_count() > 0 {
            // The only error is that the last listener left meanwhile: nobody is owed the event.
            drop(self.events.send(event));
        }
    }

    /// Starts a container's process; what ends by itself gets a task that sees to it.
    pub(super) fn start(self: &Arc<Self>, env: &Environment, id: &ContainerId) {
        let mut state = self.state();
        let Some(container) = state.containers.get_mut(id) else { return };
        container.status.state = ContainerState::Running { started_at: env.now() };
        for line in container.process.output.clone() {
            container.write(env, format!("{line}\n").into());
        }
        container.changed.send_replace(());
        let event = RuntimeEvent::Container { id: id.clone(), sandbox: container.status.sandbox.clone() };
        let process = container.process.clone();
        drop(state);
        self.announce(event);
        if let Some(lifetime) = process.lifetime {
            self.end_later(env, id, lifetime, process.exit_code, process.out_of_memory);
        }
    }

    /// A container's process reads its input, which it writes again. None when it does not run.
    pub(super) fn echo(&self, env: &Environment, id: &ContainerId, input: Bytes) -> Option<()> {
        let mut state = self.state();
        let container = state.containers.get_mut(id).filter(|container| container.is_running())?;
        container.write(env, input);
        container.changed.send_replace(());
        Some(())
    }

    /// Ends a container's process after a while, unless it has ended by then.
    pub(super) fn end_later(
        self: &Arc<Self>,
        env: &Environment,
        id: &ContainerId,
        after: Duration,
        code: i32,
        oom: bool,
    ) {
        let (node, env, id) = (self.clone(), env.clone(), id.clone());
        let waiter = env.clone();
        // Detached: the container's own process, which no agent keeps alive.
        drop(waiter.spawn(async move {
            if !after.is_zero() {
                env.sleep(after).await;
            }
            node.end(&env, &id, code, oom, None);
        }));
    }

    /// Ends a container's process. One that has ended stays as it is.
    pub(super) fn end(
        &self,
        env: &Environment,
        id: &ContainerId,
        code: i32,
        oom_killed: bool,
        message: Option<String>,
    ) {
        let event = {
            let mut state = self.state();
            let Some(container) = state.containers.get_mut(id).filter(|container| !container.has_exited())
            else {
                return;
            };
            let started_at = match container.status.state {
                ContainerState::Running { started_at } => Some(started_at),
                ContainerState::Created | ContainerState::Exited(_) => None,
            };
            let exit = Exit { code, oom_killed, started_at, finished_at: env.now(), message };
            container.status.state = ContainerState::Exited(exit);
            container.changed.send_replace(());
            RuntimeEvent::Container { id: id.clone(), sandbox: container.status.sandbox.clone() }
        };
        self.announce(event);
    }

    /// Ends a sandbox and all that runs in it.
    pub(super) fn end_sandbox(&self, env: &Environment, id: &SandboxId) {
        let (stopped, running) = {
            let mut state = self.state();
            let ready = |sandbox: &SandboxStatus| sandbox.state == SandboxState::Ready;
            let stopped = state.sandboxes.get(id).is_some_and(ready);
            if let Some(sandbox) = state.sandboxes.get_mut(id) {
                sandbox.state = SandboxState::NotReady;
                sandbox.netns = None;
            }
            (stopped, state.containers_of(id, Container::is_running))
        };
        for container in running {
            self.end(env, &container, 137, false, None);
        }
        if stopped {
            self.announce(RuntimeEvent::Sandbox(id.clone()));
        }
    }
}

impl Container {
    fn is_running(&self) -> bool {
        matches!(self.status.state, ContainerState::Running { .. })
    }
}

impl State {
    /// The containers of a sandbox that are as wanted.
    pub(super) fn containers_of(
        &self,
        sandbox: &SandboxId,
        wanted: fn(&Container) -> bool,
    ) -> Vec<ContainerId> {
        let ours = |(_, container): &(&ContainerId, &Container)| {
            container.status.sandbox == *sandbox && wanted(container)
        };
        self.containers.iter().filter(ours).map(|(id, _)| id.clone()).collect()
    }
}
