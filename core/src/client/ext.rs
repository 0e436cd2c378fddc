//! Typed conveniences that every [`Client`] has.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Map, Value};

use super::{Client, DeleteOptions, Deletion, ListOptions, Part, Patch, WriteOptions};
use crate::error::ApiError;
use crate::object::{Kind, Object, ObjectKey, Resource};
use crate::store::Revision;

/// What can be done with any [`Client`] in terms of `k8s_openapi` types.
#[async_trait]
pub trait ClientExt: Client {
    /// One object, typed.
    async fn fetch<K: Resource>(&self, key: &ObjectKey) -> Result<Arc<K>, ApiError> {
        Ok(self.get(Kind::of::<K>(), key).await?.typed()?)
    }

    /// All that the options select, typed, with the revision the list was read at.
    async fn fetch_all<K: Resource>(
        &self,
        options: &ListOptions,
    ) -> Result<(Vec<Arc<K>>, Revision), ApiError> {
        let list = self.list(Kind::of::<K>(), options).await?;
        let items = list.items.iter().map(|object| object.typed()).collect::<Result<_, _>>()?;
        Ok((items, list.revision))
    }

    /// Creates a typed object.
    async fn create_typed<K: Resource>(&self, object: K, options: &WriteOptions) -> Result<Arc<K>, ApiError> {
        Ok(self.create(&Object::from_typed(object)?, options).await?.typed()?)
    }

    /// Replaces a part of a typed object.
    async fn update_typed<K: Resource>(
        &self,
        object: K,
        part: Part,
        options: &WriteOptions,
    ) -> Result<Arc<K>, ApiError> {
        Ok(self.update(&Object::from_typed(object)?, part, options).await?.typed()?)
    }

    /// Changes a part of a typed object by a JSON merge patch.
    async fn merge<K: Resource>(
        &self,
        key: &ObjectKey,
        part: Part,
        patch: &Value,
        options: &WriteOptions,
    ) -> Result<Arc<K>, ApiError> {
        let patch = Patch::Merge(patch.to_string().into());
        Ok(self.patch(Kind::of::<K>(), key, part, &patch, options).await?.typed()?)
    }

    /// Applies all that the manager of the options wants of an object, and creates it where it is not there.
    ///
    /// The configuration names only the fields that the manager cares for, which is why it is no `K`: that has a
    /// value for every field. What it leaves out and the manager applied before is removed. Its `apiVersion`,
    /// `kind`, name and namespace are filled in here.
    ///
    /// # Errors
    ///
    /// `Conflict`, with the fields and their owners as causes, where it sets fields of others to other values and
    /// does not `force` them; `BadRequest` for fields that the kind does not have; or as for any write.
    async fn apply<K: Resource>(
        &self,
        key: &ObjectKey,
        part: Part,
        mut configuration: Value,
        force: bool,
        options: &WriteOptions,
    ) -> Result<Arc<K>, ApiError> {
        let kind = Kind::of::<K>();
        if let Value::Object(members) = &mut configuration {
            members.insert("apiVersion".to_owned(), kind.api_version().into());
            members.insert("kind".to_owned(), kind.name().into());
            if let Value::Object(metadata) = members.entry("metadata").or_insert_with(|| Map::new().into()) {
                metadata.insert("name".to_owned(), key.name().into());
                metadata.extend(key.namespace().map(|namespace| ("namespace".to_owned(), namespace.into())));
            }
        }
        let patch = Patch::Apply { body: configuration.to_string().into(), force };
        Ok(self.patch(kind, key, part, &patch, options).await?.typed()?)
    }

    /// Deletes a typed object.
    async fn remove<K: Resource>(
        &self,
        key: &ObjectKey,
        options: &DeleteOptions,
    ) -> Result<Deletion, ApiError> {
        self.delete(Kind::of::<K>(), key, options).await
    }
}

impl<C: Client + ?Sized> ClientExt for C {}
