//! Recording what happens to an object, for `kubectl describe` and `kubectl events`.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Event, EventSource, ObjectReference};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use serde_json::json;
use tokio::sync::mpsc;
use tracing::{debug, warn};

use crate::Environment;
use crate::client::{Client, ClientExt, Part, WriteOptions};
use crate::error::ApiError;
use crate::object::{Object, ObjectKey, Resource};

/// How many notes wait to be written; more are dropped, for an event is help and not truth.
const WAITING: usize = 1024;
/// How many events are remembered so that a repetition raises a count instead of making a new one.
const REMEMBERED: usize = 1024;

/// Whether an event is the ordinary course of things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Severity {
    /// It is.
    Normal,
    /// Somebody may want to look.
    Warning,
}

/// Something that happened to an object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Note {
    /// Whether it is the ordinary course of things.
    pub severity: Severity,
    /// Why, in one CamelCase word: `Scheduled`, `BackOff`.
    pub reason: String,
    /// What happened, in a sentence.
    pub message: String,
    subject: Subject,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Subject {
    api_version: String,
    kind: &'static str,
    namespace: Option<String>,
    name: String,
    uid: String,
    field_path: Option<String>,
}

impl Note {
    /// A note about an object.
    pub fn new(about: &Object, severity: Severity, reason: &str, message: impl Into<String>) -> Self {
        let subject = Subject {
            api_version: about.kind().api_version(),
            kind: about.kind().name(),
            namespace: about.namespace().map(Into::into),
            name: about.name().to_owned(),
            uid: about.uid().to_owned(),
            field_path: None,
        };
        Self { severity, reason: reason.to_owned(), message: message.into(), subject }
    }

    /// A note about a typed object.
    pub fn about<K: Resource>(
        object: &K,
        severity: Severity,
        reason: &str,
        message: impl Into<String>,
    ) -> Self {
        let meta = object.metadata().clone();
        let subject = Subject {
            api_version: K::API_VERSION.to_owned(),
            kind: K::KIND,
            namespace: meta.namespace,
            name: meta.name.unwrap_or_default(),
            uid: meta.uid.unwrap_or_default(),
            field_path: None,
        };
        Self { severity, reason: reason.to_owned(), message: message.into(), subject }
    }

    /// The same note about a part of the object, such as `spec.containers{web}`.
    pub fn at(mut self, field_path: impl Into<String>) -> Self {
        self.subject.field_path = Some(field_path.into());
        self
    }
}

/// Writes notes as `Event` objects, in a task of its own; equal notes raise one event's count.
///
/// Recording never waits and never fails: an event that cannot be written is logged and dropped.
#[derive(Clone)]
pub struct Recorder {
    sender: mpsc::Sender<Note>,
}

impl Recorder {
    /// A recorder for a component, such as `kubelet`, on a host. Its task ends with the last clone.
    pub fn start(env: &Environment, client: Arc<dyn Client>, component: &str, host: Option<&str>) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING);
        let writer = Writer {
            env: env.clone(),
            client,
            component: component.to_owned(),
            host: host.map(Into::into),
            known: HashMap::new(),
            order: VecDeque::new(),
        };
        env.spawn(writer.run(receiver));
        Self { sender }
    }

    /// Has a note written.
    pub fn record(&self, note: Note) {
        if let Err(error) = self.sender.try_send(note) {
            debug!(%error, "an event is dropped");
        }
    }
}

struct Known {
    key: ObjectKey,
    count: i32,
}

struct Writer {
    env: Environment,
    client: Arc<dyn Client>,
    component: String,
    host: Option<String>,
    known: HashMap<Note, Known>,
    order: VecDeque<Note>,
}

impl Writer {
    async fn run(mut self, mut notes: mpsc::Receiver<Note>) {
        while let Some(note) = notes.recv().await {
            if let Err(error) = self.write(&note).await {
                let (reason, message) = (&note.reason, &note.message);
                warn!(%error, reason, message, "an event could not be written");
            }
        }
    }

    async fn write(&mut self, note: &Note) -> Result<(), ApiError> {
        if let Some(known) = self.known.get_mut(note) {
            let patch = json!({"count": known.count + 1, "lastTimestamp": Time(self.env.now())});
            match self.client.merge::<Event>(&known.key, Part::Main, &patch, &WriteOptions::default()).await {
                Ok(_) => {
                    known.count += 1;
                    return Ok(());
                }
                // It has expired: the next one begins anew.
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error),
            }
        }
        let event = self.client.create_typed(self.event(note), &WriteOptions::default()).await?;
        let namespace = event.metadata.namespace.as_deref();
        let key = ObjectKey::new(namespace, event.metadata.name.as_deref().unwrap_or_default());
        self.remember(note.clone(), key);
        Ok(())
    }

    fn event(&self, note: &Note) -> Event {
        let Subject { api_version, kind, namespace, name, uid, field_path } = note.subject.clone();
        let now = Some(Time(self.env.now()));
        // Events about objects without a namespace are kept in `default`, as upstream's are.
        let event_namespace = namespace.clone().unwrap_or_else(|| "default".to_owned());
        let suffix = self.env.random_bytes::<8>().map(|byte| format!("{byte:02x}")).concat();
        Event {
            metadata: ObjectMeta {
                name: Some(format!("{name}.{suffix}")),
                namespace: Some(event_namespace),
                ..ObjectMeta::default()
            },
            involved_object: ObjectReference {
                api_version: Some(api_version),
                kind: Some(kind.to_owned()),
                namespace,
                name: Some(name),
                uid: Some(uid),
                field_path,
                resource_version: None,
            },
            type_: Some(format!("{:?}", note.severity)),
            reason: Some(note.reason.clone()),
            message: Some(note.message.clone()),
            source: Some(EventSource { component: Some(self.component.clone()), host: self.host.clone() }),
            reporting_component: Some(self.component.clone()),
            reporting_instance: self.host.clone(),
            first_timestamp: now.clone(),
            last_timestamp: now,
            count: Some(1),
            ..Event::default()
        }
    }

    fn remember(&mut self, note: Note, key: ObjectKey) {
        if self.known.insert(note.clone(), Known { key, count: 1 }).is_none() {
            self.order.push_back(note);
        }
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}
