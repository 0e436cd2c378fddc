//! Server-side apply, whatever the kind.

use bireme_core::client::{Client, ClientExt, Part, Patch, WriteOptions};
use bireme_core::error::{ApiError, Reason};
use bireme_core::object::{Kind, Object, ObjectKey};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod, Service};
use serde_json::{Value, json};
use std::sync::Arc;

use crate::common::{Cluster, config_map, key, pod};

const MAPS: Kind = Kind::of::<ConfigMap>();
const PODS: Kind = Kind::of::<Pod>();

/// Applies a configuration as it is.
async fn apply_raw(
    cluster: &Cluster,
    kind: Kind,
    part: Part,
    manager: &str,
    configuration: Value,
) -> Result<Arc<Object>, ApiError> {
    let patch = Patch::Apply { body: configuration.to_string().into(), force: false };
    cluster.client.patch(kind, &key("a"), part, &patch, &WriteOptions::manager(manager)).await
}

async fn apply_map(cluster: &Cluster, manager: &str, data: Value) -> Result<Arc<Object>, ApiError> {
    apply_raw(cluster, MAPS, Part::Main, manager, map(json!({"name": "a"}), data)).await
}

fn map(metadata: Value, data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})
}

fn managers(object: &Object) -> Vec<(String, String)> {
    let value = object.value().unwrap();
    let text = |entry: &Value, name: &str| entry[name].as_str().unwrap_or_default().to_owned();
    let entries = value["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    entries.iter().map(|entry| (text(entry, "manager"), text(entry, "operation"))).collect()
}

#[tokio::test]
async fn a_conflict_names_the_fields_and_their_owners() {
    let cluster = Cluster::start().await;
    cluster.client.create(&config_map("a", "1"), &WriteOptions::manager("creator")).await.unwrap();
    let error = apply_map(&cluster, "me", json!({"key": "2"})).await.unwrap_err();
    assert_eq!(
        error.message(),
        "Apply failed with 1 conflict: conflict with \"creator\" using v1: .data.key"
    );
    let status = serde_json::to_value(error.status()).unwrap();
    assert_eq!((&status["reason"], &status["code"]), (&json!("Conflict"), &json!(409)));
    let cause = json!({"reason": "FieldManagerConflict", "message": "conflict with \"creator\" using v1", "field": ".data.key"});
    assert_eq!(status["details"], json!({"causes": [cause]}));
    let forced: Arc<ConfigMap> = cluster
        .client
        .apply(&key("a"), Part::Main, json!({"data": {"key": "2"}}), true, &WriteOptions::manager("me"))
        .await
        .unwrap();
    assert_eq!(forced.data.as_ref().unwrap()["key"], "2");
}

#[tokio::test]
async fn what_is_no_configuration_of_the_object_is_refused_and_changes_nothing() {
    let cluster = Cluster::start().await;
    let named = json!({"name": "a"});
    for (configuration, reason, expected) in [
        (json!([]), Reason::BadRequest, "error decoding patch"),
        (json!({"kind": "ConfigMap"}), Reason::BadRequest, "Specified patch version: , expected: v1"),
        (json!({"apiVersion": "v1", "kind": "Secret"}), Reason::BadRequest, "Specified patch kind: Secret"),
        (
            map(json!({"name": "b"}), json!({})),
            Reason::BadRequest,
            "(b) does not match the name on the URL (a)",
        ),
        (map(json!({"generateName": "a"}), json!({})), Reason::BadRequest, "name must be provided"),
        (
            map(json!({"name": "a", "namespace": "other"}), json!({})),
            Reason::BadRequest,
            "does not match the namespace",
        ),
        (
            map(json!({"name": "a", "managedFields": []}), json!({})),
            Reason::BadRequest,
            "metadata.managedFields must be nil",
        ),
        (map(json!({"name": "a", "uid": "u"}), json!({})), Reason::Conflict, "uid mismatch"),
        (map(json!({"name": "a", "resourceVersion": "7"}), json!({})), Reason::Conflict, "has been modified"),
        (
            map(named.clone(), json!({"x": 1})),
            Reason::BadRequest,
            "failed to create typed patch object (default/a; /v1, Kind=ConfigMap)",
        ),
        (
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": named, "datta": {}}),
            Reason::BadRequest,
            ".datta: field not declared in schema",
        ),
        (map(json!({"name": "a", "labels": {"-": "x"}}), json!({})), Reason::Invalid, "metadata.labels"),
    ] {
        let error = apply_raw(&cluster, MAPS, Part::Main, "me", configuration.clone()).await.unwrap_err();
        assert_eq!(error.reason(), reason, "{configuration}: {error}");
        assert!(error.message().contains(expected), "{configuration}: {error}");
    }
    assert!(cluster.client.get(MAPS, &key("a")).await.unwrap_err().is_not_found());
    let error =
        apply_raw(&cluster, PODS, Part::Status, "me", json!({"apiVersion": "v1", "kind": "Pod"})).await;
    assert!(error.unwrap_err().is_not_found());
}

#[tokio::test]
async fn defaults_belong_to_nobody_and_go_their_own_way() {
    let cluster = Cluster::start().await;
    let (me, name) = (WriteOptions::manager("me"), key("a"));
    let wanted = |replicas: Value| {
        json!({"spec": {"replicas": replicas, "selector": {"matchLabels": {"a": "b"}}, "template": {
            "metadata": {"labels": {"a": "b"}, "creationTimestamp": null},
            "spec": {"containers": [{"name": "c", "image": "c:1", "ports": [{"containerPort": 80}]}]},
        }}})
    };
    let apply = |configuration: Value| {
        cluster.client.apply::<Deployment>(&name, Part::Main, configuration, false, &me)
    };
    apply(wanted(json!(3))).await.unwrap();
    let first = cluster.client.get(Kind::of::<Deployment>(), &key("a")).await.unwrap();
    let value = first.value().unwrap();
    assert_eq!(value["spec"]["template"]["spec"]["restartPolicy"], "Always");
    let owned = &value["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"]["f:template"]["f:spec"];
    assert_eq!(owned.as_object().unwrap().keys().collect::<Vec<_>>(), ["f:containers"]);
    apply(wanted(json!(3))).await.unwrap();
    let again = cluster.client.get(Kind::of::<Deployment>(), &key("a")).await.unwrap();
    assert_eq!(
        again.revision(),
        first.revision(),
        "the port is the one that is there, though it has a protocol now"
    );
    let mut fewer = wanted(json!(3));
    fewer["spec"].as_object_mut().unwrap().remove("replicas");
    let deployment = apply(fewer).await.unwrap();
    assert_eq!(
        (deployment.spec.as_ref().unwrap().replicas, deployment.metadata.generation),
        (Some(1), Some(2))
    );
}

/// What is a number in a manifest may be text in the object; what admission added stays.
#[tokio::test]
async fn a_pod_that_is_applied_again_is_the_same() {
    let cluster = Cluster::start().await;
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": {
        "containers": [{"name": "c", "image": "c:1", "resources": {"limits": {"cpu": 1, "memory": "1Gi"}}}],
        "tolerations": [{"key": "a", "operator": "Exists"}],
    }});
    let first = apply_raw(&cluster, PODS, Part::Main, "me", pod.clone()).await.unwrap();
    let second = apply_raw(&cluster, PODS, Part::Main, "you", pod.clone()).await;
    // The tolerations are owned as a whole, and are not just those applied.
    assert!(second.unwrap_err().message().ends_with("conflict with \"me\": .spec.tolerations"));
    let again = apply_raw(&cluster, PODS, Part::Main, "me", pod.clone()).await.unwrap();
    assert_eq!(again.revision(), first.revision());
    let mut twice = pod;
    twice["spec"]["containers"] = json!([{"name": "c"}, {"name": "c"}]);
    let error = apply_raw(&cluster, PODS, Part::Main, "me", twice).await.unwrap_err();
    let expected = "failed to create typed patch object (default/a; /v1, Kind=Pod): \
        .spec.containers: duplicate entries for key [name=\"c\"]";
    assert_eq!((error.reason(), error.message()), (Reason::BadRequest, expected));
}

