//! A client that is just enough of an API: objects in memory, a watch of them, a log, and refusals on demand.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt as _;
use futures::stream;
use k8s_openapi::api::core::v1::Binding;
use k8s_openapi::api::policy::v1::Eviction;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::Environment;
use crate::client::*;
use crate::error::{ApiError, Reason};
use crate::object::{Kind, Object, ObjectKey};
use crate::store::Revision;

type Refusal = dyn Fn(&str, &str) -> Option<ApiError> + Send + Sync;

#[derive(Clone, Default)]
pub(super) struct Fake(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: watch::Sender<()>,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<ObjectKey, Arc<Object>>,
    events: Vec<ApiEvent>,
    revision: u64,
    log: Vec<(String, String)>,
    refusal: Option<Box<Refusal>>,
    held_back: Duration,
}

impl Fake {
    /// Puts an object there, for everybody to see.
    pub(super) fn put(&self, object: &Object) {
        self.state().write(object.value().unwrap(), object.kind());
        self.0.changed.send_replace(());
    }

    /// From now on answers a verb on a name with the error that `refusal` says, if any.
    pub(super) fn refuse(&self, refusal: impl Fn(&str, &str) -> Option<ApiError> + Send + Sync + 'static) {
        self.state().refusal = Some(Box::new(refusal));
    }

    /// Delivers what happens so much later.
    pub(super) fn hold_back(&self, time: Duration) {
        self.state().held_back = time;
    }

    /// How often a verb was asked for.
    pub(super) fn count(&self, verb: &str) -> usize {
        self.log().iter().filter(|(asked, _)| asked == verb).count()
    }

    /// What was asked, as verb and name.
    pub(super) fn log(&self) -> Vec<(String, String)> {
        self.state().log.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap()
    }

    /// Notes the request, and refuses it if it is to be refused.
    fn ask(&self, verb: &str, name: &str) -> Result<MutexGuard<'_, State>, ApiError> {
        let mut state = self.state();
        state.log.push((verb.to_owned(), name.to_owned()));
        match state.refusal.as_ref().and_then(|refusal| refusal(verb, name)) {
            Some(error) => Err(error),
            None => Ok(state),
        }
    }

    /// The event at this place, once it has happened and time has passed.
    async fn event(&self, place: usize) -> ApiEvent {
        let mut changed = self.0.changed.subscribe();
        loop {
            let (event, wait) = {
                let state = self.state();
                (state.events.get(place).cloned(), state.held_back)
            };
            match event {
                Some(event) => {
                    // Only the passing of time is wanted of it.
                    Environment::simulated(0).sleep(wait).await;
                    return event;
                }
                None => changed.changed().await.expect("the fake outlives its watches"),
            }
        }
    }
}

impl State {
    fn write(&mut self, mut value: Value, kind: Kind) -> Arc<Object> {
        self.revision += 1;
        let metadata = &mut value["metadata"];
        if metadata["uid"].is_null() {
            metadata["uid"] = json!(format!("uid-{}", self.revision));
        }
        metadata["resourceVersion"] = json!(self.revision.to_string());
        let object = Arc::new(Object::from_value(kind, value).unwrap());
        self.objects.insert(object.key().clone(), object.clone());
        self.events.push(ApiEvent::Modified(object.clone()));
        object
    }
}

fn no<T>() -> Result<T, ApiError> {
    Err(ApiError::new(Reason::NotImplemented, "not part of the fake"))
}

fn merge(into: &mut Value, patch: Value) {
    match (into, patch) {
        (Value::Object(into), Value::Object(patch)) => {
            for (key, value) in patch {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, patch) => *into = patch,
    }
}

#[async_trait]
impl Client for Fake {
    async fn get(&self, kind: Kind, key: &ObjectKey) -> Result<Arc<Object>, ApiError> {
        let state = self.ask("get", key.name())?;
        state.objects.get(key).cloned().ok_or_else(|| ApiError::not_found(kind, key.name()))
    }

    async fn list(&self, _: Kind, _: &ListOptions) -> Result<ObjectList, ApiError> {
        let state = self.ask("list", "")?;
        Ok(ObjectList { revision: Revision(state.revision), ..ObjectList::default() })
    }

    async fn watch(&self, kind: Kind, _: &WatchOptions) -> Result<EventStream, ApiError> {
        let state = self.state();
        let objects = state.objects.values().filter(|object| object.kind() == kind);
        let mut begin: Vec<_> = objects.cloned().map(ApiEvent::Added).collect();
        begin.push(ApiEvent::Bookmark { revision: Revision(state.revision), initial_events_end: true });
        let follow = stream::unfold((self.clone(), state.events.len()), |(fake, place)| async move {
            let event = fake.event(place).await;
            Some((event, (fake, place + 1)))
        });
        let of_kind = move |event: &ApiEvent| {
            std::future::ready(event.object().is_none_or(|object| object.kind() == kind))
        };
        Ok(stream::iter(begin).chain(follow.filter(of_kind)).map(Ok).boxed())
    }

    async fn create(&self, object: &Object, _: &WriteOptions) -> Result<Arc<Object>, ApiError> {
        let asked = self.ask("create", object.name()).map(drop);
        if let Err(error) = &asked
            && error.reason() != Reason::Timeout
        {
            return Err(error.clone());
        }
        // A request that timed out was carried out all the same.
        let created = self.state().write(object.value()?, object.kind());
        self.0.changed.send_replace(());
        asked.map(|()| created)
    }

    async fn update(&self, _: &Object, _: Part, _: &WriteOptions) -> Result<Arc<Object>, ApiError> {
        no()
    }

    async fn patch(
        &self,
        kind: Kind,
        key: &ObjectKey,
        _: Part,
        patch: &Patch,
        _: &WriteOptions,
    ) -> Result<Arc<Object>, ApiError> {
        let Patch::Merge(patch) = patch else { return no() };
        let mut state = self.ask("patch", key.name())?;
        let Some(object) = state.objects.get(key) else { return Err(ApiError::not_found(kind, key.name())) };
        let mut value = object.value()?;
        merge(&mut value, serde_json::from_slice(patch).unwrap());
        let patched = state.write(value, kind);
        drop(state);
        self.0.changed.send_replace(());
        Ok(patched)
    }

    async fn delete(&self, kind: Kind, key: &ObjectKey, _: &DeleteOptions) -> Result<Deletion, ApiError> {
        let mut state = self.ask("delete", key.name())?;
        let Some(object) = state.objects.remove(key) else {
            return Err(ApiError::not_found(kind, key.name()));
        };
        state.revision += 1;
        let last = Arc::new(object.at_revision(Revision(state.revision)));
        state.events.push(ApiEvent::Deleted(last));
        drop(state);
        self.0.changed.send_replace(());
        // This API does not tell at which revision it is gone.
        Ok(Deletion::Gone { uid: object.uid().to_owned(), last: None })
    }

    async fn delete_collection(
        &self,
        _: Kind,
        _: &ListOptions,
        _: &DeleteOptions,
    ) -> Result<Vec<Deletion>, ApiError> {
        no()
    }

    async fn bind(&self, _: &ObjectKey, _: &Binding) -> Result<(), ApiError> {
        no()
    }

    async fn evict(&self, _: &ObjectKey, _: &Eviction) -> Result<(), ApiError> {
        no()
    }
}
