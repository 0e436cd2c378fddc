//! Containers.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Program;
use super::kit::{GRACE, Site, exec};
use crate::Environment;
use crate::runtime::{
    ContainerId, ContainerSpec, ContainerState, LogOptions, RuntimeError, SandboxId, Stdio,
};

pub(super) async fn a_container_is_made_once(site: &Site<'_>) {
    let sandbox = site.sandbox("web").await;
    let spec = site.spec("main", Program::Waits);
    let first = site.create(&sandbox, &spec).await;
    assert_eq!(site.create(&sandbox, &spec).await, first);
    site.runtime.start_container(&first).await.expect("started");
    assert_eq!(site.create(&sandbox, &spec).await, first, "also when it runs");
    assert_eq!(site.runtime.containers().await.expect("listed").len(), 1);
}

pub(super) async fn a_container_of_another_attempt_is_another(site: &Site<'_>) {
    let sandbox = site.sandbox("web").await;
    let first = site.run(&sandbox, "main", Program::Exits(3)).await;
    site.exit(&first).await;
    let next = ContainerSpec { attempt: 1, ..site.spec("main", Program::Waits) };
    let next = site.run_spec(&sandbox, &next).await;
    let other = site.create(&sandbox, &site.spec("other", Program::Waits)).await;
    assert!(next != first && other != first && other != next);
    assert_eq!(site.status(&next).await.attempt, 1);
    assert!(matches!(site.status(&first).await.state, ContainerState::Exited(_)), "the first is still there");
}

pub(super) async fn a_container_needs_its_sandbox_and_its_image(site: &Site<'_>) {
    let spec = site.spec("main", Program::Waits);
    let nowhere = site.runtime.create_container(&SandboxId("ghost".into()), &spec).await;
    assert!(matches!(nowhere, Err(RuntimeError::NotFound { what: "sandbox", .. })), "{nowhere:?}");
    let sandbox = site.sandbox("web").await;
    let spec = ContainerSpec { image: "bireme.dev/absent:1".to_owned(), ..spec };
    let of_nothing = site.runtime.create_container(&sandbox, &spec).await;
    assert!(matches!(of_nothing, Err(RuntimeError::NotFound { what: "image", .. })), "{of_nothing:?}");
    assert!(site.runtime.containers().await.expect("listed").is_empty());
}

pub(super) async fn a_container_is_created_then_runs_then_has_exited(site: &Site<'_>) {
    let sandbox = site.sandbox("web").await;
    let id = site.create(&sandbox, &site.spec("main", Program::Waits)).await;
    assert_eq!(site.status(&id).await.state, ContainerState::Created);
    site.runtime.start_container(&id).await.expect("started");
    let ContainerState::Running { started_at } = site.status(&id).await.state else { panic!("it runs not") };
    site.runtime.stop_container(&id, GRACE).await.expect("stopped");
    let ContainerState::Exited(exit) = site.status(&id).await.state else { panic!("stopped, it runs") };
    assert_eq!(exit.started_at, Some(started_at));
}

pub(super) async fn what_has_ended_tells_its_code_and_times(site: &Site<'_>) {
    let sandbox = site.sandbox("web").await;
    for (name, code) in [("well", 0), ("badly", 3)] {
        let id = site.run(&sandbox, name, Program::Exits(code)).await;
        let exit = site.exit(&id).await;
        assert_eq!((exit.code, exit.oom_killed), (i32::from(code), false));
        assert!(exit.started_at.expect("it started") <= exit.finished_at);
        let again = site.exit(&id).await;
        assert_eq!(again, exit, "an end does not change");
    }
}

pub(super) async fn a_command_that_cannot_run_has_exited_without_a_start(site: &Site<'_>) {
    let sandbox = site.sandbox("web").await;
    let id = site.create(&sandbox, &site.spec("main", Program::IsAbsent)).await;
    let error = site.runtime.start_container(&id).await.expect_err("there is nothing to run");
    assert!(matches!(error, RuntimeError::Start { .. }), "{error:?}");
    let exit = site.exit(&id).await;
    assert!((126..=128).contains(&exit.code), "{exit:?}");
    assert_eq!(exit.started_at, None);
}

