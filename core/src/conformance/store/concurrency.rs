//! Many at once.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures::future::Either;

use super::Rig;
use super::kit::*;
use crate::store::{Commit, Revision, Store, StoreError};

/// Whether the commit happened; anything but a conflict fails the case.
async fn won(store: &dyn Store, commit: Commit) -> bool {
    match store.commit(commit).await {
        Ok(_) => true,
        Err(StoreError::Conflict(_)) => false,
        Err(other) => panic!("expected success or a conflict, got {other:?}"),
    }
}

async fn race(store: &Arc<dyn Store>, contender: impl Fn(usize) -> Commit) -> Vec<usize> {
    let contenders = (0..16).map(|index| {
        let (store, commit) = (store.clone(), contender(index));
        async move { won(&*store, commit).await.then_some(index) }
    });
    together(contenders).await.into_iter().flatten().collect()
}

pub(super) async fn of_concurrent_writers_of_one_revision_exactly_one_wins(rig: &dyn Rig) {
    let store = rig.create().await;
    let mut held = put(&*store, "/a", "start").await;
    for _ in 0..20 {
        let update = |index| Commit::new().if_modified_at(key("/a"), held).put(key("/a"), value(index));
        let winners = race(&store, update).await;
        assert_eq!(winners.len(), 1, "winners {winners:?}");
        let found = get(&*store, "/a").await.expect("the key was put");
        assert_eq!(found.value, value(winners[0]));
        held = found.modified;
    }
}

pub(super) async fn of_concurrent_creators_of_one_key_exactly_one_wins(rig: &dyn Rig) {
    let store = rig.create().await;
    for round in 0..20 {
        let name = key(round);
        let create = |index| Commit::new().if_absent(name.clone()).put(name.clone(), value(index));
        let winners = race(&store, create).await;
        assert_eq!(winners.len(), 1, "winners {winners:?}");
        assert_eq!(get(&*store, round).await.expect("the key was put").value, value(winners[0]));
    }
}

pub(super) async fn concurrent_counters_lose_no_increment(rig: &dyn Rig) {
    const TASKS: u64 = 8;
    const INCREMENTS: u64 = 25;
    let store = rig.create().await;
    put(&*store, "/counter", 0).await;
    let number =
        |value: &Bytes| String::from_utf8_lossy(value).parse::<u64>().expect("a counter is a number");
    together((0..TASKS).map(|_| {
        let store = store.clone();
        async move {
            let mut done = 0;
            while done < INCREMENTS {
                let held = get(&*store, "/counter").await.expect("the counter was put");
                let next = value(number(&held.value) + 1);
                let increment =
                    Commit::new().if_modified_at(key("/counter"), held.modified).put(key("/counter"), next);
                done += u64::from(won(&*store, increment).await);
            }
        }
    }))
    .await;
    let total = get(&*store, "/counter").await.expect("the counter was put").value;
    assert_eq!(number(&total), TASKS * INCREMENTS);
}

pub(super) async fn readers_never_see_a_part_of_a_commit(rig: &dyn Rig) {
    const KEYS: usize = 5;
    let store = rig.create().await;
    let write = |text: String| {
        (0..KEYS).fold(Commit::new(), |commit, index| commit.put(key(format!("/{index}")), value(&text)))
    };
    commit(&*store, write("start".to_owned())).await;
    let writers = (0..3).map(|writer| {
        let store = store.clone();
        Either::Left(async move {
            for round in 0..60 {
                commit(&*store, write(format!("{writer}-{round}"))).await;
            }
        })
    });
    let readers = (0..3).map(|_| {
        let store = store.clone();
        Either::Right(async move {
            for _ in 0..150 {
                let found = range(&*store, under("/")).await.items;
                assert_eq!(found.len(), KEYS);
                assert!(found.iter().all(|item| item.value == found[0].value), "{:?}", texts(&found));
            }
        })
    });
    together(writers.chain(readers)).await;
}

/// What a task did: the highest revision known before it began, and what it saw or made.
enum Did {
    Read { known: u64, seen: Revision, value: Option<(Bytes, Revision)> },
    Wrote { known: u64, made: Revision, value: Bytes },
}

/// A register that several tasks read and write, each noting what had been seen before.
///
/// Revisions are the witness of the order: if each operation lies after all that ended before it began, and each
/// read finds the last write at or before its revision, the history is linearizable.
pub(super) async fn revisions_witness_the_real_time_order(rig: &dyn Rig) {
    let store = rig.create().await;
    let known = Arc::new(AtomicU64::new(revision(&*store).await.0));
    let tasks = (0..6).map(|task| {
        let (store, known) = (store.clone(), known.clone());
        async move {
            let mut did = Vec::new();
            for round in 0..60 {
                let before = known.load(Ordering::SeqCst);
                if (task + round) % 2 == 0 {
                    let text = value(format!("{task}-{round}"));
                    let made = put(&*store, "/register", format!("{task}-{round}")).await;
                    known.fetch_max(made.0, Ordering::SeqCst);
                    did.push(Did::Wrote { known: before, made, value: text });
                } else {
                    let found = range(&*store, under("/register")).await;
                    known.fetch_max(found.revision.0, Ordering::SeqCst);
                    let value = found.items.first().map(|item| (item.value.clone(), item.modified));
                    did.push(Did::Read { known: before, seen: found.revision, value });
                }
            }
            did
        }
    });
    let history: Vec<Did> = together(tasks).await.into_iter().flatten().collect();
    let mut written = HashMap::new();
    for did in &history {
        if let Did::Wrote { known, made, value } = did {
            assert!(made.0 > *known, "{made} was made after {known} had been seen");
            assert!(written.insert(*made, value.clone()).is_none(), "{made} was made twice");
        }
    }
    for did in &history {
        let Did::Read { known, seen, value } = did else { continue };
        assert!(seen.0 >= *known, "a read saw {seen} after {known} had been seen");
        let last = written.iter().filter(|(made, _)| *made <= seen).max_by_key(|(made, _)| **made);
        let last = last.map(|(made, value)| (value.clone(), *made));
        assert_eq!(value, &last, "at {seen}");
    }
}

pub(super) async fn concurrent_commits_are_watched_in_the_order_they_were_made(rig: &dyn Rig) {
    const TASKS: usize = 16;
    const ROUNDS: usize = 20;
    let store = rig.create().await;
    let begin = revision(&*store).await;
    let mut watch = Watching::new(&*store, "/", begin).await;
    let writers = (0..TASKS).map(|task| {
        let store = store.clone();
        async move {
            let mut made = Vec::new();
            for round in 0..ROUNDS {
                made.push((put(&*store, format!("/{task}"), round).await, format!("/{task}")));
            }
            made
        }
    });
    let mut made: Vec<_> = together(writers).await.into_iter().flatten().collect();
    made.sort_unstable();
    let watched: Vec<_> = watch
        .commits(TASKS * ROUNDS)
        .await
        .iter()
        .map(|event| (event.revision, event.changes[0].key().to_string()))
        .collect();
    assert_eq!(watched, made);
}
