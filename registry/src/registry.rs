//! The registry: kinds over a store.

use std::sync::{Arc, Mutex, PoisonError};

use bireme_core::Environment;
use bireme_core::error::ApiError;
use bireme_core::object::{Kind, Object, ObjectKey};
use bireme_core::store::{Key, Store, StoreExt};
use tokio::task::JoinHandle;

use crate::admission::{self, Admission};
use crate::allocation::{Allocations, ServiceRanges};
use crate::authorize::{self, AdminsAndNodes, Attributes, Authorizer};
use crate::cache::Feed;
use crate::errors::store_error;
use crate::kinds;
use crate::request::RequestContext;
use crate::resource::DynStrategy;
use crate::table::{KindEntry, KindTable, ROOT};

/// What a [`Registry`] is made with.
pub struct RegistryOptions {
    /// The kinds that it serves.
    pub kinds: Vec<Arc<dyn DynStrategy>>,
    /// The admission chain, in order.
    pub admission: Vec<Arc<dyn Admission>>,
    /// Who may do what.
    pub authorizer: Arc<dyn Authorizer>,
    /// What Services are given addresses and ports from.
    pub services: ServiceRanges,
}

impl Default for RegistryOptions {
    /// The built-in kinds and admission; [`AdminsAndNodes`] decides.
    fn default() -> Self {
        Self {
            kinds: kinds::built_in(),
            admission: admission::built_in(),
            authorizer: Arc::new(AdminsAndNodes),
            services: ServiceRanges::default(),
        }
    }
}

/// The Kubernetes API without a transport: every verb on every kind, over a [`Store`].
///
/// Each call names who asks ([`RequestContext`]) and passes the same steps whoever that is. The registry keeps
/// no state that the store does not have: any number of them can work on one store.
///
/// Its tasks end when it is dropped; watches that are open then end, too.
pub struct Registry {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) env: Environment,
    pub(crate) table: KindTable,
    pub(crate) feed: Arc<Feed>,
    pub(crate) admission: Vec<Arc<dyn Admission>>,
    pub(crate) authorizer: Arc<dyn Authorizer>,
    pub(crate) allocations: Allocations,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl Registry {
    /// A registry over a store.
    ///
    /// # Errors
    ///
    /// When the store cannot be read or watched.
    pub async fn open(
        store: Arc<dyn Store>,
        env: Environment,
        options: RegistryOptions,
    ) -> Result<Arc<Registry>, ApiError> {
        let table = KindTable::new(options.kinds);
        let revision = store.revision().await.map_err(store_error)?;
        let feed = Arc::new(Feed::new(&table, revision));
        let stream = store.watch(Key::from_static(ROOT), revision).await.map_err(store_error)?;
        let follow = env.spawn(feed.clone().run(store.clone(), env.clone(), stream));
        Ok(Arc::new(Registry {
            store,
            env,
            table,
            feed,
            admission: options.admission,
            authorizer: options.authorizer,
            allocations: Allocations::new(options.services),
            tasks: Mutex::new(vec![follow]),
        }))
    }

    /// The descriptions of all kinds, in the order of discovery.
    pub fn kinds(&self) -> impl Iterator<Item = &Arc<dyn DynStrategy>> {
        self.table.entries().iter().map(|entry| &entry.strategy)
    }

    /// The description of a kind, if it is served.
    pub fn strategy(&self, kind: Kind) -> Option<&Arc<dyn DynStrategy>> {
        self.table.entry(kind).ok().map(|entry| &entry.strategy)
    }

    /// Where the registry's time and randomness come from.
    pub fn environment(&self) -> &Environment {
        &self.env
    }

    /// Ends all watches and the registry's tasks; the store stays open. What is asked of a closed registry is
    /// answered with `ServiceUnavailable`, or from the store alone. Dropping the registry closes it, too.
    pub fn close(&self) {
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        tasks.iter().for_each(JoinHandle::abort);
        self.feed.close();
    }

    /// Keeps a task that ends with the registry.
    pub(crate) fn keep(&self, task: JoinHandle<()>) {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).push(task);
    }

    /// Asks the authorizer; what the API server serves by itself (logs, exec) asks it here, too.
    ///
    /// # Errors
    ///
    /// `Forbidden`.
    pub fn authorize(&self, context: &RequestContext, attributes: &Attributes<'_>) -> Result<(), ApiError> {
        if self.authorizer.allows(&context.identity, attributes) {
            Ok(())
        } else {
            Err(authorize::forbidden(&context.identity, attributes))
        }
    }

    pub(crate) fn authorize_object(
        &self,
        context: &RequestContext,
        verb: &'static str,
        kind: Kind,
        key: &ObjectKey,
        subresource: Option<&str>,
    ) -> Result<(), ApiError> {
        let (namespace, name) = (key.namespace(), Some(key.name()));
        self.authorize(context, &Attributes { verb, kind, subresource, namespace, name })
    }

    /// The object as the store has it now.
    pub(crate) async fn read(&self, entry: &KindEntry, key: &ObjectKey) -> Result<Arc<Object>, ApiError> {
        self.find(entry, key).await?.ok_or_else(|| ApiError::not_found(entry.kind, key.name()))
    }

    /// The same; nothing where there is no such object.
    pub(crate) async fn find(
        &self,
        entry: &KindEntry,
        key: &ObjectKey,
    ) -> Result<Option<Arc<Object>>, ApiError> {
        if key.namespace().is_some() != entry.kind.is_namespaced() {
            return Ok(None);
        }
        let store_key = entry.key(key);
        // What the caches have reached, they have all of.
        let known = self.store.known_revision();
        if known.is_some_and(|present| self.feed.reached() >= present)
            && let Some(found) = entry.cached(&store_key)
        {
            return Ok(found);
        }
        let (found, _) = self.store.get(&store_key).await.map_err(store_error)?;
        found.map(|found| entry.object(&found)).transpose()
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.close();
    }
}
