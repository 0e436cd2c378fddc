//! The agent is killed at any moment and started again: everything ends as if it had not been.

use std::sync::Arc;
use std::time::Duration;

use crate::common::{Rig, is_ready, reported, running};
use async_trait::async_trait;
use bireme_core::Environment;
use bireme_core::network::PodNetwork;
use bireme_core::runtime::{
    ContainerId, ContainerSpec, ContainerState, ContainerStats, ContainerStatus, ExecSession, ExecSpec,
    Image, ImageImport, LogOptions, LogStream, RegistryAuth, Runtime, RuntimeError, RuntimeEvents,
    RuntimeVersion, SandboxId, SandboxSpec, SandboxStatus, SimOperation, SimRuntime, SimScript, Stdio,
};
use serde_json::{Value, json};

/// Every step takes its time, so that there is something to interrupt.
struct Slow;

impl SimScript for Slow {
    fn latency(&self, operation: SimOperation, _subject: &str) -> Duration {
        Duration::from_millis(match operation {
            SimOperation::PullImage => 300,
            _ => 100,
        })
    }
}

/// An engine whose calls go on when the caller is gone, as those of a daemon do.
struct Daemon(SimRuntime, Environment);

impl Daemon {
    async fn go_on<T: Send + 'static>(&self, call: impl Future<Output = T> + Send + 'static) -> T {
        self.1.spawn(call).await.unwrap()
    }
}

#[async_trait]
impl Runtime for Daemon {
    async fn version(&self) -> Result<RuntimeVersion, RuntimeError> {
        self.0.version().await
    }
    async fn run_sandbox(&self, spec: &SandboxSpec) -> Result<SandboxId, RuntimeError> {
        let (sim, spec) = (self.0.clone(), spec.clone());
        self.go_on(async move { sim.run_sandbox(&spec).await }).await
    }
    async fn stop_sandbox(&self, id: &SandboxId) -> Result<(), RuntimeError> {
        self.0.stop_sandbox(id).await
    }
    async fn remove_sandbox(&self, id: &SandboxId) -> Result<(), RuntimeError> {
        self.0.remove_sandbox(id).await
    }
    async fn sandboxes(&self) -> Result<Vec<SandboxStatus>, RuntimeError> {
        self.0.sandboxes().await
    }
    async fn create_container(
        &self,
        sandbox: &SandboxId,
        spec: &ContainerSpec,
    ) -> Result<ContainerId, RuntimeError> {
        let (sim, sandbox, spec) = (self.0.clone(), sandbox.clone(), spec.clone());
        self.go_on(async move { sim.create_container(&sandbox, &spec).await }).await
    }
    async fn start_container(&self, id: &ContainerId) -> Result<(), RuntimeError> {
        let (sim, id) = (self.0.clone(), id.clone());
        self.go_on(async move { sim.start_container(&id).await }).await
    }
    async fn stop_container(&self, id: &ContainerId, grace: Duration) -> Result<(), RuntimeError> {
        let (sim, id) = (self.0.clone(), id.clone());
        self.go_on(async move { sim.stop_container(&id, grace).await }).await
    }
    async fn remove_container(&self, id: &ContainerId) -> Result<(), RuntimeError> {
        self.0.remove_container(id).await
    }
    async fn containers(&self) -> Result<Vec<ContainerStatus>, RuntimeError> {
        self.0.containers().await
    }
    async fn container(&self, id: &ContainerId) -> Result<Option<ContainerStatus>, RuntimeError> {
        self.0.container(id).await
    }
    async fn events(&self) -> Result<RuntimeEvents, RuntimeError> {
        self.0.events().await
    }
    async fn logs(&self, id: &ContainerId, options: &LogOptions) -> Result<LogStream, RuntimeError> {
        self.0.logs(id, options).await
    }
    async fn exec(&self, id: &ContainerId, spec: &ExecSpec) -> Result<ExecSession, RuntimeError> {
        self.0.exec(id, spec).await
    }
    async fn attach(&self, id: &ContainerId, stdio: Stdio) -> Result<ExecSession, RuntimeError> {
        self.0.attach(id, stdio).await
    }
    async fn stats(&self, id: &ContainerId) -> Result<Option<ContainerStats>, RuntimeError> {
        self.0.stats(id).await
    }
    async fn image(&self, reference: &str) -> Result<Option<Image>, RuntimeError> {
        self.0.image(reference).await
    }
    async fn images(&self) -> Result<Vec<Image>, RuntimeError> {
        self.0.images().await
    }
    async fn pull_image(&self, reference: &str, auth: Option<&RegistryAuth>) -> Result<Image, RuntimeError> {
        self.0.pull_image(reference, auth).await
    }
    async fn import_image(&self, import: &ImageImport) -> Result<Image, RuntimeError> {
        self.0.import_image(import).await
    }
    async fn remove_image(&self, id: &str) -> Result<(), RuntimeError> {
        self.0.remove_image(id).await
    }
}

async fn rig(lost_answers: bool) -> Rig {
    let mut rig = Rig::with_script(Slow).await;
    if lost_answers {
        rig.given = Arc::new(Daemon(rig.runtime.clone(), rig.env.clone()));
    }
    rig
}

