//! What Kubernetes' documentation says of server-side apply.

use super::*;

#[test]
fn who_applies_owns_just_what_it_says() {
    let mut web = Subject::default();
    let configuration = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"labels": {"app": "web"}, "finalizers": ["example.com/a"], "creationTimestamp": null},
        "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "web"}}, "strategy": {}, "template": {"spec": {
            "containers": [{"name": "a", "image": "a:1", "ports": [{"containerPort": 80}], "args": ["x"], "env": []}]}}},
    });
    web.apply("me", configuration).unwrap();
    let entry = web.entry("me", "Apply");
    assert_eq!(
        (&entry["apiVersion"], &entry["fieldsType"], &entry["time"], entry.get("subresource")),
        (&json!("apps/v1"), &json!("FieldsV1"), &json!("2001-09-09T01:46:41Z"), None)
    );
    assert_eq!(
        entry["fieldsV1"],
        json!({
            "f:metadata": {"f:labels": {"f:app": {}}, "f:finalizers": {"v:\"example.com/a\"": {}}},
            "f:spec": {
                "f:replicas": {}, "f:selector": {}, "f:strategy": {},
                "f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"a\"}": {
                    ".": {}, "f:name": {}, "f:image": {}, "f:args": {},
                    "f:ports": {"k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}}},
                }}}},
            },
        })
    );
}

#[test]
fn another_value_for_what_others_own_is_a_conflict_that_changes_nothing() {
    let mut web = Subject::default();
    web.apply("me", spec(json!({"replicas": 3}))).unwrap();
    web.update("hpa", |object| object["spec"]["replicas"] = json!(5));
    let before = web.object.clone();
    let message = "Apply failed with 1 conflict: conflict with \"hpa\" using apps/v1: .spec.replicas";
    assert_eq!(web.apply("me", spec(json!({"replicas": 3}))).unwrap_err(), message);
    assert_eq!(web.object, before);
    let message = "Apply failed with 1 conflict: conflict with \"me\": .spec.paused";
    web.force("me", spec(json!({"replicas": 3, "paused": true})));
    assert_eq!(web.apply("you", spec(json!({"paused": false}))).unwrap_err(), message);
    assert_eq!(web.entry("hpa", "Update"), &Value::Null);
}

#[test]
fn many_conflicts_are_listed_by_manager() {
    let mut web = Subject::default();
    let image = |image: &str| containers(json!([{"name": "x", "image": image}]));
    web.apply("b", image("x:1")).unwrap();
    web.update("a", |object| object["spec"]["replicas"] = json!(5));
    let status = Writer { subresource: Some("scale"), ..writer("c", 0) };
    web.apply_as(status, spec(json!({"paused": true})), false).unwrap();
    let mut wanted = image("x:2");
    wanted["spec"]["replicas"] = json!(1);
    wanted["spec"]["paused"] = json!(false);
    let expected = "Apply failed with 3 conflicts: conflicts with \"a\" using apps/v1:\n- .spec.replicas\n\
        conflicts with \"b\":\n- .spec.template.spec.containers[name=\"x\"].image\n\
        conflicts with \"c\" with subresource \"scale\":\n- .spec.paused";
    assert_eq!(web.apply("me", wanted).unwrap_err(), expected);
}

#[test]
fn the_same_value_is_shared_and_goes_with_its_last_owner() {
    let mut web = Subject::default();
    web.apply("me", spec(json!({"replicas": 3, "paused": true}))).unwrap();
    web.apply("you", spec(json!({"replicas": 3}))).unwrap();
    web.apply("me", spec(json!({"paused": true}))).unwrap();
    assert_eq!(web.at("/spec/replicas"), 3);
    assert_eq!(web.applied("me"), &json!({"f:spec": {"f:paused": {}}}));
    web.apply("you", json!({})).unwrap();
    assert_eq!((web.at("/spec/replicas"), web.at("/spec/paused")), (&Value::Null, &json!(true)));
    assert_eq!(web.entry("you", "Apply"), &Value::Null);
}

