//! Many writers at once.

use crate::common::{Cluster, binding, config_map, key, object, pod};
use bireme_core::Environment;
use bireme_core::client::{Client, Part, Patch, WriteOptions};
use bireme_core::object::Kind;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use serde_json::json;

const MAPS: Kind = Kind::of::<ConfigMap>();

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_writers_with_one_revision_exactly_one_wins() {
    let cluster = Cluster::start().await;
    let env = Environment::system();
    let first = cluster.create(config_map("a", "0")).await;
    let writers: Vec<_> = (0..16)
        .map(|writer| {
            let (client, mut value) = (cluster.client.clone(), first.value().unwrap());
            value["data"]["key"] = json!(format!("writer {writer}"));
            let change = object::<ConfigMap>(value);
            env.spawn(async move { client.update(&change, Part::Main, &WriteOptions::default()).await })
        })
        .collect();
    let mut winners = Vec::new();
    for writer in writers {
        match writer.await.unwrap() {
            Ok(object) => winners.push(object),
            Err(error) => assert!(error.is_conflict(), "{error}"),
        }
    }
    assert_eq!(winners.len(), 1);
    let present = cluster.client.get(MAPS, &key("a")).await.unwrap();
    assert_eq!(present.json(), winners[0].json());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn patches_without_a_revision_all_take_effect() {
    let cluster = Cluster::start().await;
    let env = Environment::system();
    cluster.create(config_map("a", "0")).await;
    let writers: Vec<_> = (0..32)
        .map(|writer| {
            let client = cluster.client.clone();
            let patch = Patch::Merge(json!({"data": {format!("key-{writer}"): "1"}}).to_string().into());
            env.spawn(async move {
                client.patch(MAPS, &key("a"), Part::Main, &patch, &WriteOptions::default()).await
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap().unwrap();
    }
    let value = cluster.client.get(MAPS, &key("a")).await.unwrap().value().unwrap();
    assert_eq!(value["data"].as_object().unwrap().len(), 33);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_pod_is_bound_exactly_once() {
    let cluster = Cluster::start().await;
    let other = Cluster::on(cluster.store.clone()).await;
    let env = Environment::system();
    cluster.create(pod("web")).await;
    let binders: Vec<_> = (0..16)
        .map(|node| {
            let client = if node % 2 == 0 { cluster.client.clone() } else { other.client.clone() };
            env.spawn(async move {
                let node = format!("node-{node}");
                client.bind(&key("web"), &binding(&node)).await.map(|()| node)
            })
        })
        .collect();
    let mut bound = Vec::new();
    for binder in binders {
        match binder.await.unwrap() {
            Ok(node) => bound.push(node),
            Err(error) => assert!(error.is_conflict(), "{error}"),
        }
    }
    let value = cluster.client.get(Kind::of::<Pod>(), &key("web")).await.unwrap().value().unwrap();
    assert_eq!(bound, [value["spec"]["nodeName"].as_str().unwrap()]);
    assert_eq!(value["status"]["conditions"][0]["type"], "PodScheduled");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_creators_of_one_name_exactly_one_wins() {
    let cluster = Cluster::start().await;
    let env = Environment::system();
    let creators: Vec<_> = (0..16)
        .map(|writer| {
            let client = cluster.client.clone();
            env.spawn(async move {
                client.create(&config_map("a", &writer.to_string()), &WriteOptions::default()).await
            })
        })
        .collect();
    let mut created = 0;
    for creator in creators {
        match creator.await.unwrap() {
            Ok(_) => created += 1,
            Err(error) => assert!(error.is_already_exists(), "{error}"),
        }
    }
    assert_eq!(created, 1);
}
