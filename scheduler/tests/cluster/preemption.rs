//! Important pods take the place of less important ones.

use std::sync::Arc;
use std::time::Duration;

use bireme_core::client::{ClientExt as _, DeleteOptions};
use bireme_core::object::{Kind, ObjectKey};
use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::scheduling::v1::PriorityClass;
use serde_json::json;

use crate::rig::{Rig, bound, message, node_of};

async fn with_priorities() -> Rig {
    let rig = Rig::start().await;
    for (name, value, policy) in [
        ("low", 10, "PreemptLowerPriority"),
        ("high", 1000, "PreemptLowerPriority"),
        ("patient", 1000, "Never"),
    ] {
        let class = json!({"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass",
            "metadata": {"name": name}, "value": value, "preemptionPolicy": policy});
        rig.create(Kind::of::<PriorityClass>(), class).await;
    }
    rig
}

fn named<'p>(pods: &'p [Arc<Pod>], name: &str) -> Option<&'p Arc<Pod>> {
    pods.iter().find(|pod| pod.metadata.name.as_deref() == Some(name))
}

fn is_leaving(pods: &[Arc<Pod>], name: &str) -> bool {
    named(pods, name).is_some_and(|pod| pod.metadata.deletion_timestamp.is_some())
}

/// What its node's agent does once the pod's containers have ended.
async fn ends(rig: &Rig, name: &str) {
    let now = DeleteOptions { grace_period_seconds: Some(0), ..DeleteOptions::default() };
    rig.client.remove::<Pod>(&ObjectKey::namespaced("default", name), &now).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_is_more_important_gets_the_place_of_one_that_is_less_and_nobody_else_does() {
    let rig = with_priorities().await;
    rig.node("only", "1").await;
    rig.scheduler("default-scheduler", 1);
    rig.pod("humble", json!({"cpu": "800m", "priorityClassName": "low"})).await;
    rig.until("the humble one to be bound", |pods| bound(pods) == 1).await;
    rig.pod("grand", json!({"cpu": "800m", "priorityClassName": "high"})).await;
    rig.until("the humble one to be told to go", |pods| is_leaving(pods, "humble")).await;
    let promised = |pods: &[Arc<Pod>]| {
        let status = named(pods, "grand").and_then(|pod| pod.status.as_ref());
        status.and_then(|status| status.nominated_node_name.as_deref()) == Some("only")
    };
    rig.until("the promise to be written down", promised).await;
    let pods = rig.pods().await;
    let conditions = named(&pods, "humble").unwrap().status.as_ref().unwrap().conditions.clone().unwrap();
    let target = conditions.iter().find(|condition| condition.type_ == "DisruptionTarget").unwrap();
    assert_eq!(target.reason.as_deref(), Some("PreemptionByScheduler"));

    // The grand one is still backing off when one that would fit comes, and that one is tried at once.
    ends(&rig, "humble").await;
    rig.pod("quick", json!({"cpu": "800m", "priorityClassName": "low"})).await;
    let is_bound = |pods: &[Arc<Pod>]| named(pods, "grand").is_some_and(|pod| node_of(pod).is_some());
    rig.until("the grand one to be bound", is_bound).await;
    let pods = rig.pods().await;
    assert_eq!(node_of(named(&pods, "quick").unwrap()), None);
    assert!(!is_leaving(&pods, "quick"), "it has never been there");
    rig.stop.cancel();
}

#[tokio::test(start_paused = true)]
async fn a_nomination_outlives_the_scheduler_that_made_it() {
    let rig = with_priorities().await;
    rig.node("only", "1").await;
    rig.node("side", "200m").await;
    let first = rig.scheduler("default-scheduler", 1);
    rig.pod("humble", json!({"cpu": "800m", "priorityClassName": "low"})).await;
    rig.until("the humble one to be bound", |pods| bound(pods) == 1).await;
    rig.pod("grand", json!({"cpu": "800m", "priorityClassName": "high"})).await;
    let promised = |pods: &[Arc<Pod>]| {
        let status = named(pods, "grand").and_then(|pod| pod.status.as_ref());
        status.is_some_and(|status| status.nominated_node_name.is_some())
    };
    rig.until("the promise to be written down", promised).await;
    first.abort();
    // Of two that are as important, the scheduler that starts anew tries this one first.
    rig.pod("another", json!({"cpu": "800m", "priorityClassName": "high"})).await;
    rig.scheduler("default-scheduler", 2);
    let waits = |pods: &[Arc<Pod>]| named(pods, "another").and_then(|pod| message(pod)).is_some();
    rig.until("the other one to wait", waits).await;
    // It has come to nothing, and what is written down about it after that would have been by now.
    rig.pod("small", json!({"cpu": "100m"})).await;
    rig.until("a third to be bound", |pods| bound(pods) == 2).await;
    let pods = rig.pods().await;
    let status = named(&pods, "another").unwrap().status.as_ref().unwrap();
    assert_eq!(status.nominated_node_name, None, "the place is promised already");
    ends(&rig, "humble").await;
    rig.until("one of them to be bound", |pods| bound(pods) == 2 && named(pods, "humble").is_none()).await;
    assert!(node_of(named(&rig.pods().await, "grand").unwrap()).is_some());
    rig.stop.cancel();
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_shall_not_preempt_waits() {
    let rig = with_priorities().await;
    rig.node("only", "1").await;
    rig.scheduler("default-scheduler", 1);
    rig.pod("humble", json!({"cpu": "800m", "priorityClassName": "low"})).await;
    rig.until("the humble one to be bound", |pods| bound(pods) == 1).await;
    rig.pod("patient", json!({"cpu": "800m", "priorityClassName": "patient"})).await;
    rig.until("it to wait", |pods| named(pods, "patient").and_then(|pod| message(pod)).is_some()).await;
    // What the scheduler does after it has said so would have happened by now.
    rig.pod("small", json!({"cpu": "100m"})).await;
    rig.until("another to be bound", |pods| bound(pods) == 2).await;
    assert!(!is_leaving(&rig.pods().await, "humble"));
    rig.stop.cancel();
}

#[tokio::test(start_paused = true)]
async fn pods_without_a_budget_go_before_those_with_one() {
    let rig = with_priorities().await;
    rig.node("a", "1").await;
    rig.scheduler("default-scheduler", 1);
    rig.pod("protected", json!({"cpu": "800m", "priorityClassName": "low"})).await;
    rig.until("it to be bound", |pods| bound(pods) == 1).await;
    let labels = json!({"metadata": {"labels": {"app": "protected"}}});
    let key = ObjectKey::namespaced("default", "protected");
    rig.client.merge::<Pod>(&key, Default::default(), &labels, &Default::default()).await.unwrap();
    let budget = json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": {"name": "b", "namespace": "default"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "protected"}}}});
    rig.create(Kind::of::<PodDisruptionBudget>(), budget).await;
    rig.node("b", "1").await;
    rig.pod("free", json!({"cpu": "800m", "priorityClassName": "low"})).await;
    rig.until("both to be bound", |pods| bound(pods) == 2).await;
    rig.pod("grand", json!({"cpu": "800m", "priorityClassName": "high"})).await;
    rig.until("one to be told to go", |pods| is_leaving(pods, "free") || is_leaving(pods, "protected")).await;
    assert!(is_leaving(&rig.pods().await, "free"));
    rig.stop.cancel();
}

#[tokio::test(start_paused = true)]
async fn a_place_that_is_no_longer_kept_is_there_for_those_who_wait() {
    let rig = with_priorities().await;
    rig.node("only", "1").await;
    let resources = json!({"cpu": "64", "memory": "64Gi", "pods": "110"});
    let large = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "large"},
        "spec": {"taints": [{"key": "t", "effect": "NoSchedule"}]},
        "status": {"capacity": resources, "allocatable": resources}});
    rig.create(Kind::of::<Node>(), large).await;
    let fast = async |node: &str| {
        let labels = json!({"metadata": {"labels": {"fast": "yes"}}});
        let key = ObjectKey::cluster(node);
        rig.client.merge::<Node>(&key, Default::default(), &labels, &Default::default()).await.unwrap();
    };
    fast("only").await;
    rig.scheduler("default-scheduler", 1);
    rig.pod("humble", json!({"cpu": "800m", "priorityClassName": "low"})).await;
    rig.until("the humble one to be bound", |pods| bound(pods) == 1).await;
    let grand = json!({"cpu": "800m", "priorityClassName": "high", "nodeSelector": {"fast": "yes"},
        "tolerations": [{"operator": "Exists"}]});
    rig.pod("grand", grand).await;
    rig.until("the humble one to be told to go", |pods| is_leaving(pods, "humble")).await;
    // Beside the humble one there is room for it, but not beside what is kept.
    rig.pod("small", json!({"cpu": "200m", "priorityClassName": "low"})).await;
    let waits = |pods: &[Arc<Pod>]| named(pods, "small").and_then(|pod| message(pod)).is_some();
    rig.until("the small one to wait", waits).await;
    // This lets the grand one in, and could not help the small one, which does not tolerate the taint.
    fast("large").await;
    let begin = rig.env.instant();
    rig.until("all to be bound", |pods| bound(pods) == 3).await;
    assert!(rig.env.instant().since(begin) < Duration::from_secs(60), "it was told");
    rig.stop.cancel();
}
