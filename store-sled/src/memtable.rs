//! The memtable: what the newest commits made of their keys, as long as the index does not have it.
//!
//! The present state is the index with the memtable laid over it. Two rules make that exact at every moment,
//! although one thread commits, another carries keys over to the index, and any number of them read:
//!
//! * A key leaves the memtable only once the index has it as the memtable does. So the index changes only
//!   under keys that the memtable has, and whoever finds a key missing here may look into the index without a
//!   lock.
//! * A reader says which revision it reads. Nothing newer goes to the index until it is done, so that an index
//!   read over a longer time, with the memtable of the beginning laid over it, is one state.
//!
//! A key that is put again before it is carried over costs the index nothing; that is why it is not done at once.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bireme_core::store::log::CommitLog;
use bireme_core::store::read::Overlay;
use bireme_core::store::{CommitEvent, Key, KeyValue, RangeRequest, Revision};

/// How long a key may stay if there are not many: a new pod is written some five times in its first seconds.
const STAY: Duration = Duration::from_secs(5);

/// What an entry takes beside the bytes of its key and value, roughly.
const OVERHEAD: usize = 128;

/// Keys that are carried over in one go.
const STEP: usize = 256;

pub(crate) struct Memtable {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    keys: BTreeMap<Key, Entry>,
    bytes: usize,
    /// With more bytes than these, keys are carried over at once; with twice as many, commits wait. They need not
    /// if the index keeps up.
    many: usize,
    /// The last revision that is durable, and seen by readers.
    present: Revision,
    /// The index has every commit up to here.
    carried: Revision,
    /// The revisions that are being read, and by how many.
    readers: BTreeMap<Revision, usize>,
    /// Whether carrying over waits for a reader.
    is_held: bool,
    stopped: bool,
}

/// What the last commit to a key made of it.
#[derive(Clone)]
pub(crate) struct Entry {
    revision: Revision,
    pub(crate) item: Option<KeyValue>,
}

/// Somebody who reads the index as of a revision: while this lives, nothing newer gets there.
pub(crate) struct Reader<'a> {
    memtable: &'a Memtable,
    pub(crate) revision: Revision,
}

