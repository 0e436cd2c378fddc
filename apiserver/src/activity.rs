//! Whether a connection is of use.

use bireme_core::Environment;
use tokio::sync::watch;

use crate::limits::Limits;

/// Counts the requests that a connection carries.
pub(crate) struct Activity(watch::Sender<usize>);

/// A request that a connection carries, until its answer has been sent.
pub(crate) struct Running(watch::Sender<usize>);

/// Finds out when a connection carries none for too long.
pub(crate) struct Idle {
    running: watch::Receiver<usize>,
    limits: Limits,
}

/// Both ends of watching over a connection.
pub(crate) fn activity(limits: Limits) -> (Activity, Idle) {
    let (count, running) = watch::channel(0);
    (Activity(count), Idle { running, limits })
}

impl Activity {
    pub(crate) fn begin(&self) -> Running {
        self.0.send_modify(|running| *running += 1);
        Running(self.0.clone())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.send_modify(|running| *running -= 1);
    }
}

impl Idle {
    /// Returns when the connection is to be closed: its first request has not come in time, or no further one
    /// for long.
    pub(crate) async fn over(mut self, env: &Environment) {
        let mut limit = self.limits.head;
        loop {
            let begun = self.running.wait_for(|running| *running > 0);
            match env.timeout(limit, begun).await {
                Ok(Ok(_)) => {}
                Ok(Err(_)) | Err(_) => return,
            }
            // Who counts goes with the connection, and this with them.
            if self.running.wait_for(|running| *running == 0).await.is_err() {
                return;
            }
            limit = self.limits.idle;
        }
    }
}
