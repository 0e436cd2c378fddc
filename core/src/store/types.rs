//! What goes into a [`Store`](super::Store) and comes out of it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};

use super::StoreError;

/// A point in the history of a store: the number of the commit that made it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(pub u64);

impl Revision {
    /// The revision of a store that nothing was committed to.
    pub const ZERO: Revision = Revision(0);

    /// The revision after this one.
    pub const fn next(self) -> Revision {
        Revision(self.0 + 1)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A key: bytes, ordered bytewise. Upstream's keys are paths such as `/registry/pods/default/web-0`.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(pub Bytes);

impl Key {
    /// A key that lives as long as the program.
    pub const fn from_static(key: &'static str) -> Self {
        Key(Bytes::from_static(key.as_bytes()))
    }

    /// The key's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether the key begins with `prefix`; every key begins with the empty one.
    pub fn starts_with(&self, prefix: &Key) -> bool {
        self.0.starts_with(&prefix.0)
    }
}

impl AsRef<[u8]> for Key {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<String> for Key {
    fn from(key: String) -> Self {
        Key(Bytes::from(key))
    }
}

impl From<&str> for Key {
    fn from(key: &str) -> Self {
        Key(Bytes::copy_from_slice(key.as_bytes()))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({self})")
    }
}

/// One key with its value and the revisions that made them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyValue {
    /// The key.
    pub key: Key,
    /// The value, opaque to the store.
    pub value: Bytes,
    /// The commit that put the key when it was last absent.
    pub created: Revision,
    /// The commit that last put the key.
    pub modified: Revision,
}

/// What [`Store::range`](super::Store::range) is asked for.
#[derive(Clone, Debug, Default)]
pub struct RangeRequest {
    /// Only keys that begin with this.
    pub prefix: Key,
    /// Only keys at or after this one.
    pub start: Option<Key>,
    /// At most this many keys.
    pub limit: Option<usize>,
    /// As of this revision; as of now when unset.
    pub at: Option<Revision>,
}

/// What [`Store::range`](super::Store::range) found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RangeResponse {
    /// The keys found, in order.
    pub items: Vec<KeyValue>,
    /// Whether the limit left keys out.
    pub more: bool,
    /// How many keys of the range follow the last one returned.
    pub remaining: u64,
    /// The revision that was read.
    pub revision: Revision,
}

/// An atomic change: operations, and the conditions under which they happen.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// All must hold.
    pub conditions: Vec<Condition>,
    /// Applied together, each to a key of its own.
    pub operations: Vec<Operation>,
}

impl Commit {
    /// A commit without conditions or operations.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same, only if `key` does not exist.
    pub fn if_absent(mut self, key: Key) -> Self {
        self.conditions.push(Condition::Absent(key));
        self
    }

    /// The same, only if `key` exists and was last put at `revision`.
    pub fn if_modified_at(mut self, key: Key, revision: Revision) -> Self {
        self.conditions.push(Condition::ModifiedAt(key, revision));
        self
    }

    /// The same, and `key` gets `value`.
    pub fn put(mut self, key: Key, value: Bytes) -> Self {
        self.operations.push(Operation::Put { key, value, ttl: None });
        self
    }

    /// The same, and `key` goes.
    pub fn delete(mut self, key: Key) -> Self {
        self.operations.push(Operation::Delete { key });
        self
    }
}

/// What must hold for a commit to happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The key does not exist.
    Absent(Key),
    /// The key exists and was last put at this revision.
    ModifiedAt(Key, Revision),
}

impl Condition {
    /// The key that the condition is about.
    pub fn key(&self) -> &Key {
        match self {
            Condition::Absent(key) | Condition::ModifiedAt(key, _) => key,
        }
    }
}

/// One change of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// The key gets the value.
    Put {
        /// The key.
        key: Key,
        /// Its new value.
        value: Bytes,
        /// How long the key lives unless it is put again; a store without [`Limits::ttl`] refuses it.
        ttl: Option<Duration>,
    },
    /// The key goes.
    Delete {
        /// The key.
        key: Key,
    },
}

impl Operation {
    /// The key that the operation is about.
    pub fn key(&self) -> &Key {
        match self {
            Operation::Put { key, .. } | Operation::Delete { key } => key,
        }
    }
}

/// The largest commit a store takes, and its optional abilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Operations in one commit, and as many conditions.
    pub operations: usize,
    /// Bytes of one value.
    pub value_bytes: usize,
    /// Whether [`Operation::Put`] takes a time to live.
    pub ttl: bool,
}

impl Default for Limits {
    /// etcd's: 128 operations, 1.5 MiB a value.
    fn default() -> Self {
        Self { operations: 128, value_bytes: 1_572_864, ttl: false }
    }
}

impl Limits {
    /// Refuses a commit that no state of the store could make acceptable: one beyond the limits, or one
    /// that contradicts itself. An adapter calls this before it looks at anything else.
    pub fn check(&self, commit: &Commit) -> Result<(), StoreError> {
        let too_large = |what, actual, limit| Err(StoreError::TooLarge { what, actual, limit });
        if commit.operations.len() > self.operations {
            return too_large("a number of operations", commit.operations.len(), self.operations);
        }
        if commit.conditions.len() > self.operations {
            return too_large("a number of conditions", commit.conditions.len(), self.operations);
        }
        for operation in &commit.operations {
            if let Operation::Put { value, ttl, .. } = operation {
                if value.len() > self.value_bytes {
                    return too_large("a value in bytes", value.len(), self.value_bytes);
                }
                if ttl.is_some() && !self.ttl {
                    return Err(StoreError::Invalid("this store takes no time to live"));
                }
            }
        }
        let mut keys: Vec<&Key> = commit.operations.iter().map(Operation::key).collect();
        if keys
            .iter()
            .copied()
            .chain(commit.conditions.iter().map(Condition::key))
            .any(|key| key.0.is_empty())
        {
            return Err(StoreError::Invalid("a key is empty"));
        }
        keys.sort_unstable();
        if keys.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(StoreError::Invalid("two operations name one key"));
        }
        Ok(())
    }
}

/// What one commit did to the keys that a watch covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitEvent {
    /// The revision that the commit made.
    pub revision: Revision,
    /// The changes, ordered by key.
    pub changes: Vec<Change>,
}

/// What a commit did to one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The key was put.
    Put {
        /// The key as it is now.
        current: KeyValue,
        /// The key as it was before; `None` when it was absent.
        previous: Option<KeyValue>,
    },
    /// The key was deleted.
    Delete {
        /// The key.
        key: Key,
        /// The key as it was before; `None` only where compaction has taken it.
        previous: Option<KeyValue>,
    },
}

impl Change {
    /// The key that changed.
    pub fn key(&self) -> &Key {
        match self {
            Change::Put { current, .. } => &current.key,
            Change::Delete { key, .. } => key,
        }
    }
}

/// One item of a watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WatchEvent {
    /// A commit.
    Commit(Arc<CommitEvent>),
    /// Everything up to this revision has been delivered.
    Progress(Revision),
}

impl WatchEvent {
    /// The revision that the watch has reached with this item.
    pub fn revision(&self) -> Revision {
        match self {
            WatchEvent::Commit(event) => event.revision,
            WatchEvent::Progress(revision) => *revision,
        }
    }
}

/// What [`Store::watch`](super::Store::watch) returns. Dropping it ends the watch.
pub type WatchStream = BoxStream<'static, Result<WatchEvent, StoreError>>;