impl Memtable {
    /// An empty one, over an index that is at this revision. It may hold twice `many` bytes, and the commits that
    /// one sync makes durable.
    pub(crate) fn new(present: Revision, many: usize) -> Self {
        let state = State {
            keys: BTreeMap::new(),
            bytes: 0,
            many,
            present,
            carried: present,
            readers: BTreeMap::new(),
            is_held: false,
            stopped: false,
        };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// What the last durable commit to the key made of it; nothing if that is to be looked up in the index.
    pub(crate) fn get(&self, key: &Key) -> Option<Option<KeyValue>> {
        self.lock().keys.get(key).map(|entry| entry.item.clone())
    }

    /// Shows durable commits to readers, here and in the log at once: a reader finds both at the same revision.
    pub(crate) fn publish(&self, events: Vec<Arc<CommitEvent>>, log: &CommitLog) {
        let mut state = self.lock();
        let was_due = state.is_due();
        let was_empty = state.keys.is_empty();
        events.iter().for_each(|event| state.set_all(event));
        log.append(events);
        let is_news = was_empty || state.is_due() != was_due;
        drop(state);
        if is_news {
            self.changed.notify_all();
        }
    }

    /// Begins to read the present state: what is to be laid over the index in the requested range.
    pub(crate) fn read(&self, request: &RangeRequest) -> (Reader<'_>, Overlay) {
        self.begin(self.lock(), request)
    }

    /// The same if that is not more than `most` keys.
    pub(crate) fn read_few(&self, request: &RangeRequest, most: usize) -> Option<(Reader<'_>, Overlay)> {
        let state = self.lock();
        let is_more = state.range(request).nth(most).is_some();
        (!is_more).then(|| self.begin(state, request))
    }

    fn begin(&self, mut state: MutexGuard<'_, State>, request: &RangeRequest) -> (Reader<'_>, Overlay) {
        let revision = state.present;
        *state.readers.entry(revision).or_default() += 1;
        (Reader { memtable: self, revision }, state.range(request).collect())
    }

    /// All that the index does not have, and the revision that it leads to. Unlike a [`Reader`] this holds nothing
    /// up: an index that is read later has newer commits too.
    pub(crate) fn all(&self) -> (Revision, Overlay) {
        let state = self.lock();
        (state.present, state.range(&RangeRequest::default()).collect())
    }

    /// The last durable revision.
    pub(crate) fn present(&self) -> Revision {
        self.lock().present
    }

    /// Waits until there is room for more commits, or will never be.
    pub(crate) fn wait_for_room(&self) {
        drop(self.wait(self.lock(), |state| state.is_full() && !state.stopped));
    }

    /// No commits follow. [`wait_for_work`](Self::wait_for_work) ends when everything has been carried over.
    pub(crate) fn stop(&self) {
        self.lock().stopped = true;
        self.changed.notify_all();
    }

    /// Waits until keys should be carried over, and returns the revision up to which they can be; nothing when
    /// none will come.
    pub(crate) fn wait_for_work(&self) -> Option<Revision> {
        let state = self.wait(self.lock(), |state| state.keys.is_empty() && !state.stopped);
        let waited = self.changed.wait_timeout_while(state, STAY, |state| !state.is_due());
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let is_held = |state: &mut State| {
            state.is_held = !state.keys.is_empty() && state.unread() <= state.carried;
            state.is_held
        };
        let state = self.wait(state, is_held);
        (!state.keys.is_empty()).then(|| state.unread())
    }

    /// The next keys behind `last` to be carried over, of those that no commit after `until` changed.
    pub(crate) fn next(&self, last: Option<&Key>, until: Revision) -> Vec<(Key, Entry)> {
        let behind = last.map_or(Bound::Unbounded, Bound::Excluded);
        let state = self.lock();
        let keys = state.keys.range((behind, Bound::Unbounded));
        let old = keys.filter(|(_, entry)| entry.revision <= until);
        old.take(STEP).map(|(key, entry)| (key.clone(), entry.clone())).collect()
    }

    /// Drops what the index has now, unless a newer commit has changed it.
    pub(crate) fn forget(&self, carried: &[(Key, Entry)]) {
        let mut state = self.lock();
        let was_full = state.is_full();
        for (key, entry) in carried {
            if state.keys.get(key).is_some_and(|present| present.revision == entry.revision) {
                state.keys.remove(key);
                state.bytes -= weight(key, entry);
            }
        }
        let has_room = was_full && !state.is_full();
        drop(state);
        if has_room {
            self.changed.notify_all();
        }
    }

    /// Notes that the index has every commit up to `revision`.
    pub(crate) fn set_carried(&self, revision: Revision) {
        self.lock().carried = revision;
    }

    fn wait<'a>(
        &'a self,
        state: MutexGuard<'a, State>,
        condition: impl FnMut(&mut State) -> bool,
    ) -> MutexGuard<'a, State> {
        self.changed.wait_while(state, condition).unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that runs under the lock panics half-way through a change of the state.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        let mut state = self.memtable.lock();
        if let Some(readers) = state.readers.get_mut(&self.revision) {
            *readers -= 1;
            if *readers == 0 {
                state.readers.remove(&self.revision);
            }
        }
        let is_awaited = state.is_held;
        drop(state);
        if is_awaited {
            self.memtable.changed.notify_all();
        }
    }
}

impl State {
    fn set_all(&mut self, event: &CommitEvent) {
        self.present = event.revision;
        for change in &event.changes {
            let entry = Entry { revision: event.revision, item: change.current().cloned() };
            self.bytes += weight(change.key(), &entry);
            if let Some(before) = self.keys.insert(change.key().clone(), entry) {
                self.bytes -= weight(change.key(), &before);
            }
        }
    }

    fn range(&self, request: &RangeRequest) -> impl Iterator<Item = (Key, Option<KeyValue>)> {
        let keys = self.keys.range::<Key, _>((Bound::Included(request.first()), Bound::Unbounded));
        let keys = keys.take_while(|(key, _)| key.starts_with(&request.prefix));
        keys.map(|(key, entry)| (key.clone(), entry.item.clone()))
    }

    fn is_due(&self) -> bool {
        self.bytes > self.many || self.stopped
    }

    fn is_full(&self) -> bool {
        self.bytes > self.many.saturating_mul(2)
    }

    /// The last revision that every reader may see.
    fn unread(&self) -> Revision {
        self.readers.first_key_value().map_or(self.present, |(revision, _)| *revision)
    }
}

fn weight(key: &Key, entry: &Entry) -> usize {
    OVERHEAD + key.as_bytes().len() + entry.item.as_ref().map_or(0, |item| item.value.len())
}
