//! Deployments, carried out by all controllers over the real registry.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::world::*;
use futures::{FutureExt, StreamExt};
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::Pod;
use serde_json::json;

/// Whether the Deployment says what `kubectl rollout status` waits for.
async fn is_rolled_out(world: &World) -> bool {
    let deployment = world.get::<Deployment>("web").await.unwrap();
    let (replicas, status) =
        (deployment.spec.as_ref().unwrap().replicas, deployment.status.clone().unwrap_or_default());
    status.observed_generation >= deployment.metadata.generation
        && status.updated_replicas == replicas
        && status.replicas == replicas
        && status.available_replicas == replicas
}

async fn roll_out(world: &World) {
    world.until("the rollout", || is_rolled_out(world)).await;
}

fn revision<K: bireme_core::object::Resource>(object: &K) -> String {
    let annotations = object.metadata().annotations.clone().unwrap_or_default();
    annotations.get("deployment.kubernetes.io/revision").cloned().unwrap_or_default()
}

fn replicas(set: &ReplicaSet) -> i32 {
    set.spec.as_ref().unwrap().replicas.unwrap_or(1)
}

#[tokio::test(start_paused = true)]
async fn a_rolling_update_never_drops_below_the_minimum_nor_exceeds_the_surge() {
    let world = World::start().await;
    world.create::<Deployment>(web(10, "v1")).await;
    roll_out(&world).await;
    let mut pods: BTreeMap<String, Arc<Pod>> = BTreeMap::new();
    for pod in world.list::<Pod>().await {
        pods.insert(pod.metadata.uid.clone().unwrap(), pod);
    }
    let mut watch = world.watch_pods().await;
    world.change::<Deployment>("web", use_image("v2")).await;
    roll_out(&world).await;
    let (mut fewest, mut most) = (usize::MAX, 0);
    while let Some(event) = watch.next().now_or_never() {
        let event = event.unwrap().unwrap();
        let Some(pod) = pod_of(&event) else { continue };
        let uid = pod.metadata.uid.clone().unwrap();
        match event {
            bireme_core::client::ApiEvent::Deleted(_) => pods.remove(&uid),
            _ => pods.insert(uid, pod),
        };
        let staying = || pods.values().filter(|pod| pod.metadata.deletion_timestamp.is_none());
        fewest = fewest.min(staying().filter(|pod| is_ready(pod)).count());
        most = most.max(staying().count());
    }
    // A quarter of ten: three more, two fewer.
    assert_eq!((fewest, most), (8, 13));
    let now = world.ready_pods().await;
    assert_eq!(now.iter().map(|pod| image(pod)).collect::<Vec<_>>(), ["v2"; 10]);
}

#[tokio::test(start_paused = true)]
async fn going_back_reuses_the_old_set_and_raises_its_revision() {
    let world = World::start().await;
    world.create::<Deployment>(web(2, "v1")).await;
    roll_out(&world).await;
    world.change::<Deployment>("web", use_image("v2")).await;
    roll_out(&world).await;
    world.change::<Deployment>("web", use_image("v1")).await;
    roll_out(&world).await;
    let mut sets = world.list::<ReplicaSet>().await;
    sets.sort_by_key(|set| replicas(set));
    let told: Vec<_> = sets.iter().map(|set| (replicas(set), revision(&**set))).collect();
    assert_eq!(told, [(0, "2".to_owned()), (2, "3".to_owned())]);
    assert_eq!(revision(&*world.get::<Deployment>("web").await.unwrap()), "3");
    let history =
        &sets[1].metadata.annotations.as_ref().unwrap()["deployment.kubernetes.io/revision-history"];
    assert_eq!(history, "1");
}

#[tokio::test(start_paused = true)]
async fn a_pause_holds_a_rollout_until_it_is_resumed() {
    let world = World::start().await;
    world.create::<Deployment>(web(3, "v1")).await;
    roll_out(&world).await;
    world.change::<Deployment>("web", json!({"spec": {"paused": true}})).await;
    world.change::<Deployment>("web", use_image("v2")).await;
    world.pass(60).await;
    assert!(world.ready_pods().await.iter().all(|pod| image(pod) == "v1"));
    world.change::<Deployment>("web", json!({"spec": {"paused": false}})).await;
    roll_out(&world).await;
    assert!(world.ready_pods().await.iter().all(|pod| image(pod) == "v2"));
}

