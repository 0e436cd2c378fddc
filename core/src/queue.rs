//! The queue between those who notice and those who work: each key at most once, in order of arrival.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::Environment;
use crate::environment::Instant;

/// How long a key waits after its n-th failure in a row: `first`, doubled each time, at most `longest`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The wait after the first failure.
    pub first: Duration,
    /// The longest wait.
    pub longest: Duration,
}

impl Default for Backoff {
    /// Upstream's for controllers: 5 ms doubling to 1000 s.
    fn default() -> Self {
        Self { first: Duration::from_millis(5), longest: Duration::from_secs(1000) }
    }
}

impl Backoff {
    /// The wait after `failures` failures in a row, of which there is at least one.
    pub fn delay(self, failures: u32) -> Duration {
        let factor = 1u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
        self.first.checked_mul(factor).unwrap_or(self.longest).min(self.longest)
    }
}

/// A queue of keys to work on. Cheap to clone; clones are the same queue.
///
/// - A key that waits is not queued a second time; its turn is that of its first arrival.
/// - A key that is being worked on is given to nobody else. Added meanwhile, it queues up again when the work
///   is done, so that no change goes unseen and none is handled twice at once.
/// - Keys can be added for later ([`add_after`](WorkQueue::add_after)) and after a failure
///   ([`retry`](WorkQueue::retry)); of several times, the earliest holds.
///
/// What it holds is bounded by the number of distinct keys. Level-triggered: a key says that something may have
/// changed, not what.
pub struct WorkQueue<K> {
    shared: Arc<Shared<K>>,
}

struct Shared<K> {
    env: Environment,
    backoff: Backoff,
    state: Mutex<State<K>>,
    changed: Notify,
}

struct State<K> {
    /// Those whose turn is to come, in order; the same keys as in `waiting`.
    order: VecDeque<K>,
    waiting: BTreeSet<K>,
    /// Those that are worked on, and whether they were added meanwhile.
    claimed: BTreeMap<K, bool>,
    /// Those for later, by time and then by arrival; the inverse of `due`.
    delayed: BTreeMap<(Instant, u64), K>,
    due: BTreeMap<K, (Instant, u64)>,
    arrivals: u64,
    failures: BTreeMap<K, u32>,
    shut_down: bool,
}

/// A key that is being worked on. Dropping it says that the work is done, well or not.
pub struct Claim<K: Ord + Clone> {
    queue: WorkQueue<K>,
    key: K,
}

impl<K> Clone for WorkQueue<K> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<K: Ord + Clone> WorkQueue<K> {
    /// An empty queue.
    pub fn new(env: Environment, backoff: Backoff) -> Self {
        let state = State {
            order: VecDeque::new(),
            waiting: BTreeSet::new(),
            claimed: BTreeMap::new(),
            delayed: BTreeMap::new(),
            due: BTreeMap::new(),
            arrivals: 0,
            failures: BTreeMap::new(),
            shut_down: false,
        };
        Self { shared: Arc::new(Shared { env, backoff, state: Mutex::new(state), changed: Notify::new() }) }
    }

    /// Queues a key up, unless it waits already. After [`shut_down`](WorkQueue::shut_down) nothing happens.
    pub fn add(&self, key: K) {
        self.lock().add(key);
        self.shared.changed.notify_one();
    }

    /// Queues a key up after `delay`, unless its turn comes earlier anyway.
    pub fn add_after(&self, key: K, delay: Duration) {
        if delay.is_zero() {
            return self.add(key);
        }
        let at = self.shared.env.instant() + delay;
        self.lock().add_at(key, at);
        // All who wait must know of the earliest time: any of them may be gone by then.
        self.shared.changed.notify_waiters();
    }

    /// Queues a key up after a failure, later with each failure in a row; answers how long it waits.
    pub fn retry(&self, key: K) -> Duration {
        let failures = {
            let mut state = self.lock();
            let failures = state.failures.entry(key.clone()).or_insert(0);
            *failures = failures.saturating_add(1);
            *failures
        };
        let delay = self.shared.backoff.delay(failures);
        self.add_after(key, delay);
        delay
    }

