//! The client of a registry in the same process.

use std::sync::Arc;

use async_trait::async_trait;
use bireme_core::client::{
    Client, DeleteOptions, Deletion, EventStream, Identity, ListOptions, ObjectList, Part, Patch,
    WatchOptions, WriteOptions,
};
use bireme_core::error::ApiError;
use bireme_core::object::{Kind, Object, ObjectKey};
use k8s_openapi::api::core::v1::Binding;
use k8s_openapi::api::policy::v1::Eviction;

use crate::registry::Registry;
use crate::request::{Body, RequestContext};

/// A [`Client`] that calls a [`Registry`] directly: no transport, no copy; objects come back as the `Arc`s that
/// the watch cache holds. Its calls pass the same authorizer, admission and validation as remote ones.
#[derive(Clone)]
pub struct DirectClient {
    registry: Arc<Registry>,
    context: RequestContext,
}

impl DirectClient {
    /// A client of this identity. Its field manager is the user's name behind the last colon, unless a write
    /// names another.
    pub fn new(registry: Arc<Registry>, identity: Identity) -> Self {
        let manager = identity.user.rsplit(':').next().unwrap_or_default().to_owned();
        let context = RequestContext { manager, ..RequestContext::new(identity) };
        Self { registry, context }
    }

    fn deleting(&self, options: &DeleteOptions) -> RequestContext {
        RequestContext { dry_run: options.dry_run, ..self.context.clone() }
    }
}

#[async_trait]
impl Client for DirectClient {
    async fn get(&self, kind: Kind, key: &ObjectKey) -> Result<Arc<Object>, ApiError> {
        self.registry.get(&self.context, kind, key).await
    }

    async fn list(&self, kind: Kind, options: &ListOptions) -> Result<ObjectList, ApiError> {
        self.registry.list(&self.context, kind, options).await
    }

    async fn watch(&self, kind: Kind, options: &WatchOptions) -> Result<EventStream, ApiError> {
        self.registry.watch(&self.context, kind, options).await
    }

    async fn create(&self, object: &Object, options: &WriteOptions) -> Result<Arc<Object>, ApiError> {
        let context = self.context.with(options);
        Ok(self.registry.create(&context, object.kind(), None, Body::Object(object)).await?.object)
    }

    async fn update(
        &self,
        object: &Object,
        part: Part,
        options: &WriteOptions,
    ) -> Result<Arc<Object>, ApiError> {
        let context = self.context.with(options);
        let body = Body::Object(object);
        Ok(self.registry.update(&context, object.kind(), object.key(), part, body).await?.object)
    }

    async fn patch(
        &self,
        kind: Kind,
        key: &ObjectKey,
        part: Part,
        patch: &Patch,
        options: &WriteOptions,
    ) -> Result<Arc<Object>, ApiError> {
        Ok(self.registry.patch(&self.context.with(options), kind, key, part, patch).await?.object)
    }

    async fn delete(
        &self,
        kind: Kind,
        key: &ObjectKey,
        options: &DeleteOptions,
    ) -> Result<Deletion, ApiError> {
        self.registry.delete(&self.deleting(options), kind, key, options).await
    }

    async fn delete_collection(
        &self,
        kind: Kind,
        list: &ListOptions,
        options: &DeleteOptions,
    ) -> Result<Vec<Deletion>, ApiError> {
        self.registry.delete_collection(&self.deleting(options), kind, list, options).await
    }

    async fn bind(&self, pod: &ObjectKey, binding: &Binding) -> Result<(), ApiError> {
        self.registry.bind(&self.context, pod, binding).await
    }

    async fn evict(&self, pod: &ObjectKey, eviction: &Eviction) -> Result<(), ApiError> {
        self.registry.evict(&self.context, pod, eviction).await
    }
}
