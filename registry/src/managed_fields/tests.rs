use serde_json::{Value, json};

use super::*;
use crate::resource::{Field, POD_TEMPLATE};

const OBJECT: Schema =
    Schema::of(&[Field::object("spec", &SPEC), Field::object("status", &crate::resource::CONDITIONS)]);
const SPEC: Schema = Schema::of(&[
    Field::atomic("selector"),
    Field::object("strategy", &Schema::EMPTY).inherent(),
    Field::object("template", &POD_TEMPLATE).inherent(),
]);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_000_000_000 + second).unwrap()
}

fn writer(manager: &str, second: i64) -> Writer<'_> {
    Writer { manager, api_version: "apps/v1", subresource: None, now: at(second) }
}

fn deployment() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "uid": "u", "generation": 1, "labels": {"app": "web"},
            "creationTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["example.com/a"],
            "ownerReferences": [{"uid": "o", "name": "owner"}]},
        "spec": {
            "replicas": 2, "selector": {"matchLabels": {"app": "web"}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {
                "containers": [{"name": "a", "image": "a:1", "resources": {}, "command": ["x"], "ports": [{"containerPort": 80, "protocol": "TCP"}]}],
                "securityContext": {},
            }},
        },
        "status": {},
    })
}

/// What each manager owns, by its name.
fn owned(object: &Value) -> Value {
    let entries = object["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    let pair = |entry: &Value| (entry["manager"].as_str().unwrap().to_owned(), entry["fieldsV1"].clone());
    Value::Object(entries.iter().map(pair).collect())
}

fn created() -> Value {
    let mut object = deployment();
    record(None, &mut object, &writer("kubectl-create", 0), &OBJECT);
    object
}

#[test]
fn who_creates_an_object_owns_what_it_says() {
    let object = created();
    let entry = &object["metadata"]["managedFields"][0];
    assert_eq!(
        (
            &entry["operation"],
            &entry["apiVersion"],
            &entry["fieldsType"],
            &entry["time"],
            entry.get("subresource")
        ),
        (&json!("Update"), &json!("apps/v1"), &json!("FieldsV1"), &json!("2001-09-09T01:46:40Z"), None)
    );
    assert_eq!(
        entry["fieldsV1"],
        json!({
            "f:metadata": {
                "f:finalizers": {".": {}, "v:\"example.com/a\"": {}},
                "f:labels": {".": {}, "f:app": {}},
                "f:ownerReferences": {".": {}, "k:{\"uid\":\"o\"}": {}},
            },
            "f:spec": {
                "f:replicas": {},
                "f:selector": {},
                "f:strategy": {"f:rollingUpdate": {".": {}, "f:maxSurge": {}}, "f:type": {}},
                "f:template": {
                    "f:metadata": {"f:labels": {".": {}, "f:app": {}}},
                    "f:spec": {
                        "f:containers": {
                            "k:{\"name\":\"a\"}": {
                                ".": {}, "f:command": {}, "f:image": {}, "f:name": {}, "f:resources": {},
                                "f:ports": {
                                    ".": {},
                                    "k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {
                                        ".": {}, "f:containerPort": {}, "f:protocol": {},
                                    },
                                },
                            },
                        },
                        "f:securityContext": {},
                    },
                },
            },
        })
    );
}

#[test]
fn a_field_belongs_to_who_wrote_it_last() {
    let old = created();
    let mut new = old.clone();
    new["spec"]["replicas"] = json!(5);
    new["spec"]["template"]["spec"]["containers"][0]["image"] = json!("a:2");
    record(Some(&old), &mut new, &writer("scaler", 9), &OBJECT);
    let owned = owned(&new);
    assert_eq!(
        owned["scaler"],
        json!({"f:spec": {
            "f:replicas": {},
            "f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"a\"}": {"f:image": {}}}}},
        }})
    );
    let first = &owned["kubectl-create"]["f:spec"];
    assert!(first.get("f:replicas").is_none());
    let container = &first["f:template"]["f:spec"]["f:containers"]["k:{\"name\":\"a\"}"];
    assert!(container.get("f:image").is_none() && container.get("f:name").is_some());
}

