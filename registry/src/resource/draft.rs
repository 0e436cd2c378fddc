//! An object on its way in.

use std::any::Any;
use std::fmt;

use bireme_core::object::{Kind, Resource};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;

/// An object on its way into the store: typed, mutable, of a kind known at run time.
///
/// What is generic works on [`metadata`](Draft::metadata); admission that knows the type asks for it by
/// [`typed`](Draft::typed).
pub struct Draft {
    kind: Kind,
    object: Box<dyn DraftObject>,
}

/// What can be behind a [`Draft`]: a `k8s_openapi` type, or a custom resource.
pub trait DraftObject: Any + Send + Sync {
    /// The object's metadata.
    fn metadata(&self) -> &ObjectMeta;
    /// The object's metadata, to be changed.
    fn metadata_mut(&mut self) -> &mut ObjectMeta;
    /// The whole object as JSON, with `apiVersion` and `kind`.
    ///
    /// # Errors
    ///
    /// When it has no JSON form (a map whose keys are not text), which no Kubernetes type has.
    fn value(&self) -> Result<Value, serde_json::Error>;
    /// The whole object, encoded.
    ///
    /// # Errors
    ///
    /// As for [`value`](Self::value).
    fn encode(&self) -> Result<Vec<u8>, serde_json::Error>;
    /// The same object again.
    fn duplicate(&self) -> Box<dyn DraftObject>;
    /// The object as what it is.
    fn as_any(&self) -> &dyn Any;
    /// The object as what it is, to be changed.
    fn as_any_mut(&mut self) -> &mut dyn Any;
}

impl<K: Resource> DraftObject for K {
    fn metadata(&self) -> &ObjectMeta {
        k8s_openapi::Metadata::metadata(self)
    }

    fn metadata_mut(&mut self) -> &mut ObjectMeta {
        k8s_openapi::Metadata::metadata_mut(self)
    }

    fn value(&self) -> Result<Value, serde_json::Error> {
        Resource::to_value(self)
    }

    fn encode(&self) -> Result<Vec<u8>, serde_json::Error> {
        self.to_json()
    }

    fn duplicate(&self) -> Box<dyn DraftObject> {
        Box::new(self.clone())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

impl Draft {
    /// A draft of an object of this kind.
    pub fn new(kind: Kind, object: Box<dyn DraftObject>) -> Self {
        Self { kind, object }
    }

    /// The kind.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The metadata.
    pub fn metadata(&self) -> &ObjectMeta {
        self.object.metadata()
    }

    /// The metadata, to be changed.
    pub fn metadata_mut(&mut self) -> &mut ObjectMeta {
        self.object.metadata_mut()
    }

    /// The name; empty when there is none.
    pub fn name(&self) -> &str {
        self.metadata().name.as_deref().unwrap_or_default()
    }

    /// The object as a `K`, if it is one.
    pub fn typed<K: 'static>(&self) -> Option<&K> {
        self.object.as_any().downcast_ref()
    }

    /// The object as a `K`, if it is one, to be changed.
    pub fn typed_mut<K: 'static>(&mut self) -> Option<&mut K> {
        self.object.as_any_mut().downcast_mut()
    }

    /// The object as JSON.
    ///
    /// # Errors
    ///
    /// As for [`DraftObject::value`].
    pub fn value(&self) -> Result<Value, serde_json::Error> {
        self.object.value()
    }

    /// The object as JSON without its managed fields, which are a large part of it.
    ///
    /// # Errors
    ///
    /// As for [`DraftObject::value`].
    pub fn value_without_managed_fields(&mut self) -> Result<Value, serde_json::Error> {
        let managed = self.metadata_mut().managed_fields.take();
        let value = self.value();
        self.metadata_mut().managed_fields = managed;
        value
    }

    /// The object encoded.
    ///
    /// # Errors
    ///
    /// As for [`DraftObject::encode`].
    pub fn encode(&self) -> Result<Vec<u8>, serde_json::Error> {
        self.object.encode()
    }
}

impl Clone for Draft {
    fn clone(&self) -> Self {
        Self { kind: self.kind, object: self.object.duplicate() }
    }
}

impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "draft of {} {}", self.kind, self.name())
    }
}
