//! list.

use std::sync::Arc;
use std::time::Duration;

use bireme_core::client::{ListOptions, ObjectList, VersionMatch};
use bireme_core::error::{ApiError, Cause, Reason};
use bireme_core::object::Kind;
use bireme_core::store::{RangeRequest, Revision, StoreError, StoreExt};

use super::token::ContinueToken;
use crate::authorize::Attributes;
use crate::cache::{Cached, Filter, Snapshot};
use crate::errors::store_error;
use crate::registry::Registry;
use crate::request::RequestContext;
use crate::table::{KindEntry, key_after};

/// How long a list waits for the cache to reach the store before it reads the store itself.
const CACHE_PATIENCE: Duration = Duration::from_secs(1);

/// How long a list waits for a revision that is not there yet.
const FUTURE_PATIENCE: Duration = Duration::from_secs(3);

/// Objects read from the store at once, where a selector may leave out many.
const PAGE: usize = 500;

impl Registry {
    /// The objects of a kind that the options select, as [`Client::list`](bireme_core::client::Client::list)
    /// promises.
    ///
    /// # Errors
    ///
    /// `Expired` for a continue token or revision that history no longer reaches; `BadRequest` for options that
    /// make no sense; `Forbidden`; or what the store says.
    pub async fn list(
        &self,
        context: &RequestContext,
        kind: Kind,
        options: &ListOptions,
    ) -> Result<ObjectList, ApiError> {
        let entry = self.table.entry(kind)?;
        let namespace = options.namespace.as_deref();
        let name = options.fields.required_value("metadata.name");
        self.authorize(context, &Attributes { verb: "list", kind, subresource: None, namespace, name })?;
        self.select(entry, options).await
    }

    /// What the options select, whoever asks.
    pub(crate) async fn select(
        &self,
        entry: &KindEntry,
        options: &ListOptions,
    ) -> Result<ObjectList, ApiError> {
        let filter = Filter::new(entry, options.namespace.as_deref(), &options.labels, &options.fields)?;
        let limit = options.limit.filter(|limit| *limit > 0);
        if let Some(token) = &options.continue_token {
            if options.revision.is_some_and(|revision| revision != Revision::ZERO) {
                let message = "specifying resource version is not allowed when using continue";
                return Err(ApiError::bad_request(message));
            }
            return self.next_page(entry, &filter, limit, &ContinueToken::decode(token)?).await;
        }
        match exactness(options)? {
            Freshness::Exactly(revision) => {
                self.wait_for_future(revision).await?;
                self.page_at(entry, &filter, limit, Some(revision), None).await.map_err(store_error)
            }
            Freshness::AtLeast(revision) => {
                self.wait_for_future(revision).await?;
                self.page_in_cache(entry, &filter, limit).await
            }
            Freshness::Now => {
                let revision = self.store.revision().await.map_err(store_error)?;
                let waited = self.env.timeout(CACHE_PATIENCE, self.feed.wait_for(revision)).await;
                if waited.is_err() {
                    tracing::warn!(%revision, "the caches lag behind the store; a list reads the store");
                    return self.page_at(entry, &filter, limit, None, None).await.map_err(store_error);
                }
                self.page_in_cache(entry, &filter, limit).await
            }
        }
    }

    /// Waits until the caches have a revision that a client has heard of elsewhere.
    pub(crate) async fn wait_for_future(&self, revision: Revision) -> Result<(), ApiError> {
        if self.env.timeout(FUTURE_PATIENCE, self.feed.wait_for(revision)).await.is_ok() {
            return Ok(());
        }
        let current = self.feed.reached();
        let cause = Cause {
            reason: "ResourceVersionTooLarge",
            field: String::new(),
            message: "Too large resource version".to_owned(),
        };
        let message = format!("Too large resource version: {revision}, current: {current}");
        Err(ApiError::new(Reason::Timeout, message).with_causes([cause]).retry_after(1))
    }

    /// Waits until the caches have reached the store's own revision of a moment ago.
    pub(crate) async fn wait_for_present(&self, revision: Revision) -> Result<(), ApiError> {
        let reached = self.env.timeout(FUTURE_PATIENCE, self.feed.wait_for(revision)).await;
        reached.map(drop).map_err(|_| Self::caches_lag())
    }

    /// The caches are behind the store, which is nothing that the client could have known.
    pub(super) fn caches_lag() -> ApiError {
        let why = "the watch cache does not keep up with the store";
        ApiError::new(Reason::ServiceUnavailable, why).retry_after(1)
    }

    async fn page_in_cache(
        &self,
        entry: &KindEntry,
        filter: &Filter,
        limit: Option<usize>,
    ) -> Result<ObjectList, ApiError> {
        entry.cache.load(&*self.store).await?;
        // What has been reached by now is in the snapshot.
        let reached = self.feed.reached();
        match entry.cache.snapshot(filter, limit) {
            Some(snapshot) => Ok(whole_or_page(snapshot, reached, filter)),
            // The cache was reset meanwhile.
            None => self.page_at(entry, filter, limit, None, None).await.map_err(store_error),
        }
    }