fn with_init() -> Value {
    json!({
        "initContainers": [
            {"name": "init", "image": "sim/sleep:1s"},
            {"name": "side", "image": "sim/run", "restartPolicy": "Always"},
        ],
        "containers": [{"name": "main", "image": "sim/run"}, {"name": "other", "image": "sim/run"}],
    })
}

#[tokio::test(start_paused = true)]
async fn a_start_that_is_interrupted_anywhere_is_completed_once() {
    for lost_answers in [false, true] {
        for step in 0..30 {
            let rig = rig(lost_answers).await;
            let kubelet = rig.start();
            rig.create("web", with_init()).await;
            rig.env.sleep(Duration::from_millis(step * 100)).await;
            kubelet.kill().await;
            rig.env.sleep(Duration::from_millis(150)).await;
            let successor = rig.start();
            let pod = rig.until("web", is_ready).await;
            rig.sleep(30).await;
            let containers = rig.containers("web").await;
            let names: Vec<_> = containers.iter().map(|found| (found.name.as_str(), found.attempt)).collect();
            let mut expected = [("init", 0), ("side", 0), ("main", 0), ("other", 0)];
            expected.sort();
            let mut sorted = names.clone();
            sorted.sort();
            assert_eq!(sorted, expected, "killed after {} ms, lost answers: {lost_answers}", step * 100);
            assert_eq!((rig.sandboxes().await, reported(&pod, "main").restart_count), (1, 0));
            assert_eq!(rig.network.attachments().await.unwrap().len(), 1);
            successor.kill().await;
            rig.informers.stop().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_end_that_is_interrupted_anywhere_is_completed() {
    for lost_answers in [false, true] {
        for step in 0..20 {
            let rig = rig(lost_answers).await;
            let kubelet = rig.start();
            rig.create("web", running("sim/stubborn")).await;
            rig.until("web", is_ready).await;
            rig.delete("web", Some(3)).await;
            rig.env.sleep(Duration::from_millis(step * 200)).await;
            kubelet.kill().await;
            let successor = rig.start();
            rig.until_gone("web").await;
            successor.kill().await;
            rig.informers.stop().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_restarts_because_the_agent_does() {
    let rig = Rig::new().await;
    let mut kubelet = rig.start();
    let mut spec = running("sim/run");
    spec["containers"][0]["readinessProbe"] = json!({"exec": {"command": ["true"]}, "periodSeconds": 5});
    rig.create("web", spec).await;
    rig.create("crash", running("sim/exit:1")).await;
    rig.until("web", is_ready).await;
    rig.sleep(100).await;
    let before = (rig.containers("web").await, rig.containers("crash").await);
    for _ in 0..5 {
        kubelet.kill().await;
        let web = rig.pod("web").await.unwrap();
        kubelet = rig.start();
        rig.sleep(2).await;
        let after = rig.pod("web").await.unwrap();
        assert_eq!(
            after.metadata.resource_version, web.metadata.resource_version,
            "not even for a moment unready"
        );
    }
    assert_eq!(
        (rig.containers("web").await, rig.containers("crash").await),
        before,
        "the back-off goes on too"
    );
}

#[tokio::test(start_paused = true)]
async fn what_happened_without_the_agent_is_told_and_made_good() {
    let rig = Rig::new().await;
    let kubelet = rig.start();
    rig.create("web", running("sim/run")).await;
    rig.until("web", is_ready).await;
    kubelet.kill().await;
    let id = rig.containers("web").await[0].id.clone();
    rig.runtime.end_container(&id, 7);
    rig.sleep(60).await;
    let _successor = rig.start();
    let pod = rig.until("web", |pod| is_ready(pod) && reported(pod, "main").restart_count == 1).await;
    let last = reported(&pod, "main").last_state.clone().unwrap().terminated.unwrap();
    assert_eq!(last.exit_code, 7);
}

#[tokio::test(start_paused = true)]
async fn what_is_left_of_a_pod_that_is_gone_is_removed() {
    let rig = Rig::new().await;
    let kubelet = rig.start();
    for name in ["gone", "stays"] {
        rig.create(name, running("sim/run")).await;
        rig.until(name, is_ready).await;
    }
    kubelet.kill().await;
    rig.delete("gone", Some(0)).await;
    let stays = rig.containers("stays").await;
    let _successor = rig.start();
    rig.sleep(60).await;
    assert!(rig.containers("gone").await.is_empty());
    assert_eq!(rig.containers("stays").await, stays);
    assert_eq!((rig.sandboxes().await, rig.network.attachments().await.unwrap().len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_was_out_of_reach_is_looked_at_again() {
    let rig = Rig::new().await;
    let _kubelet = rig.start();
    rig.create("web", running("sim/run")).await;
    rig.until("web", is_ready).await;
    rig.runtime.set_reachable(false);
    rig.create("late", running("sim/run")).await;
    rig.sleep(30).await;
    rig.runtime.set_reachable(true);
    rig.until("late", is_ready).await;
    let web = rig.containers("web").await;
    assert_eq!((web.len(), matches!(web[0].state, ContainerState::Running { .. })), (1, true));
}