/// The documented way to hand the number of replicas to an autoscaler.
#[test]
fn what_is_given_up_stays_while_somebody_else_owns_it() {
    let mut web = Subject::default();
    web.apply("me", spec(json!({"replicas": 3, "paused": true}))).unwrap();
    web.apply("handover", spec(json!({"replicas": 3}))).unwrap();
    web.apply("me", spec(json!({"paused": true}))).unwrap();
    web.update("hpa", |object| object["spec"]["replicas"] = json!(7));
    web.apply("me", spec(json!({"paused": true}))).unwrap();
    assert_eq!(web.at("/spec/replicas"), 7);
    assert_eq!(web.entry("handover", "Apply"), &Value::Null);
}

#[test]
fn an_apply_that_changes_nothing_changes_nothing_not_even_its_time() {
    let mut web = Subject::default();
    web.apply("me", spec(json!({"replicas": 3}))).unwrap();
    let before = web.object.clone();
    web.apply("me", spec(json!({"replicas": 3}))).unwrap();
    assert_eq!(web.object, before);
    web.apply("me", spec(json!({"replicas": 4}))).unwrap();
    assert_eq!(web.entry("me", "Apply")["time"], "2001-09-09T01:46:43Z");
}

#[test]
fn a_force_takes_over_from_whoever_owned() {
    let mut web = Subject::default();
    web.update("creator", |object| object["spec"] = json!({"replicas": 1, "paused": true}));
    web.force("me", spec(json!({"replicas": 2})));
    assert_eq!(web.entry("creator", "Update")["fieldsV1"], json!({"f:spec": {"f:paused": {}}}));
    web.force("you", spec(json!({"replicas": 3})));
    assert_eq!(web.entry("me", "Apply"), &Value::Null);
    assert_eq!(web.at("/spec/replicas"), 3);
}

#[test]
fn items_of_a_list_belong_to_who_applies_them() {
    let mut web = Subject::default();
    web.apply("me", containers(json!([{"name": "a", "image": "a:1"}, {"name": "b", "image": "b:1"}])))
        .unwrap();
    web.apply("mesh", containers(json!([{"name": "proxy", "image": "p:1"}]))).unwrap();
    web.update("injector", |object| object["spec"]["template"]["spec"]["containers"][1]["tty"] = json!(true));
    web.apply("me", containers(json!([{"name": "a", "image": "a:1"}]))).unwrap();
    let left = json!([{"name": "a", "image": "a:1"}, {"name": "proxy", "image": "p:1"}]);
    assert_eq!(web.at(CONTAINERS), &left);
    assert_eq!(web.entry("injector", "Update"), &Value::Null);
    web.apply("you", containers(json!([{"name": "a"}]))).unwrap();
    web.apply("me", containers(json!([]))).unwrap();
    assert_eq!(web.at(CONTAINERS), &json!([{"name": "a"}, {"name": "proxy", "image": "p:1"}]));
}

/// A protocol that is left out is TCP, by which a port is found again.
#[test]
fn keys_that_are_left_out_have_their_default() {
    let port = |port: Value| containers(json!([{"name": "a", "ports": [port]}]));
    let mut web = Subject::default();
    web.apply("me", port(json!({"containerPort": 80}))).unwrap();
    let ports = format!("{CONTAINERS}/0/ports");
    web.object.as_mut().unwrap().pointer_mut(&ports).unwrap()[0]["protocol"] = json!("TCP");
    web.apply("me", port(json!({"containerPort": 80, "name": "http"}))).unwrap();
    assert_eq!(web.at(&ports), &json!([{"containerPort": 80, "protocol": "TCP", "name": "http"}]));
    web.apply("me", port(json!({"containerPort": 80, "protocol": "UDP"}))).unwrap();
    assert_eq!(web.at(&ports), &json!([{"containerPort": 80, "protocol": "UDP"}]));
}

