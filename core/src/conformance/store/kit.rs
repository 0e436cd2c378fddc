//! What the cases are written with.

use std::fmt::Display;
use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt as _;

use crate::Environment;
use crate::conformance::shared::PATIENCE;
pub(super) use crate::conformance::shared::together;
use crate::store::{
    Change, Commit, CommitEvent, ConflictError, Key, KeyValue, RangeRequest, RangeResponse, Revision, Store,
    StoreError, StoreExt as _, WatchEvent, WatchStream,
};

pub(super) fn key(name: impl Display) -> Key {
    Key::from(name.to_string())
}

pub(super) fn value(text: impl Display) -> Bytes {
    Bytes::from(text.to_string())
}

/// Puts one key; it must work.
pub(super) async fn put(store: &dyn Store, name: impl Display, text: impl Display) -> Revision {
    commit(store, Commit::new().put(key(name), value(text))).await
}

/// Deletes one key; it must work.
pub(super) async fn delete(store: &dyn Store, name: impl Display) -> Revision {
    commit(store, Commit::new().delete(key(name))).await
}

/// Commits; it must work.
pub(super) async fn commit(store: &dyn Store, commit: Commit) -> Revision {
    store.commit(commit).await.expect("the commit is in order")
}

/// Commits what must run into a conflict.
pub(super) async fn conflict(store: &dyn Store, commit: Commit) -> ConflictError {
    match store.commit(commit).await {
        Err(StoreError::Conflict(conflict)) => *conflict,
        other => panic!("expected a conflict, got {other:?}"),
    }
}

pub(super) async fn get(store: &dyn Store, name: impl Display) -> Option<KeyValue> {
    store.get(&key(name)).await.expect("a present key is readable").0
}

pub(super) async fn revision(store: &dyn Store) -> Revision {
    store.revision().await.expect("the present revision is readable")
}

pub(super) async fn range(store: &dyn Store, request: RangeRequest) -> RangeResponse {
    store.range(request).await.expect("the range is readable")
}

pub(super) fn under(prefix: &str) -> RangeRequest {
    RangeRequest { prefix: key(prefix), ..RangeRequest::default() }
}

pub(super) fn under_at(prefix: &str, at: Revision) -> RangeRequest {
    RangeRequest { at: Some(at), ..under(prefix) }
}

/// Keys and values as text, for comparing.
pub(super) fn texts(items: &[KeyValue]) -> Vec<(String, String)> {
    items.iter().map(|item| (item.key.to_string(), item.value.escape_ascii().to_string())).collect()
}

pub(super) fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> Vec<(String, String)> {
    pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
}

/// A watch that must not make the case wait for ever.
pub(super) struct Watching(WatchStream);

impl Watching {
    /// Opens a watch, which must work.
    pub(super) async fn new(store: &dyn Store, prefix: &str, after: Revision) -> Self {
        Self(store.watch(key(prefix), after).await.expect("the watch opens"))
    }

    /// The next item; `None` at the end of the stream.
    pub(super) async fn item(&mut self) -> Option<Result<WatchEvent, StoreError>> {
        let next = Environment::system().timeout(PATIENCE, self.0.next()).await;
        next.expect("the watch has something to say in time")
    }

    /// The next event, of either kind.
    pub(super) async fn event(&mut self) -> WatchEvent {
        match self.item().await {
            Some(Ok(event)) => event,
            other => panic!("expected an event, got {other:?}"),
        }
    }

    /// The next commit; progress in between is passed over.
    pub(super) async fn commit(&mut self) -> Arc<CommitEvent> {
        loop {
            if let WatchEvent::Commit(event) = self.event().await {
                return event;
            }
        }
    }

    /// The next `count` commits.
    pub(super) async fn commits(&mut self, count: usize) -> Vec<Arc<CommitEvent>> {
        let mut commits = Vec::with_capacity(count);
        while commits.len() < count {
            commits.push(self.commit().await);
        }
        commits
    }

    /// Reads on until a progress of at least `revision`; returns the commits passed on the way.
    pub(super) async fn until_progress(&mut self, revision: Revision) -> Vec<Arc<CommitEvent>> {
        let mut commits = Vec::new();
        loop {
            match self.event().await {
                WatchEvent::Commit(event) => commits.push(event),
                WatchEvent::Progress(reached) if reached >= revision => return commits,
                WatchEvent::Progress(_) => {}
            }
        }
    }
}

/// The present value of a change as text; `None` for a deletion.
pub(super) fn current_text(change: &Change) -> Option<String> {
    match change {
        Change::Put { current, .. } => Some(current.value.escape_ascii().to_string()),
        Change::Delete { .. } => None,
    }
}

pub(super) fn previous(change: &Change) -> Option<&KeyValue> {
    match change {
        Change::Put { previous, .. } | Change::Delete { previous, .. } => previous.as_ref(),
    }
}

/// The keys that a commit changed.
pub(super) fn keys(event: &CommitEvent) -> Vec<String> {
    event.changes.iter().map(|change| change.key().to_string()).collect()
}

pub(super) fn revisions(events: &[Arc<CommitEvent>]) -> Vec<Revision> {
    events.iter().map(|event| event.revision).collect()
}

/// A repeatable stream of numbers, for histories that no one thought of.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `bound`.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        // Knuth's MMIX generator; its upper bits are good enough for picking keys.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}