#[tokio::test(start_paused = true)]
async fn scaling_a_stuck_rollout_keeps_the_proportion_and_the_deadline_is_told() {
    let world = World::start().await;
    let mut deployment = web(10, "v1");
    deployment["spec"]["strategy"] =
        json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 3, "maxUnavailable": 2}});
    deployment["spec"]["progressDeadlineSeconds"] = json!(30);
    world.create::<Deployment>(deployment).await;
    roll_out(&world).await;
    world.nodes.break_image("bad");
    world.change::<Deployment>("web", use_image("bad")).await;
    world.pass(20).await;
    let sizes = async || {
        let mut sizes: Vec<_> = world.list::<ReplicaSet>().await.iter().map(|set| replicas(set)).collect();
        sizes.sort_unstable();
        sizes
    };
    assert_eq!(sizes().await, [5, 8]);
    world.change::<Deployment>("web", json!({"spec": {"replicas": 15}})).await;
    world.pass(5).await;
    assert_eq!(sizes().await, [7, 11]);
    assert_eq!(world.ready_pods().await.len(), 11);
    world.pass(60).await;
    let status = world.get::<Deployment>("web").await.unwrap().status.clone().unwrap();
    let conditions = status.conditions.unwrap();
    let progressing = conditions.iter().find(|condition| condition.type_ == "Progressing").unwrap();
    assert_eq!(progressing.reason.as_deref(), Some("ProgressDeadlineExceeded"));
    assert_eq!(progressing.status, "False");
}

#[tokio::test(start_paused = true)]
async fn recreation_never_runs_two_templates_at_once() {
    let world = World::start().await;
    let mut deployment = web(3, "v1");
    deployment["spec"]["strategy"] = json!({"type": "Recreate"});
    world.create::<Deployment>(deployment).await;
    roll_out(&world).await;
    let mut running: BTreeMap<String, String> = BTreeMap::new();
    for pod in world.list::<Pod>().await {
        running.insert(pod.metadata.uid.clone().unwrap(), image(&pod).to_owned());
    }
    let mut watch = world.watch_pods().await;
    world.change::<Deployment>("web", use_image("v2")).await;
    roll_out(&world).await;
    while let Some(event) = watch.next().now_or_never() {
        let event = event.unwrap().unwrap();
        let Some(pod) = pod_of(&event) else { continue };
        let uid = pod.metadata.uid.clone().unwrap();
        match event {
            bireme_core::client::ApiEvent::Deleted(_) => running.remove(&uid),
            _ => running.insert(uid, image(&pod).to_owned()),
        };
        let mut images: Vec<_> = running.values().collect();
        images.sort();
        images.dedup();
        assert!(images.len() <= 1, "{images:?}");
    }
    assert_eq!(world.ready_pods().await.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn caches_that_lag_never_make_a_controller_create_twice() {
    let world = World::with_lag(std::time::Duration::from_secs(2)).await;
    let mut watch = world.watch_pods().await;
    world.create::<Deployment>(web(5, "v1")).await;
    // Reasons enough to look again while nothing has been seen yet.
    for number in 0..20 {
        world
            .change::<Deployment>("web", json!({"metadata": {"annotations": {"n": number.to_string()}}}))
            .await;
        for set in world.list::<ReplicaSet>().await {
            let name = set.metadata.name.clone().unwrap();
            world
                .change::<ReplicaSet>(&name, json!({"metadata": {"annotations": {"m": number.to_string()}}}))
                .await;
        }
        world.pass(1).await;
    }
    world.until("the rollout", || is_rolled_out(&world)).await;
    world.pass(60).await;
    let mut created = 0;
    while let Some(event) = watch.next().now_or_never() {
        let event = event.unwrap().unwrap();
        created += usize::from(matches!(event, bireme_core::client::ApiEvent::Added(_)));
        assert!(!matches!(event, bireme_core::client::ApiEvent::Deleted(_)), "a pod too many was deleted");
    }
    assert_eq!(created, 5);
    assert_eq!(world.list::<ReplicaSet>().await.len(), 1);
}
