//! What a client hears when the store refuses, and what happens between a check and its commit.

use std::sync::Arc;

use async_trait::async_trait;
use bireme_core::client::{Client, DeleteOptions, Deletion, WatchFrom, WatchOptions, WriteOptions};
use bireme_core::error::Reason;
use bireme_core::object::{Kind, ObjectKey};
use bireme_core::store::{
    Commit, Key, Limits, MemoryStore, Operation, RangeRequest, RangeResponse, Revision, Store, StoreError,
    WatchStream,
};
use bireme_core::{Environment, client::Identity};
use bireme_registry::{DirectClient, Registry, RegistryOptions};
use futures::StreamExt as _;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod};
use serde_json::json;

use crate::common::{Cluster, config_map, key, namespace, object, pod};

/// What a store does to a commit before it looks at it.
type Before = Box<dyn Fn(&Commit) -> Interference + Send + Sync>;

enum Interference {
    None,
    /// Somebody deletes this first, as it wants to be deleted.
    Delete(Kind, ObjectKey),
    /// The commit fails like this.
    Fail(StoreError),
}

/// A memory store whose commits can be interfered with.
struct Interfering {
    inner: MemoryStore,
    /// Whether its watches say nothing.
    is_mute: bool,
    rival: DirectClient,
    before: Before,
}

#[async_trait]
impl Store for Interfering {
    fn limits(&self) -> Limits {
        self.inner.limits()
    }

    async fn range(&self, request: RangeRequest) -> Result<RangeResponse, StoreError> {
        self.inner.range(request).await
    }

    async fn commit(&self, commit: Commit) -> Result<Revision, StoreError> {
        match (self.before)(&commit) {
            Interference::None => {}
            Interference::Delete(kind, name) => {
                self.rival.delete(kind, &name, &DeleteOptions::default()).await.unwrap();
            }
            Interference::Fail(error) => return Err(error),
        }
        self.inner.commit(commit).await
    }

    async fn watch(&self, prefix: Key, after: Revision) -> Result<WatchStream, StoreError> {
        match self.is_mute {
            true => Ok(futures::stream::pending().boxed()),
            false => self.inner.watch(prefix, after).await,
        }
    }

    async fn compact(&self, revision: Revision) -> Result<(), StoreError> {
        self.inner.compact(revision).await
    }
}

async fn interfered(cluster: &Cluster, before: Before) -> DirectClient {
    let (inner, rival) = (cluster.store.clone(), cluster.client.clone());
    open(Interfering { inner, is_mute: false, rival, before }).await
}

async fn open(store: Interfering) -> DirectClient {
    let options = RegistryOptions::default();
    let registry = Registry::open(Arc::new(store), Environment::simulated(3), options).await.unwrap();
    DirectClient::new(registry, Identity::admin("admin"))
}

fn writes(commit: &Commit, prefix: &str) -> bool {
    commit.operations.iter().any(|operation| operation.key().as_bytes().starts_with(prefix.as_bytes()))
}

