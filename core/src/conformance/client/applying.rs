//! Server-side apply.

use std::sync::Arc;

use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::{Value, json};

use super::kit::*;
use crate::client::{Part, Patch, WriteOptions};
use crate::error::{ApiError, Reason};
use crate::object::{Kind, Object, ObjectKey};
use crate::store::Revision;

/// A configuration of the config map `a`.
fn configuration(metadata: Value, data: Value) -> Value {
    let mut configuration =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data});
    configuration["metadata"]["name"] = json!("a");
    configuration
}

async fn apply_as(
    site: &Site,
    manager: &str,
    kind: Kind,
    part: Part,
    wanted: &Value,
    force: bool,
) -> Result<Arc<Object>, ApiError> {
    let patch = Patch::Apply { body: wanted.to_string().into(), force };
    site.client.patch(kind, &site.key("a"), part, &patch, &WriteOptions::manager(manager)).await
}

async fn apply(site: &Site, manager: &str, data: Value) -> Result<Arc<Object>, ApiError> {
    apply_as(site, manager, MAPS, Part::Main, &configuration(json!({}), data), false).await
}

fn data(object: &Object) -> Value {
    value(object)["data"].take()
}

pub(super) async fn an_apply_creates_changes_and_takes_back(site: &Site) {
    let created = apply(site, "me", json!({"x": "1", "y": "1"})).await.expect("it is created");
    assert_eq!((created.key(), data(&created)), (&site.key("a"), json!({"x": "1", "y": "1"})));
    let changed = apply(site, "me", json!({"x": "2"})).await.expect("it is changed");
    assert_eq!((data(&changed), changed.uid()), (json!({"x": "2"}), created.uid()));
    let object = value(&changed);
    let entry = &object["metadata"]["managedFields"][0];
    assert_eq!((&entry["manager"], &entry["operation"]), (&json!("me"), &json!("Apply")));
}

pub(super) async fn an_apply_of_what_is_there_makes_no_revision(site: &Site) {
    let first = apply(site, "me", json!({"x": "1"})).await.expect("it is created");
    let again = apply(site, "me", json!({"x": "1"})).await.expect("it is there");
    assert_eq!(again.revision(), first.revision());
}

pub(super) async fn a_conflict_names_the_fields_and_their_owners_and_force_overcomes_it(site: &Site) {
    site.client.create(&site.map("a", "1"), &WriteOptions::manager("creator")).await.expect("it is created");
    let wanted = configuration(json!({}), json!({"key": "2"}));
    let error = refused(apply_as(site, "me", MAPS, Part::Main, &wanted, false).await);
    assert_eq!((error.reason(), error.status().code), (Reason::Conflict, Some(409)), "{error}");
    let status = error.status();
    let causes = status.details.and_then(|details| details.causes).expect("each field is named");
    assert_eq!(causes.len(), 1);
    assert_eq!(causes[0].field.as_deref(), Some(".data.key"));
    assert!(causes[0].message.as_deref().is_some_and(|message| message.contains("creator")), "{causes:?}");
    assert_eq!(text(&*site.get(MAPS, "a").await), "1");
    let forced = apply_as(site, "me", MAPS, Part::Main, &wanted, true).await.expect("it is taken over");
    assert_eq!(text(&forced), "2");
}

pub(super) async fn an_apply_leaves_alone_what_others_own(site: &Site) {
    apply(site, "you", json!({"yours": "1", "shared": "1"})).await.expect("it is created");
    apply(site, "me", json!({"mine": "1", "shared": "1"})).await.expect("nothing is at odds");
    let left = apply(site, "me", json!({})).await.expect("what is mine alone goes");
    assert_eq!(data(&left), json!({"yours": "1", "shared": "1"}));
}

pub(super) async fn a_revision_and_a_uid_in_a_configuration_are_preconditions(site: &Site) {
    let first = apply(site, "me", json!({"x": "1"})).await.expect("it is created");
    let at = |revision: Revision, uid: &str, text: &str| {
        configuration(json!({"resourceVersion": revision.to_string(), "uid": uid}), json!({"x": text}))
    };
    let right = at(first.revision(), first.uid(), "2");
    let second = apply_as(site, "me", MAPS, Part::Main, &right, false).await.expect("it is this one");
    for wrong in [at(first.revision(), first.uid(), "3"), at(second.revision(), "another", "3")] {
        let error = refused(apply_as(site, "me", MAPS, Part::Main, &wrong, false).await);
        assert!(error.is_conflict(), "{error}");
    }
    assert_eq!(site.get(MAPS, "a").await.revision(), second.revision());
}

pub(super) async fn the_status_is_applied_by_itself(site: &Site) {
    site.create(site.pod("a")).await;
    let condition = |status: &str| {
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"},
            "status": {"conditions": [{"type": "example.com/Ready", "status": status}]}})
    };
    let applied = apply_as(site, "agent", PODS, Part::Status, &condition("True"), false).await;
    let object = value(&applied.expect("the pod is there"));
    let conditions = object["status"]["conditions"].as_array().expect("it has conditions");
    assert!(conditions.iter().any(|condition| condition["type"] == "example.com/Ready"));
    assert_eq!(object["spec"]["containers"][0]["name"], "main");
    let error = refused(apply_as(site, "other", PODS, Part::Status, &condition("False"), false).await);
    assert!(error.is_conflict(), "{error}");
}

pub(super) async fn fields_that_a_kind_does_not_have_are_not_applied(site: &Site) {
    let mut wanted = configuration(json!({}), json!({}));
    wanted["datta"] = json!({"x": "1"});
    let error = refused(apply_as(site, "me", MAPS, Part::Main, &wanted, false).await);
    assert!(error.message().contains("datta"), "{error}");
    let patch = Patch::Apply { body: configuration(json!({}), json!({})).to_string().into(), force: false };
    let elsewhere = ObjectKey::namespaced(&site.namespace, "b");
    let error =
        refused(site.client.patch(MAPS, &elsewhere, Part::Main, &patch, &WriteOptions::manager("me")).await);
    assert_eq!(error.reason(), Reason::BadRequest, "the name is another one's: {error}");
    let list =
        site.client.list(Kind::of::<ConfigMap>(), &site.everything()).await.expect("the list is in order");
    assert!(!names(&list).iter().any(|name| ["a", "b"].contains(name)));
}
