//! Schedulers that are killed in the middle of what they do, and nodes that vanish between a decision and its binding.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bireme_core::client::{ClientExt as _, DeleteOptions};
use bireme_core::object::ObjectKey;
use bireme_core::scheduler::{Decision, Scheduler as _};
use bireme_scheduler::{DefaultScheduler, Recording};
use k8s_openapi::api::core::v1::{Node, Pod};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;

use crate::rig::{Rig, node_of};

const SEEDS: u64 = 20;
const NODES: usize = 6;

/// Does one thing to the cluster.
async fn disturb(rig: &Rig, random: &mut StdRng, created: &mut usize) {
    let name = format!("n{}", random.random_range(0..NODES));
    let key = ObjectKey::cluster(&name);
    let is_there = rig.client.fetch::<Node>(&key).await.is_ok();
    match random.random_range(0..6) {
        0 if is_there => {
            rig.client.remove::<Node>(&key, &DeleteOptions::default()).await.unwrap();
        }
        0..=2 if !is_there => rig.node(&name, "1").await,
        3 => {
            let bound = rig.pods().await.into_iter().find(|pod| node_of(pod).is_some());
            if let Some(pod) = bound {
                let key = ObjectKey::namespaced("default", pod.metadata.name.as_deref().unwrap());
                let now = DeleteOptions { grace_period_seconds: Some(0), ..DeleteOptions::default() };
                rig.client.remove::<Pod>(&key, &now).await.unwrap();
            }
        }
        _ => {
            *created += 1;
            rig.pod(&format!("p{created}"), json!({"cpu": "300m"})).await;
        }
    }
}

/// No node has more than it can take, and no pod is on another node than before.
fn check(places: &mut BTreeMap<String, String>, pods: &[Arc<Pod>]) {
    let mut by_node: BTreeMap<&str, usize> = BTreeMap::new();
    for pod in pods {
        let Some(node) = node_of(pod) else { continue };
        *by_node.entry(node).or_default() += 1;
        let uid = pod.metadata.uid.clone().unwrap();
        let before = places.entry(uid).or_insert_with(|| node.to_owned());
        assert_eq!(before, node, "a pod was bound twice");
    }
    assert!(by_node.values().all(|count| *count <= 3), "{by_node:?}");
}

#[tokio::test(start_paused = true)]
async fn whatever_is_killed_or_vanishes_every_pod_is_bound_once_where_there_is_room_and_none_is_forgotten() {
    for seed in 0..SEEDS {
        let rig = Rig::start().await;
        let mut random = StdRng::seed_from_u64(seed);
        let (mut created, mut places) = (0, BTreeMap::new());
        let mut running = rig.scheduler("default-scheduler", seed);
        for _ in 0..60 {
            disturb(&rig, &mut random, &mut created).await;
            for _ in 0..random.random_range(0..40) {
                tokio::task::yield_now().await;
            }
            if random.random_range(0..5) == 0 {
                // In the middle of whatever it does: its bindings may be on their way, or done and not known to it.
                running.abort();
                running = rig.scheduler("default-scheduler", seed + 1000);
            }
            check(&mut places, &rig.pods().await);
        }
        // Longer than any back-off.
        rig.env.sleep(Duration::from_secs(60)).await;
        check(&mut places, &rig.pods().await);
        let Recording { snapshot, pending } = Recording::of_cluster(&*rig.client).await.unwrap();
        for pod in pending {
            let decision = DefaultScheduler::new(seed).schedule(&snapshot, &pod);
            assert!(
                matches!(decision, Decision::Unschedulable(_)),
                "seed {seed}: {} is forgotten",
                pod.key()
            );
        }
        assert!(places.len() > 5, "seed {seed} tests something");
        rig.stop.cancel();
    }
}
