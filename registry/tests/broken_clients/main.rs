//! The proof of the client suite: clients with one fault each, and the case that finds it.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod faults;
mod reads;
mod watches;
mod writes;

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bireme_core::Environment;
use bireme_core::client::{
    Client, DeleteOptions, Deletion, EventStream, Identity, ListOptions, ObjectList, Part, Patch,
    WatchOptions, WriteOptions,
};
use bireme_core::conformance::client::{CASES, Rig, run};
use bireme_core::error::ApiError;
use bireme_core::object::{Kind, Object, ObjectKey};
use bireme_core::store::MemoryStore;
use bireme_registry::{BootstrapOptions, DirectClient, Registry, RegistryOptions};
use futures::FutureExt as _;
use k8s_openapi::api::core::v1::Binding;
use k8s_openapi::api::policy::v1::Eviction;

use faults::{FOUND_BY, Fault};

/// The direct client with a fault, or with none.
#[derive(Clone)]
struct Broken {
    inner: DirectClient,
    fault: Option<Fault>,
    /// What was read of each name before.
    read: Arc<Mutex<BTreeMap<ObjectKey, Arc<Object>>>>,
}

impl Broken {
    fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }
}

#[async_trait]
impl Client for Broken {
    async fn get(&self, kind: Kind, key: &ObjectKey) -> Result<Arc<Object>, ApiError> {
        reads::get(self, kind, key).await
    }

    async fn list(&self, kind: Kind, options: &ListOptions) -> Result<ObjectList, ApiError> {
        reads::list(self, kind, options).await
    }

    async fn watch(&self, kind: Kind, options: &WatchOptions) -> Result<EventStream, ApiError> {
        watches::watch(self, kind, options).await
    }

    async fn create(&self, object: &Object, options: &WriteOptions) -> Result<Arc<Object>, ApiError> {
        writes::create(self, object, options).await.map_err(|error| writes::spoilt(self, error))
    }

    async fn update(
        &self,
        object: &Object,
        part: Part,
        options: &WriteOptions,
    ) -> Result<Arc<Object>, ApiError> {
        writes::update(self, object, part, options).await.map_err(|error| writes::spoilt(self, error))
    }

    async fn patch(
        &self,
        kind: Kind,
        key: &ObjectKey,
        part: Part,
        patch: &Patch,
        options: &WriteOptions,
    ) -> Result<Arc<Object>, ApiError> {
        writes::patch(self, kind, key, part, patch, options)
            .await
            .map_err(|error| writes::spoilt(self, error))
    }

    async fn delete(
        &self,
        kind: Kind,
        key: &ObjectKey,
        options: &DeleteOptions,
    ) -> Result<Deletion, ApiError> {
        writes::delete(self, kind, key, options).await
    }

    async fn delete_collection(
        &self,
        kind: Kind,
        list: &ListOptions,
        options: &DeleteOptions,
    ) -> Result<Vec<Deletion>, ApiError> {
        writes::delete_collection(self, kind, list, options).await
    }

    async fn bind(&self, pod: &ObjectKey, binding: &Binding) -> Result<(), ApiError> {
        writes::bind(self, pod, binding).await
    }

    async fn evict(&self, pod: &ObjectKey, eviction: &Eviction) -> Result<(), ApiError> {
        let eviction =
            if self.has(Fault::EvictsWhateverHasTheName) { &Eviction::default() } else { eviction };
        self.inner.evict(pod, eviction).await
    }
}

#[async_trait]
impl Rig for Broken {
    async fn client(&self) -> Arc<dyn Client> {
        Arc::new(self.clone())
    }
}

/// Whether the case passes. Time is paused, so a case that waits in vain fails at once.
async fn passes(case: &str, fault: Option<Fault>) -> bool {
    let env = Environment::simulated(7);
    let registry =
        Registry::open(Arc::new(MemoryStore::new()), env, RegistryOptions::default()).await.unwrap();
    registry.bootstrap(&BootstrapOptions::default()).await.unwrap();
    let inner = DirectClient::new(registry, Identity::admin("admin"));
    let rig = Broken { inner, fault, read: Arc::default() };
    AssertUnwindSafe(run(case, &rig)).catch_unwind().await.is_ok()
}

#[tokio::test(start_paused = true)]
async fn a_client_without_fault_passes_every_case() {
    for case in CASES {
        assert!(passes(case.name, None).await, "{} fails", case.name);
    }
}

#[tokio::test(start_paused = true)]
async fn every_fault_fails_the_case_named_for_it() {
    let mut unnoticed = Vec::new();
    for (fault, case) in FOUND_BY {
        if passes(case, Some(*fault)).await {
            unnoticed.push((fault, case));
        }
    }
    assert!(unnoticed.is_empty(), "not found: {unnoticed:?}");
}
