//! What the loop binds, what it says, and what it never does.

use crate::rig::{Rig, bound, message, node_of};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bireme_core::client::{
    ApiEvent, ClientExt as _, DeleteOptions, Part, WatchFrom, WatchOptions, WriteOptions,
};
use bireme_core::object::{Kind, ObjectKey};
use futures::StreamExt as _;
use k8s_openapi::api::core::v1::{Event, Node, Pod};
use serde_json::json;
use tokio_util::sync::CancellationToken;

#[tokio::test(start_paused = true)]
async fn pods_are_spread_over_nodes_and_never_more_than_fits() {
    let rig = Rig::start().await;
    for name in ["a", "b", "c"] {
        rig.node(name, "1").await;
    }
    rig.scheduler("default-scheduler", 1);
    for index in 0..9 {
        rig.pod(&format!("p{index}"), json!({"cpu": "400m"})).await;
    }
    let full =
        |pods: &[Arc<Pod>]| bound(pods) == 6 && pods.iter().filter(|pod| message(pod).is_some()).count() == 3;
    rig.until("six pods to be bound and three to wait", full).await;
    let mut by_node: BTreeMap<String, usize> = BTreeMap::new();
    for pod in rig.pods().await {
        if let Some(node) = node_of(&pod) {
            *by_node.entry(node.to_owned()).or_default() += 1;
        } else {
            assert_eq!(message(&pod).unwrap(), "0/3 nodes are available: 3 Insufficient cpu.");
        }
    }
    assert_eq!(by_node.into_values().collect::<Vec<_>>(), [2, 2, 2]);
    rig.stop.cancel();
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_fits_nowhere_says_why_and_goes_when_it_can() {
    let rig = Rig::start().await;
    rig.node("only", "1").await;
    rig.scheduler("default-scheduler", 1);
    rig.pod("picky", json!({"cpu": "100m", "nodeSelector": {"disk": "ssd"}})).await;
    let reason = "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.";
    rig.until("the reason", |pods| message(&pods[0]).as_deref() == Some(reason)).await;
    rig.until_event("FailedScheduling", reason).await;

    let patch = json!({"metadata": {"labels": {"disk": "ssd"}}});
    let only = ObjectKey::cluster("only");
    rig.client.merge::<Node>(&only, Part::Main, &patch, &WriteOptions::default()).await.unwrap();
    rig.until("the pod to be bound", |pods| bound(pods) == 1).await;
    rig.until_event("Scheduled", "Successfully assigned default/picky to only").await;
    rig.stop.cancel();
}

#[tokio::test(start_paused = true)]
async fn room_that_a_deleted_pod_leaves_is_used() {
    let rig = Rig::start().await;
    rig.node("only", "1").await;
    rig.scheduler("default-scheduler", 1);
    rig.pod("first", json!({"cpu": "800m"})).await;
    rig.until("the first to be bound", |pods| bound(pods) == 1).await;
    rig.pod("second", json!({"cpu": "800m"})).await;
    rig.until("the second to wait", |pods| pods.iter().any(|pod| message(pod).is_some())).await;
    let first = ObjectKey::namespaced("default", "first");
    let now = DeleteOptions { grace_period_seconds: Some(0), ..DeleteOptions::default() };
    rig.client.remove::<Pod>(&first, &now).await.unwrap();
    rig.until("the second to be bound", |pods| pods.len() == 1 && bound(pods) == 1).await;
    rig.stop.cancel();
}

#[tokio::test(start_paused = true)]
async fn gated_and_foreign_pods_are_left_alone_and_a_lifted_gate_lets_go() {
    let rig = Rig::start().await;
    rig.node("only", "4").await;
    rig.scheduler("default-scheduler", 1);
    rig.pod("gated", json!({"cpu": "1m", "schedulingGates": [{"name": "wait"}]})).await;
    rig.pod("foreign", json!({"cpu": "1m", "schedulerName": "somebody-else"})).await;
    rig.pod("plain", json!({"cpu": "1m"})).await;
    rig.until("the plain pod", |pods| bound(pods) == 1).await;
    let of = |pods: &[Arc<Pod>], name: &str| {
        pods.iter()
            .find(|pod| pod.metadata.name.as_deref() == Some(name))
            .and_then(|pod| node_of(pod).map(str::to_owned))
    };
    assert_eq!((of(&rig.pods().await, "gated"), of(&rig.pods().await, "foreign")), (None, None));
    let gated = ObjectKey::namespaced("default", "gated");
    let lift = json!({"spec": {"schedulingGates": []}});
    rig.client.merge::<Pod>(&gated, Part::Main, &lift, &WriteOptions::default()).await.unwrap();
    rig.until("the gated pod", |pods| of(pods, "gated").is_some()).await;
    assert_eq!(of(&rig.pods().await, "foreign"), None);
    rig.stop.cancel();
}

/// Two schedulers that both think that every pod is theirs race for each of them.
#[tokio::test(start_paused = true)]
async fn two_schedulers_never_bind_a_pod_twice() {
    let rig = Rig::start().await;
    for name in ["a", "b", "c", "d"] {
        rig.node(name, "64").await;
    }
    let options = WatchOptions { from: WatchFrom::Now, ..WatchOptions::default() };
    let mut events = rig.client.watch(Kind::of::<Pod>(), &options).await.unwrap();
    rig.scheduler("default-scheduler", 1);
    rig.scheduler("default-scheduler", 2);
    for index in 0..60 {
        rig.pod(&format!("p{index}"), json!({"cpu": "10m"})).await;
    }
    rig.until("all pods to be bound", |pods| bound(pods) == 60).await;
    rig.stop.cancel();
    // From the watch: once a pod has a node, it is that node at every later revision.
    let mut places: BTreeMap<String, String> = BTreeMap::new();
    let mut seen = 0;
    while seen < 60 {
        let event: ApiEvent = events.next().await.unwrap().unwrap();
        let Some(object) = event.object() else { continue };
        let pod = object.typed::<Pod>().unwrap();
        if let Some(node) = node_of(&pod) {
            let known = places.entry(object.uid().to_owned()).or_insert_with(|| {
                seen += 1;
                node.to_owned()
            });
            assert_eq!(known, node);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_scheduler_that_starts_anew_counts_what_others_have_placed() {
    let rig = Rig::start().await;
    rig.node("only", "1").await;
    let first = rig.scheduler("default-scheduler", 1);
    rig.pod("first", json!({"cpu": "800m"})).await;
    rig.until("the first to be bound", |pods| bound(pods) == 1).await;
    rig.stop.cancel();
    first.await.unwrap();

    let rig = Rig { stop: CancellationToken::new(), ..rig };
    rig.scheduler("default-scheduler", 2);
    rig.pod("second", json!({"cpu": "800m"})).await;
    rig.until("the second to wait", |pods| pods.iter().any(|pod| message(pod).is_some())).await;
    assert_eq!(bound(&rig.pods().await), 1, "the node is not promised more than it has");
    rig.stop.cancel();
}

impl Rig {
    async fn until_event(&self, reason: &str, text: &str) {
        let options = WatchOptions { from: WatchFrom::Now, ..WatchOptions::default() };
        let mut events = self.client.watch(Kind::of::<Event>(), &options).await.unwrap();
        let waiting = async {
            loop {
                let item = events.next().await.unwrap().unwrap();
                let Some(object) = item.object() else { continue };
                let event = object.typed::<Event>().unwrap();
                if event.reason.as_deref() == Some(reason) && event.message.as_deref() == Some(text) {
                    return;
                }
            }
        };
        self.env.timeout(Duration::from_secs(3600), waiting).await.expect(reason);
    }
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_wants_company_goes_when_the_company_has_come() {
    let rig = Rig::start().await;
    rig.node("only", "1").await;
    let labels = json!({"metadata": {"labels": {"zone": "a"}}});
    let only = ObjectKey::cluster("only");
    rig.client.merge::<Node>(&only, Part::Main, &labels, &WriteOptions::default()).await.unwrap();
    rig.scheduler("default-scheduler", 1);
    let term = json!({"topologyKey": "zone", "labelSelector": {"matchLabels": {"app": "company"}}});
    let affinity = json!({"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}});
    rig.pod("shy", json!({"cpu": "100m", "affinity": affinity})).await;
    rig.until("the shy one to wait", |pods| message(&pods[0]).is_some()).await;
    let pod = json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "company", "namespace": "default", "labels": {"app": "company"}},
        "spec": {"containers": [{"name": "main", "image": "sim/web"}]}});
    rig.create(Kind::of::<Pod>(), pod).await;
    let begin = rig.env.instant();
    rig.until("both to be bound", |pods| bound(pods) == 2).await;
    assert!(rig.env.instant().since(begin) < Duration::from_secs(60), "the placement woke it");
    rig.stop.cancel();
}