pub(super) async fn what_listens_ends_with_its_own_code(site: &Site<'_>) {
    let sandbox = site.sandbox("web").await;
    let id = site.run(&sandbox, "main", Program::Waits).await;
    let env = Environment::system();
    let before = env.instant();
    site.runtime.stop_container(&id, GRACE).await.expect("stopped");
    assert!(env.instant().since(before) < GRACE, "it was not waited for longer than it took");
    assert_eq!(site.exit(&id).await.code, 0);
}

pub(super) async fn what_does_not_listen_is_killed_after_the_grace(site: &Site<'_>) {
    let sandbox = site.sandbox("web").await;
    let id = site.run(&sandbox, "main", Program::IsDeaf).await;
    let env = Environment::system();
    let (before, grace) = (env.instant(), Duration::from_secs(2));
    site.runtime.stop_container(&id, grace).await.expect("stopped");
    assert!(env.instant().since(before) >= grace, "it had all of its time");
    assert_eq!(site.exit(&id).await.code, 137);
}

pub(super) async fn starting_stopping_and_removing_may_be_repeated(site: &Site<'_>) {
    let sandbox = site.sandbox("web").await;
    let id = site.run(&sandbox, "main", Program::Waits).await;
    site.runtime.start_container(&id).await.expect("what runs may be started");
    for _ in 0..2 {
        site.runtime.stop_container(&id, GRACE).await.expect("stopped");
    }
    for _ in 0..2 {
        site.runtime.remove_container(&id).await.expect("removed");
    }
    site.runtime.stop_container(&id, GRACE).await.expect("what is gone may be stopped");
    let running = site.run(&sandbox, "next", Program::Waits).await;
    site.runtime.remove_container(&running).await.expect("what runs may be removed");
    assert!(site.runtime.containers().await.expect("listed").is_empty());
}

pub(super) async fn what_a_specification_says_is_in_the_status(site: &Site<'_>) {
    let sandbox = site.sandbox("web").await;
    let spec = ContainerSpec {
        attempt: 2,
        labels: BTreeMap::from([("tier".to_owned(), "front".to_owned())]),
        ..site.spec("main", Program::Waits)
    };
    let id = site.create(&sandbox, &spec).await;
    let status = site.status(&id).await;
    assert_eq!((&status.id, &status.sandbox, &status.pod), (&id, &sandbox, &site.pod("web")));
    assert_eq!((status.name.as_str(), status.attempt, &status.image), ("main", 2, &spec.image));
    assert_eq!(status.labels, spec.labels);
    let image = site.runtime.image(&spec.image).await.expect("looked at").expect("it is there");
    assert_eq!(status.image_id, image.id);
    assert_eq!(site.runtime.containers().await.expect("listed"), [status]);
}

pub(super) async fn what_is_not_there_is_not_found(site: &Site<'_>) {
    let ghost = ContainerId("ghost".into());
    let runtime = &site.runtime;
    let not_found = |error: Option<RuntimeError>, what: &str| {
        assert!(matches!(error, Some(RuntimeError::NotFound { .. })), "{what}: {error:?}");
    };
    not_found(runtime.start_container(&ghost).await.err(), "start");
    not_found(runtime.logs(&ghost, &LogOptions::default()).await.err(), "logs");
    let command = exec(site.rig.command(Program::Exits(0)), false);
    not_found(runtime.exec(&ghost, &command).await.err(), "exec");
    let stdio = Stdio { stdout: true, ..Stdio::default() };
    not_found(runtime.attach(&ghost, stdio).await.err(), "attach");
    assert_eq!(runtime.container(&ghost).await.expect("looked at"), None);
    assert_eq!(runtime.sandbox(&SandboxId("ghost".into())).await.expect("looked at"), None);
    assert_eq!(runtime.stats(&ghost).await.expect("looked at"), None);
}