#[tokio::test]
async fn a_service_that_is_applied_keeps_the_address_it_was_given() {
    let cluster = Cluster::start().await;
    let (me, name) = (WriteOptions::manager("me"), key("a"));
    let wanted = |port: u16| json!({"spec": {"selector": {"a": "b"}, "ports": [{"port": port}]}});
    let apply = |port: u16| cluster.client.apply::<Service>(&name, Part::Main, wanted(port), false, &me);
    let first = apply(80).await.unwrap();
    let second = apply(81).await.unwrap();
    let spec = |service: &Service| service.spec.clone().unwrap();
    assert_eq!(spec(&second).cluster_ip, spec(&first).cluster_ip);
    let ports: Vec<i32> = spec(&second).ports.unwrap().iter().map(|port| port.port).collect();
    assert_eq!(ports, [81]);
}

#[tokio::test]
async fn the_status_is_applied_by_itself() {
    let cluster = Cluster::start().await;
    cluster.client.create(&pod("a"), &WriteOptions::manager("creator")).await.unwrap();
    let condition = |status: &str| {
        json!({"metadata": {"labels": {"no": "label"}}, "spec": {"nodeName": "elsewhere"},
        "status": {"conditions": [{"type": "example.com/Ready", "status": status}]}})
    };
    let kubelet = WriteOptions::manager("agent");
    let pod: Arc<Pod> =
        cluster.client.apply(&key("a"), Part::Status, condition("True"), false, &kubelet).await.unwrap();
    let conditions = pod.status.as_ref().unwrap().conditions.as_ref().unwrap();
    assert!(conditions.iter().any(|condition| condition.type_ == "example.com/Ready"));
    assert_eq!((pod.spec.as_ref().unwrap().node_name.as_ref(), &pod.metadata.labels), (None, &None));
    let value = cluster.client.get(PODS, &key("a")).await.unwrap().value().unwrap();
    let own = &value["metadata"]["managedFields"][0];
    assert_eq!((&own["manager"], &own["subresource"]), (&json!("agent"), &json!("status")));
    let error = apply_raw(
        &cluster,
        PODS,
        Part::Status,
        "other",
        json!({"apiVersion": "v1", "kind": "Pod",
        "status": {"conditions": [{"type": "example.com/Ready", "status": "False"}]}}),
    )
    .await
    .unwrap_err();
    assert_eq!(
        error.message(),
        "Apply failed with 1 conflict: conflict with \"agent\" with subresource \"status\": \
         .status.conditions[type=\"example.com/Ready\"].status"
    );
    let main = json!({"status": {"phase": "Failed"}});
    let pod: Arc<Pod> = cluster.client.apply(&key("a"), Part::Main, main, true, &kubelet).await.unwrap();
    assert_eq!(pod.status.as_ref().unwrap().phase.as_deref(), Some("Pending"));
}

