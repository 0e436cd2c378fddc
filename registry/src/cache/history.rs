//! A watch from a revision that the cache no longer remembers, on the store's own history.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bireme_core::client::{ApiEvent, EventStream};
use bireme_core::error::ApiError;
use bireme_core::object::DecodeError;
use bireme_core::store::{Change, KeyValue, Revision, Store, StoreError, WatchEvent, WatchStream};
use futures::{StreamExt, stream};

use super::subscription::expired;
use super::window::{Cached, Event};
use super::{Filter, WatchLimits};
use crate::errors::store_error;
use crate::resource::SelectableField;
use crate::table::{Codec, KindEntry};

struct History {
    codec: Codec,
    /// The length of the prefix of all keys.
    prefix: usize,
    selectable: &'static [SelectableField],
    filter: Filter,
    commits: WatchStream,
    queue: VecDeque<ApiEvent>,
    bookmarks: bool,
    seen: Revision,
    ended: bool,
}

/// Opens a watch after a revision on the store itself.
pub(crate) async fn watch_history(
    store: &dyn Store,
    entry: &KindEntry,
    filter: Filter,
    after: Revision,
    limits: WatchLimits,
) -> Result<EventStream, ApiError> {
    let prefix = entry.range_prefix(filter.namespace());
    let commits = store.watch(prefix.into(), after).await.map_err(|error| match error {
        StoreError::Compacted { .. } => expired(after),
        error => store_error(error),
    })?;
    let history = History {
        codec: entry.codec(),
        prefix: entry.prefix.len(),
        selectable: entry.strategy.selectable(),
        filter,
        commits,
        queue: VecDeque::new(),
        bookmarks: limits.bookmarks,
        seen: after,
        ended: false,
    };
    let events = stream::unfold(history, |mut history| async move {
        let item = history.next().await?;
        Some((item, history))
    });
    // The time without limit is long enough to outlive every client.
    let timeout = limits.timeout.unwrap_or(Duration::from_secs(u32::MAX.into()));
    let end = Box::pin(async move { limits.env.sleep(timeout).await });
    Ok(Box::pin(events.take_until(end)))
}

impl History {
    async fn next(&mut self) -> Option<Result<ApiEvent, ApiError>> {
        loop {
            if let Some(event) = self.queue.pop_front() {
                return Some(Ok(event));
            }
            if self.ended {
                return None;
            }
            match self.commits.next().await? {
                Ok(WatchEvent::Commit(commit)) => {
                    self.seen = commit.revision;
                    for change in &commit.changes {
                        match self.event(commit.revision, change) {
                            Ok(event) => self.queue.extend(event.seen_through(&self.filter)),
                            Err(error) => return self.fail(error.into()),
                        }
                    }
                }
                Ok(WatchEvent::Progress(revision)) => {
                    self.seen = revision;
                    if self.bookmarks {
                        return Some(Ok(ApiEvent::Bookmark { revision, initial_events_end: false }));
                    }
                }
                // The client watches on from the last revision it has seen.
                Err(StoreError::WatchLagged { .. }) => return None,
                Err(StoreError::Compacted { .. }) => return self.fail(expired(self.seen)),
                Err(error) => return self.fail(store_error(error)),
            }
        }
    }

    fn fail(&mut self, error: ApiError) -> Option<Result<ApiEvent, ApiError>> {
        self.ended = true;
        Some(Err(error))
    }

    fn event(&self, revision: Revision, change: &Change) -> Result<Event, DecodeError> {
        let decode = |item: Option<&KeyValue>| match item {
            Some(item) => self.codec.decode(item).map(|object| Some(Arc::new(Cached::new(Arc::new(object))))),
            None => Ok(None),
        };
        let suffix = change.key().as_bytes().get(self.prefix..).unwrap_or_default();
        let suffix = String::from_utf8_lossy(suffix).into();
        let (current, previous) = (decode(change.current())?, decode(change.previous())?);
        Ok(Event::new(revision, suffix, current, previous, self.selectable))
    }
}
