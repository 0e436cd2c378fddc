//! What a worker has not looked at yet.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use bireme_core::object::Object;
use bireme_core::runtime::{ContainerId, SandboxId};
use tokio::sync::Notify;

/// News for one worker. It says where to look, and many pieces of news of one sort are one: it cannot overflow.
#[derive(Default)]
pub(crate) struct Inbox {
    news: Mutex<News>,
    arrived: Notify,
}

/// What happened since the worker last looked.
#[derive(Default)]
pub(crate) struct News {
    /// The pod's newest state.
    pub(crate) pod: Option<Arc<Object>>,
    /// The pod is gone from the API.
    pub(crate) gone: bool,
    /// Containers to look at.
    pub(crate) containers: BTreeSet<ContainerId>,
    /// Sandboxes are to be looked at.
    pub(crate) sandboxes: BTreeSet<SandboxId>,
    /// Everything is to be looked at.
    pub(crate) everything: bool,
    /// A ConfigMap or Secret that the pod names has changed.
    pub(crate) configs: bool,
}

impl Inbox {
    /// Leaves news.
    pub(crate) fn put(&self, change: impl FnOnce(&mut News)) {
        change(&mut self.news.lock().unwrap_or_else(PoisonError::into_inner));
        self.arrived.notify_one();
    }

    /// Takes all news.
    pub(crate) fn take(&self) -> News {
        std::mem::take(&mut *self.news.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until there may be news. Cancel-safe.
    pub(crate) async fn arrival(&self) {
        self.arrived.notified().await;
    }
}
