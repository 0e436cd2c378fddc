//! The engine's events, across its restarts.

use std::time::Duration;

use bireme_core::Environment;
use bireme_core::runtime::{ContainerId, Marks, Role, RuntimeError, RuntimeEvent, RuntimeEvents, Scope};
use bollard::Docker;
use bollard::models::EventMessage;
use bollard::query_parameters::EventsOptionsBuilder;
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use tracing::warn;

use crate::status::labelled;
use crate::{DockerRuntime, sandbox};

/// How long to wait before the engine is asked again after it went away; doubles up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// What changes a container's or a sandbox's state.
const ACTIONS: &[&str] = &["start", "die", "oom", "destroy"];

type EngineEvents = BoxStream<'static, Result<EventMessage, bollard::errors::Error>>;

struct Subscription {
    docker: Docker,
    env: Environment,
    scope: Scope,
    events: EngineEvents,
}

/// Events from now on; `Resync` whenever some may have been missed.
pub(crate) fn subscribe(runtime: &DockerRuntime) -> RuntimeEvents {
    let events = open(&runtime.docker, &runtime.scope, &runtime.env);
    let subscription = Subscription {
        docker: runtime.docker.clone(),
        env: runtime.env.clone(),
        scope: runtime.scope.clone(),
        events,
    };
    stream::unfold(subscription, |mut subscription| async move {
        let event = subscription.next().await;
        Some((event, subscription))
    })
    .boxed()
}

/// The request is sent only when the stream is first polled, so the engine is asked to begin in the past.
fn open(docker: &Docker, scope: &Scope, env: &Environment) -> EngineEvents {
    let mut filters = labelled(scope.of_node(None));
    filters.insert("type".to_owned(), vec!["container".to_owned()]);
    filters.insert("event".to_owned(), ACTIONS.iter().map(|action| (*action).to_owned()).collect());
    let since = env.now().as_second().to_string();
    let options = EventsOptionsBuilder::new().since(&since).filters(&filters).build();
    docker.events(Some(options)).boxed()
}

/// Whether the engine remembers that a container's memory ran out. It remembers its last few hundred events.
pub(crate) async fn ran_out_of_memory(
    runtime: &DockerRuntime,
    id: &ContainerId,
    since: Timestamp,
) -> Result<bool, RuntimeError> {
    let mut filters = labelled(runtime.scope.of_node(None));
    filters.insert("container".to_owned(), vec![id.to_string()]);
    filters.insert("event".to_owned(), vec!["oom".to_owned()]);
    // An end in the past: the answer is what has happened, and waits for nothing.
    let (since, until) = (since.as_second().to_string(), runtime.env.now().as_second().to_string());
    let options = EventsOptionsBuilder::new().since(&since).until(&until).filters(&filters).build();
    let found = runtime.docker.events(Some(options)).try_next().await;
    Ok(found.map_err(runtime.failed("asking for past events"))?.is_some())
}

impl Subscription {
    async fn next(&mut self) -> RuntimeEvent {
        loop {
            match self.events.next().await {
                Some(Ok(message)) => {
                    if let Some(event) = translate(message) {
                        return event;
                    }
                }
                Some(Err(error)) => {
                    warn!(%error, "the container engine's event stream broke");
                    self.reopen().await;
                    return RuntimeEvent::Resync;
                }
                None => {
                    self.reopen().await;
                    return RuntimeEvent::Resync;
                }
            }
        }
    }

    /// Waits until the engine answers again, and begins a new stream before anybody lists.
    async fn reopen(&mut self) {
        let mut wait = FIRST_WAIT;
        while self.docker.ping().await.is_err() {
            self.env.sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
        self.events = open(&self.docker, &self.scope, &self.env);
    }
}

fn translate(message: EventMessage) -> Option<RuntimeEvent> {
    let actor = message.actor?;
    let (id, marks) = (actor.id?, Marks::read(&actor.attributes?)?);
    Some(match marks.role {
        Role::Sandbox => RuntimeEvent::Sandbox(sandbox::sandbox_id(&id)),
        Role::Container => RuntimeEvent::Container {
            id: ContainerId(id.into()),
            sandbox: sandbox::sandbox_id(&marks.sandbox),
        },
    })
}
