//! Deletion: preconditions, finalizers, propagation.

use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::json;

use super::kit::*;
use crate::client::{DeleteOptions, Deletion, ListOptions, Part, Preconditions, Propagation};
use crate::error::Reason;
use crate::object::Object;
use crate::selector::LabelSelector;
use crate::store::Revision;

/// A config map that a finalizer holds.
fn held(site: &Site, name: &str) -> Object {
    let mut metadata = site.metadata(name);
    metadata["finalizers"] = json!(["example.com/hold"]);
    object::<ConfigMap>(json!({"metadata": metadata}))
}

async fn release(site: &Site, name: &str) {
    site.merge(MAPS, name, Part::Main, json!({"metadata": {"finalizers": null}})).await;
}

pub(super) async fn preconditions_guard_a_deletion(site: &Site) {
    let created = site.create(site.map("a", "1")).await;
    let wrong = [
        Preconditions { uid: Some("another".to_owned()), revision: None },
        Preconditions { uid: None, revision: Some(Revision(created.revision().0 - 1)) },
    ];
    for preconditions in wrong {
        let options = DeleteOptions { preconditions, ..DeleteOptions::default() };
        let error = refused(site.client.delete(MAPS, &site.key("a"), &options).await);
        assert!(error.is_conflict(), "{error}");
    }
    assert_eq!(site.get(MAPS, "a").await.revision(), created.revision());
    let preconditions =
        Preconditions { uid: Some(created.uid().to_owned()), revision: Some(created.revision()) };
    site.delete(MAPS, "a", DeleteOptions { preconditions, ..DeleteOptions::default() }).await;
    assert!(!site.is_there(MAPS, "a").await);
}

pub(super) async fn finalizers_hold_an_object_until_the_last_one_goes(site: &Site) {
    site.create(held(site, "a")).await;
    let marked = site.mark(MAPS, "a", DeleteOptions::default()).await;
    assert!(marked.metadata().is_being_deleted());
    let more = json!({"metadata": {"finalizers": ["example.com/hold", "example.com/more"]}});
    let error = refused(site.try_patch(MAPS, "a", merge(more)).await);
    assert!(matches!(error.reason(), Reason::Invalid | Reason::Forbidden), "none is added any more: {error}");
    site.merge(MAPS, "a", Part::Main, json!({"data": {"still": "written"}})).await;
    release(site, "a").await;
    assert!(!site.is_there(MAPS, "a").await);
}

pub(super) async fn deleting_again_changes_nothing(site: &Site) {
    site.create(held(site, "a")).await;
    let first = site.mark(MAPS, "a", DeleteOptions::default()).await;
    let again = site.mark(MAPS, "a", DeleteOptions::default()).await;
    assert_eq!(first.revision(), again.revision());
    release(site, "a").await;
}

pub(super) async fn propagation_becomes_a_finalizer(site: &Site) {
    for (name, propagation, finalizer) in
        [("a", Propagation::Foreground, "foregroundDeletion"), ("b", Propagation::Orphan, "orphan")]
    {
        // A second finalizer, so that no collector is quicker than this test.
        site.create(held(site, name)).await;
        let options = DeleteOptions { propagation: Some(propagation), ..DeleteOptions::default() };
        let marked = site.mark(MAPS, name, options).await;
        assert!(marked.metadata().finalizers.iter().any(|present| present == finalizer), "{marked:?}");
        release(site, name).await;
    }
    site.create(site.map("c", "1")).await;
    let background = DeleteOptions { propagation: Some(Propagation::Background), ..DeleteOptions::default() };
    assert!(matches!(site.delete(MAPS, "c", background).await, Deletion::Gone { .. }));
}

pub(super) async fn a_collection_is_deleted_by_its_selection(site: &Site) {
    let other = Site::new(site.client.clone()).await;
    for (place, name, app) in [(site, "a", "x"), (site, "b", "y"), (site, "c", "x"), (&other, "d", "x")] {
        place.create(place.secret(name, json!({"app": app}))).await;
    }
    let labels = LabelSelector::parse("app=x").expect("it is a selector");
    let selected = ListOptions { labels, ..site.everything() };
    let deleted = site.client.delete_collection(SECRETS, &selected, &DeleteOptions::default()).await;
    assert_eq!(deleted.expect("the selection is in order").len(), 2);
    assert_eq!(names(&site.list(site.everything()).await), ["b"]);
    assert_eq!(names(&other.list(other.everything()).await), ["d"]);
    other.leave().await;
}

pub(super) async fn a_dry_deletion_changes_nothing(site: &Site) {
    let created = site.create(site.map("a", "1")).await;
    let dry = DeleteOptions { dry_run: true, ..DeleteOptions::default() };
    site.delete(MAPS, "a", dry.clone()).await;
    assert_eq!(site.get(MAPS, "a").await.revision(), created.revision());
    site.create_secrets(&["b"]).await;
    let shown = site.client.delete_collection(SECRETS, &site.everything(), &dry).await;
    assert_eq!(shown.expect("the selection is in order").len(), 1);
    assert!(site.is_there(SECRETS, "b").await);
}

pub(super) async fn a_name_that_was_deleted_is_free_for_another(site: &Site) {
    let first = site.create(site.map("a", "1")).await;
    let gone = site.delete(MAPS, "a", DeleteOptions::of_uid(first.uid())).await;
    assert!(matches!(&gone, Deletion::Gone { uid, .. } if uid == first.uid()), "{gone:?}");
    let second = site.create(site.map("a", "2")).await;
    assert_ne!(first.uid(), second.uid());
    let late = refused(site.client.delete(MAPS, &site.key("a"), &DeleteOptions::of_uid(first.uid())).await);
    assert!(late.is_conflict(), "{late}");
    assert_eq!(site.get(MAPS, "a").await.uid(), second.uid());
}
