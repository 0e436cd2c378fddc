//! The verbs on the direct client.

use crate::common::{Cluster, config_map, key, namespace, object, pod};
use bireme_core::client::{Client, DeleteOptions, FieldValidation, Part, Patch, WriteOptions};
use bireme_core::error::Reason;
use bireme_core::object::{Kind, ObjectKey};
use bireme_core::store::Revision;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod};
use serde_json::json;

const MAPS: Kind = Kind::of::<ConfigMap>();
const PODS: Kind = Kind::of::<Pod>();

#[tokio::test]
async fn a_created_object_has_identity_time_and_revision() {
    let cluster = Cluster::start().await;
    let created = cluster.create(config_map("settings", "1")).await;
    assert_eq!(created.uid().len(), 36);
    let time = created.metadata().creation_timestamp.clone().unwrap();
    assert_eq!(time.0.subsec_nanosecond(), 0);
    assert!(created.revision() > Revision::ZERO);
    let read = cluster.client.get(MAPS, &key("settings")).await.unwrap();
    assert_eq!((read.json(), read.revision()), (created.json(), created.revision()));
}

#[tokio::test]
async fn a_taken_name_is_refused_and_changes_nothing() {
    let cluster = Cluster::start().await;
    let first = cluster.create(config_map("a", "1")).await;
    let error = cluster.client.create(&config_map("a", "2"), &WriteOptions::default()).await.unwrap_err();
    assert_eq!(error.reason(), Reason::AlreadyExists);
    assert_eq!(error.message(), "configmaps \"a\" already exists");
    assert_eq!(cluster.client.get(MAPS, &key("a")).await.unwrap().revision(), first.revision());
}

#[tokio::test]
async fn a_missing_namespace_is_not_found_and_a_terminating_one_forbidden() {
    let cluster = Cluster::start().await;
    let map =
        |namespace: &str| object::<ConfigMap>(json!({"metadata": {"name": "a", "namespace": namespace}}));
    let options = WriteOptions::default();
    let error = cluster.client.create(&map("shop"), &options).await.unwrap_err();
    assert_eq!((error.reason(), error.message()), (Reason::NotFound, "namespaces \"shop\" not found"));
    cluster.create(namespace("shop")).await;
    cluster.client.create(&map("shop"), &options).await.unwrap();
    let shop = ObjectKey::cluster("shop");
    cluster.client.delete(Kind::of::<Namespace>(), &shop, &DeleteOptions::default()).await.unwrap();
    let error = cluster.client.create(&map("shop"), &options).await.unwrap_err();
    assert_eq!(error.reason(), Reason::Forbidden);
    assert_eq!(error.causes()[0].reason, "NamespaceTerminating");
}

#[tokio::test]
async fn a_write_without_a_change_makes_no_revision() {
    let cluster = Cluster::start().await;
    let first = cluster.create(pod("web")).await;
    let patch = Patch::Merge(json!({"metadata": {"labels": null}}).to_string().into());
    let same = cluster.client.patch(PODS, &key("web"), Part::Main, &patch, &WriteOptions::default()).await;
    assert_eq!(same.unwrap().revision(), first.revision());
    let same = cluster.client.update(&first, Part::Main, &WriteOptions::default()).await.unwrap();
    assert_eq!(same.revision(), first.revision());
}

#[tokio::test]
async fn the_main_part_keeps_the_status_and_the_status_keeps_the_rest() {
    let cluster = Cluster::start().await;
    let first = cluster.create(pod("web")).await;
    assert_eq!(first.metadata().generation, Some(1));
    let patch = json!({"metadata": {"labels": {"a": "b"}}, "status": {"phase": "Running"}});
    let patch = Patch::Merge(patch.to_string().into());
    let options = WriteOptions::default();
    let main = cluster.client.patch(PODS, &key("web"), Part::Main, &patch, &options).await.unwrap();
    assert_eq!(main.value().unwrap()["status"]["phase"], "Pending");
    assert_eq!(main.metadata().labels["a"], "b");
    assert_eq!(main.metadata().generation, Some(1));
    let patch = json!({"metadata": {"labels": {"a": "c"}}, "spec": {"nodeName": "x"}, "status": {"phase": "Running"}});
    let patch = Patch::Merge(patch.to_string().into());
    let status = cluster.client.patch(PODS, &key("web"), Part::Status, &patch, &options).await.unwrap();
    let value = status.value().unwrap();
    assert_eq!((&value["status"]["phase"], &value["spec"]["nodeName"]), (&json!("Running"), &json!(null)));
    assert_eq!(status.metadata().labels["a"], "b");
}

#[tokio::test]
async fn unknown_and_duplicate_fields_are_all_reported_when_strict() {
    let cluster = Cluster::start().await;
    let json = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","namespace":"default","colour":"red"},
        "spec":{"containers":[{"name":"a","image":"b","imagee":"c"}],"hostPID":true,"hostPID":false}}"#;
    let context = bireme_registry::RequestContext {
        validation: FieldValidation::Strict,
        ..bireme_registry::RequestContext::new(bireme_core::client::Identity::admin("a"))
    };
    let body = bireme_registry::Body::Json(json.into());
    let error = cluster.registry.create(&context, PODS, Some("default"), body.clone()).await.unwrap_err();
    assert_eq!(
        error.message(),
        "Pod in version \"v1\" cannot be handled as a Pod: strict decoding error: unknown field \
         \"metadata.colour\", unknown field \"spec.containers[0].imagee\", duplicate field \"spec.hostPID\""
    );
    let context = bireme_registry::RequestContext { validation: FieldValidation::Warn, ..context };
    let written = cluster.registry.create(&context, PODS, Some("default"), body).await.unwrap();
    assert_eq!(written.warnings.len(), 3);
}

#[tokio::test]
async fn a_value_of_the_wrong_type_is_named_with_its_path() {
    let cluster = Cluster::start().await;
    let pod = object::<Pod>(json!({
        "metadata": {"name": "a", "namespace": "default"},
        "spec": {"containers": [{"name": "a", "ports": [{"containerPort": "http"}]}]},
    }));
    let error = cluster.client.create(&pod, &WriteOptions::default()).await.unwrap_err();
    assert_eq!(error.reason(), Reason::BadRequest);
    assert!(error.message().contains("spec.containers[0].ports[0].containerPort"), "{error}");
}
