//! Sandboxes.

use super::Program;
use super::kit::Site;
use crate::runtime::{ContainerState, SandboxSpec, SandboxState};

pub(super) async fn a_sandbox_is_made_once(site: &Site<'_>) {
    let first = site.sandbox("web").await;
    assert_eq!(site.sandbox("web").await, first);
    let all = site.runtime.sandboxes().await.expect("sandboxes are listed");
    assert_eq!(all.len(), 1);
    assert_eq!((&all[0].id, &all[0].pod, all[0].attempt), (&first, &site.pod("web"), 0));
    assert_eq!(all[0].state, SandboxState::Ready);
    let one = site.runtime.sandbox(&first).await.expect("a sandbox is looked at");
    assert_eq!(one.as_ref(), all.first());
}

pub(super) async fn a_sandbox_of_another_attempt_is_another(site: &Site<'_>) {
    let first = site.sandbox("web").await;
    let second = SandboxSpec { attempt: 1, ..site.sandbox_spec("web") };
    let second = site.runtime.run_sandbox(&second).await.expect("a sandbox is made");
    assert_ne!(first, second);
    let mut attempts: Vec<_> =
        site.runtime.sandboxes().await.expect("listed").iter().map(|s| s.attempt).collect();
    attempts.sort_unstable();
    assert_eq!(attempts, [0, 1]);
}

pub(super) async fn a_stopped_sandbox_has_ended_its_containers_and_is_listed(site: &Site<'_>) {
    let sandbox = site.sandbox("web").await;
    let id = site.run(&sandbox, "main", Program::IsDeaf).await;
    for _ in 0..2 {
        site.runtime.stop_sandbox(&sandbox).await.expect("a sandbox is stopped");
    }
    let ContainerState::Exited(exit) = site.status(&id).await.state else { panic!("it runs on") };
    assert_eq!(exit.code, 137, "killed at once");
    let status = site.runtime.sandbox(&sandbox).await.expect("looked at").expect("it is listed");
    assert_eq!((status.state, status.netns), (SandboxState::NotReady, None));
    let refused = site.runtime.create_container(&sandbox, &site.spec("next", Program::Waits)).await;
    // An engine may make the container and refuse to start it.
    if let Ok(id) = refused {
        assert!(site.runtime.start_container(&id).await.is_err(), "a container joins what is not there");
    }
}

pub(super) async fn a_removed_sandbox_takes_its_containers_along(site: &Site<'_>) {
    let sandbox = site.sandbox("web").await;
    let running = site.run(&sandbox, "one", Program::Waits).await;
    site.create(&sandbox, &site.spec("two", Program::Waits)).await;
    let other = site.sandbox("other").await;
    let stays = site.run(&other, "main", Program::Waits).await;
    for _ in 0..2 {
        site.runtime.remove_sandbox(&sandbox).await.expect("a sandbox is removed");
    }
    assert_eq!(site.runtime.sandbox(&sandbox).await.expect("looked at"), None);
    assert_eq!(site.runtime.container(&running).await.expect("looked at"), None);
    let left = site.runtime.containers().await.expect("containers are listed");
    assert_eq!(left.iter().map(|status| &status.id).collect::<Vec<_>>(), [&stays]);
}

pub(super) async fn a_sandbox_says_where_its_network_is(site: &Site<'_>) {
    let own = site.sandbox("own").await;
    let hosts = SandboxSpec { host_network: true, ..site.sandbox_spec("hosts") };
    let hosts = site.runtime.run_sandbox(&hosts).await.expect("a sandbox is made");
    for (id, has_its_own) in [(own, true), (hosts, false)] {
        let status = site.runtime.sandbox(&id).await.expect("looked at").expect("it is there");
        assert_eq!(status.netns.is_some(), has_its_own, "{status:?}");
    }
}
