//! Changes as a stream, for a reader with a pace of its own.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::{Delta, DeltaHandler, Subscription};
use crate::object::{Object, ObjectKey};

/// The changes of a cache since the reader last asked, object by object.
///
/// What the reader has not taken is merged: an object that changed ten times is one `Updated` from the state
/// that the reader knows to the newest; one that came and went is nothing. So a slow reader loses no level,
/// and what waits is bounded by the number of objects. Objects come in the order of their first untaken change.
pub struct Deltas {
    pending: Arc<Pending>,
    /// The second half of a change that is two: gone, and there again under the same name.
    next: Option<Delta>,
    _subscription: Subscription,
}

#[derive(Default)]
pub(super) struct Pending {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    order: VecDeque<ObjectKey>,
    changes: BTreeMap<ObjectKey, Change>,
}

/// What the reader knows, and what is.
struct Change {
    known: Option<Arc<Object>>,
    now: Option<Arc<Object>>,
    last: Arc<Object>,
}

impl Deltas {
    pub(super) fn new(pending: Arc<Pending>, subscription: Subscription) -> Self {
        Self { pending, next: None, _subscription: subscription }
    }

    /// The next change; waits for one. Cancel-safe.
    pub async fn next(&mut self) -> Delta {
        loop {
            // One reader: a permit that was stored while it was not waiting wakes it at once.
            if let Some(delta) = self.try_next() {
                return delta;
            }
            self.pending.changed.notified().await;
        }
    }

    /// The next change, if there is one now.
    pub fn try_next(&mut self) -> Option<Delta> {
        if let Some(delta) = self.next.take() {
            return Some(delta);
        }
        let mut state = self.pending.lock();
        loop {
            let key = state.order.pop_front()?;
            let change = state.changes.remove(&key)?;
            match (change.known, change.now) {
                (None, None) => {}
                (None, Some(now)) => return Some(Delta::Added(now)),
                // The last state of the incarnation that the reader knows, not of one it never saw.
                (Some(old), None) if old.uid() != change.last.uid() => return Some(Delta::Deleted(old)),
                (Some(_), None) => return Some(Delta::Deleted(change.last)),
                (Some(old), Some(new)) if old.uid() == new.uid() => return Some(Delta::Updated { old, new }),
                (Some(old), Some(new)) => {
                    self.next = Some(Delta::Added(new));
                    return Some(Delta::Deleted(old));
                }
            }
        }
    }
}

impl Pending {
    fn lock(&self) -> MutexGuard<'_, State> {
        // No code that can panic runs under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DeltaHandler for Pending {
    fn handle(&self, delta: &Delta) {
        let mut state = self.lock();
        let (now, last) = (delta.current().cloned(), delta.object().clone());
        if let Some(change) = state.changes.get_mut(delta.key()) {
            (change.now, change.last) = (now, last);
        } else {
            state.order.push_back(delta.key().clone());
            let change = Change { known: delta.old().cloned(), now, last };
            state.changes.insert(delta.key().clone(), change);
        }
        drop(state);
        self.changed.notify_one();
    }
}
