//! The kinds that the garbage collector and the deletion of namespaces go over.

use std::collections::BTreeSet;
use std::sync::Arc;

use bireme_controllers::Config;
use bireme_core::client::{DeleteOptions, ListOptions, Propagation, WriteOptions};
use bireme_core::object::{Kind, Object, ObjectKey};
use bireme_registry::kinds::built_in;
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{Event, Namespace, PersistentVolume, PersistentVolumeClaim, Pod};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::{ClusterRole, Role};
use serde_json::{Value, json};

use crate::world::World;

fn owned_by(owner: &Object) -> Value {
    json!([{
        "apiVersion": owner.kind().api_version(), "kind": owner.kind().name(), "name": owner.name(),
        "uid": owner.uid(), "controller": true, "blockOwnerDeletion": true,
    }])
}

fn claim() -> Value {
    json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}})
}

fn once() -> Value {
    json!({"template": {"spec": {"containers": [{"name": "a", "image": "i"}], "restartPolicy": "Never"}}})
}

fn cron() -> Value {
    json!({"schedule": "@daily", "jobTemplate": {"spec": once()}})
}

/// An object in a namespace of its own, so that no controller but those under test is concerned.
async fn create(world: &World, kind: Kind, name: &str, mut object: Value, owners: Value) -> Arc<Object> {
    object["metadata"] = json!({"name": name, "ownerReferences": owners});
    if kind.is_namespaced() {
        object["metadata"]["namespace"] = json!("shop");
    }
    let object = Object::from_value(kind, object).unwrap();
    world.client.create(&object, &WriteOptions::default()).await.unwrap()
}

async fn exists(world: &World, object: &Object) -> bool {
    world.client.get(object.kind(), object.key()).await.is_ok()
}

async fn with_shop() -> World {
    let world = World::start().await;
    world.create::<Namespace>(json!({"metadata": {"name": "shop"}})).await;
    world
}

#[test]
fn every_kind_that_is_served_is_looked_after() {
    let is_seen = |kind: &Kind| *kind != Kind::of::<Event>();
    let served = built_in().into_iter().filter(|kind| kind.stored_as().is_none()).map(|kind| kind.kind());
    let served: BTreeSet<Kind> = served.filter(is_seen).collect();
    let looked_after: BTreeSet<Kind> = Config::new(Timestamp::UNIX_EPOCH).kinds.into_iter().collect();
    assert_eq!(looked_after, served);
}

#[tokio::test(start_paused = true)]
async fn what_is_owned_goes_with_its_owner_whatever_the_kinds() {
    let world = with_shop().await;
    let none = || json!([]);
    let cron = create(&world, Kind::of::<CronJob>(), "cron", json!({"spec": cron()}), none()).await;
    let job = create(&world, Kind::of::<Job>(), "job", json!({"spec": once()}), owned_by(&cron)).await;
    let pod = json!({"spec": {"containers": [{"name": "a", "image": "i"}]}});
    let pod = create(&world, Kind::of::<Pod>(), "pod", pod, owned_by(&job)).await;
    let role = create(&world, Kind::of::<ClusterRole>(), "role", json!({}), none()).await;
    let volume = json!({"spec": {
        "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "hostPath": {"path": "/x"},
    }});
    let volume = create(&world, Kind::of::<PersistentVolume>(), "disk", volume, owned_by(&role)).await;
    let other = create(&world, Kind::of::<Role>(), "free", json!({}), none()).await;
    world.pass(5).await;
    assert!(exists(&world, &job).await && exists(&world, &pod).await && exists(&world, &volume).await);
    for owner in [&cron, &role] {
        let propagation = Some(Propagation::Background);
        let options = DeleteOptions { propagation, ..DeleteOptions::default() };
        world.client.delete(owner.kind(), owner.key(), &options).await.unwrap();
    }
    world
        .until("the end of what they owned", async || {
            !exists(&world, &job).await && !exists(&world, &pod).await && !exists(&world, &volume).await
        })
        .await;
    assert!(exists(&world, &other).await);
}

#[tokio::test(start_paused = true)]
async fn a_namespace_is_emptied_of_these_kinds_too() {
    let world = with_shop().await;
    let template =
        json!({"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "a", "image": "i"}]}});
    let selector = json!({"matchLabels": {"a": "b"}});
    let set = json!({"spec": {"selector": selector, "template": template, "serviceName": "s"}});
    let kinds = [
        (Kind::of::<CronJob>(), json!({"spec": cron()})),
        (Kind::of::<Job>(), json!({"spec": once()})),
        (Kind::of::<StatefulSet>(), set),
        (Kind::of::<PersistentVolumeClaim>(), json!({"spec": claim()})),
        (Kind::of::<PodDisruptionBudget>(), json!({"spec": {"minAvailable": 1}})),
        (Kind::of::<Role>(), json!({})),
    ];
    for (kind, object) in &kinds {
        create(&world, *kind, "x", object.clone(), json!([])).await;
    }
    world.delete::<Namespace>("shop", Propagation::Background).await;
    world.until("its end", async || world.get::<Namespace>("shop").await.is_none()).await;
    for (kind, _) in kinds {
        let left = world.client.list(kind, &ListOptions::namespaced("shop")).await.unwrap();
        assert!(left.items.is_empty(), "{:?}", left.items);
        let key = ObjectKey::namespaced("shop", "x");
        assert!(world.client.get(kind, &key).await.unwrap_err().is_not_found());
    }
}