    /// Ends the row of failures of a key: its work went well, or there is nothing left to work on.
    pub fn forget(&self, key: &K) {
        self.lock().failures.remove(key);
    }

    /// How many failures in a row a key has had.
    pub fn failures(&self, key: &K) -> u32 {
        self.lock().failures.get(key).copied().unwrap_or(0)
    }

    /// The next key, for as long as the claim lives; waits for one. None once the queue is shut down.
    /// Cancel-safe: a dropped call has taken nothing.
    pub async fn next(&self) -> Option<Claim<K>> {
        loop {
            let mut changed = std::pin::pin!(self.shared.changed.notified());
            // From here on a change wakes this call, also one between the look and the wait.
            changed.as_mut().enable();
            let earliest = {
                let mut state = self.lock();
                if state.shut_down {
                    return None;
                }
                state.admit_due(self.shared.env.instant());
                if let Some(key) = state.claim() {
                    return Some(Claim { queue: self.clone(), key });
                }
                state.delayed.keys().next().map(|(at, _)| *at)
            };
            match earliest {
                None => changed.await,
                Some(at) => tokio::select! {
                    biased;
                    () = changed => {}
                    () = self.shared.env.sleep_until(at) => {}
                },
            }
        }
    }

    /// Ends the queue: everybody who waits for a key gets none, and what is added from now on is dropped.
    pub fn shut_down(&self) {
        let mut state = self.lock();
        state.shut_down = true;
        (state.order, state.waiting) = Default::default();
        (state.delayed, state.due) = Default::default();
        drop(state);
        self.shared.changed.notify_waiters();
    }

    /// How many keys wait for their turn, without those for later and those that are worked on.
    pub fn len(&self) -> usize {
        self.lock().order.len()
    }

    /// Whether no key waits for its turn.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn done(&self, key: &K) {
        let again = {
            let mut state = self.lock();
            let again = state.claimed.remove(key).unwrap_or(false);
            if again {
                state.add(key.clone());
            }
            again
        };
        if again {
            self.shared.changed.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<K>> {
        // No code that can panic runs under the lock, but for a key's own `Ord`.
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Ord + Clone> State<K> {
    fn add(&mut self, key: K) {
        if self.shut_down {
            return;
        }
        if let Some(slot) = self.due.remove(&key) {
            self.delayed.remove(&slot);
        }
        if let Some(again) = self.claimed.get_mut(&key) {
            *again = true;
        } else if self.waiting.insert(key.clone()) {
            self.order.push_back(key);
        }
    }

    fn add_at(&mut self, key: K, at: Instant) {
        let comes_anyway = self.waiting.contains(&key) || self.claimed.get(&key) == Some(&true);
        if self.shut_down || comes_anyway || self.due.get(&key).is_some_and(|(known, _)| *known <= at) {
            return;
        }
        if let Some(slot) = self.due.remove(&key) {
            self.delayed.remove(&slot);
        }
        self.arrivals += 1;
        let slot = (at, self.arrivals);
        self.delayed.insert(slot, key.clone());
        self.due.insert(key, slot);
    }

    /// Moves what is due from the delayed to the waiting.
    fn admit_due(&mut self, now: Instant) {
        while let Some(first) = self.delayed.first_entry()
            && first.key().0 <= now
        {
            let key = first.remove();
            self.due.remove(&key);
            self.add(key);
        }
    }

    fn claim(&mut self) -> Option<K> {
        let key = self.order.pop_front()?;
        self.waiting.remove(&key);
        self.claimed.insert(key.clone(), false);
        Some(key)
    }
}

impl<K: Ord + Clone> Claim<K> {
    /// The key.
    pub fn key(&self) -> &K {
        &self.key
    }
}

impl<K: Ord + Clone> Deref for Claim<K> {
    type Target = K;

    fn deref(&self) -> &K {
        &self.key
    }
}

impl<K: Ord + Clone> Drop for Claim<K> {
    fn drop(&mut self) {
        self.queue.done(&self.key);
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
