//! watch.

use bireme_core::client::{EventStream, WatchFrom, WatchOptions};
use bireme_core::error::ApiError;
use bireme_core::object::Kind;
use bireme_core::store::{Revision, StoreExt};

use crate::authorize::Attributes;
use crate::cache::{Filter, Subscription, WatchLimits, watch_history};
use crate::errors::store_error;
use crate::registry::Registry;
use crate::request::RequestContext;
use crate::table::KindEntry;

/// How often a cache is loaded that is reset before the watch has begun.
const LOADS: usize = 3;

impl Registry {
    /// What happens to the objects that the options select, as
    /// [`Client::watch`](bireme_core::client::Client::watch) promises.
    ///
    /// # Errors
    ///
    /// `Expired` when history no longer reaches back to where the watch is to begin; `BadRequest` for selectors
    /// that make no sense; `Forbidden`; or what the store says.
    pub async fn watch(
        &self,
        context: &RequestContext,
        kind: Kind,
        options: &WatchOptions,
    ) -> Result<EventStream, ApiError> {
        let entry = self.table.entry(kind)?;
        let namespace = options.namespace.as_deref();
        let name = options.fields.required_value("metadata.name");
        self.authorize(context, &Attributes { verb: "watch", kind, subresource: None, namespace, name })?;
        let filter = Filter::new(entry, namespace, &options.labels, &options.fields)?;
        let limits =
            WatchLimits { env: self.env.clone(), bookmarks: options.bookmarks, timeout: options.timeout };
        match options.from {
            WatchFrom::After(revision) => return self.watch_after(entry, filter, revision, limits).await,
            WatchFrom::Any => {}
            WatchFrom::Now | WatchFrom::InitialEvents(None) => {
                let revision = self.store.revision().await.map_err(store_error)?;
                self.wait_for_present(revision).await?;
            }
            WatchFrom::InitialEvents(Some(revision)) => self.wait_for_future(revision).await?,
        }
        let marks = matches!(options.from, WatchFrom::InitialEvents(_));
        self.watch_from_state(entry, filter, limits, marks).await
    }

    /// A watch that begins with the objects present.
    async fn watch_from_state(
        &self,
        entry: &KindEntry,
        filter: Filter,
        limits: WatchLimits,
        marks_initial_end: bool,
    ) -> Result<EventStream, ApiError> {
        for _ in 0..LOADS {
            entry.cache.load(&*self.store).await?;
            let progress = self.feed.progress();
            let (filter, limits) = (filter.clone(), limits.clone());
            let begun = Subscription::from_now(&entry.cache, filter, progress, limits, marks_initial_end);
            if let Some(subscription) = begun {
                return Ok(subscription.into_stream());
            }
        }
        Err(Self::caches_lag())
    }

    /// A watch that begins after a revision: in the cache if that remembers it, else in the store's history.
    async fn watch_after(
        &self,
        entry: &KindEntry,
        filter: Filter,
        revision: Revision,
        limits: WatchLimits,
    ) -> Result<EventStream, ApiError> {
        entry.cache.load(&*self.store).await?;
        let progress = self.feed.progress();
        match Subscription::after(&entry.cache, filter.clone(), revision, progress, limits.clone()) {
            Some(subscription) => Ok(subscription.into_stream()),
            None => watch_history(&*self.store, entry, filter, revision, limits).await,
        }
    }
}
