//! Closing a store and opening it again; only for those that leave something behind.

use super::Rig;
use super::kit::*;
use crate::store::{Commit, StoreError};

pub(super) async fn a_reopened_store_holds_what_was_committed(rig: &dyn Rig) {
    let store = rig.create().await;
    for index in 0..100 {
        put(&*store, format!("/{:02}", index % 40), index).await;
    }
    commit(&*store, Commit::new().delete(key("/07")).put(key("/binary"), bytes::Bytes::from(vec![0, 255])))
        .await;
    let expected = range(&*store, under("")).await;
    let Some(store) = rig.reopen(store).await else { return };
    assert_eq!(range(&*store, under("")).await, expected);
    let Some(store) = rig.reopen(store).await else { panic!("a store that reopens once reopens twice") };
    assert_eq!(range(&*store, under("")).await, expected);
}

pub(super) async fn a_reopened_store_goes_on_where_it_stopped(rig: &dyn Rig) {
    let store = rig.create().await;
    put(&*store, "/a", 1).await;
    put(&*store, "/gone", 1).await;
    let last = delete(&*store, "/gone").await;
    let Some(store) = rig.reopen(store).await else { return };
    assert_eq!(revision(&*store).await, last, "also when the last commit left no key behind");
    let mut watch = Watching::new(&*store, "/", last).await;
    let before = get(&*store, "/a").await;
    let update = Commit::new().if_modified_at(key("/a"), before.as_ref().expect("the key was put").modified);
    let made = commit(&*store, update.put(key("/a"), value(2))).await;
    assert!(made > last);
    let event = watch.commit().await;
    assert_eq!((event.revision, previous(&event.changes[0])), (made, before.as_ref()));
}

pub(super) async fn a_reopened_store_remembers_its_compaction(rig: &dyn Rig) {
    let store = rig.create().await;
    let early = put(&*store, "/a", 1).await;
    put(&*store, "/a", 2).await;
    let point = put(&*store, "/a", 3).await;
    put(&*store, "/a", 4).await;
    store.compact(point).await.expect("the revision is there to be compacted");
    let Some(store) = rig.reopen(store).await else { return };
    let read = store.range(under_at("/", early)).await;
    assert!(matches!(read, Err(StoreError::Compacted { .. })), "{read:?}");
    let watched = match store.watch(key("/"), early).await {
        Err(error) => error,
        Ok(_) => match Watching::new(&*store, "/", early).await.item().await {
            Some(Err(error)) => error,
            other => panic!("expected {early} to be compacted, got {other:?}"),
        },
    };
    assert!(matches!(watched, StoreError::Compacted { .. }), "{watched:?}");
}

pub(super) async fn a_reopened_store_answers_the_past_right_or_not_at_all(rig: &dyn Rig) {
    let store = rig.create().await;
    let mut past = Vec::new();
    for index in 0..20 {
        let at = put(&*store, format!("/{}", index % 3), index).await;
        past.push((at, range(&*store, under("/")).await));
    }
    let Some(store) = rig.reopen(store).await else { return };
    for (at, expected) in past {
        match store.range(under_at("/", at)).await {
            Ok(found) => assert_eq!(found, expected),
            Err(StoreError::Compacted { .. }) => {}
            Err(other) => panic!("expected the past or a refusal, got {other:?}"),
        }
    }
}
