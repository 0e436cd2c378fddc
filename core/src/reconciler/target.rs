//! Which object.

use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

use crate::object::{Kind, Object, ObjectKey, Resource};

/// An object by kind, namespace and name, whichever incarnation of it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectRef {
    /// The kind.
    pub kind: Kind,
    /// The namespace and name.
    pub key: ObjectKey,
}

impl ObjectRef {
    /// The object of a kind with this key.
    pub fn new(kind: Kind, key: ObjectKey) -> Self {
        Self { kind, key }
    }

    /// The object of a `k8s_openapi` type with this key.
    pub fn to<K: Resource>(key: ObjectKey) -> Self {
        Self::new(Kind::of::<K>(), key)
    }

    /// The owner of `object` that manages it, if that is of this kind.
    pub fn controller_of(object: &Object, kind: Kind) -> Option<Self> {
        let owner = object.metadata().controller().filter(|owner| is_of(owner, kind))?;
        Some(Self::new(kind, owner_key(kind, object.namespace(), &owner.name)))
    }
}

fn is_of(owner: &OwnerReference, kind: Kind) -> bool {
    kind.is_meant_by(&owner.api_version, &owner.kind)
}

fn owner_key(kind: Kind, namespace: Option<&str>, name: &str) -> ObjectKey {
    ObjectKey::new(namespace.filter(|_| kind.is_namespaced()), name)
}

impl From<&Object> for ObjectRef {
    fn from(object: &Object) -> Self {
        Self::new(object.kind(), object.key().clone())
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.key)
    }
}

impl fmt::Debug for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
