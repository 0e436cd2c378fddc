//! Deletion: preconditions, grace, finalizers, propagation.

use crate::common::{Cluster, key, namespace, object, pod};
use bireme_core::client::{
    ApiEvent, Client, DeleteOptions, Deletion, Part, Patch, Preconditions, WatchFrom, WatchOptions,
    WriteOptions,
};
use bireme_core::error::Reason;
use bireme_core::object::{Kind, Object, ObjectKey};
use futures::StreamExt as _;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod};
use serde_json::json;

const MAPS: Kind = Kind::of::<ConfigMap>();
const PODS: Kind = Kind::of::<Pod>();
const NAMESPACES: Kind = Kind::of::<Namespace>();

async fn patch(cluster: &Cluster, kind: Kind, name: &str, part: Part, change: serde_json::Value) {
    let patch = Patch::Merge(change.to_string().into());
    cluster.client.patch(kind, &key(name), part, &patch, &WriteOptions::default()).await.unwrap();
}

async fn delete(cluster: &Cluster, kind: Kind, name: &str, options: DeleteOptions) -> Deletion {
    cluster.client.delete(kind, &key(name), &options).await.unwrap()
}

fn held(name: &str) -> Object {
    object::<ConfigMap>(json!({
        "metadata": {"name": name, "namespace": "default", "finalizers": ["example.com/hold"]},
    }))
}

#[tokio::test]
async fn finalizers_hold_an_object_until_the_last_one_goes() {
    let cluster = Cluster::start().await;
    cluster.create(held("a")).await;
    let Deletion::Marked(marked) = delete(&cluster, MAPS, "a", DeleteOptions::default()).await else {
        panic!("the finalizer holds it")
    };
    assert!(marked.metadata().is_being_deleted());
    let change = json!({"metadata": {"finalizers": ["example.com/hold", "example.com/more"]}});
    let more = Patch::Merge(change.to_string().into());
    let error = cluster.client.patch(MAPS, &key("a"), Part::Main, &more, &WriteOptions::default()).await;
    assert_eq!(error.unwrap_err().reason(), Reason::Invalid);
    patch(&cluster, MAPS, "a", Part::Main, json!({"metadata": {"finalizers": null}})).await;
    assert!(cluster.client.get(MAPS, &key("a")).await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn a_running_pod_gets_its_grace_and_is_removed_when_forced() {
    let cluster = Cluster::start().await;
    cluster.create(pod("web")).await;
    cluster.client.bind(&key("web"), &crate::common::binding("node-1")).await.unwrap();
    let Deletion::Marked(marked) = delete(&cluster, PODS, "web", DeleteOptions::default()).await else {
        panic!("its kubelet has to stop it")
    };
    let metadata = marked.metadata();
    assert_eq!((metadata.deletion_grace_period_seconds, metadata.generation), (Some(30), Some(2)));
    let left = metadata.deletion_timestamp.as_ref().unwrap().0.duration_since(cluster.env.now());
    assert!((28..=30).contains(&left.as_secs()), "{left:?}");
    let sooner = DeleteOptions { grace_period_seconds: Some(5), ..DeleteOptions::default() };
    let Deletion::Marked(marked) = delete(&cluster, PODS, "web", sooner).await else { panic!() };
    assert_eq!(marked.metadata().deletion_grace_period_seconds, Some(5));
    let later = DeleteOptions { grace_period_seconds: Some(60), ..DeleteOptions::default() };
    let Deletion::Marked(same) = delete(&cluster, PODS, "web", later).await else { panic!() };
    assert_eq!(same.revision(), marked.revision());
    let force = DeleteOptions { grace_period_seconds: Some(0), ..DeleteOptions::default() };
    assert!(matches!(delete(&cluster, PODS, "web", force).await, Deletion::Gone { .. }));
}

#[tokio::test]
async fn pods_that_no_kubelet_has_to_stop_go_at_once() {
    let cluster = Cluster::start().await;
    cluster.create(pod("pending")).await;
    assert!(matches!(
        delete(&cluster, PODS, "pending", DeleteOptions::default()).await,
        Deletion::Gone { .. }
    ));
    cluster.create(pod("done")).await;
    cluster.client.bind(&key("done"), &crate::common::binding("node-1")).await.unwrap();
    patch(&cluster, PODS, "done", Part::Status, json!({"status": {"phase": "Succeeded"}})).await;
    assert!(matches!(delete(&cluster, PODS, "done", DeleteOptions::default()).await, Deletion::Gone { .. }));
}

#[tokio::test]
async fn a_namespace_terminates_until_it_is_finalized() {
    let cluster = Cluster::start().await;
    let created = cluster.create(namespace("shop")).await;
    assert_eq!(created.value().unwrap()["spec"]["finalizers"], json!(["kubernetes"]));
    let shop = ObjectKey::cluster("shop");
    let deleted = cluster.client.delete(NAMESPACES, &shop, &DeleteOptions::default()).await.unwrap();
    let Deletion::Marked(marked) = deleted else { panic!("its finalizer holds it") };
    assert_eq!(marked.value().unwrap()["status"]["phase"], "Terminating");
    let nothing = Patch::Merge(json!({"spec": {"finalizers": []}}).to_string().into());
    let options = WriteOptions::default();
    cluster.client.patch(NAMESPACES, &shop, Part::Main, &nothing, &options).await.unwrap();
    cluster.client.get(NAMESPACES, &shop).await.expect("the main part does not reach the finalizers");
    cluster.client.patch(NAMESPACES, &shop, Part::Finalize, &nothing, &options).await.unwrap();
    assert!(cluster.client.get(NAMESPACES, &shop).await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn the_cluster_keeps_its_own_namespaces() {
    let cluster = Cluster::start().await;
    for name in ["default", "kube-system", "kube-public"] {
        let key = ObjectKey::cluster(name);
        let error = cluster.client.delete(NAMESPACES, &key, &DeleteOptions::default()).await.unwrap_err();
        assert_eq!(error.reason(), Reason::Forbidden, "{name}");
    }
}

#[tokio::test]
async fn a_pod_that_is_deleted_by_force_says_in_its_last_state_that_it_had_no_time_left() {
    let cluster = Cluster::start().await;
    let created = cluster.create(pod("a")).await;
    let options = WatchOptions { from: WatchFrom::After(created.revision()), ..WatchOptions::default() };
    let mut events = cluster.client.watch(PODS, &options).await.unwrap();
    let preconditions = Preconditions { uid: None, revision: Some(created.revision()) };
    let by_force = DeleteOptions { grace_period_seconds: Some(0), preconditions, ..DeleteOptions::default() };
    let dry = DeleteOptions { dry_run: true, ..by_force.clone() };
    for (options, stays) in [(dry, true), (by_force, false)] {
        let Deletion::Gone { last: Some(last), .. } = delete(&cluster, PODS, "a", options).await else {
            panic!("it has no time left")
        };
        let metadata = &last.value().unwrap()["metadata"];
        assert_eq!(metadata["deletionGracePeriodSeconds"], 0);
        assert!(metadata["deletionTimestamp"].is_string());
        assert_eq!(cluster.client.get(PODS, &key("a")).await.is_ok(), stays);
    }
    let (ApiEvent::Modified(told), ApiEvent::Deleted(last)) =
        (events.next().await.unwrap().unwrap(), events.next().await.unwrap().unwrap())
    else {
        panic!("it is told to go, and goes")
    };
    assert_eq!(told.value().unwrap()["metadata"]["deletionGracePeriodSeconds"], 0);
    assert_eq!(last.value().unwrap()["metadata"]["deletionGracePeriodSeconds"], 0);
}
