//! Keys with a time to live.

use std::time::Duration;

use bireme_core::store::{Change, Commit, Key, Operation, Store, StoreExt as _};
use bireme_store_etcd::EtcdStore;

use super::cluster::Cluster;
use super::machine::{etcdctl, is_ready};
use super::tasks::commit;

/// Puts a key that lives for so many seconds.
async fn put(store: &EtcdStore, key: &str, seconds: u64) {
    let ttl = Some(Duration::from_secs(seconds));
    let operations = vec![Operation::Put { key: key.into(), value: "v".into(), ttl }];
    store.commit(Commit { operations, ..Commit::new() }).await.unwrap();
}

fn leases(cluster: &Cluster) -> Vec<String> {
    // The first line says how many there are.
    let list = etcdctl(cluster.endpoint(0), &["lease", "list"]);
    list.lines().skip(1).map(str::to_owned).collect()
}

#[tokio::test]
async fn a_key_goes_when_its_time_is_over_and_watches_see_it_go() {
    if !is_ready() {
        return;
    }
    let cluster = Cluster::start(1);
    let store = cluster.store().await;
    let begin = store.revision().await.unwrap();
    put(&store, "/event", 1).await;
    store.commit(Commit::new().put("/stays".into(), "v".into())).await.unwrap();
    let mut watch = store.watch("/event".into(), begin).await.unwrap();
    let made = commit(&mut watch).await;
    let gone = commit(&mut watch).await;
    let previous = made.changes[0].current().cloned();
    assert_eq!(gone.changes, [Change::Delete { key: "/event".into(), previous }]);
    assert_eq!(store.get(&"/event".into()).await.unwrap().0, None);
    assert!(store.get(&"/stays".into()).await.unwrap().0.is_some());
}

#[tokio::test]
async fn keys_of_about_one_end_share_a_lease_and_others_do_not() {
    if !is_ready() {
        return;
    }
    let cluster = Cluster::start(1);
    let store = cluster.store().await;
    let hour = (0..20).map(|index| format!("/events/{index}")).collect::<Vec<_>>();
    futures::future::join_all(hour.iter().map(|key| put(&store, key, 3600))).await;
    assert_eq!(leases(&cluster).len(), 1);
    put(&store, "/another", 7200).await;
    assert_eq!(leases(&cluster).len(), 2);
}

#[tokio::test]
async fn a_key_that_is_put_again_without_a_time_to_live_stays() {
    if !is_ready() {
        return;
    }
    let cluster = Cluster::start(1);
    let store = cluster.store().await;
    let begin = store.revision().await.unwrap();
    put(&store, "/stays", 1).await;
    put(&store, "/goes", 1).await;
    store.commit(Commit::new().put("/stays".into(), "again".into())).await.unwrap();
    let mut watch = store.watch("/goes".into(), begin).await.unwrap();
    commit(&mut watch).await;
    assert!(commit(&mut watch).await.changes[0].current().is_none());
    assert!(store.get(&Key::from("/stays")).await.unwrap().0.is_some());
}

#[tokio::test]
async fn a_lease_that_is_gone_is_replaced() {
    if !is_ready() {
        return;
    }
    let cluster = Cluster::start(1);
    let store = cluster.store().await;
    put(&store, "/a", 3600).await;
    etcdctl(cluster.endpoint(0), &["lease", "revoke", &leases(&cluster)[0]]);
    put(&store, "/b", 3600).await;
    assert_eq!(store.get(&"/a".into()).await.unwrap().0, None);
    assert!(store.get(&"/b".into()).await.unwrap().0.is_some());
}
