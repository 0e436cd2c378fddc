//! A client whose watches are late.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bireme_core::Environment;
use bireme_core::client::*;
use bireme_core::error::ApiError;
use bireme_core::object::{Kind, Object, ObjectKey};
use futures::StreamExt;
use k8s_openapi::api::core::v1::Binding;
use k8s_openapi::api::policy::v1::Eviction;

pub struct Lagging {
    env: Environment,
    client: Arc<dyn Client>,
    lag: Duration,
}

impl Lagging {
    pub fn new(env: Environment, client: Arc<dyn Client>, lag: Duration) -> Self {
        Self { env, client, lag }
    }
}

#[async_trait]
impl Client for Lagging {
    async fn get(&self, kind: Kind, key: &ObjectKey) -> Result<Arc<Object>, ApiError> {
        self.client.get(kind, key).await
    }

    async fn list(&self, kind: Kind, options: &ListOptions) -> Result<ObjectList, ApiError> {
        self.client.list(kind, options).await
    }

    async fn watch(&self, kind: Kind, options: &WatchOptions) -> Result<EventStream, ApiError> {
        let (env, lag) = (self.env.clone(), self.lag);
        let stream = self.client.watch(kind, options).await?;
        if lag.is_zero() {
            return Ok(stream);
        }
        Ok(stream
            .then(move |event| {
                let env = env.clone();
                async move {
                    env.sleep(lag).await;
                    event
                }
            })
            .boxed())
    }

    async fn create(&self, object: &Object, options: &WriteOptions) -> Result<Arc<Object>, ApiError> {
        self.client.create(object, options).await
    }

    async fn update(
        &self,
        object: &Object,
        part: Part,
        options: &WriteOptions,
    ) -> Result<Arc<Object>, ApiError> {
        self.client.update(object, part, options).await
    }

    async fn patch(
        &self,
        kind: Kind,
        key: &ObjectKey,
        part: Part,
        patch: &Patch,
        options: &WriteOptions,
    ) -> Result<Arc<Object>, ApiError> {
        self.client.patch(kind, key, part, patch, options).await
    }

    async fn delete(
        &self,
        kind: Kind,
        key: &ObjectKey,
        options: &DeleteOptions,
    ) -> Result<Deletion, ApiError> {
        self.client.delete(kind, key, options).await
    }

    async fn delete_collection(
        &self,
        kind: Kind,
        list: &ListOptions,
        options: &DeleteOptions,
    ) -> Result<Vec<Deletion>, ApiError> {
        self.client.delete_collection(kind, list, options).await
    }

    async fn bind(&self, pod: &ObjectKey, binding: &Binding) -> Result<(), ApiError> {
        self.client.bind(pod, binding).await
    }

    async fn evict(&self, pod: &ObjectKey, eviction: &Eviction) -> Result<(), ApiError> {
        self.client.evict(pod, eviction).await
    }
}
