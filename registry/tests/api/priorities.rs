//! The priority of pods.

use bireme_core::client::{Client, DeleteOptions, WriteOptions};
use bireme_core::error::Reason;
use bireme_core::object::{Kind, Object, ObjectKey};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::scheduling::v1::PriorityClass;
use serde_json::json;

use crate::common::{Cluster, object, pod};

const CLASS: Kind = Kind::of::<PriorityClass>();

fn class(name: &str, value: i32, is_default: bool) -> Object {
    object::<PriorityClass>(json!({"metadata": {"name": name}, "value": value, "globalDefault": is_default}))
}

fn pod_of(name: &str, class: &str) -> Object {
    let mut value = pod(name).value().unwrap();
    value["spec"]["priorityClassName"] = json!(class);
    object::<Pod>(value)
}

#[tokio::test]
async fn the_clusters_own_classes_are_there_from_the_start_and_stay() {
    let cluster = Cluster::start().await;
    for (name, value) in [("system-node-critical", 2_000_001_000), ("system-cluster-critical", 2_000_000_000)]
    {
        let key = ObjectKey::cluster(name);
        let class = cluster.client.get(CLASS, &key).await.unwrap().value().unwrap();
        assert_eq!(
            (&class["value"], &class["preemptionPolicy"]),
            (&json!(value), &json!("PreemptLowerPriority"))
        );
        let error = cluster.client.delete(CLASS, &key, &DeleteOptions::default()).await.unwrap_err();
        assert_eq!(error.reason(), Reason::Forbidden);
        let pod = cluster.create(pod_of(name, name)).await.value().unwrap();
        assert_eq!(pod["spec"]["priority"], value);
    }
}

#[tokio::test]
async fn a_pod_of_an_unknown_class_is_refused() {
    let cluster = Cluster::start().await;
    let error = cluster.client.create(&pod_of("web", "none"), &WriteOptions::default()).await.unwrap_err();
    assert_eq!(error.reason(), Reason::Forbidden);
    assert_eq!(error.message(), "pods \"web\" is forbidden: no PriorityClass with name none was found");
}

#[tokio::test]
async fn there_is_one_default_class() {
    let cluster = Cluster::start().await;
    cluster.create(class("usual", 10, true)).await;
    // Reading the list waits for the caches, which admission asks.
    cluster.client.list(CLASS, &Default::default()).await.unwrap();
    let pod = cluster.create(pod("web")).await.value().unwrap();
    assert_eq!((&pod["spec"]["priority"], &pod["spec"]["priorityClassName"]), (&json!(10), &json!("usual")));
    let second = class("other", 20, true);
    let error = cluster.client.create(&second, &WriteOptions::default()).await.unwrap_err();
    assert_eq!(error.reason(), Reason::Forbidden);
    assert!(
        error
            .message()
            .ends_with("PriorityClass usual is already marked as default. Only one default can exist")
    );
}
