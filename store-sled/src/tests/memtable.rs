//! What the index does not have yet: it is seen, it is bounded, and it gets there.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use bireme_core::store::log::CommitLog;
use bireme_core::store::{KeyValue, RangeRequest};

use super::lossy::Dice;
use super::*;
use crate::index::Index;
use crate::indexer;
use crate::view::View;

/// An empty index with a memtable of some bytes over it, and nothing else of a store.
fn view(folder: &Path, waiting_bytes: usize) -> View {
    let index = Index::open(folder, 1 << 20).unwrap();
    View::new(index, CommitLog::default(), waiting_bytes)
}

fn publish(view: &View, commit: Commit) -> Revision {
    let next = view.memtable.present().next();
    let event = commit.decide(next, |key| view.find(key)).unwrap().unwrap();
    view.memtable.publish(vec![Arc::new(event)], &view.log);
    next
}

fn set(view: &View, key: &str, value: impl ToString) -> Revision {
    publish(view, Commit::new().put(Key::from(key), value.to_string().into()))
}

fn all(at: Option<Revision>) -> RangeRequest {
    RangeRequest { at, ..RangeRequest::default() }
}

/// What is in the index itself.
fn indexed(view: &View) -> Vec<KeyValue> {
    let mut keys = Vec::new();
    let visit = |item: Result<KeyValue, _>| {
        keys.push(item.unwrap());
        Ok(true)
    };
    view.scan(std::iter::empty().collect(), visit).unwrap();
    keys
}

/// Runs when it is dropped, after a panic too: a test that fails does not hang.
struct Finally<F: Fn()>(F);

impl<F: Fn()> Drop for Finally<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Does some work beside the indexer, which has nothing left to do then.
fn with_indexer<T>(view: &View, work: impl FnOnce() -> T) -> T {
    thread::scope(|scope| {
        let indexer = scope.spawn(|| indexer::run(view));
        let stop = Finally(|| view.memtable.stop());
        let result = work();
        drop(stop);
        indexer.join().unwrap().unwrap();
        result
    })
}

#[test]
fn readers_see_one_revision_exactly_while_keys_move_to_the_index() {
    let folder = tempfile::tempdir().unwrap();
    let view = view(folder.path(), 4 << 10);
    let (done, reads) = (AtomicBool::new(false), AtomicU64::new(0));
    with_indexer(&view, || {
        thread::scope(|scope| {
            for seed in [1, 2] {
                let (view, done, reads) = (&view, &done, &reads);
                scope.spawn(move || read(view, done, reads, seed));
            }
            let _stop = Finally(|| done.store(true, Ordering::Relaxed));
            write(&view, &reads);
        });
    });
    let reads = reads.into_inner();
    assert!(reads >= READS, "the test read next to nothing: {reads}");
    assert_eq!(indexed(&view), view.range(&all(None)).unwrap().items, "the index has everything in the end");
}

/// How often the state is read at least while it changes.
const READS: u64 = 100;

/// Puts and deletes keys, some thousand times and until there were enough reads. Each commit also says how many there
/// were, and how many keys they leave.
fn write(view: &View, reads: &AtomicU64) {
    let mut dice = Dice(0);
    let mut alive = BTreeSet::new();
    for count in (1..=1_000_000).take_while(|count| *count <= 6000 || reads.load(Ordering::Relaxed) < READS) {
        view.memtable.wait_for_room();
        let key = format!("/key/{:03}", dice.below(300));
        let is_put = alive.insert(key.clone()) || dice.below(3) > 0;
        if !is_put {
            alive.remove(&key);
        }
        let commit = Commit::new().put(Key::from("/state"), format!("{count} {}", alive.len()).into());
        let key = Key::from(key);
        publish(view, if is_put { commit.put(key, "x".repeat(50).into()) } else { commit.delete(key) });
    }
}

/// Reads the present and the near past until `done`, and checks and counts each answer.
fn read(view: &View, done: &AtomicBool, reads: &AtomicU64, seed: u64) {
    let mut dice = Dice(seed);
    while !done.load(Ordering::Relaxed) {
        let present = view.memtable.present();
        let back = if dice.below(2) == 0 { None } else { Some(dice.below(100) as u64) };
        let at = back.map(|back| Revision(present.0.saturating_sub(back)));
        let found = view.range(&all(at)).unwrap();
        assert!(found.revision == at.unwrap_or(found.revision.max(present)), "not a past state");
        let Some((state, keys)) = found.items.split_last() else { continue };
        let state = String::from_utf8(state.value.to_vec()).unwrap();
        assert_eq!(state, format!("{} {}", found.revision, keys.len()), "not one state");
        reads.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_key_put_many_times_moves_to_the_index_once() {
    let folder = tempfile::tempdir().unwrap();
    let view = view(folder.path(), 1 << 20);
    for round in 0..100 {
        set(&view, "/a", round);
    }
    let waiting = view.memtable.next(None, view.memtable.present());
    assert_eq!(waiting.len(), 1);
    assert_eq!(waiting[0].1.item.as_ref().unwrap().value, "99");
}

#[test]
fn a_reader_keeps_newer_commits_from_the_index_and_full_memory_makes_commits_wait() {
    let folder = tempfile::tempdir().unwrap();
    let view = view(folder.path(), 0);
    let read = set(&view, "/a", "old");
    let (reader, _) = view.memtable.read(&all(None));
    assert_eq!(reader.revision, read);
    set(&view, "/a", "new");
    set(&view, "/b", "new");
    assert_eq!(view.memtable.wait_for_work(), Some(read));
    assert!(view.memtable.next(None, read).is_empty());
    let is_waiting = AtomicBool::new(true);
    with_indexer(&view, || {
        thread::scope(|scope| {
            let reader = reader;
            scope.spawn(|| {
                view.memtable.wait_for_room();
                assert!(!is_waiting.load(Ordering::SeqCst), "there is no room while somebody reads");
            });
            // Whatever the indexer does by now, it does not do this.
            assert_eq!(indexed(&view), []);
            is_waiting.store(false, Ordering::SeqCst);
            drop(reader);
        });
    });
    assert_eq!(indexed(&view).len(), 2);
}

#[test]
fn a_read_of_a_few_keys_of_the_present_is_brief() {
    let folder = tempfile::tempdir().unwrap();
    let view = view(folder.path(), 1 << 20);
    let prefix = |prefix: &str| RangeRequest { prefix: Key::from(prefix), ..all(None) };
    // The indexer ends after the first round: the keys of the second one stay.
    for is_indexed in [true, false] {
        for key in 0..100 {
            set(&view, &format!("/{is_indexed}/{key:02}"), key);
        }
        if is_indexed {
            with_indexer(&view, || ());
        }
        let one = prefix(&format!("/{is_indexed}/50"));
        let found = view.brief_range(&one).unwrap().unwrap();
        assert_eq!(found, view.range(&one).unwrap());
        assert_eq!(found.items[0].value, "50");
        assert!(view.brief_range(&prefix("/none")).unwrap().unwrap().items.is_empty());
        assert_eq!(view.brief_range(&prefix(&format!("/{is_indexed}/"))).unwrap(), None);
        let past = RangeRequest { at: Some(Revision(1)), ..one };
        assert_eq!(view.brief_range(&past).unwrap(), None);
    }
}
