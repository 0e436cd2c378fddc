//! What the cases are written with.

use std::sync::Arc;

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::{Binding, ConfigMap, Namespace, Node, Pod, Secret};
use serde_json::{Value, json};

use crate::Environment;
use crate::client::{
    ApiEvent, Client, DeleteOptions, Deletion, EventStream, ListOptions, ObjectList, Part, Patch, WatchFrom,
    WatchOptions, WriteOptions,
};
use crate::conformance::shared::PATIENCE;
pub(super) use crate::conformance::shared::together;
use crate::error::ApiError;
use crate::object::{Kind, Object, ObjectKey, Resource};
use crate::store::Revision;

/// What most cases are about: an object without a life of its own. Clusters put one into every namespace.
pub(super) const MAPS: Kind = Kind::of::<ConfigMap>();
/// What lists and watches are about: nobody puts one into a new namespace.
pub(super) const SECRETS: Kind = Kind::of::<Secret>();
pub(super) const PODS: Kind = Kind::of::<Pod>();
const NODES: Kind = Kind::of::<Node>();
pub(super) const NAMESPACES: Kind = Kind::of::<Namespace>();

/// A client, and a namespace that nobody else works in.
pub(super) struct Site {
    pub(super) client: Arc<dyn Client>,
    pub(super) namespace: String,
}

impl Site {
    pub(super) async fn new(client: Arc<dyn Client>) -> Self {
        let wanted = object::<Namespace>(json!({"metadata": {"generateName": "conformance-"}}));
        let created = client.create(&wanted, &WriteOptions::default()).await;
        let namespace = created.expect("an administrator creates namespaces").name().to_owned();
        Self { client, namespace }
    }

    /// Another namespace, whose name is this one's and more.
    pub(super) async fn sibling(&self, suffix: &str) -> Self {
        let namespace = format!("{}{suffix}", self.namespace);
        self.create(object::<Namespace>(json!({"metadata": {"name": namespace}}))).await;
        Self { client: self.client.clone(), namespace }
    }

    /// Deletes the namespace, which takes with it what is in there.
    pub(super) async fn leave(&self) {
        let key = ObjectKey::cluster(&self.namespace);
        let deleted = self.client.delete(NAMESPACES, &key, &DeleteOptions::default()).await;
        deleted.expect("an administrator deletes namespaces");
    }

    pub(super) fn key(&self, name: &str) -> ObjectKey {
        ObjectKey::namespaced(&self.namespace, name)
    }

    pub(super) fn map(&self, name: &str, text: &str) -> Object {
        object::<ConfigMap>(json!({"metadata": self.metadata(name), "data": {"key": text}}))
    }

    pub(super) fn secret(&self, name: &str, labels: Value) -> Object {
        let mut metadata = self.metadata(name);
        metadata["labels"] = labels;
        object::<Secret>(json!({"metadata": metadata}))
    }

    /// A pod that no scheduler cares for.
    pub(super) fn pod(&self, name: &str) -> Object {
        let spec = json!({"schedulerName": "nobody", "containers": [{"name": "main", "image": "example.com/none:1"}]});
        object::<Pod>(json!({"metadata": self.metadata(name), "spec": spec}))
    }

    pub(super) fn metadata(&self, name: &str) -> Value {
        json!({"name": name, "namespace": self.namespace})
    }

    /// Creates an object, which must work.
    pub(super) async fn create(&self, object: Object) -> Arc<Object> {
        self.client.create(&object, &WriteOptions::default()).await.expect("the object is in order")
    }

    /// Creates a node that nobody else puts pods on, since pods of nodes that do not exist are collected. The case
    /// removes it again.
    pub(super) async fn node(&self, suffix: &str) -> String {
        let name = format!("{}-{suffix}", self.namespace);
        self.create(object::<Node>(json!({"metadata": {"name": name}, "spec": {"unschedulable": true}})))
            .await;
        name
    }

    pub(super) async fn remove_node(&self, name: &str) {
        let deleted = self.client.delete(NODES, &ObjectKey::cluster(name), &DeleteOptions::default()).await;
        deleted.expect("an administrator deletes nodes");
    }

    /// Creates a secret without labels for each name.
    pub(super) async fn create_secrets(&self, names: &[&str]) {
        for name in names {
            self.create(self.secret(name, json!({}))).await;
        }
    }

    /// Reads an object, which must be there.
    pub(super) async fn get(&self, kind: Kind, name: &str) -> Arc<Object> {
        self.client.get(kind, &self.key(name)).await.expect("the object is there")
    }

    pub(super) async fn is_there(&self, kind: Kind, name: &str) -> bool {
        match self.client.get(kind, &self.key(name)).await {
            Ok(_) => true,
            Err(error) if error.is_not_found() => false,
            Err(error) => panic!("expected an object or none, got {error}"),
        }
    }

