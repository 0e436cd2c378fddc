//! Events.

use futures::StreamExt as _;

use super::Program;
use super::kit::{Site, patiently};
use crate::runtime::{ContainerState, RuntimeEvent, SandboxState};

pub(super) async fn events_tell_of_starts_and_ends(site: &Site<'_>) {
    let sandbox = site.sandbox("web").await;
    let mut events = site.runtime.events().await.expect("events are told");
    let id = site.run(&sandbox, "main", Program::Exits(0)).await;
    let about = RuntimeEvent::Container { id, sandbox: sandbox.clone() };
    let told = async {
        for _ in 0..2 {
            while events.next().await.expect("events do not end") != about {}
        }
    };
    patiently("a start and an end are told", told).await;
    site.runtime.stop_sandbox(&sandbox).await.expect("stopped");
    let told = async {
        while events.next().await.expect("events do not end") != RuntimeEvent::Sandbox(sandbox.clone()) {}
    };
    patiently("a sandbox's end is told", told).await;
    let status = site.runtime.sandbox(&sandbox).await.expect("looked at").expect("it is listed");
    assert_eq!(status.state, SandboxState::NotReady);
}

pub(super) async fn an_event_comes_after_what_it_tells_of(site: &Site<'_>) {
    let sandbox = site.sandbox("web").await;
    let mut events = site.runtime.events().await.expect("events are told");
    let id = site.run(&sandbox, "main", Program::Exits(4)).await;
    let about = RuntimeEvent::Container { id: id.clone(), sandbox };
    let seen = async {
        // Whoever looks with each event and never else has seen the end when events cease.
        loop {
            let event = events.next().await.expect("events do not end");
            if event == about
                && let ContainerState::Exited(exit) = site.status(&id).await.state
            {
                return exit.code;
            }
        }
    };
    assert_eq!(patiently("an end is seen with its event", seen).await, 4);
}
