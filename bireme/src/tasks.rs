//! The tasks of one part of a cluster: told to stop together, and waited for.

use std::future::Future;

use bireme_core::Environment;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::error;

/// Running tasks that end when they are told to.
pub(crate) struct Tasks {
    env: Environment,
    stop: CancellationToken,
    running: Vec<(&'static str, JoinHandle<()>)>,
}

impl Tasks {
    pub(crate) fn new(env: &Environment) -> Self {
        Self { env: env.clone(), stop: CancellationToken::new(), running: Vec::new() }
    }

    /// Starts a task, which gets the token that tells it to stop.
    pub(crate) fn start<F>(&mut self, name: &'static str, task: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.running.push((name, self.env.spawn(task(self.stop.clone()))));
    }

    /// Tells all of them to stop and waits until they have.
    pub(crate) async fn stop(&mut self) {
        self.stop.cancel();
        for (name, task) in self.running.drain(..) {
            if let Err(failure) = task.await {
                error!(name, %failure, "a part of the cluster did not end well");
            }
        }
    }
}

impl Drop for Tasks {
    /// What nobody waits for ends all the same.
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
