//! Evictions and the budgets that forbid them.

use bireme_core::client::{Client, ClientExt, Part, Patch, WriteOptions};
use bireme_core::error::Reason;
use bireme_core::object::Kind;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::{Eviction, PodDisruptionBudget};
use serde_json::{Value, json};

use crate::common::{Cluster, key, object, pod};

const POD: Kind = Kind::of::<Pod>();
const BUDGET: Kind = Kind::of::<PodDisruptionBudget>();

async fn set_status(cluster: &Cluster, kind: Kind, name: &str, status: Value) {
    let patch = Patch::Merge(json!({"status": status}).to_string().into());
    cluster.client.patch(kind, &key(name), Part::Status, &patch, &WriteOptions::default()).await.unwrap();
}

/// A pod labelled `app=web` that runs, and is ready or not.
async fn running(cluster: &Cluster, name: &str, ready: bool) {
    let mut value = pod(name).value().unwrap();
    value["metadata"]["labels"] = json!({"app": "web"});
    cluster.create(object::<Pod>(value)).await;
    let ready = json!([{"type": "Ready", "status": if ready { "True" } else { "False" }}]);
    set_status(cluster, POD, name, json!({"phase": "Running", "conditions": ready})).await;
}

async fn budget(cluster: &Cluster, name: &str, spec: Value, status: Value) {
    let mut full = json!({"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}});
    full.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    let budget = json!({"metadata": {"name": name, "namespace": "default"}, "spec": full});
    cluster.create(object::<PodDisruptionBudget>(budget)).await;
    set_status(cluster, BUDGET, name, status).await;
}

fn allowing(disruptions: i32) -> Value {
    json!({
        "observedGeneration": 1, "disruptionsAllowed": disruptions, "currentHealthy": 2, "desiredHealthy": 3,
        "expectedPods": 3,
    })
}

/// How many disruptions the budget `web` has left.
async fn left(cluster: &Cluster) -> i32 {
    let budget = cluster.client.fetch::<PodDisruptionBudget>(&key("web")).await.unwrap();
    budget.status.as_ref().unwrap().disruptions_allowed
}

async fn evict(cluster: &Cluster, name: &str) -> Result<(), bireme_core::error::ApiError> {
    cluster.client.evict(&key(name), &Eviction::default()).await
}

async fn exists(cluster: &Cluster, name: &str) -> bool {
    cluster.client.get(POD, &key(name)).await.is_ok_and(|pod| !pod.metadata().is_being_deleted())
}

#[tokio::test]
async fn a_budget_without_disruptions_left_refuses_with_its_cause() {
    let cluster = Cluster::start().await;
    running(&cluster, "a", true).await;
    budget(&cluster, "web", json!({}), allowing(0)).await;
    let error = evict(&cluster, "a").await.unwrap_err();
    assert_eq!(error.reason(), Reason::TooManyRequests);
    assert_eq!(error.message(), "Cannot evict pod as it would violate the pod's disruption budget.");
    let cause = &error.causes()[0];
    assert_eq!(cause.reason, "DisruptionBudget");
    assert_eq!(cause.message, "The disruption budget web needs 3 healthy pods and has 2 currently");
    assert!(exists(&cluster, "a").await);
}

#[tokio::test]
async fn every_eviction_takes_its_part_of_the_budget() {
    let cluster = Cluster::start().await;
    for name in ["a", "b"] {
        running(&cluster, name, true).await;
    }
    budget(&cluster, "web", json!({}), allowing(1)).await;
    evict(&cluster, "a").await.unwrap();
    assert!(!exists(&cluster, "a").await);
    let status =
        cluster.client.fetch::<PodDisruptionBudget>(&key("web")).await.unwrap().status.clone().unwrap();
    assert_eq!(status.disruptions_allowed, 0);
    assert!(status.disrupted_pods.unwrap().contains_key("a"));
    assert_eq!(status.conditions.unwrap()[0].reason, "InsufficientPods");
    assert_eq!(evict(&cluster, "b").await.unwrap_err().reason(), Reason::TooManyRequests);
}

#[tokio::test]
async fn of_evictions_at_the_same_time_no_more_succeed_than_the_budget_has() {
    let cluster = Cluster::start().await;
    let names = ["a", "b", "c", "d", "e", "f"];
    for name in names {
        running(&cluster, name, true).await;
    }
    budget(&cluster, "web", json!({}), allowing(2)).await;
    let evictions = futures::future::join_all(names.map(|name| evict(&cluster, name))).await;
    assert_eq!(evictions.iter().filter(|eviction| eviction.is_ok()).count(), 2, "{evictions:?}");
}

#[tokio::test]
async fn a_budget_that_nobody_has_worked_out_refuses_for_now() {
    let cluster = Cluster::start().await;
    running(&cluster, "a", true).await;
    budget(&cluster, "web", json!({}), json!({"disruptionsAllowed": 1})).await;
    let error = evict(&cluster, "a").await.unwrap_err();
    assert_eq!((error.reason(), error.retry_after_seconds()), (Reason::TooManyRequests, Some(10)));
}

#[tokio::test]
async fn a_dry_run_takes_nothing() {
    let cluster = Cluster::start().await;
    running(&cluster, "a", true).await;
    budget(&cluster, "web", json!({}), allowing(1)).await;
    let dry: Eviction =
        serde_json::from_value(json!({"metadata": {}, "deleteOptions": {"dryRun": ["All"]}})).unwrap();
    cluster.client.evict(&key("a"), &dry).await.unwrap();
    assert_eq!(left(&cluster).await, 1);
    assert!(exists(&cluster, "a").await);
}

#[tokio::test]
async fn an_eviction_of_another_pod_takes_nothing() {
    let cluster = Cluster::start().await;
    running(&cluster, "a", true).await;
    budget(&cluster, "web", json!({}), allowing(1)).await;
    for wanted in [json!({"uid": "another"}), json!({"resourceVersion": "1"})] {
        let stale = json!({"metadata": {}, "deleteOptions": {"preconditions": wanted}});
        let stale: Eviction = serde_json::from_value(stale).unwrap();
        assert!(cluster.client.evict(&key("a"), &stale).await.unwrap_err().is_conflict());
    }
    assert_eq!(left(&cluster).await, 1);
}

#[tokio::test]
async fn pods_that_do_not_count_may_always_go() {
    let cluster = Cluster::start().await;
    for (name, phase) in [("new", "Pending"), ("done", "Succeeded")] {
        running(&cluster, name, true).await;
        set_status(&cluster, POD, name, json!({"phase": phase})).await;
    }
    cluster.create(pod("other")).await;
    budget(&cluster, "web", json!({}), allowing(0)).await;
    for name in ["new", "done", "other"] {
        evict(&cluster, name).await.unwrap();
        assert!(!exists(&cluster, name).await, "{name}");
    }
}

#[tokio::test]
async fn what_is_not_healthy_may_go_while_enough_others_are() {
    let cluster = Cluster::start().await;
    running(&cluster, "a", false).await;
    running(&cluster, "b", false).await;
    budget(&cluster, "web", json!({}), allowing(0)).await;
    assert!(evict(&cluster, "a").await.is_err(), "too few are healthy");
    let enough = json!({"currentHealthy": 3});
    set_status(&cluster, BUDGET, "web", enough).await;
    evict(&cluster, "a").await.unwrap();
    set_status(&cluster, BUDGET, "web", json!({"currentHealthy": 0})).await;
    let always =
        Patch::Merge(json!({"spec": {"unhealthyPodEvictionPolicy": "AlwaysAllow"}}).to_string().into());
    cluster.client.patch(BUDGET, &key("web"), Part::Main, &always, &WriteOptions::default()).await.unwrap();
    evict(&cluster, "b").await.unwrap();
}

#[tokio::test]
async fn a_pod_of_two_budgets_cannot_be_evicted() {
    let cluster = Cluster::start().await;
    running(&cluster, "a", true).await;
    for name in ["one", "two"] {
        budget(&cluster, name, json!({}), allowing(1)).await;
    }
    let error = evict(&cluster, "a").await.unwrap_err();
    assert_eq!(error.reason(), Reason::InternalError);
    assert!(error.message().contains("more than one PodDisruptionBudget"));
    assert!(exists(&cluster, "a").await);
}
