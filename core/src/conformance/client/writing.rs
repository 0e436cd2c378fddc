//! Creating, reading and replacing.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Service};
use serde_json::{Value, json};

use super::kit::*;
use crate::client::{FieldValidation, Part, WriteOptions};
use crate::error::Reason;
use crate::object::{Kind, Object};
use crate::store::Revision;

pub(super) async fn a_created_object_has_identity_time_and_revision(site: &Site) {
    let created = site.create(site.map("a", "1")).await;
    assert_eq!((created.kind(), created.key()), (MAPS, &site.key("a")));
    assert!(!created.uid().is_empty());
    assert!(created.metadata().creation_timestamp.is_some());
    assert!(created.revision() > Revision::ZERO);
    let read = site.get(MAPS, "a").await;
    assert_eq!((value(&read), read.revision()), (value(&created), created.revision()));
}

pub(super) async fn a_read_sees_every_write_before_it(site: &Site) {
    site.create(site.map("a", "0")).await;
    for text in ["1", "2", "3", "4", "5"] {
        let written = site.merge(MAPS, "a", Part::Main, json!({"data": {"key": text}})).await;
        let read = site.get(MAPS, "a").await;
        assert_eq!((super::kit::text(&read).as_str(), read.revision()), (text, written.revision()));
    }
    site.delete(MAPS, "a", Default::default()).await;
    assert!(!site.is_there(MAPS, "a").await);
}

pub(super) async fn what_is_not_there_is_not_found(site: &Site) {
    let (key, options) = (site.key("none"), WriteOptions::default());
    let update = site.map("none", "1");
    for error in [
        refused(site.client.get(MAPS, &key).await),
        refused(site.client.update(&update, Part::Main, &options).await),
        refused(site.client.delete(MAPS, &key, &Default::default()).await),
    ] {
        assert_eq!(error.reason(), Reason::NotFound, "{error}");
        assert_eq!(error.status().code, Some(404));
        assert!(error.message().contains("none"), "the message names what is missing: {error}");
    }
    assert!(!site.is_there(MAPS, "none").await);
}

pub(super) async fn a_taken_name_is_refused_and_changes_nothing(site: &Site) {
    let first = site.create(site.map("a", "1")).await;
    let error = refused(site.client.create(&site.map("a", "2"), &WriteOptions::default()).await);
    assert_eq!(error.reason(), Reason::AlreadyExists, "{error}");
    assert_eq!(site.get(MAPS, "a").await.revision(), first.revision());
}

pub(super) async fn a_name_is_generated_from_its_beginning(site: &Site) {
    let unnamed =
        || object::<ConfigMap>(json!({"metadata": {"generateName": "job-", "namespace": site.namespace}}));
    let (one, two) = (site.create(unnamed()).await, site.create(unnamed()).await);
    assert!(one.name().starts_with("job-") && one.name().len() > "job-".len(), "{}", one.name());
    assert_ne!(one.name(), two.name());
    assert_eq!(site.get(MAPS, one.name()).await.uid(), one.uid());
}

pub(super) async fn an_update_needs_the_present_revision_if_it_names_one(site: &Site) {
    let first = site.create(site.map("a", "1")).await;
    let mut wanted = value(&first);
    wanted["data"]["key"] = json!("2");
    let change = object::<ConfigMap>(wanted).at_revision(first.revision());
    let options = WriteOptions::default();
    let second =
        site.client.update(&change, Part::Main, &options).await.expect("the revision is the present one");
    assert!(second.revision() > first.revision());
    assert_eq!(second.uid(), first.uid());
    let error = refused(site.client.update(&change, Part::Main, &options).await);
    assert!(error.is_conflict(), "{error}");
    assert_eq!(site.get(MAPS, "a").await.revision(), second.revision(), "what is refused changes nothing");
    let unconditional = change.at_revision(Revision::ZERO);
    site.merge(MAPS, "a", Part::Main, json!({"data": {"key": "3"}})).await;
    site.client.update(&unconditional, Part::Main, &options).await.expect("no revision is asked for");
    assert_eq!(text(&*site.get(MAPS, "a").await), "2");
}

pub(super) async fn a_write_without_a_change_makes_no_revision(site: &Site) {
    let first = site.create(site.map("a", "1")).await;
    let same = site.merge(MAPS, "a", Part::Main, json!({"metadata": {"labels": null}})).await;
    assert_eq!(same.revision(), first.revision());
    let same = site.client.update(&first, Part::Main, &WriteOptions::default()).await;
    assert_eq!(same.expect("the revision is the present one").revision(), first.revision());
}

pub(super) async fn the_main_part_keeps_the_status_and_the_status_keeps_the_rest(site: &Site) {
    site.create(site.pod("a")).await;
    let change = json!({"metadata": {"labels": {"a": "b"}}, "status": {"message": "from the main part"}});
    let main = value(&*site.merge(PODS, "a", Part::Main, change).await);
    assert_eq!((&main["metadata"]["labels"]["a"], &main["status"]["message"]), (&json!("b"), &Value::Null));
    let change = json!({"spec": {"activeDeadlineSeconds": 60}, "status": {"message": "from the status"}});
    let status = value(&*site.merge(PODS, "a", Part::Status, change).await);
    assert_eq!(status["status"]["message"], "from the status");
    assert_eq!(status["spec"]["activeDeadlineSeconds"], Value::Null);
}

