//! The adapter against the Docker Engine of this machine.
//!
//! Where there is no engine or no static busybox, every test says so and ends; `cargo xtask test` provides both.

#![allow(clippy::unwrap_used, reason = "tests")]

mod rig;
mod sessions;

use std::path::Path;
use std::time::Duration;

use bireme_core::Environment;
use bireme_core::runtime::{
    ContainerSpec, ContainerState, LogOptions, Mount, Output, Runtime, RuntimeError, RuntimeEvent,
    SandboxState,
};
use bireme_runtime_docker::{DockerRuntime, Scope};
use futures::StreamExt as _;

use rig::{IMAGE, Rig, SLEEP, busybox, connect, log, sandbox_spec, shell, stdout};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_may_be_repeated() {
    let Some(rig) = Rig::start().await else { return };
    let sandbox = rig.sandbox("again").await;
    assert_eq!(rig.sandbox("again").await, sandbox);
    let spec = shell("main", SLEEP);
    let id = rig.run(&sandbox, &spec).await;
    assert_eq!(rig.run(&sandbox, &spec).await, id);
    for _ in 0..2 {
        rig.runtime.stop_container(&id, Duration::from_secs(5)).await.unwrap();
    }
    let ContainerState::Exited(exit) = rig.state(&id).await else { panic!("still running") };
    assert_eq!(exit.code, 7, "the stop signal came before the kill");
    for _ in 0..2 {
        rig.runtime.remove_container(&id).await.unwrap();
        rig.runtime.stop_sandbox(&sandbox).await.unwrap();
    }
    assert_eq!(rig.runtime.sandboxes().await.unwrap()[0].state, SandboxState::NotReady);
    for _ in 0..2 {
        rig.runtime.remove_sandbox(&sandbox).await.unwrap();
    }
    rig.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_successor_lists_everything_back_and_another_node_sees_nothing() {
    let Some(rig) = Rig::start().await else { return };
    let sandbox = rig.sandbox("kept").await;
    let id = rig.run(&sandbox, &ContainerSpec { attempt: 2, ..shell("main", SLEEP) }).await;

    let successor = connect(&rig.scope).await;
    let sandboxes = successor.sandboxes().await.unwrap();
    assert_eq!((sandboxes.len(), &sandboxes[0].id), (1, &sandbox));
    assert_eq!(sandboxes[0].pod, sandbox_spec("kept").pod);
    assert!(sandboxes[0].netns.as_ref().unwrap().exists());
    let containers = successor.containers().await.unwrap();
    let [one] = containers.as_slice() else { panic!("{containers:?}") };
    assert_eq!((&one.id, &one.sandbox, one.name.as_str(), one.attempt), (&id, &sandbox, "main", 2));
    assert!(matches!(one.state, ContainerState::Running { .. }));

    let stranger = connect(&Scope { node: "n2".into(), ..rig.scope.clone() }).await;
    assert!(stranger.containers().await.unwrap().is_empty());
    assert!(stranger.container(&id).await.unwrap().is_none());
    assert!(matches!(
        stranger.create_container(&sandbox, &shell("x", "")).await,
        Err(RuntimeError::NotFound { .. })
    ));
    rig.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn containers_of_a_sandbox_share_its_network_and_host_name_and_not_the_nodes() {
    let Some(rig) = Rig::start().await else { return };
    let sandbox = rig.sandbox("shared").await;
    let script = "cat /etc/hostname; readlink /proc/self/ns/net; hostname";
    let mut seen = Vec::new();
    for name in ["one", "two"] {
        let id = rig.run(&sandbox, &shell(name, script)).await;
        assert_eq!(rig.exit(&id).await.code, 0);
        seen.push(log(&rig, &id, LogOptions::default()).await);
    }
    assert_eq!(seen[0], seen[1]);
    let own = std::fs::read_link("/proc/self/ns/net").unwrap();
    assert_ne!(seen[0][1], Output::Stdout(format!("{}\n", own.display()).into()));
    assert_eq!(seen[0][2], stdout("shared\n"));
    rig.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn how_a_container_ended_is_told() {
    let Some(rig) = Rig::start().await else { return };
    let sandbox = rig.sandbox("ends").await;
    let failed = rig.run(&sandbox, &shell("fails", "exit 3")).await;
    let exit = rig.exit(&failed).await;
    assert_eq!((exit.code, exit.oom_killed), (3, false));
    assert!(exit.started_at.unwrap() <= exit.finished_at);

    // Docker 20.10 can lose the notice that memory ran out, so only the end itself is certain.
    let mut hungry = shell("hungry", "x=a; while :; do x=$x$x$x; done");
    hungry.resources.memory_limit_bytes = Some(16 << 20);
    let hungry = rig.run(&sandbox, &hungry).await;
    assert_eq!(rig.exit(&hungry).await.code, 137);

    let absent = ContainerSpec { command: vec!["/no/such/program".into()], ..shell("absent", "") };
    let absent = rig.runtime.create_container(&sandbox, &absent).await.unwrap();
    assert!(matches!(rig.runtime.start_container(&absent).await, Err(RuntimeError::Start { .. })));
    let ContainerState::Exited(exit) = rig.state(&absent).await else { panic!("not exited") };
    assert_eq!((exit.code, exit.started_at), (127, None));
    rig.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_tell_where_to_look() {
    let Some(rig) = Rig::start().await else { return };
    let sandbox = rig.sandbox("events").await;
    let mut events = rig.runtime.events().await.unwrap();
    let id = rig.run(&sandbox, &shell("main", "exit 0")).await;
    let about = RuntimeEvent::Container { id: id.clone(), sandbox: sandbox.clone() };
    let mut seen = 0;
    while seen < 2 {
        seen += usize::from(events.next().await.unwrap() == about);
    }
    assert!(matches!(rig.state(&id).await, ContainerState::Exited(_)), "start and die have been told");
    rig.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mounts_environment_and_user_arrive() {
    let Some(rig) = Rig::start().await else { return };
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "content\n").unwrap();
    let sandbox = rig.sandbox("spec").await;
    let mut spec =
        shell("main", "cat /mnt/file; echo $GREETING; id -u; id -g; touch /mnt/x || echo read-only");
    spec.env = vec![("GREETING".into(), "hello = world".into())];
    spec.mounts = vec![Mount { source: folder.path().into(), target: "/mnt".into(), read_only: true }];
    spec.user =
        Some(bireme_core::runtime::ContainerUser { uid: Some(1000), gid: Some(2000), ..Default::default() });
    let id = rig.run(&sandbox, &spec).await;
    assert_eq!(rig.exit(&id).await.code, 0);
    let lines: Vec<Output> = log(&rig, &id, LogOptions::default())
        .await
        .into_iter()
        .filter(|line| matches!(line, Output::Stdout(_)))
        .collect();
    let expected = ["content\n", "hello = world\n", "1000\n", "2000\n", "read-only\n"].map(stdout);
    assert_eq!(lines, expected);
    rig.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_is_done_once_and_a_missing_image_is_told() {
    let Some(rig) = Rig::start().await else { return };
    let first = rig.runtime.import_image(&busybox()).await.unwrap();
    assert_eq!(rig.runtime.import_image(&busybox()).await.unwrap(), first);
    assert!(first.references.contains(&IMAGE.to_owned()), "{first:?}");
    let absent = "bireme.dev/absent:1";
    assert!(rig.runtime.image(absent).await.unwrap().is_none());
    let sandbox = rig.sandbox("images").await;
    let spec = ContainerSpec { image: absent.into(), ..shell("main", "") };
    let error = rig.runtime.create_container(&sandbox, &spec).await.unwrap_err();
    assert!(matches!(error, RuntimeError::NotFound { what: "image", .. }), "{error}");
    rig.finish().await;
}

#[tokio::test]
async fn an_absent_engine_is_a_clear_error() {
    let scope = Scope { cluster: "c".into(), node: "n".into() };
    let error = DockerRuntime::connect(Path::new("/nowhere/docker.sock"), scope, Environment::system()).await;
    let error = error.err().unwrap();
    assert_eq!(error.to_string(), "the container engine is not reachable at /nowhere/docker.sock");
}
