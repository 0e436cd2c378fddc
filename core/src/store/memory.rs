//! [`MemoryStore`]: the reference implementation of the contract.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use tokio::task::coop::consume_budget;

use super::log::{CommitLog, History};
use super::{
    Commit, Key, KeyValue, Limits, RangeRequest, RangeResponse, Revision, Store, StoreError, WatchStream,
};

/// A [`Store`] in memory: the whole contract except that nothing outlives it.
///
/// Its memory is that of the present keys and values and of the recent commits, which [`History`] bounds;
/// values are shared, not copied, between them, readers and watchers. Cheap to clone; clones are one store.
///
/// It never waits for anything, so it takes part in tokio's cooperative scheduling: who does nothing but commit
/// still lets others have their turn.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    limits: Limits,
    /// The present state. Its lock also orders commits: the log grows only while it is held for writing, so
    /// whoever holds it for reading sees state and log at the same revision.
    keys: RwLock<BTreeMap<Key, KeyValue>>,
    log: CommitLog,
}

impl MemoryStore {
    /// An empty store that keeps the usual [`History`].
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty store that keeps this much history.
    pub fn with_history(history: History) -> Self {
        let log = CommitLog::new(Revision::ZERO, history);
        Self { shared: Arc::new(Shared { log, ..Shared::default() }) }
    }
}

#[async_trait]
impl Store for MemoryStore {
    fn limits(&self) -> Limits {
        self.shared.limits
    }

    fn known_revision(&self) -> Option<Revision> {
        // A commit holds the keys until it is whole.
        let _keys = self.shared.keys.read().unwrap_or_else(PoisonError::into_inner);
        Some(self.shared.log.revision())
    }

    async fn range(&self, request: RangeRequest) -> Result<RangeResponse, StoreError> {
        consume_budget().await;
        let Shared { keys, log, .. } = &*self.shared;
        let keys = keys.read().unwrap_or_else(PoisonError::into_inner);
        let at = log.resolve(request.at)?;
        let overlay = log.overlay(&request.prefix, log.revision(), at)?;
        let base = keys.range::<Key, _>((Bound::Included(request.first()), Bound::Unbounded)).map(Ok);
        request.respond(at, base, overlay, |_, item| Ok(item.clone()))
    }

    async fn commit(&self, commit: Commit) -> Result<Revision, StoreError> {
        let Shared { limits, keys, log } = &*self.shared;
        limits.check(&commit)?;
        consume_budget().await;
        let mut keys = keys.write().unwrap_or_else(PoisonError::into_inner);
        let Some(event) = commit.decide(log.revision().next(), |key| Ok(keys.get(key).cloned()))? else {
            return Ok(log.revision());
        };
        for change in &event.changes {
            match change.current() {
                Some(item) => keys.insert(item.key.clone(), item.clone()),
                None => keys.remove(change.key()),
            };
        }
        let revision = event.revision;
        log.append([Arc::new(event)]);
        Ok(revision)
    }

    async fn watch(&self, prefix: Key, after: Revision) -> Result<WatchStream, StoreError> {
        self.shared.log.watch(prefix, after)
    }

    async fn compact(&self, revision: Revision) -> Result<(), StoreError> {
        self.shared.log.compact(revision)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::store::Rig;
    use crate::store::StoreExt as _;

    struct InMemory;

    #[async_trait]
    impl Rig for InMemory {
        async fn create(&self) -> Arc<dyn Store> {
            Arc::new(MemoryStore::new())
        }
    }

    crate::store_conformance!(InMemory);

    #[tokio::test]
    async fn a_task_that_only_commits_lets_others_run() {
        let env = crate::Environment::system();
        let store = MemoryStore::new();
        let committing = env.spawn(async move {
            loop {
                store.commit(Commit::new().put(Key::from("/a"), "x".into())).await.unwrap();
            }
        });
        tokio::task::yield_now().await;
        committing.abort();
        assert!(committing.await.unwrap_err().is_cancelled());
    }

    #[tokio::test]
    async fn revisions_count_commits_from_one() {
        let store = MemoryStore::new();
        assert_eq!(store.revision().await.unwrap(), Revision::ZERO);
        for count in 1..=3 {
            let made = store.commit(Commit::new().put(Key::from("/a"), "x".into())).await.unwrap();
            assert_eq!(made, Revision(count));
        }
    }
}