    async fn next_page(
        &self,
        entry: &KindEntry,
        filter: &Filter,
        limit: Option<usize>,
        token: &ContinueToken,
    ) -> Result<ObjectList, ApiError> {
        match self.page_at(entry, filter, limit, token.revision(), Some(&token.last)).await {
            Err(StoreError::Compacted { .. }) => {
                let message = "The provided continue parameter is too old to display a consistent list result. \
                    You can start a new list without the continue parameter, or use the continue token in this \
                    response to retrieve the remainder of the results. Continuing with the provided token \
                    results in an inconsistent list - objects that were created, modified, or deleted between \
                    the time the first chunk was returned and now may show up in the list.";
                let fresh = ContinueToken::new(None, &token.last).encode();
                Err(ApiError::new(Reason::Expired, message).continue_with(fresh))
            }
            other => other.map_err(store_error),
        }
    }

    /// A page as the store has it: at a revision, behind the last object of the page before.
    async fn page_at(
        &self,
        entry: &KindEntry,
        filter: &Filter,
        limit: Option<usize>,
        at: Option<Revision>,
        last: Option<&str>,
    ) -> Result<ObjectList, StoreError> {
        let limit = limit.unwrap_or(usize::MAX);
        let mut list = ObjectList::default();
        let mut at = at;
        let mut start = last.map(|last| key_after(&format!("{}{last}", entry.prefix).into()));
        loop {
            let missing = limit - list.items.len();
            let request = RangeRequest {
                prefix: entry.range_prefix(filter.namespace()).into(),
                start: start.take(),
                // One more than is missing tells a selection whether there is a rest.
                limit: Some(if filter.is_everything() {
                    missing
                } else {
                    PAGE.min(missing.saturating_add(1))
                }),
                at,
            };
            let response = self.store.range(request).await?;
            (list.revision, at) = (response.revision, Some(response.revision));
            for item in &response.items {
                let cached = match entry.object(item) {
                    Ok(object) => Cached::new(object),
                    Err(error) => {
                        tracing::error!(key = %item.key, %error, "a stored object cannot be decoded");
                        continue;
                    }
                };
                if !filter.matches(&cached) {
                    continue;
                }
                if list.items.len() == limit {
                    return Ok(with_token(list, None));
                }
                list.items.push(cached.object);
            }
            if !response.more {
                return Ok(list);
            }
            if list.items.len() == limit && filter.is_everything() {
                return Ok(with_token(list, Some(response.remaining)));
            }
            start = response.items.last().map(|item| key_after(&item.key));
        }
    }
}

/// What a list's revision and match ask for.
enum Freshness {
    Now,
    AtLeast(Revision),
    Exactly(Revision),
}

fn exactness(options: &ListOptions) -> Result<Freshness, ApiError> {
    let forbidden = |why: &str| {
        let cause = Cause::forbidden("resourceVersionMatch", why);
        ApiError::new(Reason::Invalid, format!("ListOptions.meta.k8s.io \"\" is invalid: {cause}"))
            .with_causes([cause])
    };
    match (options.revision, options.version_match) {
        (None, None) => Ok(Freshness::Now),
        (None, Some(_)) => {
            Err(forbidden("resourceVersionMatch is forbidden unless resourceVersion is provided"))
        }
        (Some(Revision::ZERO), Some(VersionMatch::Exact)) => {
            Err(forbidden("resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\""))
        }
        (Some(revision), Some(VersionMatch::Exact)) => Ok(Freshness::Exactly(revision)),
        // With a limit, an unqualified revision has always meant exactly that one.
        (Some(revision), None)
            if options.limit.is_some_and(|limit| limit > 0) && revision != Revision::ZERO =>
        {
            Ok(Freshness::Exactly(revision))
        }
        (Some(revision), _) => Ok(Freshness::AtLeast(revision)),
    }
}

fn whole_or_page(snapshot: Snapshot, reached: Revision, filter: &Filter) -> ObjectList {
    let revision = snapshot.revision.max(reached);
    let mut list = ObjectList { items: snapshot.objects, revision, continue_token: None, remaining: None };
    if let Some((remaining, last)) = snapshot.rest {
        list.continue_token = Some(ContinueToken::new(Some(revision), &last).encode());
        list.remaining = filter.is_everything().then_some(remaining);
    }
    list
}

fn with_token(mut list: ObjectList, remaining: Option<u64>) -> ObjectList {
    let last = list.items.last().map(|object: &Arc<_>| object.key().to_string());
    list.continue_token = last.map(|last| ContinueToken::new(Some(list.revision), &last).encode());
    list.remaining = remaining;
    list
}
