//! Pods, each told to the node that it is bound to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bireme_core::cache::{Delta, Informer, PODS_BY_NODE, Stopped, Subscription};
use bireme_core::object::Object;
use k8s_openapi::api::core::v1::Pod;
use tokio::sync::Notify;

/// Hands the pods of one informer to the kubelets of one process: each pod event costs one look-up, however many
/// nodes there are.
pub struct PodRouter {
    informer: Arc<Informer>,
    feeds: Arc<Feeds>,
    _subscription: Subscription,
}

#[derive(Default)]
struct Feeds(Mutex<BTreeMap<String, Arc<Feed>>>);

/// What one node has not taken yet, by the pod's uid; so it is bounded by the number of pods.
#[derive(Default)]
struct Feed {
    changes: Mutex<BTreeMap<String, Change>>,
    changed: Notify,
}

/// What became of a pod.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// It is there, in this state.
    Present(Arc<Object>),
    /// It is gone; this was its last state.
    Gone(Arc<Object>),
}

impl Change {
    /// The pod, if it is there.
    pub(crate) fn present(self) -> Option<Arc<Object>> {
        match self {
            Change::Present(object) => Some(object),
            Change::Gone(_) => None,
        }
    }

    pub(crate) fn object(&self) -> &Arc<Object> {
        let (Change::Present(object) | Change::Gone(object)) = self;
        object
    }
}

impl Feeds {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Feed>>> {
        // A map whose insertion panicked is still a map.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn handle(&self, delta: &Delta) {
        // What is not a readable pod is on no node; the API server lets none through.
        let Ok(pod) = delta.object().typed::<Pod>() else { return };
        let Some(node) = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()) else { return };
        let Some(feed) = self.lock().get(node).cloned() else { return };
        let object = delta.object().clone();
        feed.put(if delta.current().is_some() { Change::Present(object) } else { Change::Gone(object) });
    }
}

impl Feed {
    fn put(&self, change: Change) {
        let uid = change.object().uid().to_owned();
        self.changes.lock().unwrap_or_else(PoisonError::into_inner).insert(uid, change);
        self.changed.notify_one();
    }
}

impl PodRouter {
    /// Routes the pods of an informer, which follows all pods or those of one node.
    pub fn new(informer: Arc<Informer>) -> Self {
        informer.cache().add_index(PODS_BY_NODE);
        let feeds = Arc::new(Feeds::default());
        let handler = feeds.clone();
        let subscription = informer.subscribe(Arc::new(move |delta: &Delta| handler.handle(delta)));
        Self { informer, feeds, _subscription: subscription }
    }

    /// Waits until all pods are known.
    pub(crate) async fn synced(&self) -> Result<(), Stopped> {
        self.informer.synced().await
    }

    /// The pods of a node: those that are there, and what becomes of them. A second feed of the same name takes
    /// the place of the first.
    pub(crate) fn feed(&self, node: &str) -> PodFeed {
        let feed = Arc::new(Feed::default());
        self.feeds.lock().insert(node.to_owned(), feed.clone());
        // What happens from here on is routed; what was there before is read. A pod may come twice, which is no
        // harm, but not too old: it is put only if nothing newer was routed meanwhile.
        for object in self.informer.cache().indexed(PODS_BY_NODE, node) {
            let mut changes = feed.changes.lock().unwrap_or_else(PoisonError::into_inner);
            changes.entry(object.uid().to_owned()).or_insert(Change::Present(object));
        }
        feed.changed.notify_one();
        PodFeed { node: node.to_owned(), feed, feeds: self.feeds.clone() }
    }
}

/// The changes of one node's pods. They are kept for it until it is dropped.
pub(crate) struct PodFeed {
    node: String,
    feed: Arc<Feed>,
    feeds: Arc<Feeds>,
}

impl Drop for PodFeed {
    fn drop(&mut self) {
        let mut feeds = self.feeds.lock();
        if feeds.get(&self.node).is_some_and(|current| Arc::ptr_eq(current, &self.feed)) {
            feeds.remove(&self.node);
        }
    }
}

impl PodFeed {
    /// What has changed since the last call; waits for something. Cancel-safe.
    pub(crate) async fn changes(&mut self) -> Vec<Change> {
        loop {
            let changes = self.take();
            if !changes.is_empty() {
                return changes;
            }
            self.feed.changed.notified().await;
        }
    }

    /// What has changed since the last call, which may be nothing.
    pub(crate) fn take(&mut self) -> Vec<Change> {
        let mut changes = self.feed.changes.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *changes).into_values().collect()
    }
}
