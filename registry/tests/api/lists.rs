//! What lists select, how fresh they are, and how they go on.

use std::sync::Arc;

use crate::common::{Cluster, config_map, key, labelled_config_map, namespace, object, pod};
use bireme_core::client::{Client, DeleteOptions, ListOptions, Part, Patch, VersionMatch, WriteOptions};
use bireme_core::error::Reason;
use bireme_core::object::Kind;
use bireme_core::selector::{FieldSelector, LabelSelector};
use bireme_core::store::{Revision, Store, StoreExt};
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use serde_json::json;

const MAPS: Kind = Kind::of::<ConfigMap>();

fn names(items: &[Arc<bireme_core::object::Object>]) -> Vec<&str> {
    items.iter().map(|item| item.name()).collect()
}

async fn with_maps(names: &[&str]) -> Cluster {
    let cluster = Cluster::start().await;
    for name in names {
        cluster.create(config_map(name, "1")).await;
    }
    cluster
}

fn page(limit: usize, token: Option<String>) -> ListOptions {
    ListOptions { limit: Some(limit), continue_token: token, ..ListOptions::namespaced("default") }
}

#[tokio::test]
async fn an_empty_list_carries_the_revision_it_was_read_at() {
    let cluster = Cluster::start().await;
    let list = cluster.client.list(MAPS, &ListOptions::namespaced("kube-public")).await.unwrap();
    assert!(list.items.is_empty());
    assert_eq!(list.revision, cluster.store.revision().await.unwrap());
}

#[tokio::test]
async fn pages_show_the_state_of_the_first_one() {
    let cluster = with_maps(&["a", "b", "c", "d", "e"]).await;
    let first = cluster.client.list(MAPS, &page(2, None)).await.unwrap();
    assert_eq!((names(&first.items), first.remaining), (vec!["a", "b"], Some(3)));
    cluster.client.delete(MAPS, &key("c"), &DeleteOptions::default()).await.unwrap();
    cluster.create(config_map("bb", "1")).await;
    let second = cluster.client.list(MAPS, &page(2, first.continue_token)).await.unwrap();
    assert_eq!((names(&second.items), second.remaining), (vec!["c", "d"], Some(1)));
    assert_eq!(second.revision, first.revision);
    let third = cluster.client.list(MAPS, &page(2, second.continue_token)).await.unwrap();
    assert_eq!((names(&third.items), third.continue_token), (vec!["e"], None));
}

#[tokio::test]
async fn a_page_that_ends_with_the_last_object_has_no_token() {
    let cluster = with_maps(&["a", "b"]).await;
    let list = cluster.client.list(MAPS, &page(2, None)).await.unwrap();
    assert_eq!((list.continue_token, list.remaining), (None, None));
}

#[tokio::test]
async fn selected_pages_do_not_tell_how_many_remain() {
    let cluster = Cluster::start().await;
    for (name, app) in [("a", "x"), ("b", "y"), ("c", "x"), ("d", "y"), ("e", "x")] {
        cluster.create(labelled_config_map(name, "1", json!({"app": app}))).await;
    }
    let selected = |token| ListOptions { labels: LabelSelector::parse("app=x").unwrap(), ..page(2, token) };
    let first = cluster.client.list(MAPS, &selected(None)).await.unwrap();
    assert_eq!((names(&first.items), first.remaining), (vec!["a", "c"], None));
    let second = cluster.client.list(MAPS, &selected(first.continue_token)).await.unwrap();
    assert_eq!((names(&second.items), second.continue_token), (vec!["e"], None));
}

#[tokio::test]
async fn a_compacted_token_is_expired_and_brings_a_fresh_one() {
    let cluster = with_maps(&["a", "b", "c"]).await;
    let first = cluster.client.list(MAPS, &page(1, None)).await.unwrap();
    cluster.create(config_map("d", "1")).await;
    cluster.store.compact(cluster.store.revision().await.unwrap()).await.unwrap();
    let error = cluster.client.list(MAPS, &page(1, first.continue_token)).await.unwrap_err();
    assert_eq!(error.reason(), Reason::Expired);
    let fresh = error.continue_token().unwrap().to_owned();
    let rest = cluster.client.list(MAPS, &page(9, Some(fresh))).await.unwrap();
    assert_eq!(names(&rest.items), ["b", "c", "d"]);
}

#[tokio::test]
async fn an_invented_token_is_a_bad_request() {
    let cluster = Cluster::start().await;
    let error = cluster.client.list(MAPS, &page(1, Some("nonsense".into()))).await.unwrap_err();
    assert_eq!(error.reason(), Reason::BadRequest);
}

