//! The one watch on the store that all caches live on.

use std::collections::BTreeMap;
use std::ops::Bound::{Included, Unbounded};
use std::sync::Arc;
use std::time::Duration;

use bireme_core::Environment;
use bireme_core::store::{CommitEvent, Key, Revision, Store, StoreError, StoreExt, WatchEvent, WatchStream};
use futures::StreamExt;
use tokio::sync::watch;

use super::KindCache;
use crate::table::{KindTable, ROOT};

/// How long to wait before a store that could not be reached is tried again.
const RETRY: Duration = Duration::from_millis(500);

/// What follows the store and tells the caches.
pub(crate) struct Feed {
    /// By storage prefix; no prefix is the beginning of another.
    caches: BTreeMap<Vec<u8>, Vec<Arc<KindCache>>>,
    /// Every commit up to here has reached the caches.
    reached: watch::Sender<Revision>,
}

impl Feed {
    /// A feed for these kinds that has reached `revision`.
    pub(crate) fn new(table: &KindTable, revision: Revision) -> Self {
        let mut caches: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for entry in table.entries() {
            caches.entry(entry.prefix.clone().into_bytes()).or_default().push(entry.cache.clone());
        }
        Self { caches, reached: watch::Sender::new(revision) }
    }

    /// The revision up to which every commit has reached the caches.
    pub(crate) fn reached(&self) -> Revision {
        *self.reached.borrow()
    }

    /// Tells of every revision reached.
    pub(crate) fn progress(&self) -> watch::Receiver<Revision> {
        self.reached.subscribe()
    }

    /// Waits until every commit up to `revision` has reached the caches.
    pub(crate) async fn wait_for(&self, revision: Revision) {
        let mut progress = self.reached.subscribe();
        // The sender lives as long as `self`, so a change never fails to come for that reason.
        while *progress.borrow_and_update() < revision && progress.changed().await.is_ok() {}
    }

    /// Follows the store until it closes.
    pub(crate) async fn run(self: Arc<Self>, store: Arc<dyn Store>, env: Environment, first: WatchStream) {
        let mut stream = Some(first);
        loop {
            let error = match stream.take() {
                Some(stream) => self.follow(stream).await,
                None => match store.watch(Key::from_static(ROOT), self.reached()).await {
                    Ok(opened) => {
                        stream = Some(opened);
                        continue;
                    }
                    Err(error) => error,
                },
            };
            match error {
                StoreError::Closed | StoreError::Poisoned { .. } => {
                    tracing::info!(%error, "the store watch has ended");
                    return self.close();
                }
                StoreError::WatchLagged { .. } => {}
                StoreError::Compacted { compacted, .. } => {
                    tracing::warn!(%error, "the caches start anew");
                    // Read before the reset: what is loaded after it is at least as new, so that nothing
                    // falls between a cache's state and what follows here.
                    let revision = store.revision().await.unwrap_or(compacted);
                    self.reset();
                    self.reached.send_if_modified(|reached| raise(reached, revision));
                }
                error => {
                    tracing::warn!(%error, "the store watch is opened again");
                    env.sleep(RETRY).await;
                }
            }
        }
    }

    /// Passes everything on; returns why it ended.
    async fn follow(&self, mut stream: WatchStream) -> StoreError {
        while let Some(item) = stream.next().await {
            match item {
                Ok(WatchEvent::Commit(commit)) => {
                    self.apply(&commit);
                    self.reached.send_if_modified(|reached| raise(reached, commit.revision));
                }
                Ok(WatchEvent::Progress(revision)) => {
                    self.reached.send_if_modified(|reached| raise(reached, revision));
                }
                Err(error) => return error,
            }
        }
        StoreError::Closed
    }

    fn apply(&self, commit: &Arc<CommitEvent>) {
        let mut told: Option<&[u8]> = None;
        for change in &commit.changes {
            let key = change.key().as_bytes();
            // Changes are ordered by key, so those of one kind follow each other.
            if told.is_some_and(|prefix| key.starts_with(prefix)) {
                continue;
            }
            let below = self.caches.range::<[u8], _>((Unbounded, Included(key))).next_back();
            if let Some((prefix, caches)) = below.filter(|(prefix, _)| key.starts_with(prefix)) {
                caches.iter().for_each(|cache| cache.apply(commit));
                told = Some(prefix);
            }
        }
    }

    /// Ends all watches.
    pub(crate) fn close(&self) {
        self.caches.values().flatten().for_each(|cache| cache.close());
    }

    fn reset(&self) {
        self.caches.values().flatten().for_each(|cache| cache.reset());
    }
}

fn raise(reached: &mut Revision, to: Revision) -> bool {
    let higher = to > *reached;
    *reached = to.max(*reached);
    higher
}
