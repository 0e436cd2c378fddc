//! What lists select, how fresh they are, and how they go on.

use std::sync::Arc;

use crate::common::{Cluster, config_map, key};
use bireme_core::client::{Client, ListOptions};
use bireme_core::error::Reason;
use bireme_core::object::Kind;
use bireme_core::store::{Store, StoreExt};
use k8s_openapi::api::core::v1::ConfigMap;

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
