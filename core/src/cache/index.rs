//! How cached objects are found by something else than their key.

use std::collections::{BTreeSet, HashMap};
use std::panic::Location;

use k8s_openapi::api::core::v1::Pod;

use crate::object::{Object, ObjectKey};

/// A named function from an object to the values it is found by.
///
/// Equal by name and by the place in the source where it is made, which is that of the constant it is kept in: those
/// who share a cache need not know each other's names.
#[derive(Clone, Copy)]
pub struct Index {
    name: &'static str,
    made_at: &'static Location<'static>,
    values: fn(&Object) -> Vec<String>,
}

impl Index {
    /// An index, to be kept in a constant.
    #[track_caller]
    pub const fn new(name: &'static str, values: fn(&Object) -> Vec<String>) -> Self {
        Index { name, made_at: Location::caller(), values }
    }

    /// The name.
    pub const fn name(self) -> &'static str {
        self.name
    }
}

impl PartialEq for Index {
    fn eq(&self, other: &Self) -> bool {
        (self.name, self.made_at) == (other.name, other.made_at)
    }
}

impl Eq for Index {}

/// Pods by the name of the node they are bound to.
pub const PODS_BY_NODE: Index = Index::new("spec.nodeName", |object| {
    // An object that is not a readable pod is on no node; whoever reads it by key meets the error.
    let pod = object.typed::<Pod>().ok();
    pod.and_then(|pod| pod.spec.as_ref()?.node_name.clone()).into_iter().collect()
});

/// Every object by the uids of all its owners.
pub(super) const BY_OWNER: Index = Index::new("metadata.ownerReferences.uid", |object| {
    object.metadata().owner_references.iter().map(|owner| owner.uid.clone()).collect()
});

/// An index and what it holds. The map is only looked up in, so that its order never shows.
pub(super) struct Indexed {
    pub(super) index: Index,
    keys: HashMap<String, BTreeSet<ObjectKey>>,
}

impl Indexed {
    pub(super) fn new(index: Index) -> Self {
        Self { index, keys: HashMap::new() }
    }

    pub(super) fn insert(&mut self, object: &Object) {
        for value in (self.index.values)(object) {
            self.keys.entry(value).or_default().insert(object.key().clone());
        }
    }

    pub(super) fn remove(&mut self, object: &Object) {
        for value in (self.index.values)(object) {
            if let Some(keys) = self.keys.get_mut(&value) {
                keys.remove(object.key());
                if keys.is_empty() {
                    self.keys.remove(&value);
                }
            }
        }
    }

    /// How many keys are found by a value.
    pub(super) fn count(&self, value: &str) -> usize {
        self.keys.get(value).map_or(0, BTreeSet::len)
    }

    /// The keys found by a value, in order.
    pub(super) fn keys(&self, value: &str) -> impl Iterator<Item = &ObjectKey> {
        self.keys.get(value).into_iter().flatten()
    }
}
