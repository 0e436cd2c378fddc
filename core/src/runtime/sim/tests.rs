//! The contract's promises, each on a runtime and a successor that is handed the same engine.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;

use super::*;
use crate::Environment;
use crate::object::ObjectKey;
use crate::runtime::{Exit, Output, PodIdentity};

const GRACE: Duration = Duration::from_secs(30);

/// Two connections to one node's engine, and one to another node's.
struct Rig {
    runtime: Arc<SimRuntime>,
    successor: Arc<dyn Runtime>,
}

fn rig() -> Rig {
    rig_with(StandardScript)
}

fn rig_with(script: impl SimScript) -> Rig {
    let engine = SimEngine::with_script(Environment::simulated(1), script);
    Rig { runtime: Arc::new(engine.runtime("one")), successor: Arc::new(engine.runtime("one")) }
}

fn sandbox_spec(uid: &str, attempt: u32) -> SandboxSpec {
    SandboxSpec {
        pod: PodIdentity { key: ObjectKey::namespaced("default", "web"), uid: uid.to_owned() },
        attempt,
        hostname: "web".to_owned(),
        host_network: false,
        host_pid: false,
        host_ipc: false,
        share_process_namespace: false,
        sysctls: Default::default(),
        labels: BTreeMap::new(),
    }
}

fn container_spec(image: &str, attempt: u32) -> ContainerSpec {
    ContainerSpec { name: "main".to_owned(), attempt, image: image.to_owned(), ..ContainerSpec::default() }
}

async fn created(runtime: &dyn Runtime, image: &str) -> (SandboxId, ContainerId) {
    let sandbox = runtime.run_sandbox(&sandbox_spec("u1", 0)).await.unwrap();
    runtime.pull_image(image, None).await.unwrap();
    let container = runtime.create_container(&sandbox, &container_spec(image, 0)).await.unwrap();
    (sandbox, container)
}

async fn running(runtime: &dyn Runtime, image: &str) -> (SandboxId, ContainerId) {
    let (sandbox, container) = created(runtime, image).await;
    runtime.start_container(&container).await.unwrap();
    (sandbox, container)
}

