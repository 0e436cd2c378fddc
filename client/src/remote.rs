//! The client.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bireme_core::client::{
    Client, DeleteOptions, Deletion, EventStream, ListOptions, ObjectList, Part, Patch, WatchOptions,
    WriteOptions,
};
use bireme_core::error::{ApiError, Reason};
use bireme_core::object::{Kind, Object, ObjectKey};
use bireme_core::store::Revision;
use bytes::Bytes;
use futures::TryStreamExt as _;
use http::{Method, Request, Response, header};
use http_body_util::{BodyExt as _, BodyStream};
use k8s_openapi::api::core::v1::{Binding, Pod};
use k8s_openapi::api::policy::v1::Eviction;
use kube_client::client::Body;
use kube_client::config::{KubeConfigOptions, Kubeconfig};
use serde_json::Value;

use crate::{decode, path, query, watch};

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The kubeconfig cannot be read or does not say where the API is and who asks.
    #[error("the kubeconfig cannot be used")]
    Kubeconfig(#[source] kube_client::config::KubeconfigError),
    /// The credentials in it cannot be used.
    #[error("the client cannot be set up")]
    Client(#[source] kube_client::Error),
}

/// A [`Client`] that speaks HTTPS; who it is, is what its credentials say.
#[derive(Clone)]
pub struct RemoteClient {
    transport: kube_client::Client,
    manager: String,
}

impl RemoteClient {
    /// A client with the current context of a kubeconfig file. `manager` owns what it writes.
    ///
    /// # Errors
    ///
    /// When the file or the credentials in it cannot be used. Whether the server answers shows with the first call.
    pub async fn from_kubeconfig(file: &Path, manager: &str) -> Result<Self, ConnectError> {
        let kubeconfig = Kubeconfig::read_from(file).map_err(ConnectError::Kubeconfig)?;
        let config =
            kube_client::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
        let mut config = config.map_err(ConnectError::Kubeconfig)?;
        // A write that timed out may have happened, and a caller who is told to wait knows better what for.
        config.default_retry = false;
        Ok(Self::new(kube_client::Client::try_from(config).map_err(ConnectError::Client)?, manager))
    }

    /// A client on a transport of your own: another authentication, or a server in the same process. It must try
    /// nothing again (kube-client's `Config::default_retry` off), or a write may happen twice.
    pub fn new(transport: kube_client::Client, manager: &str) -> Self {
        Self { transport, manager: manager.to_owned() }
    }

    async fn send(
        &self,
        method: Method,
        uri: String,
        content: Option<(&'static str, Bytes)>,
    ) -> Result<Response<Body>, ApiError> {
        let mut request =
            Request::builder().method(method).uri(uri).header(header::ACCEPT, "application/json");
        let body = match content {
            Some((kind, bytes)) => {
                request = request.header(header::CONTENT_TYPE, kind);
                Body::from(bytes)
            }
            None => Body::empty(),
        };
        let request =
            request.body(body).map_err(|error| ApiError::internal("the request cannot be formed", error))?;
        let response = self.transport.send(request).await.map_err(unreachable)?;
        if response.status().is_success() {
            return Ok(response);
        }
        let code = response.status();
        Err(decode::refusal(code, &whole(response).await?))
    }

    async fn call(
        &self,
        method: Method,
        uri: String,
        content: Option<(&'static str, Bytes)>,
    ) -> Result<Bytes, ApiError> {
        whole(self.send(method, uri, content).await?).await
    }

    fn named(&self, options: &WriteOptions) -> WriteOptions {
        let manager = options.manager.clone().unwrap_or_else(|| self.manager.clone());
        WriteOptions { manager: Some(manager), ..options.clone() }
    }

    async fn post_to_pod<B: serde::Serialize>(
        &self,
        pod: &ObjectKey,
        name: &str,
        body: &B,
    ) -> Result<(), ApiError> {
        let uri = path::subresource(Kind::of::<Pod>(), pod, name);
        self.call(Method::POST, uri, Some((JSON, encode(body)?))).await.map(drop)
    }
}

const JSON: &str = "application/json";

fn unreachable(error: kube_client::Error) -> ApiError {
    ApiError::new(Reason::ServiceUnavailable, "the API server cannot be reached").caused_by(error)
}

async fn whole(response: Response<Body>) -> Result<Bytes, ApiError> {
    Ok(response.into_body().collect().await.map_err(unreachable)?.to_bytes())
}

fn encode<B: serde::Serialize>(body: &B) -> Result<Bytes, ApiError> {
    let json =
        serde_json::to_vec(body).map_err(|error| ApiError::internal("the body cannot be encoded", error))?;
    Ok(json.into())
}

/// The object's JSON; with its resource version, if it has one.
fn sent(object: &Object) -> Bytes {
    if object.revision() == Revision::ZERO { object.json().clone() } else { object.wire().concat().into() }
}

#[async_trait]
impl Client for RemoteClient {
    async fn get(&self, kind: Kind, key: &ObjectKey) -> Result<Arc<Object>, ApiError> {
        decode::object_body(kind, &self.call(Method::GET, path::object(kind, key), None).await?)
    }

    async fn list(&self, kind: Kind, options: &ListOptions) -> Result<ObjectList, ApiError> {
        let uri = query::list(options).on(&path::collection(kind, options.namespace.as_deref()));
        decode::list(kind, &self.call(Method::GET, uri, None).await?)
    }

    async fn watch(&self, kind: Kind, options: &WatchOptions) -> Result<EventStream, ApiError> {
        let uri = query::watch(options).on(&path::collection(kind, options.namespace.as_deref()));
        let response = self.send(Method::GET, uri, None).await?;
        let chunks = BodyStream::new(response.into_body())
            .try_filter_map(|frame| async { Ok(frame.into_data().ok()) })
            .map_err(std::io::Error::other);
        Ok(watch::events(kind, Box::pin(chunks).into_async_read()))
    }

    async fn create(&self, object: &Object, options: &WriteOptions) -> Result<Arc<Object>, ApiError> {
        let kind = object.kind();
        let uri = query::write(&self.named(options)).on(&path::collection(kind, object.namespace()));
        decode::object_body(kind, &self.call(Method::POST, uri, Some((JSON, sent(object)))).await?)
    }

    async fn update(
        &self,
        object: &Object,
        part: Part,
        options: &WriteOptions,
    ) -> Result<Arc<Object>, ApiError> {
        let kind = object.kind();
        let uri = query::write(&self.named(options)).on(&path::part(kind, object.key(), part));
        decode::object_body(kind, &self.call(Method::PUT, uri, Some((JSON, sent(object)))).await?)
    }

    async fn patch(
        &self,
        kind: Kind,
        key: &ObjectKey,
        part: Part,
        patch: &Patch,
        options: &WriteOptions,
    ) -> Result<Arc<Object>, ApiError> {
        let uri = query::patch(patch, &self.named(options)).on(&path::part(kind, key, part));
        let (content_type, body) = match patch {
            Patch::Json(body) => ("application/json-patch+json", body),
            Patch::Merge(body) => ("application/merge-patch+json", body),
            Patch::Strategic(body) => ("application/strategic-merge-patch+json", body),
            Patch::Apply { body, .. } => ("application/apply-patch+yaml", body),
        };
        decode::object_body(kind, &self.call(Method::PATCH, uri, Some((content_type, body.clone()))).await?)
    }

    async fn delete(
        &self,
        kind: Kind,
        key: &ObjectKey,
        options: &DeleteOptions,
    ) -> Result<Deletion, ApiError> {
        let body = encode(&query::delete_body(options))?;
        let answer = self.call(Method::DELETE, path::object(kind, key), Some((JSON, body))).await?;
        decode::deletion(kind, decode::value(&answer)?)
    }

    async fn delete_collection(
        &self,
        kind: Kind,
        list: &ListOptions,
        options: &DeleteOptions,
    ) -> Result<Vec<Deletion>, ApiError> {
        let uri = query::list(list).on(&path::collection(kind, list.namespace.as_deref()));
        let body = encode(&query::delete_body(options))?;
        let mut answer = decode::value(&self.call(Method::DELETE, uri, Some((JSON, body))).await?)?;
        match answer["items"].take() {
            Value::Array(items) => items.into_iter().map(|item| decode::deletion(kind, item)).collect(),
            _ => Ok(Vec::new()),
        }
    }

    async fn bind(&self, pod: &ObjectKey, binding: &Binding) -> Result<(), ApiError> {
        self.post_to_pod(pod, "binding", binding).await
    }

    async fn evict(&self, pod: &ObjectKey, eviction: &Eviction) -> Result<(), ApiError> {
        self.post_to_pod(pod, "eviction", eviction).await
    }
}
