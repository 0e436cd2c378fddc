//! What is there from the start.

mod kubernetes;

use std::net::SocketAddr;
use std::sync::Arc;

use bireme_core::client::{Identity, Part};
use bireme_core::error::ApiError;
use bireme_core::object::{Object, Resource};
use futures::future::try_join_all;
use futures::try_join;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, ServiceAccount};
use k8s_openapi::api::scheduling::v1::PriorityClass;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::housekeeping::keep_house;
use crate::kinds::priority_class::SYSTEM;
use crate::registry::Registry;
use crate::request::{Body, RequestContext};
use bireme_core::object::versions::Given;

/// The namespaces that every cluster has.
pub const NAMESPACES: [&str; 4] = ["default", "kube-system", "kube-public", "kube-node-lease"];

/// The ConfigMap by which pods know the API server's certificate authority.
pub const ROOT_CA: &str = "kube-root-ca.crt";

/// What a cluster is given at its start.
#[derive(Clone, Debug, Default)]
pub struct BootstrapOptions {
    /// The certificate authority of the API server, as PEM; no ConfigMap tells it when unset.
    pub certificate_authority: Option<String>,
    /// Where pods reach the API server; the `kubernetes` Service has no endpoints when unset.
    pub advertise: Option<SocketAddr>,
}

fn priority_class((name, value, description): (&str, i32, &str)) -> PriorityClass {
    let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
    let mut class =
        PriorityClass { metadata, description: Some(description.to_owned()), ..PriorityClass::default() };
    class.value.give(value);
    class
}

impl Registry {
    /// Creates what every cluster has and this one does not have yet, and keeps the store within bounds from
    /// now on: history is compacted after some minutes, and Events expire. May run in any number of registries on one store, again and again.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub async fn bootstrap(self: &Arc<Self>, options: &BootstrapOptions) -> Result<(), ApiError> {
        let identity = Identity::component("kube-apiserver");
        let context =
            &RequestContext { manager: "kube-apiserver".to_owned(), ..RequestContext::new(identity) };
        // Together, so that the writes share the store's syncs: this is most of a first start.
        try_join_all(NAMESPACES.map(|name| {
            let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
            self.ensure(context, Namespace { metadata, ..Namespace::default() })
        }))
        .await?;
        try_join!(
            try_join_all(NAMESPACES.map(|name| self.ensure_contents(context, name, options))),
            self.ensure(context, kubernetes::service(self.allocations.ranges(), options.advertise)),
            self.ensure_endpoints(context, options.advertise),
            try_join_all(SYSTEM.map(|class| self.ensure(context, priority_class(class)))),
        )?;
        self.keep(self.env.spawn(keep_house(Arc::downgrade(self), self.store.clone(), self.env.clone())));
        Ok(())
    }

    async fn ensure_endpoints(
        &self,
        context: &RequestContext,
        advertise: Option<SocketAddr>,
    ) -> Result<(), ApiError> {
        let Some(address) = advertise else { return Ok(()) };
        try_join!(
            self.assert(context, kubernetes::endpoints(address)),
            self.assert(context, kubernetes::endpoint_slice(address)),
        )?;
        Ok(())
    }

    /// What every namespace contains. For later namespaces controllers see to it.
    async fn ensure_contents(
        &self,
        context: &RequestContext,
        namespace: &str,
        options: &BootstrapOptions,
    ) -> Result<(), ApiError> {
        let metadata = |name: &str| ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some(namespace.to_owned()),
            ..ObjectMeta::default()
        };
        let account = ServiceAccount { metadata: metadata("default"), ..ServiceAccount::default() };
        let authority = async {
            let Some(authority) = &options.certificate_authority else { return Ok(()) };
            let data = [("ca.crt".to_owned(), authority.clone())].into();
            let map = ConfigMap { metadata: metadata(ROOT_CA), data: Some(data), ..ConfigMap::default() };
            self.assert(context, map).await
        };
        try_join!(self.ensure(context, account), authority)?;
        Ok(())
    }

    /// Creates an object unless there is one of its name. A kind that is not served is passed over.
    async fn ensure<K: Resource>(&self, context: &RequestContext, object: K) -> Result<(), ApiError> {
        let object = Object::from_typed(object)?;
        if self.strategy(object.kind()).is_none() || self.exists(context, &object).await? {
            return Ok(());
        }
        match self.create(context, object.kind(), None, Body::Object(&object)).await {
            // Another registry may have been faster; a Service is then refused for its address.
            Err(error) if !self.exists(context, &object).await? => Err(error),
            _ => Ok(()),
        }
    }

    /// Creates an object, or makes the one of its name the same. A kind that is not served is passed over.
    async fn assert<K: Resource>(&self, context: &RequestContext, object: K) -> Result<(), ApiError> {
        self.ensure(context, object.clone()).await?;
        let object = Object::from_typed(object)?;
        if self.strategy(object.kind()).is_none() {
            return Ok(());
        }
        let body = Body::Object(&object);
        self.update(context, object.kind(), object.key(), Part::Main, body).await.map(drop)
    }

    async fn exists(&self, context: &RequestContext, object: &Object) -> Result<bool, ApiError> {
        match self.get(context, object.kind(), object.key()).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }
}
