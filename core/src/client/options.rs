//! What goes into the verbs of a [`Client`](super::Client) and comes out of them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::BoxStream;

use crate::error::ApiError;
use crate::object::Object;
use crate::selector::{FieldSelector, LabelSelector};
use crate::store::Revision;

/// What a list selects, and how fresh it must be.
#[derive(Clone, Debug, Default)]
pub struct ListOptions {
    /// Only this namespace; all when unset.
    pub namespace: Option<String>,
    /// Only objects with such labels.
    pub labels: LabelSelector,
    /// Only objects with such fields.
    pub fields: FieldSelector,
    /// At most this many; the rest by the continue token.
    pub limit: Option<usize>,
    /// Where an earlier list with a limit stopped.
    pub continue_token: Option<String>,
    /// How fresh: unset is the state as of now, zero is any cached state.
    pub revision: Option<Revision>,
    /// What `revision` means; unset is Kubernetes' own rule.
    pub version_match: Option<VersionMatch>,
}

impl ListOptions {
    /// Everything in one namespace.
    pub fn namespaced(namespace: &str) -> Self {
        Self { namespace: Some(namespace.to_owned()), ..Self::default() }
    }
}

/// What the revision of a list means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionMatch {
    /// The state at this revision.
    Exact,
    /// The state at this revision or any later one.
    NotOlderThan,
}

/// What a list found.
#[derive(Clone, Debug, Default)]
pub struct ObjectList {
    /// The objects, ordered by key.
    pub items: Vec<Arc<Object>>,
    /// The store revision that the list was read at: watch on from here.
    pub revision: Revision,
    /// Where to go on, when a limit left objects out.
    pub continue_token: Option<String>,
    /// How many objects were left out, where that is known.
    pub remaining: Option<u64>,
}

/// What a watch selects, and where it begins.
#[derive(Clone, Debug, Default)]
pub struct WatchOptions {
    /// Only this namespace; all when unset.
    pub namespace: Option<String>,
    /// Only objects with such labels.
    pub labels: LabelSelector,
    /// Only objects with such fields.
    pub fields: FieldSelector,
    /// Where to begin.
    pub from: WatchFrom,
    /// Whether bookmarks are wanted.
    pub bookmarks: bool,
    /// After what time the server ends the stream.
    pub timeout: Option<Duration>,
}

/// Where a watch begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WatchFrom {
    /// With the present state, each object as `Added`; then what follows.
    #[default]
    Now,
    /// With a cached state, each object as `Added`; then what follows.
    Any,
    /// With what follows this revision.
    After(Revision),
    /// With a state at least as new as this revision (unset: as of now), each object as `Added`; then a
    /// bookmark that ends the initial events; then what follows (KEP-3157, "WatchList").
    InitialEvents(Option<Revision>),
}

/// One item of a watch.
#[derive(Clone, Debug)]
pub enum ApiEvent {
    /// The object is new, or new to the selection.
    Added(Arc<Object>),
    /// The object changed.
    Modified(Arc<Object>),
    /// The object is gone, or gone from the selection: its last state, at the revision of its going.
    Deleted(Arc<Object>),
    /// Everything up to this revision has been delivered.
    Bookmark {
        /// The revision.
        revision: Revision,
        /// Whether this ends the initial events of [`WatchFrom::InitialEvents`].
        initial_events_end: bool,
    },
}

impl ApiEvent {
    /// The object that the event is about; none for a bookmark.
    pub fn object(&self) -> Option<&Arc<Object>> {
        match self {
            ApiEvent::Added(object) | ApiEvent::Modified(object) | ApiEvent::Deleted(object) => Some(object),
            ApiEvent::Bookmark { .. } => None,
        }
    }

    /// The revision that the watch has reached with this event.
    pub fn revision(&self) -> Revision {
        match self {
            ApiEvent::Bookmark { revision, .. } => *revision,
            ApiEvent::Added(object) | ApiEvent::Modified(object) | ApiEvent::Deleted(object) => {
                object.revision()
            }
        }
    }
}

/// What [`Client::watch`](super::Client::watch) returns. Dropping it ends the watch.
pub type EventStream = BoxStream<'static, Result<ApiEvent, ApiError>>;

/// How a write is made.
#[derive(Clone, Debug, Default)]
pub struct WriteOptions {
    /// Who owns the fields written, for `managedFields`; the client's own default when unset.
    pub manager: Option<String>,
    /// Do everything but persist.
    pub dry_run: bool,
    /// What to do about unknown and duplicate fields.
    pub validation: FieldValidation,
}

impl WriteOptions {
    /// A plain write by this field manager.
    pub fn manager(name: &str) -> Self {
        Self { manager: Some(name.to_owned()), ..Self::default() }
    }
}

/// What to do about fields that a kind does not have, or that occur twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FieldValidation {
    /// Drop them.
    Ignore,
    /// Drop them and warn.
    #[default]
    Warn,
    /// Refuse the write.
    Strict,
}

/// A change of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Patch {
    /// RFC 6902: a list of operations.
    Json(Bytes),
    /// RFC 7386: a partial object; null deletes.
    Merge(Bytes),
    /// A partial object, in which lists merge by the keys that the kind defines.
    Strategic(Bytes),
    /// Server-side apply: all that the manager wants of the object, which is created where it is not there. What
    /// the manager applied before and does not any more is removed, unless others own it.
    Apply {
        /// The applied configuration as JSON, with its `apiVersion`, `kind` and `metadata.name`.
        body: Bytes,
        /// Whether to take over fields that others own and that have other values; else they are a `Conflict`.
        force: bool,
    },
}

/// How an object is deleted.
#[derive(Clone, Debug, Default)]
pub struct DeleteOptions {
    /// What must hold.
    pub preconditions: Preconditions,
    /// The seconds a pod gets to end; unset is what the pod says.
    pub grace_period_seconds: Option<i64>,
    /// What becomes of the objects it owns; unset is the kind's own rule (background).
    pub propagation: Option<Propagation>,
    /// Do everything but persist.
    pub dry_run: bool,
}

impl DeleteOptions {
    /// A deletion of just this incarnation of the name.
    pub fn of_uid(uid: &str) -> Self {
        let preconditions = Preconditions { uid: Some(uid.to_owned()), revision: None };
        Self { preconditions, ..Self::default() }
    }
}

/// What must hold for a deletion.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preconditions {
    /// The object has this uid.
    pub uid: Option<String>,
    /// The object is at this revision.
    pub revision: Option<Revision>,
}

/// What becomes of the objects that a deleted one owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Propagation {
    /// They go after it.
    Background,
    /// They go first; it waits for those that block it.
    Foreground,
    /// They stay, without owner.
    Orphan,
}

/// What a deletion did.
#[derive(Clone, Debug)]
pub enum Deletion {
    /// The object is gone; its last state, where the server tells it.
    Gone {
        /// The identity of what is gone.
        uid: String,
        /// The last state, at the revision of its going.
        last: Option<Arc<Object>>,
    },
    /// The object is marked, and waits for its finalizers or its grace period.
    Marked(Arc<Object>),
}
