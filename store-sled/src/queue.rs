//! The way from the callers of `commit` to the one thread that commits.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bireme_core::store::{Commit, Revision, StoreError};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// Commits that one sync makes durable at most.
const GROUP: usize = 4096;

/// Bytes of commits that may wait or be on their way, in KiB.
const ROOM: u32 = 64 << 10;

/// A commit on its way.
pub(crate) struct Request {
    pub(crate) commit: Commit,
    pub(crate) answer: oneshot::Sender<Result<Revision, StoreError>>,
    /// Held until the commit is answered, so that the callers' memory stays bounded.
    pub(crate) room: OwnedSemaphorePermit,
    /// Where the caller runs; nothing if that is not a tokio runtime.
    pub(crate) runtime: Option<Handle>,
}

/// A bounded queue of commits.
pub(crate) struct Queue {
    state: Mutex<State>,
    filled: Condvar,
    room: Arc<Semaphore>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Request>,
    /// How many have to wait before the committing thread is to be woken.
    awaited: usize,
    closed: bool,
}

impl Queue {
    pub(crate) fn new() -> Self {
        let room = Arc::new(Semaphore::new(ROOM as usize));
        Self { state: Mutex::default(), filled: Condvar::new(), room }
    }

    /// Waits until the queue has room for a commit of this many bytes, puts it in, and hands out where its
    /// answer will arrive; nothing if the queue is closed. Dropped while waiting, it has done nothing.
    pub(crate) async fn push(
        &self,
        commit: Commit,
        bytes: usize,
    ) -> Option<oneshot::Receiver<Result<Revision, StoreError>>> {
        let share = u32::try_from(bytes >> 10).unwrap_or(ROOM).clamp(1, ROOM);
        let room = self.room.clone().acquire_many_owned(share).await.ok()?;
        let (answer, receiver) = oneshot::channel();
        let request = Request { commit, answer, room, runtime: Handle::try_current().ok() };
        let mut state = self.lock();
        if state.closed {
            return None;
        }
        state.waiting.push_back(request);
        // Waking it for each would cost more than the commit.
        let is_enough = state.waiting.len() == state.awaited;
        drop(state);
        if is_enough {
            self.filled.notify_one();
        }
        Some(receiver)
    }

    /// Waits for commits and takes them all. Once there is one, it waits up to `patience` for the others of
    /// an `expected` number: callers whose last commits were answered together tend to come back together,
    /// and are worth waiting for if the sync that they can share takes much longer. Nothing once the queue is
    /// closed and empty.
    pub(crate) fn take(&self, expected: usize, patience: Duration) -> Option<Vec<Request>> {
        let mut state = self.lock();
        state.awaited = 1;
        let is_idle = |state: &mut State| state.waiting.is_empty() && !state.closed;
        let mut state = self.filled.wait_while(state, is_idle).unwrap_or_else(PoisonError::into_inner);
        state.awaited = expected;
        let is_small = |state: &mut State| state.waiting.len() < expected && !state.closed;
        let waited = self.filled.wait_timeout_while(state, patience, is_small);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let count = state.waiting.len().min(GROUP);
        (count > 0).then(|| state.waiting.drain(..count).collect())
    }

    /// Lets nothing more in. What is in it can still be taken.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.room.close();
        self.filled.notify_all();
    }

    /// Lets nothing more in and drops what is in it.
    pub(crate) fn abandon(&self) {
        self.close();
        let dropped = std::mem::take(&mut self.lock().waiting);
        drop(dropped);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A push or a drain is whole or has not begun.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
