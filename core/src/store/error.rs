//! What can go wrong in a [`Store`](super::Store).

use std::error::Error;

use super::{Key, KeyValue, Revision};

/// Why a store did not do as asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A condition of a commit does not hold; nothing changed.
    #[error("{0}")]
    Conflict(Box<ConflictError>),
    /// History at this revision has been compacted away.
    #[error("revision {requested} has been compacted; history begins at {compacted}")]
    Compacted {
        /// What was asked for.
        requested: Revision,
        /// The compaction point.
        compacted: Revision,
    },
    /// The store has not reached this revision.
    #[error("revision {requested} is in the future; the store is at {current}")]
    FutureRevision {
        /// What was asked for.
        requested: Revision,
        /// The store's revision.
        current: Revision,
    },
    /// The commit is over one of the store's [`Limits`](super::Limits).
    #[error("{what} of {actual} exceeds the store's limit of {limit}")]
    TooLarge {
        /// What is too large, as a noun: "a value in bytes", "a number of operations".
        what: &'static str,
        /// How large it is.
        actual: usize,
        /// How large it may be.
        limit: usize,
    },
    /// The request contradicts itself or uses an ability that the store does not have.
    #[error("invalid request: {0}")]
    Invalid(&'static str),
    /// The consumer of a watch did not keep up; watch again after the last revision received.
    #[error("the watch fell behind after revision {last}")]
    WatchLagged {
        /// The last revision that was delivered whole.
        last: Revision,
    },
    /// An earlier write could not be made durable, so nothing can be promised until the store is reopened.
    #[error("the store failed earlier and must be reopened: {reason}")]
    Poisoned {
        /// The failure that poisoned it.
        reason: String,
    },
    /// What the store reads back is not what it wrote.
    #[error("the store is corrupt: {detail}")]
    Corrupt {
        /// What was found, and where.
        detail: String,
        /// The failure below, if there is one.
        #[source]
        source: Option<Box<dyn Error + Send + Sync>>,
    },
    /// The engine below failed or cannot be reached.
    #[error("the store is unavailable: {operation}")]
    Unavailable {
        /// What was being done, as a phrase: "committing", "opening the watch".
        operation: &'static str,
        /// Whether a commit may have happened all the same.
        unknown: bool,
        /// The failure below.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The store has been closed.
    #[error("the store is closed")]
    Closed,
}

/// The condition that a refused commit failed on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key} was changed by someone else")]
pub struct ConflictError {
    /// The key of the condition.
    pub key: Key,
    /// The key as it is; `None` when it is absent.
    pub current: Option<KeyValue>,
}

impl StoreError {
    /// The conflict at `key`, which is now as `current` says.
    pub fn conflict(key: Key, current: Option<KeyValue>) -> Self {
        StoreError::Conflict(Box::new(ConflictError { key, current }))
    }

    /// Whether a commit that failed with this error may have happened all the same.
    pub fn is_unknown(&self) -> bool {
        matches!(self, StoreError::Poisoned { .. } | StoreError::Unavailable { unknown: true, .. })
    }
}
