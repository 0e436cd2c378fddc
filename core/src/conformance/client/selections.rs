//! What labels and fields select, in lists and watches.

use serde_json::json;

use super::kit::*;
use crate::client::{ListOptions, Part, WatchFrom, WatchOptions};
use crate::error::Reason;
use crate::selector::{FieldSelector, LabelSelector};

fn labelled(text: &str) -> LabelSelector {
    LabelSelector::parse(text).expect("it is a selector")
}

fn fields(text: &str) -> FieldSelector {
    FieldSelector::parse(text).expect("it is a selector")
}

pub(super) async fn labels_select(site: &Site) {
    for (name, labels) in [
        ("a", json!({"app": "web", "tier": "front"})),
        ("b", json!({"app": "web"})),
        ("c", json!({"app": "database"})),
        ("d", json!({})),
    ] {
        site.create(site.secret(name, labels)).await;
    }
    for (selector, expected) in [
        ("app=web", vec!["a", "b"]),
        ("app!=web", vec!["c", "d"]),
        ("app in (web, database),tier", vec!["a"]),
        ("app notin (web)", vec!["c", "d"]),
        ("!app", vec!["d"]),
        ("app,!tier", vec!["b", "c"]),
    ] {
        let list = site.list(ListOptions { labels: labelled(selector), ..site.everything() }).await;
        assert_eq!(names(&list), expected, "{selector}");
    }
}

pub(super) async fn fields_select_and_only_those_that_the_kind_offers(site: &Site) {
    site.create(site.pod("a")).await;
    site.create(site.pod("b")).await;
    site.merge(PODS, "b", Part::Status, json!({"status": {"phase": "Running"}})).await;
    for (selector, expected) in [
        ("metadata.name=a", vec!["a"]),
        ("metadata.name!=a", vec!["b"]),
        ("status.phase=Running", vec!["b"]),
        ("spec.nodeName=", vec!["a", "b"]),
        ("spec.schedulerName=nobody,status.phase!=Running", vec!["a"]),
    ] {
        let options = ListOptions { fields: fields(selector), ..site.everything() };
        let list = site.client.list(PODS, &options).await.expect("the list is in order");
        assert_eq!(names(&list), expected, "{selector}");
    }
    let options = ListOptions { fields: fields("spec.colour=red"), ..site.everything() };
    let error = refused(site.client.list(PODS, &options).await);
    assert_eq!(error.reason(), Reason::BadRequest, "{error}");
    assert!(error.message().contains("spec.colour"), "{error}");
}

pub(super) async fn entering_a_selection_is_added_and_leaving_it_deleted(site: &Site) {
    let created = site.create(site.secret("a", json!({"app": "y"}))).await;
    let options =
        WatchOptions { labels: labelled("app=x"), ..site.from(WatchFrom::After(created.revision())) };
    let mut watch = site.watch(SECRETS, options).await;
    let label =
        |app: &str| site.merge(SECRETS, "a", Part::Main, json!({"metadata": {"labels": {"app": app}}}));
    label("x").await;
    assert_eq!(watch.brief().await, "ADDED a");
    site.merge(SECRETS, "a", Part::Main, json!({"metadata": {"annotations": {"n": "1"}}})).await;
    assert_eq!(watch.brief().await, "MODIFIED a");
    let left = label("z").await;
    let event = watch.event().await;
    assert_eq!((brief(&event).as_str(), event.revision()), ("DELETED a", left.revision()));
    let last = event.object().expect("it is about an object");
    assert_eq!(last.metadata().labels["app"], "x", "it is shown as it was when it was last selected");
    label("y").await;
    label("x").await;
    assert_eq!(watch.brief().await, "ADDED a");
    site.delete(SECRETS, "a", Default::default()).await;
    assert_eq!(watch.brief().await, "DELETED a");
}

pub(super) async fn a_watch_of_one_name_is_about_nothing_else(site: &Site) {
    site.create_secrets(&["a", "b"]).await;
    let options = WatchOptions { fields: fields("metadata.name=b"), ..site.from(WatchFrom::Now) };
    let mut watch = site.watch(SECRETS, options).await;
    assert_eq!(watch.brief().await, "ADDED b");
    site.delete(SECRETS, "a", Default::default()).await;
    site.create_secrets(&["ba", "c"]).await;
    site.delete(SECRETS, "b", Default::default()).await;
    assert_eq!(watch.brief().await, "DELETED b");
}

pub(super) async fn a_watch_of_a_field_follows_a_pod_onto_its_node(site: &Site) {
    let (node, other) = (site.node("node").await, site.node("other").await);
    let options =
        WatchOptions { fields: FieldSelector::equals("spec.nodeName", &node), ..site.from(WatchFrom::Now) };
    let mut watch = site.watch(PODS, options).await;
    site.create(site.pod("elsewhere")).await;
    site.bind("elsewhere", &other).await.expect("it is bound for the first time");
    site.create(site.pod("a")).await;
    site.bind("a", &node).await.expect("it is bound for the first time");
    assert_eq!(watch.brief().await, "ADDED a");
    for node in [node, other] {
        site.remove_node(&node).await;
    }
}