#[test]
fn sets_are_owned_value_by_value_and_what_is_atomic_as_a_whole() {
    let finalizers = |list: Value| json!({"metadata": {"finalizers": list}});
    let mut web = Subject::default();
    web.apply("me", finalizers(json!(["x/a", "x/b"]))).unwrap();
    web.apply("you", finalizers(json!(["x/b", "x/c"]))).unwrap();
    web.apply("me", finalizers(json!(["x/d"]))).unwrap();
    assert_eq!(web.at("/metadata/finalizers"), &json!(["x/b", "x/c", "x/d"]));
    let selector = |labels: Value| spec(json!({"selector": {"matchLabels": labels}}));
    web.apply("me", selector(json!({"a": "1"}))).unwrap();
    let error = web.apply("you", selector(json!({"b": "2"}))).unwrap_err();
    assert!(error.ends_with("conflict with \"me\": .spec.selector"), "{error}");
    web.force("you", selector(json!({"b": "2"})));
    assert_eq!(web.at("/spec/selector"), &json!({"matchLabels": {"b": "2"}}));
}

#[test]
fn null_is_a_value_that_takes_the_place_of_others() {
    let mut web = Subject::default();
    web.apply("me", spec(json!({"replicas": 3, "strategy": {"type": "Recreate"}}))).unwrap();
    let error = web.apply("you", spec(json!({"replicas": null}))).unwrap_err();
    assert!(error.ends_with("conflict with \"me\": .spec.replicas"), "{error}");
    web.force("you", spec(json!({"replicas": null, "strategy": null})));
    assert_eq!(web.at("/spec"), &json!({"replicas": null, "strategy": {"type": "Recreate"}}));
    assert_eq!(web.applied("you"), &json!({"f:spec": {"f:replicas": {}, "f:strategy": {}}}));
}

#[test]
fn lists_whose_items_cannot_be_told_apart_are_refused() {
    let mut web = Subject::default();
    for (list, expected) in [
        (json!([{"name": "a"}, {"name": "a"}]), "duplicate entries for key [name=\"a\"]"),
        (
            json!([{"image": "a"}]),
            "element 0: associative list with keys has an element that omits key field \
            \"name\" (and doesn't have default value)",
        ),
        (json!(["a"]), "element 0: associative list with keys may not have non-map elements"),
    ] {
        let expected = format!("fault: .spec.template.spec.containers: {expected}");
        assert_eq!(web.apply("me", containers(list)).unwrap_err(), expected);
    }
    let nested = containers(json!([{"name": "a", "env": [{"name": "X"}, {"name": "X"}]}]));
    let expected =
        "fault: .spec.template.spec.containers[name=\"a\"].env: duplicate entries for key [name=\"X\"]";
    assert_eq!(web.apply("me", nested).unwrap_err(), expected);
    assert_eq!(web.object, None);
}

#[test]
fn metadata_never_goes_and_an_emptied_object_does() {
    let mut web = Subject::default();
    let mut labelled = spec(json!({"strategy": {"type": "Recreate"}, "replicas": 1}));
    labelled["metadata"] = json!({"labels": {"a": "b"}});
    web.apply("me", labelled).unwrap();
    web.apply("me", spec(json!({"replicas": 1}))).unwrap();
    assert_eq!(web.at("/metadata/labels"), &Value::Null);
    assert_eq!((web.at("/metadata/name"), web.at("/spec")), (&json!("web"), &json!({"replicas": 1})));
    web.apply("me", spec(json!({"replicas": 1, "strategy": {"type": "Recreate"}}))).unwrap();
    web.apply("me", spec(json!({"replicas": 1, "strategy": {}}))).unwrap();
    assert_eq!(web.at("/spec/strategy"), &json!({}));
}