#[tokio::test]
async fn a_namespace_is_applied_but_not_its_finalization() {
    let cluster = Cluster::start().await;
    let me = WriteOptions::manager("me");
    let shop = ObjectKey::cluster("shop");
    let namespace: Arc<Namespace> =
        cluster.client.apply(&shop, Part::Main, json!({}), false, &me).await.unwrap();
    assert_eq!(namespace.status.as_ref().unwrap().phase.as_deref(), Some("Active"));
    let error =
        cluster.client.apply::<Namespace>(&shop, Part::Finalize, json!({}), false, &me).await.unwrap_err();
    assert_eq!(error.reason(), Reason::MethodNotAllowed);
    let nowhere = ObjectKey::namespaced("none", "a");
    let error =
        cluster.client.apply::<ConfigMap>(&nowhere, Part::Main, json!({}), false, &me).await.unwrap_err();
    assert!(error.is_not_found());
}

#[tokio::test]
async fn managers_can_be_replaced_and_taken_away_by_a_write() {
    let cluster = Cluster::start().await;
    let created = apply_map(&cluster, "me", json!({"x": "1"})).await.unwrap();
    let entries = created.value().unwrap()["metadata"]["managedFields"].clone();
    let patch =
        |entries: Value| Patch::Merge(json!({"metadata": {"managedFields": entries}}).to_string().into());
    let other = WriteOptions::manager("other");
    let write = async |entries: Value| {
        cluster.client.patch(MAPS, &key("a"), Part::Main, &patch(entries), &other).await.unwrap()
    };
    let mut renamed = entries.clone();
    renamed[0]["manager"] = json!("you");
    assert_eq!(managers(&*write(renamed).await), [("you".to_owned(), "Apply".to_owned())]);
    assert_eq!(managers(&*write(json!([])).await), [("you".to_owned(), "Apply".to_owned())]);
    assert_eq!(managers(&*write(json!([{}])).await), []);
    let error = apply_map(&cluster, "me", json!({"x": "2"})).await.unwrap_err();
    assert!(error.message().contains("\"before-first-apply\""), "{error}");
}
