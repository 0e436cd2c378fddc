//! Watches of large commits, and those that nobody reads.

use bireme_core::store::{Commit, Key, Store, StoreExt as _, WatchStream};
use bytes::Bytes;

use super::cluster::Cluster;
use super::machine::is_ready;
use super::tasks::commit;

const WATCHES: usize = 16;
const COMMITS: usize = 24;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_that_nobody_reads_holds_up_nothing_and_misses_nothing() {
    if !is_ready() {
        return;
    }
    let cluster = Cluster::start(1);
    let store = cluster.store().await;
    let begin = store.revision().await.unwrap();
    let mut read = store.watch(Key::default(), begin).await.unwrap();
    let mut unread: Vec<WatchStream> = Vec::new();
    for _ in 0..WATCHES {
        unread.push(store.watch(Key::default(), begin).await.unwrap());
    }
    let first = store.commit(Commit::new().put("/first".into(), "v".into())).await.unwrap();
    // Each takes one commit, so that etcd sends it all that follow; together they would fill any connection.
    for watch in &mut unread {
        assert_eq!(commit(watch).await.revision, first);
    }
    assert_eq!(commit(&mut read).await.revision, first);
    let large = Bytes::from(vec![b'x'; 1 << 20]);
    for index in 0..COMMITS {
        let made = store.commit(Commit::new().put(format!("/{index}").into(), large.clone())).await.unwrap();
        assert_eq!(commit(&mut read).await.revision, made);
    }
    let mut late = unread.swap_remove(0);
    for index in 0..COMMITS {
        let seen = commit(&mut late).await;
        assert_eq!(seen.changes[0].key(), &Key::from(format!("/{index}")));
    }
}

#[tokio::test]
async fn a_commit_that_etcd_sends_in_fragments_is_delivered_whole() {
    const KEYS: usize = 10;
    if !is_ready() {
        return;
    }
    let cluster = Cluster::start(1);
    let store = cluster.store().await;
    let begin = store.revision().await.unwrap();
    // With the previous values, more than etcd sends at once.
    let write = |byte: u8| {
        let value = Bytes::from(vec![byte; 120 << 10]);
        let put = |commit: Commit, index| commit.put(format!("/{index}").into(), value.clone());
        store.commit((0..KEYS).fold(Commit::new(), put))
    };
    let made = [write(b'a').await.unwrap(), write(b'b').await.unwrap(), write(b'c').await.unwrap()];
    let mut watch = store.watch(Key::default(), begin).await.unwrap();
    for revision in made {
        let seen = commit(&mut watch).await;
        assert_eq!((seen.revision, seen.changes.len()), (revision, KEYS));
    }
}
