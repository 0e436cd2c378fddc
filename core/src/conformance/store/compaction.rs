//! Forgetting history.

use std::sync::Arc;

use super::Rig;
use super::kit::*;
use crate::store::{Revision, Store, StoreError, WatchEvent};

/// A store with a few commits to `/a` and `/b`, and their revisions.
async fn written(rig: &dyn Rig) -> (Arc<dyn Store>, Vec<Revision>) {
    let store = rig.create().await;
    let mut made = Vec::new();
    for index in 0..5 {
        made.push(put(&*store, "/a", index).await);
        made.push(put(&*store, format!("/b/{index}"), index).await);
    }
    made.push(delete(&*store, "/b/0").await);
    (store, made)
}

async fn compact(store: &dyn Store, at: Revision) {
    store.compact(at).await.expect("the revision is there to be compacted");
}

async fn assert_unreadable(store: &dyn Store, at: Revision, point: Revision) {
    match store.range(under_at("/", at)).await {
        Err(StoreError::Compacted { requested, compacted }) => {
            assert_eq!((requested, compacted), (at, point));
        }
        other => panic!("expected revision {at} to be compacted, got {other:?}"),
    }
}

/// Opens a watch that must be refused, then or as its first item.
async fn assert_unwatchable(store: &dyn Store, after: Revision) {
    let error = match store.watch(key("/"), after).await {
        Err(error) => error,
        Ok(_) => {
            let mut watch = Watching::new(store, "/", after).await;
            let error = match watch.item().await {
                Some(Err(error)) => error,
                other => panic!("expected revision {after} to be compacted, got {other:?}"),
            };
            assert!(watch.item().await.is_none(), "the stream ends with the error");
            error
        }
    };
    assert!(matches!(error, StoreError::Compacted { .. }), "{error:?}");
}

pub(super) async fn reads_below_the_compaction_point_are_refused(rig: &dyn Rig) {
    let (store, made) = written(rig).await;
    compact(&*store, made[6]).await;
    for at in &made[..6] {
        assert_unreadable(&*store, *at, made[6]).await;
    }
}

pub(super) async fn watches_below_the_compaction_point_are_refused(rig: &dyn Rig) {
    let (store, made) = written(rig).await;
    compact(&*store, made[6]).await;
    for after in &made[..6] {
        assert_unwatchable(&*store, *after).await;
    }
    let mut watch = Watching::new(&*store, "/", made[6]).await;
    assert_eq!(revisions(&watch.commits(made.len() - 7).await), made[7..]);
}

pub(super) async fn compaction_keeps_the_present_and_what_follows_the_point(rig: &dyn Rig) {
    let (store, made) = written(rig).await;
    let mut before = Vec::new();
    for at in &made[6..] {
        before.push(range(&*store, under_at("/", *at)).await);
    }
    let present = range(&*store, under("/")).await;
    compact(&*store, made[6]).await;
    for (at, expected) in made[6..].iter().zip(before) {
        assert_eq!(range(&*store, under_at("/", *at)).await, expected);
    }
    assert_eq!(range(&*store, under("/")).await, present);
    let last = made[made.len() - 1];
    compact(&*store, last).await;
    assert_eq!(range(&*store, under("/")).await, present);
    assert_eq!(range(&*store, under_at("/", last)).await, present);
    assert!(put(&*store, "/a", "after").await > last);
}

pub(super) async fn compacting_below_the_compaction_point_is_no_change(rig: &dyn Rig) {
    let (store, made) = written(rig).await;
    compact(&*store, made[6]).await;
    for below in [made[2], made[6]] {
        compact(&*store, below).await;
        assert_unreadable(&*store, made[5], made[6]).await;
        assert_unreadable(&*store, made[2], made[6]).await;
    }
    range(&*store, under_at("/", made[6])).await;
    assert_eq!(revision(&*store).await, made[made.len() - 1], "compaction makes no revision");
}

pub(super) async fn compacting_the_future_is_refused(rig: &dyn Rig) {
    let (store, made) = written(rig).await;
    let last = made[made.len() - 1];
    let refused = store.compact(Revision(last.0 + 1_000_000)).await;
    assert!(matches!(refused, Err(StoreError::FutureRevision { .. })), "{refused:?}");
    range(&*store, under_at("/", made[0])).await;
}

pub(super) async fn a_watch_that_has_caught_up_survives_compaction(rig: &dyn Rig) {
    let (store, made) = written(rig).await;
    let last = made[made.len() - 1];
    let mut watch = Watching::new(&*store, "/", made[0]).await;
    assert_eq!(revisions(&watch.until_progress(last).await), made[1..]);
    compact(&*store, last).await;
    let next = put(&*store, "/a", "after").await;
    assert_eq!(watch.commit().await.revision, next);
}

pub(super) async fn a_watch_that_compaction_overtakes_is_told_or_misses_nothing(rig: &dyn Rig) {
    let (store, made) = written(rig).await;
    let mut watch = Watching::new(&*store, "/", made[0]).await;
    compact(&*store, made[8]).await;
    let mut expected = made[1..].iter();
    loop {
        match watch.item().await {
            Some(Ok(WatchEvent::Commit(event))) => assert_eq!(Some(&event.revision), expected.next()),
            Some(Ok(WatchEvent::Progress(_))) => {}
            Some(Err(StoreError::Compacted { .. } | StoreError::WatchLagged { .. })) => break,
            other => panic!("the watch ended with {other:?}"),
        }
        if expected.len() == 0 {
            break;
        }
    }
}