#[tokio::test]
async fn an_exact_revision_shows_the_past_and_not_older_than_the_present() {
    let cluster = with_maps(&["a"]).await;
    let then = cluster.store.revision().await.unwrap();
    cluster.create(config_map("b", "1")).await;
    let options = |version_match| ListOptions {
        revision: Some(then),
        version_match,
        ..ListOptions::namespaced("default")
    };
    let exact = cluster.client.list(MAPS, &options(Some(VersionMatch::Exact))).await.unwrap();
    assert_eq!((names(&exact.items), exact.revision), (vec!["a"], then));
    let cached = cluster.client.list(MAPS, &options(None)).await.unwrap();
    assert!(cached.revision >= then);
}

#[tokio::test(start_paused = true)]
async fn a_revision_of_the_future_is_too_large() {
    let cluster = with_maps(&["a"]).await;
    let options = ListOptions { revision: Some(Revision(10_000)), ..ListOptions::namespaced("default") };
    let error = cluster.client.list(MAPS, &options).await.unwrap_err();
    assert_eq!((error.reason(), error.causes()[0].reason), (Reason::Timeout, "ResourceVersionTooLarge"));
}

#[tokio::test]
async fn a_match_without_a_revision_is_refused() {
    let cluster = Cluster::start().await;
    let options = ListOptions { version_match: Some(VersionMatch::Exact), ..ListOptions::default() };
    assert_eq!(cluster.client.list(MAPS, &options).await.unwrap_err().reason(), Reason::Invalid);
}

#[tokio::test]
async fn fields_select_names_and_what_the_kind_offers_and_nothing_else() {
    let cluster = Cluster::start().await;
    cluster.create(pod("a")).await;
    cluster.create(pod("b")).await;
    let patch = Patch::Merge(json!({"status": {"phase": "Running"}}).to_string().into());
    let pods = Kind::of::<Pod>();
    cluster.client.patch(pods, &key("b"), Part::Status, &patch, &WriteOptions::default()).await.unwrap();
    let select = |text: &str| ListOptions {
        fields: FieldSelector::parse(text).unwrap(),
        ..ListOptions::namespaced("default")
    };
    for (text, expected) in [
        ("metadata.name=a", vec!["a"]),
        ("metadata.name!=a", vec!["b"]),
        ("status.phase=Running", vec!["b"]),
        ("spec.nodeName=", vec!["a", "b"]),
        ("status.phase=Pending,metadata.namespace=default", vec!["a"]),
    ] {
        let list = cluster.client.list(pods, &select(text)).await.unwrap();
        assert_eq!(names(&list.items), expected, "{text}");
    }
    let error = cluster.client.list(pods, &select("spec.colour=red")).await.unwrap_err();
    assert_eq!(error.reason(), Reason::BadRequest);
    assert!(error.message().contains("field label not supported: spec.colour"), "{error}");
}

#[tokio::test]
async fn objects_are_shared_between_gets_lists_and_watches() {
    let cluster = with_maps(&["a"]).await;
    let options = ListOptions::namespaced("default");
    let (one, two) = (
        cluster.client.list(MAPS, &options).await.unwrap(),
        cluster.client.list(MAPS, &options).await.unwrap(),
    );
    let read = cluster.client.get(MAPS, &key("a")).await.unwrap();
    assert!(Arc::ptr_eq(&one.items[0], &two.items[0]) && Arc::ptr_eq(&one.items[0], &read));
}

#[tokio::test]
async fn namespaces_whose_names_begin_alike_do_not_mix() {
    let cluster = Cluster::start().await;
    for name in ["shop", "shop-a", "shop0"] {
        cluster.create(namespace(name)).await;
        cluster.create(object::<ConfigMap>(json!({"metadata": {"name": name, "namespace": name}}))).await;
    }
    let list = cluster.client.list(MAPS, &ListOptions::namespaced("shop")).await.unwrap();
    assert_eq!(names(&list.items), ["shop"]);
}

#[tokio::test]
async fn a_list_through_one_registry_sees_what_another_one_wrote() {
    let one = Cluster::start().await;
    let two = Cluster::on(one.store.clone()).await;
    for index in 0..20 {
        let name = format!("map-{index:02}");
        one.create(config_map(&name, "1")).await;
        let list = two.client.list(MAPS, &ListOptions::namespaced("default")).await.unwrap();
        assert_eq!(list.items.last().unwrap().name(), name);
    }
}
