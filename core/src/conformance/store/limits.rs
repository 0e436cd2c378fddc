//! What a store refuses.

use std::time::Duration;

use bytes::Bytes;

use super::Rig;
use super::kit::*;
use crate::store::{Commit, Condition, Key, Operation, Store, StoreError};

/// Puts to this many keys.
fn puts(count: usize) -> Commit {
    (0..count).fold(Commit::new(), |commit, index| commit.put(key(format!("/many/{index:05}")), value(index)))
}

fn too_large(store: &dyn Store) -> Commit {
    Commit::new().put(key("/large"), Bytes::from(vec![b'x'; store.limits().value_bytes + 1]))
}

pub(super) async fn a_commit_may_use_its_limits_to_the_full(rig: &dyn Rig) {
    let store = rig.create().await;
    let limits = store.limits();
    let largest = Bytes::from(vec![b'x'; limits.value_bytes]);
    commit(&*store, Commit::new().put(key("/large"), largest.clone())).await;
    assert_eq!(get(&*store, "/large").await.expect("the key was put").value, largest);
    let mut full = puts(limits.operations);
    full.conditions = (0..limits.operations).map(|index| Condition::Absent(key(index))).collect();
    commit(&*store, full).await;
    assert_eq!(range(&*store, under("/many/")).await.items.len(), limits.operations);
}

pub(super) async fn too_many_operations_are_refused(rig: &dyn Rig) {
    let store = rig.create().await;
    let before = put(&*store, "/a", 1).await;
    let allowed = store.limits().operations;
    match store.commit(puts(allowed + 1)).await {
        Err(StoreError::TooLarge { actual, limit, .. }) => {
            assert_eq!((actual, limit), (allowed + 1, allowed))
        }
        other => panic!("expected a refusal, got {other:?}"),
    }
    let found = range(&*store, under("/")).await;
    assert_eq!((texts(&found.items), found.revision), (pairs([("/a", "1")]), before));
}

pub(super) async fn too_many_conditions_are_refused(rig: &dyn Rig) {
    let store = rig.create().await;
    let mut commit = puts(1);
    commit.conditions = (0..=store.limits().operations).map(|index| Condition::Absent(key(index))).collect();
    let refused = store.commit(commit).await;
    assert!(matches!(refused, Err(StoreError::TooLarge { .. })), "{refused:?}");
}

pub(super) async fn a_value_too_large_is_refused(rig: &dyn Rig) {
    let store = rig.create().await;
    let before = put(&*store, "/a", 1).await;
    let allowed = store.limits().value_bytes;
    match store.commit(too_large(&*store).put(key("/b"), value(1))).await {
        Err(StoreError::TooLarge { actual, limit, .. }) => {
            assert_eq!((actual, limit), (allowed + 1, allowed))
        }
        other => panic!("expected a refusal, got {other:?}"),
    }
    let found = range(&*store, under("/")).await;
    assert_eq!((texts(&found.items), found.revision), (pairs([("/a", "1")]), before));
}

pub(super) async fn two_operations_on_one_key_are_refused(rig: &dyn Rig) {
    let store = rig.create().await;
    let before = put(&*store, "/a", 1).await;
    for twice in [
        Commit::new().put(key("/a"), value(2)).put(key("/b"), value(2)).put(key("/a"), value(3)),
        Commit::new().put(key("/a"), value(2)).delete(key("/a")),
        Commit::new().delete(key("/absent")).delete(key("/absent")),
    ] {
        let refused = store.commit(twice).await;
        assert!(matches!(refused, Err(StoreError::Invalid(_))), "{refused:?}");
    }
    let found = range(&*store, under("/")).await;
    assert_eq!((texts(&found.items), found.revision), (pairs([("/a", "1")]), before));
}

pub(super) async fn an_empty_key_is_refused(rig: &dyn Rig) {
    let store = rig.create().await;
    for empty in [
        Commit::new().put(Key::default(), value(1)),
        Commit::new().delete(Key::default()),
        Commit::new().if_absent(Key::default()).put(key("/a"), value(1)),
    ] {
        let refused = store.commit(empty).await;
        assert!(matches!(refused, Err(StoreError::Invalid(_))), "{refused:?}");
    }
    assert_eq!(range(&*store, under("")).await.items, []);
}

pub(super) async fn what_is_refused_is_refused_before_the_conditions(rig: &dyn Rig) {
    let store = rig.create().await;
    put(&*store, "/a", 1).await;
    let refused = store.commit(too_large(&*store).if_absent(key("/a"))).await;
    assert!(matches!(refused, Err(StoreError::TooLarge { .. })), "{refused:?}");
    let twice = Commit::new().if_absent(key("/a")).delete(key("/b")).delete(key("/b"));
    let refused = store.commit(twice).await;
    assert!(matches!(refused, Err(StoreError::Invalid(_))), "{refused:?}");
}

pub(super) async fn a_time_to_live_is_refused_unless_declared(rig: &dyn Rig) {
    let store = rig.create().await;
    let ttl = Some(Duration::from_secs(3600));
    let operations = vec![Operation::Put { key: key("/a"), value: value(1), ttl }];
    let answer = store.commit(Commit { operations, ..Commit::default() }).await;
    if store.limits().ttl {
        answer.expect("the store takes times to live");
        assert!(get(&*store, "/a").await.is_some());
    } else {
        assert!(matches!(answer, Err(StoreError::Invalid(_))), "{answer:?}");
        assert_eq!(get(&*store, "/a").await, None);
    }
}
