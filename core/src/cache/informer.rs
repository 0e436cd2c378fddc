//! One kind, followed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::deltas::Pending;
use super::{Cache, Delta, DeltaHandler, Deltas, Selection, Stopped};
use crate::object::{Kind, Object, ObjectKey};
use crate::store::Revision;

/// The cache of one kind (or a selection of it) and those who hear of its changes.
pub struct Informer {
    cache: Arc<Cache>,
    selection: Selection,
    handlers: Mutex<Handlers>,
}

#[derive(Default)]
struct Handlers {
    next: u64,
    list: Vec<(u64, Arc<dyn DeltaHandler>)>,
}

/// Keeps a handler subscribed; dropping it ends that.
#[must_use = "dropping a subscription ends it"]
pub struct Subscription {
    informer: Weak<Informer>,
    id: u64,
}

impl Informer {
    pub(super) fn new(kind: Kind, selection: Selection) -> Self {
        Self { cache: Arc::new(Cache::new(kind)), selection, handlers: Mutex::default() }
    }

    /// The kind.
    pub fn kind(&self) -> Kind {
        self.cache.kind()
    }

    /// Which objects of the kind it follows.
    pub fn selection(&self) -> &Selection {
        &self.selection
    }

    /// What is known.
    pub fn cache(&self) -> &Arc<Cache> {
        &self.cache
    }

    /// Waits for the first whole state. Cancel-safe.
    ///
    /// # Errors
    ///
    /// When the informer was stopped before.
    pub async fn synced(&self) -> Result<(), Stopped> {
        self.cache.synced().await
    }

    /// Waits until the cache and all handlers have seen everything up to `revision`; see [`Cache::wait_for`].
    ///
    /// # Errors
    ///
    /// When the informer was stopped before.
    pub async fn wait_for(&self, revision: Revision) -> Result<(), Stopped> {
        self.cache.wait_for(revision).await
    }

    /// Has `handler` called for every change. It first gets an `Added` for each object that is there already,
    /// on the caller's thread; there is no gap and no repetition between those and what follows.
    pub fn subscribe(self: &Arc<Self>, handler: Arc<dyn DeltaHandler>) -> Subscription {
        let mut handlers = self.handlers();
        for object in self.cache.list(None) {
            handler.handle(&Delta::Added(object));
        }
        let id = handlers.next;
        handlers.next += 1;
        handlers.list.push((id, handler));
        Subscription { informer: Arc::downgrade(self), id }
    }

    /// The changes as a stream for a reader with a pace of its own, beginning with an `Added` for each object
    /// that is there already.
    pub fn deltas(self: &Arc<Self>) -> Deltas {
        let pending = Arc::new(Pending::default());
        let subscription = self.subscribe(pending.clone());
        Deltas::new(pending, subscription)
    }

    /// The object is new or has changed.
    pub(super) fn put(&self, object: Arc<Object>) {
        let revision = object.revision();
        self.deliver(|| self.cache.put(object));
        self.cache.reach(revision);
    }

    /// The object is gone; `last` is its last state at the revision of its going.
    pub(super) fn delete(&self, last: Arc<Object>) {
        let (key, revision): (ObjectKey, _) = (last.key().clone(), last.revision());
        self.deliver(|| self.cache.remove(&key).map(|_| Delta::Deleted(last)).into_iter().collect());
        self.cache.reach(revision);
    }

    /// This, and nothing else, was there at the revision.
    pub(super) fn replace(&self, objects: Vec<Arc<Object>>, revision: Revision) {
        self.deliver(|| self.cache.exchange(objects));
        self.cache.sync(revision);
    }

    /// Changes the cache and tells the handlers, between which nobody can subscribe.
    fn deliver(&self, change: impl FnOnce() -> Vec<Delta>) {
        let handlers = self.handlers();
        for delta in change() {
            handlers.list.iter().for_each(|(_, handler)| handler.handle(&delta));
        }
    }

    fn handlers(&self) -> MutexGuard<'_, Handlers> {
        // The list is whole even if a handler panicked.
        self.handlers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let Some(informer) = self.informer.upgrade() {
            informer.handlers().list.retain(|(id, _)| *id != self.id);
        }
    }
}
