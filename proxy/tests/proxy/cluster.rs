//! An API for the tests, without a server.

use std::net::IpAddr;
use std::sync::Arc;

use bireme_core::Environment;
use bireme_core::cache::Informers;
use bireme_core::client::{Client as _, DeleteOptions, Identity, Part, WriteOptions};
use bireme_core::object::{Kind, Object, ObjectKey, Resource};
use bireme_core::store::{MemoryStore, Revision};
use bireme_registry::{BootstrapOptions, DirectClient, Registry, RegistryOptions};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use serde_json::{Value, json};

pub struct Cluster {
    pub env: Environment,
    pub informers: Informers,
    client: DirectClient,
}

impl Cluster {
    pub async fn start() -> Self {
        let env = Environment::system();
        let store = Arc::new(MemoryStore::new());
        let registry = Registry::open(store, env.clone(), RegistryOptions::default()).await.unwrap();
        registry.bootstrap(&BootstrapOptions::default()).await.unwrap();
        let client = DirectClient::new(registry, Identity::admin("admin"));
        let informers = Informers::new(env.clone(), Arc::new(client.clone()));
        Self { env, informers, client }
    }

    /// A service of the namespace `default`.
    pub async fn service(&self, name: &str, spec: Value) {
        self.create::<Service>(json!({"metadata": {"name": name, "namespace": "default"}, "spec": spec}))
            .await;
    }

    /// The endpoints of a service, all in one slice, in the place of any before.
    pub async fn endpoints(&self, service: &str, port: u16, addresses: &[IpAddr]) {
        let key = ObjectKey::namespaced("default", service);
        let slice = json!({
            "metadata": {
                "name": service, "namespace": "default", "labels": {"kubernetes.io/service-name": service},
            },
            "addressType": "IPv4",
            "ports": [{"port": port, "protocol": "TCP", "name": ""}],
            "endpoints": addresses.iter().map(|address| json!({"addresses": [address]})).collect::<Vec<_>>(),
        });
        let kind = Kind::of::<EndpointSlice>();
        if self.client.get(kind, &key).await.is_err() {
            self.create::<EndpointSlice>(slice).await;
            return;
        }
        let object = Object::from_value(kind, slice).unwrap();
        let written = self.client.update(&object, Part::Main, &WriteOptions::default()).await.unwrap();
        self.seen::<EndpointSlice>(written.revision()).await;
    }

    pub async fn delete_service(&self, name: &str) {
        let key = ObjectKey::namespaced("default", name);
        self.client.delete(Kind::of::<Service>(), &key, &DeleteOptions::default()).await.unwrap();
        let services = self.informers.of::<Service>();
        while services.cache().get(&key).is_some() {
            tokio::task::yield_now().await;
        }
    }

    async fn create<K: Resource>(&self, value: Value) {
        let object = Object::from_value(Kind::of::<K>(), value).unwrap();
        let written = self.client.create(&object, &WriteOptions::default()).await.unwrap();
        self.seen::<K>(written.revision()).await;
    }

    /// Waits until the caches have what was written.
    async fn seen<K: Resource>(&self, revision: Revision) {
        self.informers.of::<K>().wait_for(revision).await.unwrap();
    }
}
