//! managedFields, from the first write on.

use crate::common::{Cluster, binding, key, pod};
use bireme_core::client::{Client, Part, Patch, WriteOptions};
use bireme_core::object::{Kind, Object};
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

const PODS: Kind = Kind::of::<Pod>();

fn entries(object: &Object) -> Vec<Value> {
    object.value().unwrap()["metadata"]["managedFields"].as_array().cloned().unwrap_or_default()
}

#[tokio::test]
async fn every_writer_owns_what_it_wrote() {
    let cluster = Cluster::start().await;
    let created = cluster.client.create(&pod("web"), &WriteOptions::manager("kubectl")).await.unwrap();
    let own = entries(&created);
    assert_eq!(
        (own.len(), &own[0]["manager"], &own[0]["operation"]),
        (1, &json!("kubectl"), &json!("Update"))
    );
    assert!(own[0]["fieldsV1"]["f:spec"]["f:containers"][r#"k:{"name":"main"}"#]["f:image"].is_object());
    assert!(own[0]["time"].as_str().unwrap().ends_with('Z'));
    let patch = Patch::Merge(json!({"status": {"phase": "Running"}}).to_string().into());
    let options = WriteOptions::manager("kubelet");
    cluster.client.patch(PODS, &key("web"), Part::Status, &patch, &options).await.unwrap();
    let patch = Patch::Merge(json!({"metadata": {"labels": {"a": "b"}}}).to_string().into());
    let options = WriteOptions::manager("labeller");
    let labelled = cluster.client.patch(PODS, &key("web"), Part::Main, &patch, &options).await.unwrap();
    let mut writers: Vec<_> = entries(&labelled)
        .iter()
        .map(|entry| (entry["manager"].clone(), entry["subresource"].clone()))
        .collect();
    writers.sort_by_key(|(manager, _)| manager.to_string());
    let expected = [
        (json!("kubectl"), Value::Null),
        (json!("kubelet"), json!("status")),
        (json!("labeller"), Value::Null),
    ];
    assert_eq!(writers, expected);
}

#[tokio::test]
async fn writing_the_same_again_owns_nothing_new() {
    let cluster = Cluster::start().await;
    let created = cluster.client.create(&pod("web"), &WriteOptions::manager("kubectl")).await.unwrap();
    let same = cluster.client.update(&created, Part::Main, &WriteOptions::manager("other")).await.unwrap();
    assert_eq!(same.revision(), created.revision());
}

#[tokio::test]
async fn a_binding_leaves_ownership_alone() {
    let cluster = Cluster::start().await;
    let created = cluster.client.create(&pod("web"), &WriteOptions::manager("kubectl")).await.unwrap();
    cluster.client.bind(&key("web"), &binding("node-1")).await.unwrap();
    let bound = cluster.client.get(PODS, &key("web")).await.unwrap();
    assert_eq!(entries(&bound), entries(&created));
}
