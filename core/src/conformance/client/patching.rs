//! Changes that name only what they change.

use serde_json::{Value, json};

use super::kit::*;
use crate::client::{Part, Patch, WriteOptions};
use crate::error::Reason;
use crate::store::Revision;

pub(super) async fn a_merge_patch_replaces_what_it_names_and_removes_what_it_nulls(site: &Site) {
    site.create(site.map("a", "1")).await;
    let change = json!({"data": {"other": "2", "key": null}, "metadata": {"annotations": {"x": "y"}}});
    let changed = value(&*site.merge(MAPS, "a", Part::Main, change).await);
    assert_eq!(changed["data"], json!({"other": "2"}));
    assert_eq!(changed["metadata"]["annotations"], json!({"x": "y"}));
}

pub(super) async fn a_json_patch_happens_whole_or_not_at_all(site: &Site) {
    let created = site.create(site.map("a", "1")).await;
    let patch = |expected: &str| {
        Patch::Json(
            json!([
                {"op": "replace", "path": "/data/key", "value": "2"},
                {"op": "add", "path": "/data/other", "value": "3"},
                {"op": "test", "path": "/data/key", "value": expected},
            ])
            .to_string()
            .into(),
        )
    };
    let error = refused(site.try_patch(MAPS, "a", patch("9")).await);
    assert_eq!(error.reason(), Reason::Invalid, "{error}");
    assert_eq!(site.get(MAPS, "a").await.revision(), created.revision());
    let changed = site.try_patch(MAPS, "a", patch("2")).await.expect("what is tested is so");
    assert_eq!(value(&changed)["data"], json!({"key": "2", "other": "3"}));
}

pub(super) async fn a_strategic_patch_merges_lists_by_their_keys(site: &Site) {
    site.create(site.pod("a")).await;
    let change = json!({"spec": {"containers": [{"name": "main", "image": "example.com/none:2"}],
        "tolerations": [{"key": "a", "operator": "Exists"}]}});
    let patch = Patch::Strategic(change.to_string().into());
    let changed = value(&site.try_patch(PODS, "a", patch).await.expect("the change is in order"));
    let containers = changed["spec"]["containers"].as_array().expect("a pod has containers");
    assert_eq!(containers.len(), 1);
    assert_eq!(
        (&containers[0]["name"], &containers[0]["image"]),
        (&json!("main"), &json!("example.com/none:2"))
    );
    assert_ne!(containers[0]["terminationMessagePath"], Value::Null, "what the patch does not name is kept");
    let wrong = Patch::Strategic(json!({"spec": {"containers": [{"image": "no name"}]}}).to_string().into());
    refused(site.try_patch(PODS, "a", wrong).await);
    assert_eq!(value(&*site.get(PODS, "a").await)["spec"]["containers"][0]["image"], "example.com/none:2");
}

pub(super) async fn a_patch_that_names_a_revision_needs_it(site: &Site) {
    let first = site.create(site.map("a", "1")).await;
    let at = |revision: Revision, text: &str| {
        merge(json!({"metadata": {"resourceVersion": revision.to_string()}, "data": {"key": text}}))
    };
    let second =
        site.try_patch(MAPS, "a", at(first.revision(), "2")).await.expect("it is the present revision");
    assert!(refused(site.try_patch(MAPS, "a", at(first.revision(), "3")).await).is_conflict());
    let present = site.get(MAPS, "a").await;
    assert_eq!((text(&present).as_str(), present.revision()), ("2", second.revision()));
}

pub(super) async fn a_patch_of_what_is_not_there_is_not_found(site: &Site) {
    let bodies = [
        merge(json!({"data": {"key": "1"}})),
        Patch::Strategic(json!({"data": {"key": "1"}}).to_string().into()),
        Patch::Json(json!([{"op": "add", "path": "/data", "value": {}}]).to_string().into()),
    ];
    for patch in bodies {
        assert!(refused(site.try_patch(MAPS, "none", patch).await).is_not_found());
    }
    let options = WriteOptions::default();
    let status = merge(json!({"status": {"message": "1"}}));
    let error = refused(site.client.patch(PODS, &site.key("none"), Part::Status, &status, &options).await);
    assert!(error.is_not_found(), "{error}");
}
