//! The engine's events, across its restarts.

use std::time::Duration;

use bireme_core::Environment;
use bireme_core::runtime::{ContainerId, RuntimeError, RuntimeEvent, RuntimeEvents};
use containerd_client::events::{TaskDelete, TaskExit, TaskStart};
use containerd_client::services::v1::{PublishRequest, SubscribeRequest};
use containerd_client::types::Envelope;
use futures::{FutureExt as _, StreamExt as _, future, stream};
use prost::Message as _;
use tonic::{Status, Streaming};
use tracing::warn;

use crate::engine::{Engine, NAMESPACE};
use crate::{ContainerdRuntime, ids};

/// How long to wait before the engine is asked again after it went away; doubles up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// How long to wait before the first event is sent again, by which the engine shows that it sends events.
const AGAIN: Duration = Duration::from_millis(10);
/// How often that is done before the engine counts as hung.
const ATTEMPTS: usize = 3000;

struct Subscription {
    engine: Engine,
    env: Environment,
    node: String,
    events: Streaming<Envelope>,
}

/// Events from now on; `Resync` whenever some may have been missed.
pub(crate) async fn subscribe(runtime: &ContainerdRuntime) -> Result<RuntimeEvents, RuntimeError> {
    let (engine, env) = (runtime.engine.clone(), runtime.env.clone());
    let events = open(&engine, &env).await.map_err(runtime.engine.failed("asking for events"))?;
    let subscription = Subscription { engine, env, node: ids::of_node(&runtime.scope), events };
    let events = stream::unfold(subscription, |mut subscription| async move {
        let event = subscription.next().await;
        Some((event, subscription))
    });
    Ok(events.boxed())
}

/// The engine answers a subscription with its first event only, so one of our own is sent until it comes.
async fn open(engine: &Engine, env: &Environment) -> Result<Streaming<Envelope>, Status> {
    let token: String = env.random_bytes::<8>().iter().map(|byte| format!("{byte:02x}")).collect();
    let topic = format!("/bireme/{token}");
    let filters = vec![
        format!(r#"namespace=={NAMESPACE},topic~="^/tasks/(start|exit|delete)$""#),
        format!(r#"namespace=={NAMESPACE},topic=="{topic}""#),
    ];
    let mut client = engine.events();
    let mut subscribed = Box::pin(async move { client.subscribe(SubscribeRequest { filters }).await });
    for _ in 0..ATTEMPTS {
        let event = Some(prost_types::Any { type_url: "bireme.dev/Begin".to_owned(), ..Default::default() });
        let mut publisher = engine.events();
        let published = publisher.publish(PublishRequest { topic: topic.clone(), event });
        // Both at once: the answer may be on its way.
        let next = async {
            published.await?;
            env.sleep(AGAIN).await;
            Ok::<_, Status>(())
        };
        match future::select(&mut subscribed, next.boxed()).await {
            future::Either::Left((answer, _)) => return Ok(answer?.into_inner()),
            future::Either::Right((sent, _)) => sent?,
        }
    }
    Err(Status::deadline_exceeded("containerd tells no events"))
}

impl Subscription {
    async fn next(&mut self) -> RuntimeEvent {
        loop {
            match self.events.message().await {
                Ok(Some(envelope)) => {
                    if let Some(event) = translate(envelope, &self.node) {
                        return event;
                    }
                }
                Ok(None) => {
                    self.reopen().await;
                    return RuntimeEvent::Resync;
                }
                Err(error) => {
                    warn!(%error, "containerd's event stream broke");
                    self.reopen().await;
                    return RuntimeEvent::Resync;
                }
            }
        }
    }

    /// Waits until the engine answers again, and begins a new stream before anybody lists.
    async fn reopen(&mut self) {
        let mut wait = FIRST_WAIT;
        loop {
            match open(&self.engine, &self.env).await {
                Ok(events) => {
                    self.events = events;
                    return;
                }
                Err(_) => {
                    self.env.sleep(wait).await;
                    wait = (wait * 2).min(LONGEST_WAIT);
                }
            }
        }
    }
}

fn translate(envelope: Envelope, node: &str) -> Option<RuntimeEvent> {
    let event = envelope.event?.value;
    let event = event.as_slice();
    let id = match envelope.topic.as_str() {
        "/tasks/start" => TaskStart::decode(event).ok()?.container_id,
        "/tasks/delete" => TaskDelete::decode(event).ok()?.container_id,
        "/tasks/exit" => {
            let exit = TaskExit::decode(event).ok()?;
            // A further command in a container has an id of its own.
            (exit.id == exit.container_id).then_some(exit.container_id)?
        }
        _ => return None,
    };
    let (sandbox, is_container) = ids::sandbox_of(&id, node)?;
    Some(if is_container {
        RuntimeEvent::Container { id: ContainerId(id.into()), sandbox }
    } else {
        RuntimeEvent::Sandbox(sandbox)
    })
}
