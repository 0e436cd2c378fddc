//! Garbage collection, namespaces, nodes and endpoints, carried out by all controllers over the real registry.

use std::collections::BTreeSet;

use crate::world::*;
use bireme_core::client::{ClientExt, ListOptions, Part, Propagation, WriteOptions};
use bireme_core::object::{Kind, ObjectKey};
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::{
    ConfigMap, Endpoints, Namespace, Node, Pod, ReplicationController, Service, ServiceAccount,
};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use serde_json::{Value, json};

async fn start_web(replicas: i32) -> World {
    let world = World::start().await;
    world.create::<Deployment>(web(replicas, "v1")).await;
    let count = usize::try_from(replicas).unwrap();
    world.until("all pods", async || world.ready_pods().await.len() == count).await;
    world
}

#[tokio::test(start_paused = true)]
async fn what_a_deleted_deployment_owned_goes_in_the_background() {
    let world = start_web(3).await;
    world.delete::<Deployment>("web", Propagation::Background).await;
    assert!(world.get::<Deployment>("web").await.is_none());
    world
        .until("the end of all", async || {
            world.list::<ReplicaSet>().await.is_empty() && world.list::<Pod>().await.is_empty()
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_deployment_deleted_in_the_foreground_goes_last() {
    let world = start_web(3).await;
    world.delete::<Deployment>("web", Propagation::Foreground).await;
    world.until("the end of the pods", async || world.list::<Pod>().await.is_empty()).await;
    let owner = world.get::<Deployment>("web").await;
    assert!(owner.is_none_or(|owner| owner.metadata.deletion_timestamp.is_some()));
    world
        .until("the end of all", async || {
            let gone = world.get::<Deployment>("web").await.is_none();
            assert!(
                !gone || world.list::<ReplicaSet>().await.is_empty(),
                "the owner went before what it owns"
            );
            gone
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn orphans_stay_and_are_taken_on_by_a_new_owner() {
    let world = start_web(3).await;
    let before: BTreeSet<_> = world.list::<Pod>().await.iter().map(|pod| pod.metadata.uid.clone()).collect();
    world.delete::<Deployment>("web", Propagation::Orphan).await;
    world.until("the end of the owner", async || world.get::<Deployment>("web").await.is_none()).await;
    world.pass(60).await;
    let set = world.list::<ReplicaSet>().await.remove(0);
    assert_eq!(set.metadata.owner_references.as_deref().unwrap_or_default(), []);

    let owner = world.create::<Deployment>(web(3, "v1")).await;
    world.pass(60).await;
    let set = world.list::<ReplicaSet>().await.remove(0);
    assert_eq!(Some(&set.metadata.owner_references.as_ref().unwrap()[0].uid), owner.metadata.uid.as_ref());
    let after: BTreeSet<_> = world.list::<Pod>().await.iter().map(|pod| pod.metadata.uid.clone()).collect();
    assert_eq!(before, after);
}

#[tokio::test(start_paused = true)]
async fn a_deleted_pod_is_replaced_and_a_controller_scales() {
    let world = World::start().await;
    let template = json!({"metadata": {"labels": {"app": "old"}}, "spec": {"containers": [{"name": "a", "image": "i"}]}});
    let controller = json!({
        "metadata": {"name": "old", "namespace": "default"},
        "spec": {"replicas": 2, "selector": {"app": "old"}, "template": template},
    });
    world.create::<ReplicationController>(controller).await;
    world.until("two pods", async || world.ready_pods().await.len() == 2).await;
    let victim = world.list::<Pod>().await.remove(0).metadata.name.clone().unwrap();
    world.delete::<Pod>(&victim, Propagation::Background).await;
    world
        .until("another", async || {
            let ready = world.ready_pods().await;
            ready.len() == 2 && ready.iter().all(|pod| pod.metadata.name.as_ref() != Some(&victim))
        })
        .await;
    world.change::<ReplicationController>("old", json!({"spec": {"replicas": 0}})).await;
    world.until("no pods", async || world.list::<Pod>().await.is_empty()).await;
}

#[tokio::test(start_paused = true)]
async fn a_namespace_is_furnished_and_at_its_end_emptied() {
    let world = World::start().await;
    world.create::<Namespace>(json!({"metadata": {"name": "shop"}})).await;
    let has = async |kind: Kind, name: &str| {
        world.client.get(kind, &ObjectKey::namespaced("shop", name)).await.is_ok()
    };
    world
        .until("furniture", async || {
            has(Kind::of::<ServiceAccount>(), "default").await
                && has(Kind::of::<ConfigMap>(), "kube-root-ca.crt").await
        })
        .await;
    let mut deployment = web(3, "v1");
    deployment["metadata"]["namespace"] = json!("shop");
    world.create::<Deployment>(deployment).await;
    let pods = async || world.client.fetch_all::<Pod>(&ListOptions::namespaced("shop")).await.unwrap().0;
    world.until("pods", async || pods().await.iter().filter(|pod| is_ready(pod)).count() == 3).await;

    world.delete::<Namespace>("shop", Propagation::Background).await;
    let dying = world.get::<Namespace>("shop").await.unwrap();
    assert_eq!(dying.status.as_ref().unwrap().phase.as_deref(), Some("Terminating"));
    world.until("its end", async || world.get::<Namespace>("shop").await.is_none()).await;
    for kind in
        [Kind::of::<Pod>(), Kind::of::<Deployment>(), Kind::of::<ReplicaSet>(), Kind::of::<ConfigMap>()]
    {
        let left = world.client.list(kind, &ListOptions::namespaced("shop")).await.unwrap();
        assert!(left.items.is_empty(), "{:?}", left.items);
    }
}

#[tokio::test(start_paused = true)]
async fn pods_move_from_a_node_that_is_lost() {
    let world = start_web(6).await;
    let on_node = async |name: &str| {
        let pods = world.list::<Pod>().await;
        pods.into_iter()
            .filter(|pod| pod.spec.as_ref().unwrap().node_name.as_deref() == Some(name))
            .collect::<Vec<_>>()
    };
    assert!(!on_node("node-1").await.is_empty());
    let begin = world.env.instant();
    world.nodes.kill("node-1");
    world
        .until("the node's silence", async || {
            let node = world.get::<Node>("node-1").await.unwrap();
            node.spec.as_ref().and_then(|spec| spec.taints.as_ref()).is_some_and(|taints| taints.len() == 2)
        })
        .await;
    let noticed = world.env.instant().since(begin).as_secs();
    assert!((30..=51).contains(&noticed), "{noticed}");
    world.pass(1).await;
    assert!(on_node("node-1").await.iter().all(|pod| !is_ready(pod)));
    world.until("six pods elsewhere", async || world.ready_pods().await.len() == 6).await;
    let moved = world.env.instant().since(begin).as_secs();
    assert!((40..=70).contains(&moved), "{moved}");
    // The lost ones are at last forgotten.
    world.until("no pod on the lost node", async || on_node("node-1").await.is_empty()).await;

    world.nodes.revive("node-1");
    world
        .until("recovery", async || {
            let node = world.get::<Node>("node-1").await.unwrap();
            node.spec.as_ref().and_then(|spec| spec.taints.as_ref()).is_none_or(Vec::is_empty)
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn pods_of_a_deleted_node_are_forgotten() {
    let world = start_web(3).await;
    world.nodes.kill("node-2");
    world.delete::<Node>("node-2", Propagation::Background).await;
    world
        .until("three pods elsewhere", async || {
            let pods = world.list::<Pod>().await;
            pods.len() == 3
                && pods.iter().all(|pod| {
                    is_ready(pod) && pod.spec.as_ref().unwrap().node_name.as_deref() != Some("node-2")
                })
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn endpoints_follow_the_pods() {
    let world = start_web(3).await;
    let service: Value = json!({
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}]},
    });
    world.create::<Service>(service).await;
    let ready = async || {
        let slices = world.list::<EndpointSlice>().await;
        let ours = slices.iter().filter(|slice| {
            slice
                .metadata
                .labels
                .as_ref()
                .is_some_and(|l| l.get("kubernetes.io/service-name").is_some_and(|n| n == "web"))
        });
        let endpoints = ours.flat_map(|slice| slice.endpoints.clone());
        endpoints.filter(|endpoint| endpoint.conditions.as_ref().unwrap().ready == Some(true)).count()
    };
    let addresses = async || {
        let endpoints = world.get::<Endpoints>("web").await;
        let subsets = endpoints.and_then(|endpoints| endpoints.subsets.clone()).unwrap_or_default();
        subsets.iter().flat_map(|subset| subset.addresses.iter().flatten()).count()
    };
    world.until("three endpoints", async || ready().await == 3 && addresses().await == 3).await;
    world.change::<Deployment>("web", json!({"spec": {"replicas": 1}})).await;
    world.until("one endpoint", async || ready().await == 1 && addresses().await == 1).await;
    world.delete::<Service>("web", Propagation::Background).await;
    world
        .until("no endpoints", async || ready().await == 0 && world.get::<Endpoints>("web").await.is_none())
        .await;
}

#[tokio::test(start_paused = true)]
async fn of_the_pods_that_have_ended_the_youngest_are_kept() {
    let world = World::start().await;
    let name = |number: usize| format!("job-{number:02}");
    for number in 0..KEPT + 3 {
        let spec = json!({"schedulerName": "nobody", "containers": [{"name": "a", "image": "i"}]});
        let metadata = json!({"name": name(number), "namespace": "default"});
        world.create::<Pod>(json!({"metadata": metadata, "spec": spec})).await;
        world.pass(1).await;
    }
    world.pass(60).await;
    assert_eq!(world.list::<Pod>().await.len(), KEPT + 3, "none has ended");

    for number in 0..KEPT + 3 {
        let phase = if number % 2 == 0 { "Succeeded" } else { "Failed" };
        let (key, status) =
            (ObjectKey::namespaced("default", &name(number)), json!({"status": {"phase": phase}}));
        world.client.merge::<Pod>(&key, Part::Status, &status, &WriteOptions::default()).await.unwrap();
    }
    world.until("the oldest to go", async || world.list::<Pod>().await.len() <= KEPT).await;
    world.pass(60).await;
    let left: Vec<_> = world.list::<Pod>().await.iter().filter_map(|pod| pod.metadata.name.clone()).collect();
    assert_eq!(left, (3..KEPT + 3).map(name).collect::<Vec<_>>());
}
