//! A watch: a position in the log that its consumer moves.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use futures::Stream;

use super::ring::Ring;
use super::{End, State, lock};
use crate::store::{CommitEvent, Key, Revision, StoreError, WatchEvent};

/// Commits that a consumer takes out of the log at once, so that it need not lock it for each.
const BATCH: usize = 64;

/// A watch of quiet keys hears of progress once the store has made this many revisions.
pub(super) const PROGRESS_INTERVAL: u64 = 1000;

/// What the log knows of a watch.
#[derive(Debug)]
pub(super) struct Watcher {
    prefix: Key,
    /// Commits up to this one are not for this watch.
    after: Revision,
    /// Everything of the prefix up to here has been taken, except what begins at `pending`.
    pending: Option<Revision>,
    /// The revision of the last item taken.
    reported: Revision,
    /// Whether the progress that every watch is owed when it has caught up is still to come.
    owes_progress: bool,
    /// There while the consumer waits.
    waker: Option<Waker>,
}

impl Watcher {
    pub(super) fn new(prefix: Key, after: Revision, current: Revision) -> Self {
        let pending = (after < current).then(|| after.next());
        Self { prefix, after, pending, reported: after, owes_progress: true, waker: None }
    }

    /// Notes a new commit, and hands out the consumer's waker if it has something to take now.
    pub(super) fn observe(&mut self, event: &CommitEvent) -> Option<Waker> {
        if event.revision > self.after && self.pending.is_none() && touches(event, &self.prefix) {
            self.pending = Some(event.revision);
        }
        if self.pending.is_some() || self.is_progress_due(event.revision) { self.waker() } else { None }
    }

    pub(super) fn waker(&mut self) -> Option<Waker> {
        self.waker.take()
    }

    fn is_progress_due(&self, current: Revision) -> bool {
        current >= self.after
            && (self.owes_progress || current.0.saturating_sub(self.reported.0) >= PROGRESS_INTERVAL)
    }

    /// Moves the next items to `items`; leaves it empty if there are none yet.
    fn take(&mut self, ring: &Ring, items: &mut VecDeque<WatchEvent>) -> Result<(), StoreError> {
        if let Some(pending) = self.pending {
            let taken = Revision(pending.0 - 1);
            if pending <= ring.compacted() {
                return Err(lost(taken, ring));
            }
            self.pending = None;
            for event in ring.between(taken, ring.current()) {
                if items.len() == BATCH {
                    self.pending = Some(event.revision);
                    return Ok(());
                }
                if let Some(event) = reduce(event, &self.prefix) {
                    self.reported = event.revision;
                    items.push_back(WatchEvent::Commit(event));
                }
            }
        }
        if self.is_progress_due(ring.current()) {
            self.owes_progress = false;
            self.reported = ring.current();
            items.push_back(WatchEvent::Progress(ring.current()));
        }
        Ok(())
    }
}

fn lost(taken: Revision, ring: &Ring) -> StoreError {
    if ring.is_asked(taken.next()) {
        StoreError::Compacted { requested: taken, compacted: ring.compacted() }
    } else {
        StoreError::WatchLagged { last: taken }
    }
}

fn touches(event: &CommitEvent, prefix: &Key) -> bool {
    event.changes.iter().any(|change| change.key().starts_with(prefix))
}

/// The commit as a watch of `prefix` sees it: the same allocation if all of it is under the prefix.
fn reduce(event: &Arc<CommitEvent>, prefix: &Key) -> Option<Arc<CommitEvent>> {
    let covered = || event.changes.iter().filter(|change| change.key().starts_with(prefix));
    match covered().count() {
        0 => None,
        count if count == event.changes.len() => Some(event.clone()),
        _ => {
            let changes = covered().cloned().collect();
            Some(Arc::new(CommitEvent { revision: event.revision, changes }))
        }
    }
}

/// The consumer's side of a watch.
pub(super) struct Watch {
    state: Arc<Mutex<State>>,
    id: u64,
    items: VecDeque<WatchEvent>,
    done: bool,
}

impl Watch {
    pub(super) fn new(state: Arc<Mutex<State>>, id: u64) -> Self {
        Self { state, id, items: VecDeque::new(), done: false }
    }
}

impl Stream for Watch {
    type Item = Result<WatchEvent, StoreError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if let Some(item) = this.items.pop_front() {
            return Poll::Ready(Some(Ok(item)));
        }
        if this.done {
            return Poll::Ready(None);
        }
        let state = &mut *lock(&this.state);
        let Some(watcher) = state.watchers.get_mut(&this.id) else {
            return Poll::Ready(None);
        };
        if let Err(error) = watcher.take(&state.ring, &mut this.items) {
            this.done = true;
            return Poll::Ready(Some(Err(error)));
        }
        if let Some(item) = this.items.pop_front() {
            return Poll::Ready(Some(Ok(item)));
        }
        this.done = state.ended.is_some();
        match &state.ended {
            None => {
                watcher.waker = Some(context.waker().clone());
                Poll::Pending
            }
            Some(End::Closed) => Poll::Ready(None),
            Some(end) => Poll::Ready(Some(Err(end.error()))),
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        lock(&self.state).watchers.remove(&self.id);
    }
}
