//! One change of one cached object.

use std::sync::Arc;

use crate::object::{Kind, Object, ObjectKey};

/// What happened to an object, as the difference of two states of a cache.
///
/// An object that was deleted and created again under the same name is a `Deleted` and an `Added`: the two
/// states of an `Updated` always have the same uid. Several updates may be told as one.
#[derive(Clone, Debug)]
pub enum Delta {
    /// The object is new.
    Added(Arc<Object>),
    /// The object changed.
    Updated {
        /// Its state before.
        old: Arc<Object>,
        /// Its state now.
        new: Arc<Object>,
    },
    /// The object is gone: its last state, as far as it is known.
    Deleted(Arc<Object>),
}

impl Delta {
    /// The newest state, which for a deleted object is its last.
    pub fn object(&self) -> &Arc<Object> {
        match self {
            Delta::Added(object) | Delta::Updated { new: object, .. } | Delta::Deleted(object) => object,
        }
    }

    /// The state before; none for a new object.
    pub fn old(&self) -> Option<&Arc<Object>> {
        match self {
            Delta::Added(_) => None,
            Delta::Updated { old: object, .. } | Delta::Deleted(object) => Some(object),
        }
    }

    /// The state after; none for a deleted object.
    pub fn current(&self) -> Option<&Arc<Object>> {
        match self {
            Delta::Added(object) | Delta::Updated { new: object, .. } => Some(object),
            Delta::Deleted(_) => None,
        }
    }

    /// The kind of the object.
    pub fn kind(&self) -> Kind {
        self.object().kind()
    }

    /// The object's namespace and name.
    pub fn key(&self) -> &ObjectKey {
        self.object().key()
    }
}

/// Hears of every change of a cache, in order, from the task that follows the API.
///
/// A handler is called after the cache has changed and before the cache's revision says so. It must return
/// soon, must not block, and must not subscribe to or unsubscribe from the same informer.
pub trait DeltaHandler: Send + Sync {
    /// Takes note of one change.
    fn handle(&self, delta: &Delta);
}

impl<F: Fn(&Delta) + Send + Sync> DeltaHandler for F {
    fn handle(&self, delta: &Delta) {
        self(delta);
    }
}