/// An object from before anybody recorded who wrote what.
#[test]
fn what_nobody_is_known_to_have_written_was_there_before_the_first_apply() {
    let mut web =
        Subject { object: Some(json!({"metadata": {"name": "web"}, "spec": {"replicas": 1}})), second: 0 };
    let error = web.apply("me", spec(json!({"replicas": 2}))).unwrap_err();
    assert!(error.ends_with("conflict with \"before-first-apply\" using apps/v1: .spec.replicas"), "{error}");
    web.apply("me", spec(json!({"replicas": 1}))).unwrap();
    web.apply("me", spec(json!({}))).unwrap();
    assert_eq!(web.at("/spec/replicas"), 1);
}

#[test]
fn applying_in_another_version_or_to_a_subresource() {
    let mut web = Subject::default();
    web.apply("me", spec(json!({"replicas": 1}))).unwrap();
    let older = Writer { api_version: "apps/v1beta1", ..writer("me", 0) };
    web.apply_as(older, spec(json!({"paused": true})), false).unwrap();
    assert_eq!(web.at("/spec"), &json!({"paused": true}));
    let status = Writer { subresource: Some("status"), ..writer("me", 0) };
    let condition = json!({"status": {"conditions": [{"type": "Ready", "status": "True"}]}});
    web.apply_as(status, condition, false).unwrap();
    assert_eq!(
        web.at("/spec"),
        &json!({"paused": true}),
        "the entries of subresources are entries of their own"
    );
    assert_eq!(web.at("/metadata/managedFields").as_array().unwrap().len(), 2);
}

const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// As `kubectl apply` leaves an object without `--server-side`.
fn applied_by_client(configuration: &Value) -> Subject {
    let mut web = Subject::default();
    web.update("kubectl-client-side-apply", |object| {
        *object = configuration.clone();
        object["metadata"]["name"] = json!("web");
        object["metadata"]["annotations"][LAST_APPLIED] = configuration.to_string().into();
    });
    web
}

#[test]
fn kubectl_has_no_conflicts_with_what_it_applied_on_its_own_side() {
    let mut web = applied_by_client(&spec(json!({"replicas": 1, "paused": true})));
    let wanted = spec(json!({"replicas": 2, "paused": true}));
    assert!(web.clone().apply("argo", wanted.clone()).is_err());
    web.apply("kubectl", wanted.clone()).unwrap();
    assert_eq!(web.at("/spec/replicas"), 2);
    let noted: Value =
        serde_json::from_str(web.at("/metadata/annotations")[LAST_APPLIED].as_str().unwrap()).unwrap();
    assert_eq!(noted["spec"], wanted["spec"]);
}

#[test]
fn what_others_changed_since_is_a_conflict_for_kubectl_too() {
    let mut web = applied_by_client(&spec(json!({"replicas": 1, "paused": true})));
    web.update("hpa", |object| object["spec"]["replicas"] = json!(9));
    let error = web.apply("kubectl", spec(json!({"replicas": 2, "paused": false}))).unwrap_err();
    assert_eq!(error, "Apply failed with 1 conflict: conflict with \"hpa\" using apps/v1: .spec.replicas");
}

#[test]
fn what_is_not_said_any_more_goes_once_kubectl_has_made_it_its_own() {
    let mut web = applied_by_client(&spec(json!({"replicas": 1, "paused": true})));
    web.apply("kubectl", spec(json!({"replicas": 1}))).unwrap();
    assert_eq!(web.at("/spec/paused"), true);
    // As kubectl does in its second request: what the client side owned becomes what was applied.
    let entries = web.at("/metadata/managedFields").as_array().unwrap().clone();
    let mut own = entries[1].clone();
    own["operation"] = json!("Apply");
    own["manager"] = json!("kubectl");
    web.object.as_mut().unwrap()["metadata"]["managedFields"] = json!([own]);
    web.apply("kubectl", spec(json!({"replicas": 1}))).unwrap();
    assert_eq!(web.at("/spec"), &json!({"replicas": 1}));
}
