//! Keys and values lie in etcd as upstream's API server has them.

use bireme_core::store::{Change, Commit, Key, RangeRequest, Revision, Store, StoreExt as _};
use bireme_store_etcd::Options;

use super::cluster::{Cluster, open};
use super::machine::{etcdctl, is_ready};
use super::tasks::commit;

const KEY: &str = "/registry/configmaps/default/colours";
const JSON: &str =
    r#"{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"colours"},"data":{"sky":"blue"}}"#;

#[tokio::test]
async fn etcdctl_reads_what_the_store_writes() {
    if !is_ready() {
        return;
    }
    let cluster = Cluster::start(1);
    let store = cluster.store().await;
    let made = store.commit(Commit::new().if_absent(KEY.into()).put(KEY.into(), JSON.into())).await.unwrap();
    let read = etcdctl(cluster.endpoint(0), &["get", KEY, "--print-value-only"]);
    assert_eq!(read.trim_end(), JSON);
    let read = etcdctl(cluster.endpoint(0), &["get", KEY, "--write-out=fields"]);
    assert!(read.contains(&format!("\"ModRevision\" : {made}\n")), "{read}");
}

#[tokio::test]
async fn the_store_reads_and_watches_what_etcdctl_writes() {
    if !is_ready() {
        return;
    }
    let cluster = Cluster::start(1);
    let store = cluster.store().await;
    let mut watch = store.watch(Key::from("/registry/"), Revision::ZERO).await.unwrap();
    etcdctl(cluster.endpoint(0), &["put", KEY, JSON]);
    etcdctl(cluster.endpoint(0), &["del", KEY]);
    let put = commit(&mut watch).await;
    let current = put.changes[0].current().unwrap();
    assert_eq!((current.key.clone(), &current.value[..]), (KEY.into(), JSON.as_bytes()));
    let gone = commit(&mut watch).await;
    assert_eq!(gone.changes, [Change::Delete { key: KEY.into(), previous: Some(current.clone()) }]);
    let (then, _) = store.get_at(&KEY.into(), Some(put.revision)).await.unwrap();
    assert_eq!(then.as_ref(), Some(current));
}

#[tokio::test]
async fn a_prefix_keeps_neighbours_apart() {
    if !is_ready() {
        return;
    }
    let cluster = Cluster::start(1);
    let with = |prefix: &str| Options { prefix: prefix.into(), ..cluster.options() };
    let (one, other) = (open(&with("/one")).await, open(&with("/two")).await);
    let begin = one.revision().await.unwrap();
    let mut watch = one.watch(Key::default(), begin).await.unwrap();
    other.commit(Commit::new().put(KEY.into(), "the neighbour's".into())).await.unwrap();
    let foreign = other.revision().await.unwrap();
    let made = one.commit(Commit::new().if_absent(KEY.into()).put(KEY.into(), JSON.into())).await.unwrap();
    assert_eq!(made, foreign.next(), "revisions are etcd's, and count for all");
    let seen = commit(&mut watch).await;
    assert_eq!((seen.revision, seen.changes.len()), (made, 1));
    let found = one.range(RangeRequest::default()).await.unwrap();
    assert_eq!(found.items.iter().map(|item| &item.key).collect::<Vec<_>>(), [&Key::from(KEY)]);
    let read = etcdctl(cluster.endpoint(0), &["get", "/", "--prefix", "--keys-only"]);
    let read: Vec<_> = read.split_whitespace().collect();
    assert_eq!(read, [format!("/one{KEY}"), format!("/two{KEY}")]);
}
