//! What the tests share: a registry on a memory store, and objects.

use std::sync::Arc;
use std::time::Duration;

use bireme_core::Environment;
use bireme_core::client::{ApiEvent, Client, EventStream, Identity, WriteOptions};
use bireme_core::object::{Object, ObjectKey};
use bireme_core::store::MemoryStore;
use bireme_registry::{BootstrapOptions, DirectClient, Registry, RegistryOptions};
use futures::StreamExt;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod};
use serde_json::json;

pub struct Cluster {
    pub store: MemoryStore,
    pub env: Environment,
    pub registry: Arc<Registry>,
    pub client: DirectClient,
}

impl Cluster {
    pub async fn start() -> Cluster {
        let cluster = Cluster::on(MemoryStore::new()).await;
        cluster.registry.bootstrap(&BootstrapOptions::default()).await.unwrap();
        cluster
    }

    /// Another registry on a store that may have others.
    pub async fn on(store: MemoryStore) -> Cluster {
        Cluster::with(store, RegistryOptions::default()).await
    }

    pub async fn with(store: MemoryStore, options: RegistryOptions) -> Cluster {
        let env = Environment::simulated(7);
        let registry = Registry::open(Arc::new(store.clone()), env.clone(), options).await.unwrap();
        let client = DirectClient::new(registry.clone(), Identity::admin("admin"));
        Cluster { store, env, registry, client }
    }

    pub fn as_user(&self, identity: Identity) -> DirectClient {
        DirectClient::new(self.registry.clone(), identity)
    }

    pub async fn create(&self, object: Object) -> Arc<Object> {
        self.client.create(&object, &WriteOptions::default()).await.unwrap()
    }
}

pub fn config_map(name: &str, value: &str) -> Object {
    labelled_config_map(name, value, json!({}))
}

pub fn labelled_config_map(name: &str, value: &str, labels: serde_json::Value) -> Object {
    object::<ConfigMap>(json!({
        "metadata": {"name": name, "namespace": "default", "labels": labels},
        "data": {"key": value},
    }))
}

pub fn namespace(name: &str) -> Object {
    object::<Namespace>(json!({"metadata": {"name": name}}))
}

pub fn pod(name: &str) -> Object {
    object::<Pod>(json!({
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"containers": [{"name": "main", "image": "server:1"}]},
    }))
}

pub fn object<K: bireme_core::object::Resource>(value: serde_json::Value) -> Object {
    Object::from_value(bireme_core::object::Kind::of::<K>(), value).unwrap()
}

pub fn key(name: &str) -> ObjectKey {
    ObjectKey::namespaced("default", name)
}

/// The next event of a watch; a panic when none comes.
pub async fn next(stream: &mut EventStream) -> ApiEvent {
    let env = Environment::simulated(1);
    let item = env.timeout(Duration::from_secs(10), stream.next()).await.expect("an event comes");
    item.expect("the watch goes on").expect("no error")
}

/// What an event is, in short: `ADDED web`.
pub fn brief(event: &ApiEvent) -> String {
    match event {
        ApiEvent::Added(object) => format!("ADDED {}", object.name()),
        ApiEvent::Modified(object) => format!("MODIFIED {}", object.name()),
        ApiEvent::Deleted(object) => format!("DELETED {}", object.name()),
        ApiEvent::Bookmark { initial_events_end, .. } => {
            if *initial_events_end {
                "INITIAL END".to_owned()
            } else {
                "BOOKMARK".to_owned()
            }
        }
    }
}

pub fn binding(node: &str) -> k8s_openapi::api::core::v1::Binding {
    serde_json::from_value(json!({"metadata": {}, "target": {"kind": "Node", "name": node}})).unwrap()
}
