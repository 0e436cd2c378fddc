use std::collections::BTreeSet;

use bytes::Bytes;
use futures::{FutureExt as _, StreamExt as _};

use super::watch::PROGRESS_INTERVAL;
use super::*;
use crate::store::{Change, KeyValue, WatchEvent};

fn put(revision: u64, keys: &[&str]) -> Arc<CommitEvent> {
    let changes = keys
        .iter()
        .map(|key| Change::Put {
            current: KeyValue {
                key: Key::from(*key),
                value: Bytes::from_static(b"value"),
                created: Revision(revision),
                modified: Revision(revision),
            },
            previous: None,
        })
        .collect();
    Arc::new(CommitEvent { revision: Revision(revision), changes })
}

fn log_of(commits: usize) -> CommitLog {
    CommitLog::new(Revision::ZERO, History { commits, ..History::default() })
}

/// What the stream has to say without waiting.
fn ready(stream: &mut WatchStream) -> Vec<Result<WatchEvent, StoreError>> {
    std::iter::from_fn(|| stream.next().now_or_never().flatten()).collect()
}

#[test]
fn a_watcher_of_whole_commits_shares_their_allocation() {
    let log = log_of(10);
    let mut watch = log.watch(Key::from("/a"), Revision::ZERO).unwrap();
    let event = put(1, &["/a/1", "/a/2"]);
    log.append([event.clone()]);
    let Some(Ok(WatchEvent::Commit(seen))) = ready(&mut watch).into_iter().next() else {
        panic!("no commit")
    };
    assert!(Arc::ptr_eq(&seen, &event));
}

#[test]
fn a_watcher_of_quiet_keys_survives_any_number_of_other_commits() {
    let log = log_of(10);
    let mut watch = log.watch(Key::from("/quiet"), Revision::ZERO).unwrap();
    for revision in 1..=500 {
        log.append([put(revision, &["/busy"])]);
    }
    log.append([put(501, &["/quiet"])]);
    let seen = ready(&mut watch);
    assert!(matches!(&seen[0], Ok(WatchEvent::Commit(event)) if event.revision == Revision(501)), "{seen:?}");
}

#[test]
fn a_watcher_of_quiet_keys_hears_of_progress() {
    let log = log_of(10);
    let mut watch = log.watch(Key::from("/quiet"), Revision::ZERO).unwrap();
    assert!(matches!(ready(&mut watch)[..], [Ok(WatchEvent::Progress(Revision::ZERO))]));
    for revision in 1..=PROGRESS_INTERVAL {
        log.append([put(revision, &["/busy"])]);
    }
    assert!(matches!(ready(&mut watch)[..], [Ok(WatchEvent::Progress(Revision(PROGRESS_INTERVAL)))]));
}

#[test]
fn a_watcher_behind_the_bounds_is_told_the_last_revision_it_has() {
    let log = log_of(100);
    let mut watch = log.watch(Key::from("/a"), Revision::ZERO).unwrap();
    log.append([put(1, &["/a"])]);
    assert_eq!(ready(&mut watch).len(), 2);
    log.append((2..=200).map(|revision| put(revision, &["/a"])));
    assert!(matches!(ready(&mut watch)[..], [Err(StoreError::WatchLagged { last: Revision(1) })]));
}

#[test]
fn a_watcher_behind_a_compaction_is_told_so() {
    let log = log_of(100);
    let mut watch = log.watch(Key::from("/a"), Revision::ZERO).unwrap();
    log.append((1..=9).map(|revision| put(revision, &["/a"])));
    log.compact(Revision(5)).unwrap();
    let seen = ready(&mut watch);
    assert!(matches!(seen[..], [Err(StoreError::Compacted { compacted: Revision(5), .. })]), "{seen:?}");
}

#[test]
fn an_append_wakes_only_watchers_of_the_changed_keys() {
    let log = log_of(100);
    let mut streams = ["/a", "/b"].map(|prefix| log.watch(Key::from(prefix), Revision::ZERO).unwrap());
    let wakers = [(); 2].map(|()| Arc::new(CountingWaker::default()));
    for (stream, waker) in streams.iter_mut().zip(&wakers) {
        let waker = Waker::from(waker.clone());
        let mut context = std::task::Context::from_waker(&waker);
        while stream.poll_next_unpin(&mut context).is_ready() {}
    }
    log.append([put(1, &["/a/1"])]);
    assert_eq!(wakers.map(|waker| waker.0.load(std::sync::atomic::Ordering::SeqCst)), [1, 0]);
}

#[derive(Default)]
struct CountingWaker(std::sync::atomic::AtomicUsize);

impl std::task::Wake for CountingWaker {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    }
}

#[test]
fn a_dropped_watch_leaves_nothing_behind() {
    let log = log_of(100);
    drop(log.watch(Key::from("/a"), Revision::ZERO).unwrap());
    assert!(log.lock().watchers.is_empty());
}

#[test]
fn the_bytes_kept_are_bounded() {
    let log = CommitLog::new(Revision::ZERO, History { commits: 1000, bytes: 1000 });
    log.append((1..=100).map(|revision| put(revision, &["/a"])));
    let kept = log.between(log.compacted(), log.revision()).unwrap().len();
    assert!((1..=10).contains(&kept), "{kept}");
}

#[test]
fn compacted_commits_are_gone() {
    let log = log_of(100);
    log.append((1..=9).map(|revision| put(revision, &["/a"])));
    log.compact(Revision(6)).unwrap();
    assert!(matches!(log.resolve(Some(Revision(5))), Err(StoreError::Compacted { .. })));
    assert!(matches!(log.between(Revision(5), Revision(9)), Err(StoreError::Compacted { .. })));
    let kept: BTreeSet<u64> =
        log.between(Revision(6), Revision(9)).unwrap().iter().map(|event| event.revision.0).collect();
    assert_eq!(kept, (7..=9).collect());
}

#[test]
fn a_closed_log_ends_its_watches_behind_the_last_commit() {
    let log = log_of(100);
    let mut watch = log.watch(Key::from("/a"), Revision::ZERO).unwrap();
    log.append([put(1, &["/a"])]);
    log.close();
    assert_eq!(ready(&mut watch).len(), 2);
    assert!(watch.next().now_or_never().unwrap().is_none());
    assert!(matches!(log.watch(Key::from("/a"), Revision::ZERO), Err(StoreError::Closed)));
}
