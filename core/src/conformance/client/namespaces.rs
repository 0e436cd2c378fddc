//! What lives in namespaces, and how these end.

use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use serde_json::json;

use super::kit::*;
use crate::client::{DeleteOptions, Part, WriteOptions};
use crate::error::Reason;
use crate::object::{Object, ObjectKey};

pub(super) async fn a_namespace_must_be_there(site: &Site) {
    let nowhere = format!("{}-none", site.namespace);
    let map: Object = object::<ConfigMap>(json!({"metadata": {"name": "a", "namespace": nowhere}}));
    let error = refused(site.client.create(&map, &WriteOptions::default()).await);
    assert_eq!(error.reason(), Reason::NotFound, "{error}");
    assert!(error.message().contains(&nowhere), "{error}");
}

/// A namespace that a finalizer of this test holds.
async fn held(site: &Site) -> ObjectKey {
    let key = ObjectKey::cluster(&format!("{}-held", site.namespace));
    let finalizers = json!(["example.com/hold"]);
    site.create(object::<Namespace>(json!({"metadata": {"name": key.name(), "finalizers": finalizers}})))
        .await;
    key
}

async fn release(site: &Site, key: &ObjectKey) {
    let change = merge(json!({"metadata": {"finalizers": null}}));
    let released = site.client.patch(NAMESPACES, key, Part::Main, &change, &WriteOptions::default()).await;
    released.expect("finalizers can be taken away");
}

pub(super) async fn a_namespace_that_terminates_takes_nothing_new(site: &Site) {
    let key = held(site).await;
    let map = |name: &str| object::<ConfigMap>(json!({"metadata": {"name": name, "namespace": key.name()}}));
    let options = WriteOptions::default();
    site.client.create(&map("a"), &options).await.expect("the namespace is active");
    site.client.delete(NAMESPACES, &key, &DeleteOptions::default()).await.expect("it can be deleted");
    let error = refused(site.client.create(&map("b"), &options).await);
    assert_eq!((error.reason(), error.status().code), (Reason::Forbidden, Some(403)), "{error}");
    let causes = error.status().details.and_then(|details| details.causes).unwrap_or_default();
    assert_eq!(causes.first().and_then(|cause| cause.reason.as_deref()), Some("NamespaceTerminating"));
    release(site, &key).await;
}

pub(super) async fn a_namespace_is_kept_by_its_finalizers_which_only_finalization_changes(site: &Site) {
    let key = held(site).await;
    let options = WriteOptions::default();
    let created = site.client.get(NAMESPACES, &key).await.expect("it is there");
    assert_eq!(value(&created)["spec"]["finalizers"], json!(["kubernetes"]));
    let nothing = merge(json!({"spec": {"finalizers": []}}));
    let same = site.client.patch(NAMESPACES, &key, Part::Main, &nothing, &options).await;
    let same = same.expect("the main part does not reach them");
    assert_eq!(value(&same)["spec"]["finalizers"], json!(["kubernetes"]));
    site.client.delete(NAMESPACES, &key, &DeleteOptions::default()).await.expect("it can be deleted");
    let held = site.client.get(NAMESPACES, &key).await.expect("it is held");
    assert_eq!(value(&held)["status"]["phase"], "Terminating");
    release(site, &key).await;
    // Whoever empties the namespaces of this cluster may have been quicker.
    match site.client.patch(NAMESPACES, &key, Part::Finalize, &nothing, &options).await {
        Ok(_) => {}
        Err(error) => assert!(error.is_not_found(), "{error}"),
    }
    assert!(refused(site.client.get(NAMESPACES, &key).await).is_not_found());
}
