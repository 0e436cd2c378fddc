//! Power losses in the middle of everything.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bireme_core::store::{RangeRequest, StoreError};
use futures::StreamExt as _;

use super::lossy::{Dice, LossyDisk};
use super::*;

const WRITERS: usize = 8;

/// What each writer was told is committed: its rounds, of which each puts a key of its own and the writer's
/// last key in one commit.
type Acknowledged = Arc<Mutex<BTreeMap<usize, Vec<u64>>>>;

fn round_key(writer: usize, round: u64) -> String {
    format!("/{writer}/{round:06}")
}

async fn write(store: SledStore, writer: usize, first: u64, done: Arc<AtomicBool>, told: Acknowledged) {
    for round in first.. {
        let filler = "x".repeat((writer * 131 + round as usize * 17) % 700);
        let commit = Commit::new()
            .put(Key::from(round_key(writer, round)), filler.into())
            .put(Key::from(format!("/last/{writer}")), round.to_string().into());
        if done.load(Ordering::SeqCst) || store.commit(commit).await.is_err() {
            return;
        }
        told.lock().unwrap().entry(writer).or_default().push(round);
    }
}

/// Writes what a disk has left to a folder of its own.
fn restore(left: Vec<(PathBuf, Vec<u8>)>, from: &Path) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, content) in left {
        let target = folder.path().join(path.strip_prefix(from).unwrap());
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::write(target, content).unwrap();
    }
    folder
}

/// Every acknowledged round is there, and no commit is there in part. Returns where each writer goes on.
async fn check(store: &SledStore, told: &BTreeMap<usize, Vec<u64>>) -> Vec<u64> {
    let mut next = Vec::new();
    for writer in 0..WRITERS {
        let prefix = Key::from(format!("/{writer}/"));
        let found = store.range(RangeRequest { prefix, ..RangeRequest::default() }).await.unwrap();
        let found: Vec<_> = found.items.iter().map(|item| item.key.to_string()).collect();
        for round in told.get(&writer).into_iter().flatten() {
            assert!(found.contains(&round_key(writer, *round)), "round {round} of writer {writer} is lost");
        }
        let rounds = found.len() as u64;
        let expected: Vec<_> = (0..rounds).map(|round| round_key(writer, round)).collect();
        assert_eq!(found, expected, "writer {writer} has a gap");
        let last = value(store, &format!("/last/{writer}")).await;
        assert_eq!(last, rounds.checked_sub(1).map(|last| last.to_string()), "half a commit");
        next.push(rounds);
    }
    next
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_was_acknowledged_survives_every_power_loss() {
    let mut dice = Dice(2026);
    let env = Environment::system();
    let told = Acknowledged::default();
    let mut folder = tempfile::tempdir().unwrap();
    for round in 0..20 {
        let disk = LossyDisk::of(folder.path());
        // Keys go to the index at once in one round, and not at all in the next.
        let options = if round % 2 == 0 { small() } else { Options { waiting_bytes: 0, ..small() } };
        let store = open_on(Arc::new(disk.clone()), folder.path(), options).await;
        let known = told.lock().unwrap().clone();
        let next = check(&store, &known).await;
        let done = Arc::new(AtomicBool::new(false));
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| env.spawn(write(store.clone(), writer, next[writer], done.clone(), told.clone())))
            .collect();
        env.sleep(Duration::from_millis(dice.below(60) as u64)).await;
        // First what is known to be committed, then what is left: never the other way round.
        let is_closed = round % 5 == 4;
        let known = told.lock().unwrap().clone();
        let left = if is_closed {
            store.close().await.unwrap();
            disk.lose_power(false, &mut dice)
        } else {
            disk.lose_power(true, &mut dice)
        };
        done.store(true, Ordering::SeqCst);
        for writer in writers {
            writer.await.unwrap();
        }
        if !is_closed {
            // What was acknowledged after the power went never happened.
            *told.lock().unwrap() = known;
        }
        drop(store);
        folder = restore(left, folder.path());
    }
    let rounds: usize = told.lock().unwrap().values().map(Vec::len).sum();
    assert!(rounds > 100, "the test committed next to nothing: {rounds}");
}

#[tokio::test]
async fn a_failed_sync_poisons_the_store_until_it_is_reopened() {
    let folder = tempfile::tempdir().unwrap();
    let disk = LossyDisk::of(folder.path());
    let store = open_on(Arc::new(disk.clone()), folder.path(), small()).await;
    let before = put(&store, "/a", "before").await;
    let mut watch = store.watch(Key::from("/"), before).await.unwrap();
    disk.broken.store(true, Ordering::SeqCst);
    let failed = store.commit(Commit::new().put(Key::from("/a"), "after".into())).await.unwrap_err();
    assert!(failed.is_unknown(), "{failed:?}");
    disk.broken.store(false, Ordering::SeqCst);

    let poisoned = |result: Result<(), StoreError>| match result {
        Err(StoreError::Poisoned { reason }) => assert!(reason.contains("the disk is broken"), "{reason}"),
        other => panic!("expected a poisoned store, got {other:?}"),
    };
    poisoned(Err(failed));
    poisoned(store.commit(Commit::new()).await.map(drop));
    poisoned(store.range(RangeRequest::default()).await.map(drop));
    poisoned(store.watch(Key::from("/"), before).await.map(drop));
    poisoned(store.compact(before).await);
    let ended = loop {
        match watch.next().await {
            Some(Ok(_)) => {}
            other => break other,
        }
    };
    poisoned(ended.unwrap().map(drop));
    assert!(watch.next().await.is_none());

    store.close().await.unwrap();
    let store = open(folder.path()).await.unwrap();
    assert!(store.revision().await.unwrap() >= before);
    put(&store, "/a", "again").await;
}