async fn exit_of(runtime: &dyn Runtime, id: &ContainerId) -> Exit {
    match runtime.container(id).await.unwrap().unwrap().state {
        ContainerState::Exited(exit) => exit,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_command_that_cannot_run_leaves_an_exited_container_that_never_started() {
    let Rig { runtime, .. } = rig();
    let (_, container) = created(&*runtime, "sim/broken").await;
    let error = runtime.start_container(&container).await.unwrap_err();
    assert!(matches!(error, RuntimeError::Start { .. }));
    let exit = exit_of(&*runtime, &container).await;
    assert_eq!((exit.code, exit.started_at), (128, None));
    assert!(exit.message.unwrap().contains("no such file"));
}

#[tokio::test(start_paused = true)]
async fn a_container_that_listens_ends_at_once_and_one_that_does_not_after_the_grace() {
    let rig = rig();
    let env = rig.runtime.engine.env.clone();
    let (sandbox, polite) = running(&*rig.runtime, "sim/run").await;
    let before = env.instant();
    rig.runtime.stop_container(&polite, GRACE).await.unwrap();
    assert_eq!(
        (env.instant().since(before), exit_of(&*rig.runtime, &polite).await.code),
        (Duration::ZERO, 0)
    );
    rig.runtime.pull_image("sim/stubborn", None).await.unwrap();
    let deaf = rig.runtime.create_container(&sandbox, &container_spec("sim/stubborn", 1)).await.unwrap();
    rig.runtime.start_container(&deaf).await.unwrap();
    rig.runtime.stop_container(&deaf, GRACE).await.unwrap();
    assert_eq!(env.instant().since(before), GRACE);
    assert_eq!(exit_of(&*rig.runtime, &deaf).await.code, 137);
}

#[tokio::test(start_paused = true)]
async fn stopping_a_sandbox_ends_its_containers_and_a_removed_one_takes_them_along() {
    let Rig { runtime, .. } = rig();
    let (sandbox, container) = running(&*runtime, "sim/stubborn").await;
    runtime.stop_sandbox(&sandbox).await.unwrap();
    assert_eq!(exit_of(&*runtime, &container).await.code, 137);
    let status = runtime.sandboxes().await.unwrap().remove(0);
    assert_eq!((status.state, status.netns), (SandboxState::NotReady, None));
    assert_eq!(
        runtime.sandbox(&sandbox).await.unwrap().map(|found| found.state),
        Some(SandboxState::NotReady)
    );
    let refused = runtime.create_container(&sandbox, &container_spec("sim/stubborn", 1)).await;
    assert!(matches!(refused, Err(RuntimeError::State { .. })));
    runtime.remove_sandbox(&sandbox).await.unwrap();
    assert_eq!(runtime.container(&container).await.unwrap(), None);
    assert_eq!(runtime.sandbox(&sandbox).await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn events_say_where_to_look_in_the_order_in_which_it_happened() {
    let Rig { runtime, .. } = rig();
    let events = runtime.events().await.unwrap();
    let (sandbox, container) = running(&*runtime, "sim/exit:3").await;
    runtime.stop_sandbox(&sandbox).await.unwrap();
    let about = RuntimeEvent::Container { id: container.clone(), sandbox: sandbox.clone() };
    let expected = [about.clone(), about, RuntimeEvent::Sandbox(sandbox)];
    assert_eq!(events.take(3).collect::<Vec<_>>().await, expected);
}

#[tokio::test(start_paused = true)]
async fn exit_codes_and_lifetimes_are_those_of_the_image() {
    let rig = rig();
    let env = rig.runtime.engine.env.clone();
    for (image, attempt, code, oom, after) in
        [("sim/exit:3", 0, 3, false, 0), ("sim/sleep:10s", 1, 0, false, 10), ("sim/oom", 2, 137, true, 0)]
    {
        let sandbox = rig.runtime.run_sandbox(&sandbox_spec("u1", 0)).await.unwrap();
        rig.runtime.pull_image(image, None).await.unwrap();
        let id = rig.runtime.create_container(&sandbox, &container_spec(image, attempt)).await.unwrap();
        rig.runtime.start_container(&id).await.unwrap();
        env.sleep(Duration::from_secs(after + 1)).await;
        let exit = exit_of(&*rig.runtime, &id).await;
        assert_eq!((exit.code, exit.oom_killed), (code, oom), "{image}");
        let ran = exit.finished_at.duration_since(exit.started_at.unwrap());
        assert_eq!(ran.as_secs(), after as i64, "{image}");
    }
}

struct Talker;

impl SimScript for Talker {
    fn process(&self, _spec: &ContainerSpec) -> SimProcess {
        let output = ["one", "two", "three"].map(str::to_owned).to_vec();
        SimProcess { output, ..SimProcess::job(Duration::from_secs(5), 0) }
    }
}

async fn text(log: LogStream) -> String {
    let chunks: Vec<_> = log.collect().await;
    let text = chunks.into_iter().map(|chunk| match chunk.unwrap().output {
        Output::Stdout(bytes) | Output::Stderr(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
    });
    text.collect()
}

#[tokio::test(start_paused = true)]
async fn a_followed_log_ends_when_the_container_has() {
    let rig = rig_with(Talker);
    let env = rig.runtime.engine.env.clone();
    let (_, container) = created(&*rig.runtime, "any").await;
    let follow = LogOptions { follow: true, ..LogOptions::default() };
    let log = rig.runtime.logs(&container, &follow).await.unwrap();
    rig.runtime.start_container(&container).await.unwrap();
    let before = env.instant();
    assert_eq!(text(log).await, "one\ntwo\nthree\n");
    assert_eq!(env.instant().since(before), Duration::from_secs(5));
    let tail = LogOptions { tail: Some(1), ..LogOptions::default() };
    assert_eq!(text(rig.runtime.logs(&container, &tail).await.unwrap()).await, "three\n");
}

#[tokio::test(start_paused = true)]
async fn exec_answers_with_the_commands_exit_code_and_echoes_its_input() {
    let Rig { runtime, .. } = rig();
    let (_, container) = running(&*runtime, "sim/run").await;
    let stdio = Stdio { stdin: true, stdout: true, ..Stdio::default() };
    let spec = ExecSpec { command: ["cat", "-"].map(str::to_owned).to_vec(), stdio };
    let session = runtime.exec(&container, &spec).await.unwrap();
    let stdin = session.stdin.unwrap();
    stdin.send("hello".into()).await.unwrap();
    drop(stdin);
    let output: Vec<_> = session.output.map(Result::unwrap).collect().await;
    assert_eq!(output, [Output::Stdout("-\n".into()), Output::Stdout("hello".into())]);
    assert_eq!(session.exit.await.unwrap(), 0);
    let spec = ExecSpec { command: ["exit", "7"].map(str::to_owned).to_vec(), stdio: Stdio::default() };
    assert_eq!(runtime.exec(&container, &spec).await.unwrap().exit.await.unwrap(), 7);
    runtime.stop_container(&container, GRACE).await.unwrap();
    assert!(matches!(runtime.exec(&container, &spec).await, Err(RuntimeError::State { .. })));
}

#[tokio::test(start_paused = true)]
async fn an_engine_out_of_reach_says_so_and_asks_for_a_listing_when_it_is_back() {
    let Rig { runtime, .. } = rig();
    let mut events = runtime.events().await.unwrap();
    runtime.set_reachable(false);
    assert!(matches!(runtime.containers().await, Err(RuntimeError::Unavailable { .. })));
    assert!(matches!(runtime.version().await, Err(RuntimeError::Unavailable { .. })));
    runtime.set_reachable(true);
    assert_eq!(events.next().await, Some(RuntimeEvent::Resync));
    assert!(runtime.containers().await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn images_come_by_pull_or_import_and_go_when_nothing_uses_them() {
    let Rig { runtime, .. } = rig();
    assert_eq!(runtime.image("sim/run").await.unwrap(), None);
    assert!(matches!(runtime.pull_image("sim/missing:1", None).await, Err(RuntimeError::Pull { .. })));
    let (_, container) = created(&*runtime, "sim/run").await;
    let image = runtime.image("sim/run").await.unwrap().unwrap();
    assert!(matches!(runtime.remove_image(&image.id).await, Err(RuntimeError::InUse(_))));
    runtime.remove_container(&container).await.unwrap();
    runtime.remove_image(&image.id).await.unwrap();
    assert!(runtime.images().await.unwrap().is_empty());
    let import = ImageImport {
        reference: "local/pause:1".to_owned(),
        layer: "tar".into(),
        entrypoint: vec!["/pause".to_owned()],
        command: vec![],
        env: vec![],
    };
    let first = runtime.import_image(&import).await.unwrap();
    assert_eq!(runtime.import_image(&import).await.unwrap(), first);
    assert_eq!(runtime.images().await.unwrap(), [first]);
}

struct Slow;

impl SimScript for Slow {
    fn latency(&self, operation: SimOperation, _subject: &str) -> Duration {
        if operation == SimOperation::RunSandbox { Duration::from_secs(3) } else { Duration::ZERO }
    }
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_can_be_repeated() {
    let rig = rig_with(Slow);
    let env = rig.runtime.engine.env.clone();
    let spec = sandbox_spec("u1", 0);
    let dropped = env.timeout(Duration::from_secs(1), rig.runtime.run_sandbox(&spec)).await;
    assert!(dropped.is_err());
    let id = rig.runtime.run_sandbox(&spec).await.unwrap();
    assert_eq!(rig.runtime.run_sandbox(&spec).await.unwrap(), id);
    assert_eq!(rig.runtime.sandboxes().await.unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn whoever_is_attached_sees_what_is_written_and_leaving_ends_nothing() {
    let rig = rig();
    let (_, container) = running(&*rig.runtime, "sim/run").await;
    let stdio = Stdio { stdin: true, stdout: true, ..Stdio::default() };
    let mut first = rig.runtime.attach(&container, stdio).await.unwrap();
    let mut second = rig.successor.attach(&container, stdio).await.unwrap();
    first.stdin.take().unwrap().send("hello".into()).await.unwrap();
    for session in [&mut first, &mut second] {
        assert_eq!(session.output.next().await.unwrap().unwrap(), Output::Stdout("hello".into()));
    }
    drop(first);
    let mut third = rig.runtime.attach(&container, stdio).await.unwrap();
    second.stdin.as_ref().unwrap().send("again".into()).await.unwrap();
    for session in [&mut second, &mut third] {
        assert_eq!(session.output.next().await.unwrap().unwrap(), Output::Stdout("again".into()));
    }
    rig.runtime.end_container(&container, 3);
    assert!(second.output.next().await.is_none());
    assert_eq!(second.exit.await.unwrap(), 3);
    assert!(rig.runtime.attach(&container, stdio).await.is_err());
}
