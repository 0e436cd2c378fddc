//! Whether a connection is of use.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bireme_core::Environment;
use bireme_core::environment::Instant;
use tokio::sync::watch;

use crate::limits::Limits;

/// Counts the requests that a connection carries.
pub(crate) struct Activity {
    env: Environment,
    count: watch::Sender<usize>,
    waits: Arc<Mutex<Waits>>,
}

/// A request that a connection carries, until its answer has been sent.
pub(crate) struct Running {
    env: Environment,
    count: watch::Sender<usize>,
    waits: Arc<Mutex<Waits>>,
    id: u64,
}

/// Finds out when a connection carries none for too long, or when its client takes none of the answers.
pub(crate) struct Idle {
    running: watch::Receiver<usize>,
    waits: Arc<Mutex<Waits>>,
    limits: Limits,
}

/// Since when each request waits for the client to take more of the answer; nothing where the client waits for it.
#[derive(Default)]
struct Waits {
    since: HashMap<u64, Option<Instant>>,
    next: u64,
}

/// Both ends of watching over a connection.
pub(crate) fn activity(env: &Environment, limits: Limits) -> (Activity, Idle) {
    let (count, running) = watch::channel(0);
    let waits = Arc::new(Mutex::new(Waits::default()));
    let activity = Activity { env: env.clone(), count, waits: waits.clone() };
    (activity, Idle { running, waits, limits })
}

fn lock(waits: &Mutex<Waits>) -> MutexGuard<'_, Waits> {
    // Nothing panics while it is held.
    waits.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Activity {
    pub(crate) fn begin(&self) -> Running {
        let id = {
            let mut waits = lock(&self.waits);
            waits.next += 1;
            let id = waits.next;
            waits.since.insert(id, None);
            id
        };
        self.count.send_modify(|running| *running += 1);
        Running { env: self.env.clone(), count: self.count.clone(), waits: self.waits.clone(), id }
    }
}

impl Running {
    /// There is more of the answer than the client has taken.
    pub(crate) fn waits_for_client(&self) {
        let now = self.env.instant();
        lock(&self.waits).since.insert(self.id, Some(now));
    }

    /// The client has taken all that there is of the answer so far.
    pub(crate) fn waits_for_more(&self) {
        lock(&self.waits).since.insert(self.id, None);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        lock(&self.waits).since.remove(&self.id);
        self.count.send_modify(|running| *running -= 1);
    }
}

impl Waits {
    /// Since when the client has taken nothing of any answer, though there is more of all of them.
    fn stalled(&self) -> Option<Instant> {
        let latest = |latest: Option<Instant>, since: &Option<Instant>| latest.max(*since);
        let all_wait = self.since.values().all(Option::is_some);
        all_wait.then(|| self.since.values().fold(None, latest)).flatten()
    }
}

impl Idle {
    /// Returns when the connection is to be closed: its first request has not come in time, or no further one for
    /// long, or the client has taken nothing of its answers for long.
    pub(crate) async fn over(mut self, env: &Environment) {
        let mut limit = self.limits.head;
        loop {
            let begun = self.running.wait_for(|running| *running > 0);
            match env.timeout(limit, begun).await {
                Ok(Ok(_)) => {}
                Ok(Err(_)) | Err(_) => return,
            }
            if !self.all_taken(env).await {
                return;
            }
            limit = self.limits.idle;
        }
    }

    /// Waits until there is no request; false when the client takes nothing of the answers, or the connection is gone.
    async fn all_taken(&mut self, env: &Environment) -> bool {
        loop {
            let patience = match lock(&self.waits).stalled() {
                Some(since) => self.limits.answer.saturating_sub(env.instant().since(since)),
                None => self.limits.answer,
            };
            if patience.is_zero() {
                return false;
            }
            // Who counts goes with the connection, and this with them.
            match env.timeout(patience, self.running.wait_for(|running| *running == 0)).await {
                Ok(ended) => return ended.is_ok(),
                Err(_) => continue,
            }
        }
    }
}
