//! What the cases are written with.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;

use super::{Program, Rig};
use crate::Environment;
use crate::conformance::shared::PATIENCE;
use crate::object::ObjectKey;
use crate::runtime::{
    ContainerId, ContainerSpec, ContainerState, ContainerStatus, ExecSpec, Exit, LogChunk, LogOptions,
    Output, PodIdentity, Runtime, SandboxId, SandboxSpec, Stdio,
};

/// How long what listens may take to end.
pub(super) const GRACE: Duration = Duration::from_secs(30);

/// The node of a test.
pub(super) const NODE: &str = "one";

/// A node, with the image that containers are made of.
pub(super) struct Site<'a> {
    pub(super) rig: &'a dyn Rig,
    pub(super) runtime: Arc<dyn Runtime>,
    /// Makes its pods' uids its own: no two pods have the same.
    mark: String,
}

impl<'a> Site<'a> {
    pub(super) async fn open(rig: &'a dyn Rig) -> Self {
        let runtime = rig.runtime(NODE).await;
        rig.bring_image(&*runtime).await;
        Self { rig, runtime, mark: Environment::system().uid() }
    }

    pub(super) fn pod(&self, name: &str) -> PodIdentity {
        PodIdentity { key: ObjectKey::namespaced("default", name), uid: format!("{name}-{}", self.mark) }
    }

    pub(super) fn sandbox_spec(&self, name: &str) -> SandboxSpec {
        SandboxSpec {
            pod: self.pod(name),
            attempt: 0,
            hostname: name.to_owned(),
            host_network: false,
            host_pid: false,
            host_ipc: false,
            share_process_namespace: false,
            sysctls: BTreeMap::new(),
            labels: BTreeMap::new(),
        }
    }

    pub(super) async fn sandbox(&self, pod: &str) -> SandboxId {
        self.runtime.run_sandbox(&self.sandbox_spec(pod)).await.expect("a sandbox is made")
    }

    pub(super) fn spec(&self, name: &str, program: Program) -> ContainerSpec {
        ContainerSpec { name: name.to_owned(), ..self.rig.container(program) }
    }

    pub(super) async fn create(&self, sandbox: &SandboxId, spec: &ContainerSpec) -> ContainerId {
        self.runtime.create_container(sandbox, spec).await.expect("a container is made")
    }

    pub(super) async fn run_spec(&self, sandbox: &SandboxId, spec: &ContainerSpec) -> ContainerId {
        let id = self.create(sandbox, spec).await;
        self.runtime.start_container(&id).await.expect("a container is started");
        id
    }

    pub(super) async fn run(&self, sandbox: &SandboxId, name: &str, program: Program) -> ContainerId {
        self.run_spec(sandbox, &self.spec(name, program)).await
    }

    pub(super) async fn status(&self, id: &ContainerId) -> ContainerStatus {
        let status = self.runtime.container(id).await.expect("a container is looked at");
        status.expect("the container is there")
    }

    /// Waits by the engine's events for a container's end.
    pub(super) async fn exit(&self, id: &ContainerId) -> Exit {
        let waiting = async {
            let mut events = self.runtime.events().await.expect("events are told");
            loop {
                if let ContainerState::Exited(exit) = self.status(id).await.state {
                    return exit;
                }
                events.next().await.expect("events do not end");
            }
        };
        patiently("a container's end is told", waiting).await
    }

    /// What a container that has ended wrote, line by line.
    pub(super) async fn log(&self, id: &ContainerId) -> Vec<LogChunk> {
        self.log_with(id, LogOptions::default()).await
    }

    pub(super) async fn log_with(&self, id: &ContainerId, options: LogOptions) -> Vec<LogChunk> {
        let log = self.runtime.logs(id, &options).await.expect("a log is read");
        patiently("a log ends", log.map(|chunk| chunk.expect("a log is read")).collect()).await
    }

    /// What a container's script writes to its output, once it has ended well.
    pub(super) async fn printed(&self, sandbox: &SandboxId, spec: &ContainerSpec) -> Vec<String> {
        let id = self.run_spec(sandbox, spec).await;
        let exit = self.exit(&id).await;
        let log = self.log(&id).await;
        assert_eq!(exit.code, 0, "{log:?}");
        log.into_iter().filter_map(|chunk| stdout_of(&chunk.output)).collect()
    }
}

/// Waits for what must happen.
pub(super) async fn patiently<T>(what: &str, work: impl Future<Output = T>) -> T {
    let done = Environment::system().timeout(PATIENCE, work).await;
    done.unwrap_or_else(|_| panic!("in {PATIENCE:?}, not: {what}"))
}

/// A line of output without its end; `None` for error output.
pub(super) fn stdout_of(output: &Output) -> Option<String> {
    match output {
        Output::Stdout(bytes) => {
            Some(String::from_utf8_lossy(bytes).trim_end_matches(['\r', '\n']).to_owned())
        }
        Output::Stderr(_) => None,
    }
}

pub(super) fn exec(command: Vec<String>, stdin: bool) -> ExecSpec {
    ExecSpec { command, stdio: Stdio { stdin, stdout: true, stderr: true, tty: false } }
}
