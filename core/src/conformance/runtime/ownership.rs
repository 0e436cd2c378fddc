//! Whose things are, and what a crash leaves.

use super::Program;
use super::kit::{GRACE, NODE, Site, patiently};
use crate::Environment;
use crate::runtime::{ContainerState, RuntimeError, SandboxState};

pub(super) async fn a_successor_lists_what_its_predecessor_made(site: &Site<'_>) {
    let sandbox = site.sandbox("web").await;
    site.run(&sandbox, "runs", Program::Waits).await;
    let ended = site.run(&sandbox, "ended", Program::Exits(3)).await;
    site.exit(&ended).await;
    site.create(&sandbox, &site.spec("made", Program::Waits)).await;
    let before = (
        site.runtime.sandboxes().await.expect("listed"),
        by_name(site.runtime.containers().await.expect("listed")),
    );
    let successor = site.rig.runtime(NODE).await;
    let after = (
        successor.sandboxes().await.expect("listed"),
        by_name(successor.containers().await.expect("listed")),
    );
    assert_eq!(after, before);
    let again = successor.run_sandbox(&site.sandbox_spec("web")).await.expect("it is there");
    assert_eq!(again, sandbox);
    successor.remove_sandbox(&sandbox).await.expect("what a predecessor made is removed");
    assert!(site.runtime.containers().await.expect("listed").is_empty());
}

fn by_name(mut containers: Vec<crate::runtime::ContainerStatus>) -> Vec<crate::runtime::ContainerStatus> {
    containers.sort_by(|a, b| a.name.cmp(&b.name));
    containers
}

pub(super) async fn another_node_sees_and_changes_nothing(site: &Site<'_>) {
    let sandbox = site.sandbox("web").await;
    let id = site.run(&sandbox, "main", Program::Waits).await;
    let neighbour = site.rig.runtime("two").await;
    assert!(neighbour.sandboxes().await.expect("listed").is_empty());
    assert!(neighbour.containers().await.expect("listed").is_empty());
    assert_eq!(neighbour.container(&id).await.expect("looked at"), None);
    assert_eq!(neighbour.sandbox(&sandbox).await.expect("looked at"), None);
    let made = neighbour.create_container(&sandbox, &site.spec("intruder", Program::Waits)).await;
    assert!(matches!(made, Err(RuntimeError::NotFound { .. })), "{made:?}");
    neighbour.stop_container(&id, GRACE).await.expect("it is not there");
    neighbour.remove_container(&id).await.expect("it is not there");
    neighbour.stop_sandbox(&sandbox).await.expect("it is not there");
    neighbour.remove_sandbox(&sandbox).await.expect("it is not there");
    assert!(matches!(site.status(&id).await.state, ContainerState::Running { .. }));
    let status = site.runtime.sandbox(&sandbox).await.expect("looked at").expect("it is there");
    assert_eq!(status.state, SandboxState::Ready);
}

pub(super) async fn a_dropped_call_may_be_repeated(site: &Site<'_>) {
    let env = Environment::system();
    let spec = site.sandbox_spec("web");
    // Given up after each of several times, at whatever step the call is by then.
    for milliseconds in [0, 1, 5, 20, 50, 100] {
        let limit = std::time::Duration::from_millis(milliseconds);
        drop(env.timeout(limit, site.runtime.run_sandbox(&spec)).await);
    }
    let sandbox = site.runtime.run_sandbox(&spec).await.expect("a sandbox is made");
    assert_eq!(site.runtime.sandboxes().await.expect("listed").len(), 1);
    let container = site.spec("main", Program::Waits);
    for milliseconds in [0, 1, 5, 20, 50] {
        let limit = std::time::Duration::from_millis(milliseconds);
        let work = async {
            let id = site.runtime.create_container(&sandbox, &container).await.expect("made");
            site.runtime.start_container(&id).await.expect("started");
        };
        // Whether it was done in time does not matter here.
        let (Ok(()) | Err(_)) = env.timeout(limit, work).await;
    }
    let id = patiently("a container runs", site.run_spec(&sandbox, &container)).await;
    assert!(matches!(site.status(&id).await.state, ContainerState::Running { .. }));
    assert_eq!(site.runtime.containers().await.expect("listed").len(), 1);
}
