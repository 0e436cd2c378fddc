//! Members that are killed or frozen while commits are made and watched.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bireme_core::Environment;
use bireme_core::store::{
    Commit, Key, RangeRequest, Revision, Store, StoreError, StoreExt as _, WatchStream,
};
use bireme_store_etcd::{EtcdStore, Options};

use super::cluster::{Cluster, open};
use super::machine::is_ready;
use super::tasks::{commit, wait};

const WRITERS: usize = 8;

/// Commits that must be made while a member is down, and again when it is back.
const COMMITS: usize = 200;

/// What became of a writer's commits, each of which made a key of its own.
#[derive(Default)]
struct Written {
    acknowledged: Vec<(Revision, Key)>,
    refused: BTreeSet<Key>,
}

/// Makes one key after the other until it is told to stop.
async fn write(store: EtcdStore, writer: usize, stop: Arc<AtomicBool>, made: Arc<AtomicUsize>) -> Written {
    let mut written = Written::default();
    for index in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let key = Key::from(format!("/written/{writer}/{index:06}"));
        match store.commit(Commit::new().if_absent(key.clone()).put(key.clone(), "v".into())).await {
            Ok(revision) => {
                written.acknowledged.push((revision, key));
                made.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) if error.is_unknown() => {}
            Err(StoreError::Unavailable { .. }) => {
                written.refused.insert(key);
            }
            Err(other) => panic!("{other:?}"),
        }
    }
    written
}

/// Waits until so many more commits have been acknowledged.
async fn more(made: &AtomicUsize) {
    let enough = made.load(Ordering::Relaxed) + COMMITS;
    for _ in 0..600 {
        if made.load(Ordering::Relaxed) >= enough {
            return;
        }
        wait(100).await;
    }
    panic!("no more than {} of {enough} commits are made", made.load(Ordering::Relaxed));
}

/// What a watch sees up to a revision; every commit makes one key.
async fn watched(mut watch: WatchStream, last: Revision) -> Vec<(Revision, Key)> {
    let mut seen = Vec::new();
    while seen.last().is_none_or(|(revision, _)| *revision < last) {
        let commit = commit(&mut watch).await;
        assert_eq!(commit.changes.len(), 1, "{commit:?}");
        seen.push((commit.revision, commit.changes[0].key().clone()));
    }
    seen
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn killed_members_lose_no_commit_and_watches_see_each_exactly_once_in_order() {
    if !is_ready() {
        return;
    }
    let env = Environment::system();
    let mut cluster = Cluster::start(3);
    let store = cluster.store().await;
    let begin = store.revision().await.unwrap();
    let watch = store.watch("/written/".into(), begin).await.unwrap();
    let (last, ended) = tokio::sync::oneshot::channel();
    let watching = env.spawn(async move {
        // Reads all the time, and goes on to the last commit once that is known.
        let mut watch = watch;
        let mut seen = Vec::new();
        let mut ended = std::pin::pin!(ended);
        let last = loop {
            tokio::select! {
                biased;
                commit = commit(&mut watch) => seen.push((commit.revision, commit.changes[0].key().clone())),
                last = &mut ended => break last.unwrap(),
            }
        };
        if seen.last().is_none_or(|(revision, _)| *revision < last) {
            seen.extend(watched(watch, last).await);
        }
        seen
    });
    let writing = Options { request_timeout: Duration::from_secs(5), ..cluster.options() };
    let writing = open(&writing).await;
    let (stop, made) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| env.spawn(write(writing.clone(), writer, stop.clone(), made.clone())))
        .collect();
    more(&made).await;
    for member in 0..3 {
        cluster.kill(member);
        more(&made).await;
        cluster.restart(member);
        cluster.wait_for(member).await;
        more(&made).await;
    }
    stop.store(true, Ordering::Relaxed);
    let (mut acknowledged, mut refused) = (Vec::new(), BTreeSet::new());
    for writer in writers {
        let written = writer.await.unwrap();
        acknowledged.extend(written.acknowledged);
        refused.extend(written.refused);
    }
    let found =
        store.range(RangeRequest { prefix: "/written/".into(), ..RangeRequest::default() }).await.unwrap();
    let mut present: Vec<_> = found.items.into_iter().map(|item| (item.modified, item.key)).collect();
    present.sort_unstable();
    last.send(present.last().unwrap().0).unwrap();
    let kept: BTreeSet<_> = present.iter().collect();
    let lost: Vec<_> = acknowledged.iter().filter(|commit| !kept.contains(commit)).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    let happened: Vec<_> = present.iter().filter(|(_, key)| refused.contains(key)).collect();
    assert!(happened.is_empty(), "failed for certain, and happened: {happened:?}");
    let seen = watching.await.unwrap();
    let difference = seen.iter().zip(&present).find(|(seen, present)| seen != present);
    assert_eq!((difference, seen.len()), (None, present.len()), "the watch beside what is there");
}

/// Commits until it is acknowledged.
async fn persist(store: &EtcdStore, key: &str) -> Revision {
    for _ in 0..20 {
        match store.commit(Commit::new().put(key.into(), "v".into())).await {
            Ok(revision) => return revision,
            Err(StoreError::Unavailable { .. }) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    panic!("no commit is acknowledged");
}

#[tokio::test]
async fn requests_find_the_members_that_are_there() {
    if !is_ready() {
        return;
    }
    let mut cluster = Cluster::start(3);
    let store = cluster.store().await;
    cluster.kill(0);
    // Until the others have a leader.
    persist(&store, "/first").await;
    for index in 0..50 {
        let made = store.commit(Commit::new().put("/a".into(), index.to_string().into())).await.unwrap();
        assert_eq!(store.revision().await.unwrap(), made);
    }
}

#[tokio::test]
async fn watches_leave_a_member_that_freezes() {
    const WATCHES: usize = 10;
    if !is_ready() {
        return;
    }
    let mut cluster = Cluster::start(3);
    let soon = Duration::from_secs(5);
    let store = open(&Options { keep_alive: soon, ..cluster.options() }).await;
    let hasty = open(&Options { request_timeout: soon, ..cluster.options() }).await;
    let first = persist(&store, "/first").await;
    let mut watches = Vec::new();
    for _ in 0..WATCHES {
        let mut watch = store.watch(Key::default(), Revision::ZERO).await.unwrap();
        assert_eq!(commit(&mut watch).await.revision, first);
        watches.push(watch);
    }
    cluster.freeze(0, true);
    let last = persist(&hasty, "/last").await;
    for watch in &mut watches {
        while commit(watch).await.revision < last {}
    }
    cluster.freeze(0, false);
}