#[test]
fn what_is_removed_belongs_to_nobody_and_who_owns_nothing_is_forgotten() {
    let old = created();
    let mut scaled = old.clone();
    scaled["spec"]["minReadySeconds"] = json!(5);
    record(Some(&old), &mut scaled, &writer("scaler", 9), &OBJECT);
    assert_eq!(owned(&scaled)["scaler"], json!({"f:spec": {"f:minReadySeconds": {}}}));
    let mut back = scaled.clone();
    back["spec"].as_object_mut().unwrap().remove("minReadySeconds");
    for name in ["finalizers", "ownerReferences"] {
        back["metadata"].as_object_mut().unwrap().remove(name);
    }
    record(Some(&scaled), &mut back, &writer("kubectl-edit", 12), &OBJECT);
    let owned = owned(&back);
    assert_eq!(owned.as_object().unwrap().keys().collect::<Vec<_>>(), ["kubectl-create"]);
    assert_eq!(owned["kubectl-create"]["f:metadata"], json!({"f:labels": {".": {}, "f:app": {}}}));
}

#[test]
fn a_write_that_changes_nothing_leaves_no_trace() {
    let old = created();
    let mut new = old.clone();
    new["metadata"]["generation"] = json!(7);
    new["metadata"].as_object_mut().unwrap().remove("managedFields");
    record(Some(&old), &mut new, &writer("kubectl-create", 99), &OBJECT);
    assert_eq!(new["metadata"]["managedFields"], old["metadata"]["managedFields"]);
}

#[test]
fn the_status_is_owned_through_its_subresource() {
    let old = created();
    let mut new = old.clone();
    new["status"] = json!({"replicas": 1, "conditions": [{"type": "Available", "status": "True"}]});
    let mut by_main = new.clone();
    record(Some(&old), &mut by_main, &writer("controller", 5), &OBJECT);
    assert_eq!(by_main["metadata"]["managedFields"], old["metadata"]["managedFields"]);
    let status = Writer { subresource: Some("status"), ..writer("controller", 5) };
    record(Some(&old), &mut new, &status, &OBJECT);
    assert_eq!(new["metadata"]["managedFields"][1]["subresource"], "status");
    assert_eq!(
        owned(&new)["controller"],
        json!({"f:status": {
            "f:conditions": {".": {}, "k:{\"type\":\"Available\"}": {".": {}, "f:status": {}, "f:type": {}}},
            "f:replicas": {},
        }})
    );
}

#[test]
fn a_list_whose_items_cannot_be_told_apart_is_owned_as_a_whole() {
    let mut object = json!({"metadata": {}, "spec": {"template": {"spec": {"containers": ["what"], "tolerations": [{}]}}}});
    record(None, &mut object, &writer("odd", 0), &OBJECT);
    assert_eq!(
        owned(&object)["odd"]["f:spec"]["f:template"]["f:spec"],
        json!({"f:containers": {}, "f:tolerations": {}})
    );
}

#[test]
fn the_oldest_of_too_many_managers_are_taken_together() {
    let mut object = created();
    for index in 0..15 {
        let old = object.clone();
        object["metadata"]["annotations"][format!("a{index}")] = json!("x");
        let name = format!("manager-{index}");
        record(Some(&old), &mut object, &writer(&name, index + 1), &OBJECT);
    }
    let entries = object["metadata"]["managedFields"].as_array().unwrap();
    assert_eq!(entries.len(), 10);
    assert_eq!(
        (&entries[0]["manager"], &entries[0]["time"]),
        (&json!("ancient-changes"), &json!("2001-09-09T01:46:46Z"))
    );
    let ancient = &entries[0]["fieldsV1"]["f:metadata"]["f:annotations"];
    assert!(ancient.get("f:a5").is_some() && ancient.get("f:a6").is_none());
    assert!(entries[0]["fieldsV1"]["f:spec"].is_object());
}