#[tokio::test]
async fn a_namespace_that_begins_to_terminate_at_the_last_moment_takes_no_more_objects() {
    let cluster = Cluster::start().await;
    cluster.create(namespace("shop")).await;
    let before: Before = Box::new(|commit| match writes(commit, "/registry/configmaps/shop/") {
        true => Interference::Delete(Kind::of::<Namespace>(), ObjectKey::cluster("shop")),
        false => Interference::None,
    });
    let client = interfered(&cluster, before).await;
    let map = object::<ConfigMap>(json!({"metadata": {"name": "a", "namespace": "shop"}}));
    let error = client.create(&map, &WriteOptions::default()).await.unwrap_err();
    assert_eq!((error.reason(), error.causes()[0].reason), (Reason::Forbidden, "NamespaceTerminating"));
    let key = ObjectKey::namespaced("shop", "a");
    assert!(cluster.client.get(Kind::of::<ConfigMap>(), &key).await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn a_name_that_is_taken_in_a_namespace_that_begins_to_terminate_is_refused_for_the_namespace() {
    let cluster = Cluster::start().await;
    cluster.create(namespace("shop")).await;
    let map = || object::<ConfigMap>(json!({"metadata": {"name": "a", "namespace": "shop"}}));
    cluster.create(map()).await;
    let before: Before = Box::new(|commit| match writes(commit, "/registry/configmaps/shop/") {
        true => Interference::Delete(Kind::of::<Namespace>(), ObjectKey::cluster("shop")),
        false => Interference::None,
    });
    let client = interfered(&cluster, before).await;
    let error = client.create(&map(), &WriteOptions::default()).await.unwrap_err();
    assert_eq!((error.reason(), error.causes()[0].reason), (Reason::Forbidden, "NamespaceTerminating"));
}

#[tokio::test]
async fn what_somebody_else_has_deleted_to_the_end_is_deleted() {
    let cluster = Cluster::start().await;
    cluster.create(pod("a")).await;
    // The pod's node finds it marked, and deletes it before whoever has marked it does.
    let before: Before = Box::new(|commit| {
        let is_deleted = |operation: &Operation| matches!(operation, Operation::Delete { key } if key.as_bytes().starts_with(b"/registry/pods/"));
        match commit.operations.iter().any(is_deleted) {
            true => Interference::Delete(Kind::of::<Pod>(), key("a")),
            false => Interference::None,
        }
    });
    let client = interfered(&cluster, before).await;
    let by_force = DeleteOptions { grace_period_seconds: Some(0), ..DeleteOptions::default() };
    let deleted = client.delete(Kind::of::<Pod>(), &key("a"), &by_force).await.unwrap();
    assert!(matches!(deleted, Deletion::Gone { .. }), "{deleted:?}");
}

#[tokio::test(start_paused = true)]
async fn a_watch_from_now_of_a_cache_that_lags_is_put_off_and_not_blamed_on_a_revision() {
    let cluster = Cluster::start().await;
    let (inner, rival) = (cluster.store.clone(), cluster.client.clone());
    let before: Before = Box::new(|_| Interference::None);
    let client = open(Interfering { inner, is_mute: true, rival, before }).await;
    let maps = Kind::of::<ConfigMap>();
    client.watch(maps, &WatchOptions::default()).await.map(drop).unwrap();
    cluster.create(config_map("a", "1")).await;
    for from in [WatchFrom::Now, WatchFrom::InitialEvents(None)] {
        let options = WatchOptions { from, ..WatchOptions::default() };
        let error = client.watch(maps, &options).await.map(drop).unwrap_err();
        assert_eq!(error.reason(), Reason::ServiceUnavailable, "{error}");
        assert!(error.causes().is_empty(), "{error}");
    }
}

#[tokio::test]
async fn an_object_beyond_the_limits_of_the_store_is_too_large() {
    let cluster = Cluster::start().await;
    let pod = object::<Pod>(json!({
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"containers": [{"name": "main", "image": "server:1", "args": ["x".repeat(2 << 20)]}]},
    }));
    let error = cluster.client.create(&pod, &WriteOptions::default()).await.unwrap_err();
    assert_eq!(error.reason(), Reason::RequestEntityTooLarge);
    assert!(cluster.client.get(Kind::of::<Pod>(), &key("web")).await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn a_write_whose_outcome_is_unknown_is_a_timeout_and_one_that_did_not_happen_is_unavailable() {
    let cluster = Cluster::start().await;
    for (unknown, reason) in [(true, Reason::Timeout), (false, Reason::ServiceUnavailable)] {
        let before: Before = Box::new(move |commit| match writes(commit, "/registry/configmaps/") {
            true => Interference::Fail(StoreError::Unavailable {
                operation: "committing",
                unknown,
                source: "the line is down".into(),
            }),
            false => Interference::None,
        });
        let client = interfered(&cluster, before).await;
        let error = client.create(&config_map("a", "1"), &WriteOptions::default()).await.unwrap_err();
        assert_eq!(error.reason(), reason);
    }
}
