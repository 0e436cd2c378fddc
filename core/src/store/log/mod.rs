//! [`CommitLog`]: the recent commits of a store, and those who watch it.

mod ring;
mod watch;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use super::read::Overlay;
use super::{CommitEvent, Key, Revision, StoreError, WatchStream};
use ring::Ring;
use watch::{Watch, Watcher};

/// How much of its past a store keeps; the older end is compacted when either bound is passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct History {
    /// Commits kept at most.
    pub commits: usize,
    /// Bytes of keys and values, present and previous, kept in them at most. Values that others hold too are
    /// counted all the same.
    pub bytes: usize,
}

impl Default for History {
    /// 20,000 commits or 32 MiB.
    fn default() -> Self {
        Self { commits: 20_000, bytes: 32 << 20 }
    }
}

/// The recent commits of a store in order, and its watchers.
///
/// A store that orders its own commits appends each to its log once it is durable, and answers reads at past
/// revisions ([`overlay`](Self::overlay)) and watches ([`watch`](Self::watch)) from it.
///
/// The log itself is the buffer of every watcher: a watcher is a position in it, starts in history or at its
/// end alike, and costs no memory however slow it is. When the log's older end goes, a watcher that still
/// needed it ends with [`StoreError::WatchLagged`] (or [`StoreError::Compacted`] if it went by
/// [`compact`](Self::compact)). An append wakes only the watchers of the keys that changed.
///
/// Cheap to clone; clones are one log.
#[derive(Clone, Debug)]
pub struct CommitLog {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    ring: Ring,
    watchers: BTreeMap<u64, Watcher>,
    next_watcher: u64,
    ended: Option<End>,
}

/// Why no commit will follow.
#[derive(Clone, Debug)]
enum End {
    Closed,
    Poisoned(String),
}

impl Default for CommitLog {
    fn default() -> Self {
        Self::new(Revision::ZERO, History::default())
    }
}

impl CommitLog {
    /// A log whose store is at `revision`, and whose history begins there.
    pub fn new(revision: Revision, history: History) -> Self {
        let ring = Ring::new(revision, history);
        let state = State { ring, watchers: BTreeMap::new(), next_watcher: 0, ended: None };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// The revision of the last commit appended.
    pub fn revision(&self) -> Revision {
        self.lock().ring.current()
    }

    /// The revision that history begins at.
    pub fn compacted(&self) -> Revision {
        self.lock().ring.compacted()
    }

    /// Adds commits and wakes those who watch them. They carry all previous values, and their revisions
    /// increase and lie above the log's.
    pub fn append(&self, events: impl IntoIterator<Item = Arc<CommitEvent>>) {
        let mut wake = Vec::new();
        let mut state = self.lock();
        for event in events {
            wake.extend(state.watchers.values_mut().filter_map(|watcher| watcher.observe(&event)));
            state.ring.push(event);
        }
        state.ring.trim();
        drop(state);
        wake.into_iter().for_each(Waker::wake);
    }

    /// The revision that a read asks for: `at`, or the present one.
    ///
    /// # Errors
    ///
    /// [`StoreError::Compacted`] and [`StoreError::FutureRevision`], as [`Store::range`](super::Store::range)
    /// promises.
    pub fn resolve(&self, at: Option<Revision>) -> Result<Revision, StoreError> {
        self.lock().ring.resolve(at)
    }

    /// What must be laid over the state at revision `base` to have the keys under `prefix` as of `at`, which is
    /// not later.
    ///
    /// # Errors
    ///
    /// [`StoreError::Compacted`] when the log does not reach back to it.
    pub fn overlay(&self, prefix: &Key, base: Revision, at: Revision) -> Result<Overlay, StoreError> {
        Ok(Overlay::undo(&self.between(at, base)?, prefix))
    }

    /// The commits after `after` up to `until`, in order.
    ///
    /// # Errors
    ///
    /// [`StoreError::Compacted`] when those directly after `after` are no longer there.
    fn between(&self, after: Revision, until: Revision) -> Result<Vec<Arc<CommitEvent>>, StoreError> {
        if after >= until {
            return Ok(Vec::new());
        }
        let ring = &self.lock().ring;
        ring.check_not_compacted(after)?;
        Ok(ring.between(after, until).cloned().collect())
    }

    /// Opens a watch, as [`Store::watch`](super::Store::watch) promises. The stream needs no task of its own:
    /// whatever thread calls [`append`](Self::append) wakes its consumer.
    ///
    /// # Errors
    ///
    /// [`StoreError::Compacted`], and whatever ended the log.
    pub fn watch(&self, prefix: Key, after: Revision) -> Result<WatchStream, StoreError> {
        let mut state = self.lock();
        if let Some(end) = &state.ended {
            return Err(end.error());
        }
        state.ring.check_not_compacted(after)?;
        let id = state.next_watcher;
        state.next_watcher += 1;
        let watcher = Watcher::new(prefix, after, state.ring.current());
        state.watchers.insert(id, watcher);
        Ok(Box::pin(Watch::new(self.state.clone(), id)))
    }

    /// Forgets commits up to `revision`, as [`Store::compact`](super::Store::compact) promises.
    ///
    /// # Errors
    ///
    /// [`StoreError::FutureRevision`].
    pub fn compact(&self, revision: Revision) -> Result<(), StoreError> {
        self.lock().ring.compact(revision)
    }

    /// Ends every watch, present and future, behind what has been appended.
    pub fn close(&self) {
        self.end(End::Closed);
    }

    /// The same as [`close`](Self::close), but every watch ends with [`StoreError::Poisoned`].
    pub fn poison(&self, reason: &str) {
        self.end(End::Poisoned(reason.to_owned()));
    }

    fn end(&self, end: End) {
        let mut state = self.lock();
        state.ended.get_or_insert(end);
        let wake: Vec<_> = state.watchers.values_mut().filter_map(Watcher::waker).collect();
        drop(state);
        wake.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    // Nothing that runs under the lock panics half-way through a change of the state.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl End {
    fn error(&self) -> StoreError {
        match self {
            End::Closed => StoreError::Closed,
            End::Poisoned(reason) => StoreError::Poisoned { reason: reason.clone() },
        }
    }
}

#[cfg(test)]
mod tests;