    pub(super) async fn try_patch(
        &self,
        kind: Kind,
        name: &str,
        patch: Patch,
    ) -> Result<Arc<Object>, ApiError> {
        self.client.patch(kind, &self.key(name), Part::Main, &patch, &WriteOptions::default()).await
    }

    /// Changes a part of an object by a merge patch, which must work.
    pub(super) async fn merge(&self, kind: Kind, name: &str, part: Part, change: Value) -> Arc<Object> {
        let merged =
            self.client.patch(kind, &self.key(name), part, &merge(change), &WriteOptions::default()).await;
        merged.expect("the change is in order")
    }

    /// Deletes an object, which must work.
    pub(super) async fn delete(&self, kind: Kind, name: &str, options: DeleteOptions) -> Deletion {
        self.client.delete(kind, &self.key(name), &options).await.expect("the object can be deleted")
    }

    /// Deletes an object that something must hold.
    pub(super) async fn mark(&self, kind: Kind, name: &str, options: DeleteOptions) -> Arc<Object> {
        match self.delete(kind, name, options).await {
            Deletion::Marked(object) => object,
            gone @ Deletion::Gone { .. } => panic!("something holds {name}, but {gone:?}"),
        }
    }

    pub(super) async fn bind(&self, name: &str, node: &str) -> Result<(), ApiError> {
        self.client.bind(&self.key(name), &binding(node, None)).await
    }

    /// What lists select when they select all of this namespace.
    pub(super) fn everything(&self) -> ListOptions {
        ListOptions::namespaced(&self.namespace)
    }

    /// Lists secrets, which must work.
    pub(super) async fn list(&self, options: ListOptions) -> ObjectList {
        self.client.list(SECRETS, &options).await.expect("the list is in order")
    }

    pub(super) fn from(&self, from: WatchFrom) -> WatchOptions {
        WatchOptions { namespace: Some(self.namespace.clone()), from, ..WatchOptions::default() }
    }

    pub(super) async fn watch(&self, kind: Kind, options: WatchOptions) -> Watching {
        Watching(self.client.watch(kind, &options).await.expect("the watch is in order"))
    }
}

/// An object of a kind, which must be one.
pub(super) fn object<K: Resource>(value: Value) -> Object {
    Object::from_value(Kind::of::<K>(), value).expect("the object is one of its kind")
}

pub(super) fn merge(change: Value) -> Patch {
    Patch::Merge(change.to_string().into())
}

pub(super) fn binding(node: &str, uid: Option<&str>) -> Binding {
    let binding = json!({"metadata": {"uid": uid}, "target": {"kind": "Node", "name": node}});
    serde_json::from_value(binding).expect("it is a binding")
}

/// The JSON of an object.
pub(super) fn value(object: &Object) -> Value {
    object.value().expect("an object has JSON")
}

/// The text of a config map.
pub(super) fn text(object: &Object) -> String {
    value(object)["data"]["key"].as_str().expect("the map has a text").to_owned()
}

pub(super) fn names(list: &ObjectList) -> Vec<&str> {
    list.items.iter().map(|item| item.name()).collect()
}

/// What went wrong, where something must.
pub(super) fn refused<T>(answer: Result<T, ApiError>) -> ApiError {
    answer.err().expect("it is refused")
}

/// A watch that must not make the case wait for ever.
pub(super) struct Watching(EventStream);

impl Watching {
    /// The next event; `None` at the end of the stream.
    pub(super) async fn event_or_end(&mut self) -> Option<ApiEvent> {
        let next = Environment::system().timeout(PATIENCE, self.0.next()).await;
        let item = next.expect("the watch has something to say in time")?;
        Some(item.expect("the watch goes on"))
    }

    /// The next event, which must come.
    pub(super) async fn event(&mut self) -> ApiEvent {
        self.event_or_end().await.expect("the watch goes on")
    }

    /// The next event in short, such as `ADDED web`.
    pub(super) async fn brief(&mut self) -> String {
        brief(&self.event().await)
    }

    /// The next event that is no bookmark, with its revision.
    pub(super) async fn change(&mut self) -> (ApiEvent, Revision) {
        loop {
            let event = self.event().await;
            if event.object().is_some() {
                let revision = event.revision();
                return (event, revision);
            }
        }
    }
}

pub(super) fn brief(event: &ApiEvent) -> String {
    match event {
        ApiEvent::Added(object) => format!("ADDED {}", object.name()),
        ApiEvent::Modified(object) => format!("MODIFIED {}", object.name()),
        ApiEvent::Deleted(object) => format!("DELETED {}", object.name()),
        ApiEvent::Bookmark { initial_events_end: true, .. } => "INITIAL END".to_owned(),
        ApiEvent::Bookmark { .. } => "BOOKMARK".to_owned(),
    }
}
