//! What a watch delivers.

use bytes::Bytes;

use super::Rig;
use super::kit::*;
use crate::store::{Commit, Revision, Store, StoreError, WatchEvent};

pub(super) async fn a_watch_delivers_a_commit_whole(rig: &dyn Rig) {
    let store = rig.create().await;
    let begin = put(&*store, "/3", "old").await;
    let many = (0..100).rev().fold(Commit::new(), |commit, index| {
        if index == 3 {
            commit.delete(key("/3"))
        } else {
            commit.put(key(format!("/{index:02}")), value(index))
        }
    });
    let mut live = Watching::new(&*store, "/", begin).await;
    let made = commit(&*store, many).await;
    let mut late = Watching::new(&*store, "/", begin).await;
    for watch in [&mut live, &mut late] {
        let event = watch.commit().await;
        assert_eq!((event.revision, event.changes.len()), (made, 100));
        let keys = keys(&event);
        assert!(keys.is_sorted(), "{keys:?}");
        assert!(keys.contains(&"/3".to_owned()), "{keys:?}");
    }
    let next = put(&*store, "/marker", "").await;
    assert_eq!(live.commit().await.revision, next, "a revision is delivered once");
}

pub(super) async fn a_watch_delivers_only_the_keys_of_its_prefix(rig: &dyn Rig) {
    let store = rig.create().await;
    let begin = revision(&*store).await;
    let mut live = Watching::new(&*store, "/p/", begin).await;
    put(&*store, "/q", 1).await;
    let mixed = commit(
        &*store,
        Commit::new().put(key("/p/a"), value("a")).put(key("/p"), value(1)).put(key("/q/p/"), value(1)),
    )
    .await;
    delete(&*store, "/q").await;
    let gone = commit(&*store, Commit::new().delete(key("/p/a")).delete(key("/p"))).await;
    let mut late = Watching::new(&*store, "/p/", begin).await;
    for watch in [&mut live, &mut late] {
        let events = watch.commits(2).await;
        assert_eq!(revisions(&events), [mixed, gone]);
        assert!(events.iter().all(|event| keys(event) == ["/p/a"]), "{events:?}");
        assert_eq!(current_text(&events[0].changes[0]), Some("a".to_owned()));
        assert_eq!(current_text(&events[1].changes[0]), None);
    }
}

pub(super) async fn a_watch_carries_previous_values(rig: &dyn Rig) {
    let store = rig.create().await;
    let begin = put(&*store, "/before", "before").await;
    let before = get(&*store, "/before").await;
    let mut live = Watching::new(&*store, "/", begin).await;
    put(&*store, "/a", 1).await;
    let first = get(&*store, "/a").await;
    put(&*store, "/a", 2).await;
    let second = get(&*store, "/a").await;
    delete(&*store, "/a").await;
    put(&*store, "/a", 3).await;
    delete(&*store, "/before").await;
    let expected = [None, first, second, None, before];
    for watched in [live.commits(5).await, Watching::new(&*store, "/", begin).await.commits(5).await] {
        let found: Vec<_> = watched.iter().map(|event| previous(&event.changes[0]).cloned()).collect();
        assert_eq!(found, expected);
    }
}

pub(super) async fn commits_that_change_nothing_are_not_watched(rig: &dyn Rig) {
    let store = rig.create().await;
    let begin = revision(&*store).await;
    let mut live = Watching::new(&*store, "", begin).await;
    commit(&*store, Commit::new()).await;
    delete(&*store, "/absent").await;
    let marker = commit(&*store, Commit::new().delete(key("/absent")).put(key("/a"), value(1))).await;
    let mut late = Watching::new(&*store, "", begin).await;
    for watch in [&mut live, &mut late] {
        let event = watch.commit().await;
        assert_eq!((event.revision, keys(&event)), (marker, vec!["/a".to_owned()]));
    }
}

pub(super) async fn all_watchers_see_the_same(rig: &dyn Rig) {
    const COMMITS: usize = 150;
    let store = rig.create().await;
    let begin = revision(&*store).await;
    let mut streams = Vec::new();
    for _ in 0..20 {
        streams.push(Watching::new(&*store, "/", begin).await);
    }
    let watchers = streams.into_iter().map(|mut watch| async move { watch.commits(COMMITS).await });
    let env = crate::Environment::system();
    let watched = env.spawn(together(watchers));
    for index in 0..COMMITS {
        put(&*store, format!("/{}", index % 5), index).await;
    }
    let watched = watched.await.expect("the watchers do not panic");
    assert!(watched.windows(2).all(|pair| pair[0] == pair[1]));
    assert!(revisions(&watched[0]).is_sorted());
}

pub(super) async fn a_dropped_watch_disturbs_nobody(rig: &dyn Rig) {
    let store = rig.create().await;
    let begin = revision(&*store).await;
    let mut kept = Watching::new(&*store, "/", begin).await;
    for _ in 0..10 {
        let mut dropped = Watching::new(&*store, "/", begin).await;
        put(&*store, "/a", 1).await;
        dropped.commit().await;
    }
    assert_eq!(kept.commits(10).await.len(), 10);
}

/// Commits far more than a watcher may reasonably have buffered for it: 50 MiB.
async fn flood(store: &dyn Store) -> Vec<Revision> {
    let large = Bytes::from(vec![b'x'; store.limits().value_bytes.min(128 << 10)]);
    let mut made = Vec::new();
    for batch in 0..50 {
        let commits = (0..8).map(|index| {
            let name = key(format!("/flood/{}", (batch + index) % 10));
            store.commit(Commit::new().put(name, large.clone()))
        });
        for result in futures::future::join_all(commits).await {
            made.push(result.expect("the commit is in order"));
        }
    }
    made.sort_unstable();
    made
}

pub(super) async fn a_slow_watcher_misses_nothing_without_being_told(rig: &dyn Rig) {
    let store = rig.create().await;
    let begin = revision(&*store).await;
    let mut watch = Watching::new(&*store, "/flood/", begin).await;
    let made = flood(&*store).await;
    let mut received = Vec::new();
    let error = loop {
        match watch.item().await {
            Some(Ok(WatchEvent::Commit(event))) => received.push(event.revision),
            Some(Ok(WatchEvent::Progress(_))) => {}
            Some(Err(error)) => break Some(error),
            None => panic!("the watch ends without an error"),
        }
        if received.len() == made.len() {
            break None;
        }
    };
    assert_eq!(received, made[..received.len()], "a gap before the watch was told");
    let Some(error) = error else { return };
    match error {
        StoreError::WatchLagged { last } => {
            assert!(
                last >= received.last().copied().unwrap_or(begin),
                "{last} is not the last one delivered"
            );
            let missed = made.iter().filter(|revision| !received.contains(revision));
            assert!(missed.copied().all(|revision| revision > last), "{last} was not delivered");
        }
        StoreError::Compacted { .. } => {}
        other => panic!("expected to be told of falling behind, got {other:?}"),
    }
    assert!(watch.item().await.is_none(), "the stream ends with the error");
}