pub(super) async fn the_generation_counts_the_changes_of_what_is_wanted(site: &Site) {
    // Nobody acts on a Deployment that is paused and wants nothing.
    let wanted = json!({
        "metadata": site.metadata("a"),
        "spec": {"replicas": 0, "paused": true, "selector": {"matchLabels": {"app": "a"}}, "template": {
            "metadata": {"labels": {"app": "a"}},
            "spec": {"containers": [{"name": "main", "image": "example.com/none:1"}]},
        }},
    });
    let kind = Kind::of::<Deployment>();
    let created = site.create(object::<Deployment>(wanted)).await;
    assert_eq!(created.metadata().generation, Some(1));
    let labelled = site.merge(kind, "a", Part::Main, json!({"metadata": {"labels": {"a": "b"}}})).await;
    assert_eq!(labelled.metadata().generation, Some(1));
    let status = site.merge(kind, "a", Part::Status, json!({"status": {"collisionCount": 1}})).await;
    assert_eq!(status.metadata().generation, Some(1));
    let changed = site.merge(kind, "a", Part::Main, json!({"spec": {"minReadySeconds": 1}})).await;
    assert_eq!(changed.metadata().generation, Some(2));
}

pub(super) async fn an_invalid_object_is_refused_with_every_cause_and_changes_nothing(site: &Site) {
    let spec = json!({"ports": [{"port": 0}, {"name": "Upper", "port": 80}]});
    let wanted = object::<Service>(json!({"metadata": site.metadata("a"), "spec": spec}));
    let error = refused(site.client.create(&wanted, &WriteOptions::default()).await);
    assert_eq!((error.reason(), error.status().code), (Reason::Invalid, Some(422)), "{error}");
    let status = error.status();
    let causes = status.details.and_then(|details| details.causes).expect("each cause is named");
    let fields: Vec<_> = causes.iter().filter_map(|cause| cause.field.as_deref()).collect();
    for field in ["spec.ports[0].port", "spec.ports[1].name"] {
        assert!(fields.contains(&field), "{field} is not in {fields:?}");
    }
    assert!(!site.is_there(Kind::of::<Service>(), "a").await);
}

pub(super) async fn a_value_of_the_wrong_type_is_refused_with_its_path(site: &Site) {
    let spec = json!({"containers": [{"name": "a", "image": "b", "ports": [{"containerPort": "http"}]}]});
    let wanted = object::<Pod>(json!({"metadata": site.metadata("a"), "spec": spec}));
    let error = refused(site.client.create(&wanted, &WriteOptions::default()).await);
    assert_eq!((error.reason(), error.status().code), (Reason::BadRequest, Some(400)), "{error}");
    assert!(error.message().contains("containerPort"), "{error}");
    assert!(!site.is_there(PODS, "a").await);
}

pub(super) async fn unknown_fields_are_dropped_or_refused_as_asked(site: &Site) {
    let misspelt = |name: &str| -> Object {
        object::<ConfigMap>(json!({"metadata": site.metadata(name), "datta": {"key": "1"}}))
    };
    let strict = WriteOptions { validation: FieldValidation::Strict, ..WriteOptions::default() };
    let error = refused(site.client.create(&misspelt("a"), &strict).await);
    assert_eq!(error.reason(), Reason::BadRequest, "{error}");
    assert!(error.message().contains("datta"), "{error}");
    assert!(!site.is_there(MAPS, "a").await);
    for (name, validation) in [("b", FieldValidation::Warn), ("c", FieldValidation::Ignore)] {
        let options = WriteOptions { validation, ..WriteOptions::default() };
        let created = site.client.create(&misspelt(name), &options).await.expect("the field is dropped");
        assert_eq!(value(&created)["datta"], Value::Null);
    }
}

pub(super) async fn a_dry_run_shows_what_would_be_and_changes_nothing(site: &Site) {
    let dry = WriteOptions { dry_run: true, ..WriteOptions::default() };
    let shown = site.client.create(&site.map("a", "1"), &dry).await.expect("the object is in order");
    assert_eq!(text(&shown), "1");
    assert!(!site.is_there(MAPS, "a").await);
    let created = site.create(site.map("a", "1")).await;
    assert!(refused(site.client.create(&site.map("a", "1"), &dry).await).is_already_exists());
    let change = merge(json!({"data": {"key": "2"}}));
    let shown = site.client.patch(MAPS, &site.key("a"), Part::Main, &change, &dry).await;
    assert_eq!(text(&shown.expect("the change is in order")), "2");
    let present = site.get(MAPS, "a").await;
    assert_eq!((text(&present).as_str(), present.revision()), ("1", created.revision()));
}

pub(super) async fn every_writer_owns_what_it_wrote(site: &Site) {
    let manager = WriteOptions::manager;
    site.client.create(&site.map("a", "1"), &manager("creator")).await.expect("the object is in order");
    let change = merge(json!({"data": {"other": "1"}}));
    let changed = site.client.patch(MAPS, &site.key("a"), Part::Main, &change, &manager("patcher")).await;
    let object = value(&changed.expect("the change is in order"));
    let entries = object["metadata"]["managedFields"].as_array().expect("each writer has an entry");
    let of = |name: &str| {
        let entry = entries.iter().find(|entry| entry["manager"] == name).expect("the writer has an entry");
        assert_eq!((&entry["operation"], &entry["apiVersion"]), (&json!("Update"), &json!("v1")));
        &entry["fieldsV1"]["f:data"]
    };
    assert!(of("creator")["f:key"].is_object() && of("creator")["f:other"].is_null(), "{entries:?}");
    assert!(of("patcher")["f:other"].is_object() && of("patcher")["f:key"].is_null(), "{entries:?}");
}
