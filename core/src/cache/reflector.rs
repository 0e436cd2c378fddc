//! The task that keeps a cache at the state of the API.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use tokio_util::sync::CancellationToken;

use super::Informer;
use crate::Environment;
use crate::client::{ApiEvent, Client, EventStream, ListOptions, WatchFrom, WatchOptions};
use crate::error::{ApiError, Reason};
use crate::store::Revision;

/// The first wait after a failure; each further failure doubles it.
const FIRST_DELAY: Duration = Duration::from_millis(100);
const LONGEST_DELAY: Duration = Duration::from_secs(30);

pub(super) struct Reflector {
    env: Environment,
    client: Arc<dyn Client>,
    informer: Arc<Informer>,
    stop: CancellationToken,
    /// Where to watch on; without it, the whole state must be read first.
    position: Option<Revision>,
    /// Whether the server can begin a watch with the whole state.
    streams_state: bool,
    /// How many attempts in a row ended before anything came by the watch.
    fruitless: u32,
}

impl Reflector {
    pub(super) fn new(
        env: Environment,
        client: Arc<dyn Client>,
        informer: Arc<Informer>,
        stop: CancellationToken,
    ) -> Self {
        Self { env, client, informer, stop, position: None, streams_state: true, fruitless: 0 }
    }

    /// Follows the API until it is told to stop.
    pub(super) async fn run(mut self) {
        let stop = self.stop.clone();
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            () = self.follow_always() => {}
        }
        self.informer.cache().stop();
    }

    async fn follow_always(&mut self) {
        loop {
            self.fruitless += 1;
            let patient = match self.follow().await {
                Ok(()) => false,
                Err(error) => self.recover(&error),
            };
            // A watch that ends or expires is how an API server works, not a failure, unless it is all it does.
            if patient || self.fruitless > 1 {
                self.env.sleep(self.delay()).await;
            }
        }
    }

    /// Decides how to go on after an error, and whether to wait before.
    fn recover(&mut self, error: &ApiError) -> bool {
        let kind = self.informer.kind();
        let (resuming, streamed) = (self.position.is_some(), self.streams_state);
        match error.reason() {
            _ if error.is_expired() => {
                tracing::debug!(%kind, %error, "watch expired; reading the whole state again");
                self.position = None;
                false
            }
            Reason::BadRequest | Reason::Invalid | Reason::NotImplemented | Reason::MethodNotAllowed
                if !resuming && streamed =>
            {
                tracing::debug!(%kind, %error, "the server cannot stream the whole state; listing it");
                self.streams_state = false;
                false
            }
            _ => {
                tracing::warn!(%kind, %error, "watch failed");
                true
            }
        }
    }

    fn delay(&self) -> Duration {
        let doublings = self.fruitless.saturating_sub(1).min(16);
        let delay = (FIRST_DELAY * 2u32.pow(doublings)).min(LONGEST_DELAY);
        // Between half and all of it, so that many informers do not come back at once.
        let half = delay / 2;
        half + half.mul_f64(self.env.random_below(1000) as f64 / 1000.0)
    }

    /// Brings the cache up to date and keeps it so until the watch ends.
    async fn follow(&mut self) -> Result<(), ApiError> {
        let mut stream = match self.position {
            Some(position) => self.watch(WatchFrom::After(position)).await?,
            None if self.streams_state => self.stream_state().await?,
            None => self.list_state().await?,
        };
        while let Some(event) = stream.next().await {
            let event = event?;
            let revision = event.revision();
            match event {
                ApiEvent::Added(object) | ApiEvent::Modified(object) => self.informer.put(object),
                ApiEvent::Deleted(object) => self.informer.delete(object),
                ApiEvent::Bookmark { revision, .. } => self.informer.cache().reach(revision),
            }
            self.position = Some(revision);
            self.fruitless = 0;
        }
        Ok(())
    }

    /// Reads the whole state from the beginning of a watch (KEP-3157), and answers the rest of the watch.
    async fn stream_state(&mut self) -> Result<EventStream, ApiError> {
        let mut stream = self.watch(WatchFrom::InitialEvents(None)).await?;
        let mut objects = BTreeMap::new();
        while let Some(event) = stream.next().await {
            match event? {
                ApiEvent::Added(object) | ApiEvent::Modified(object) => {
                    objects.insert(object.key().clone(), object);
                }
                ApiEvent::Deleted(object) => {
                    objects.remove(object.key());
                }
                ApiEvent::Bookmark { initial_events_end: false, .. } => {}
                ApiEvent::Bookmark { revision, .. } => {
                    self.informer.replace(objects.into_values().collect(), revision);
                    self.position = Some(revision);
                    return Ok(stream);
                }
            }
        }
        Err(ApiError::new(Reason::ServiceUnavailable, "the watch ended before its initial events did"))
    }

    /// Lists the whole state, and answers the watch from there.
    async fn list_state(&mut self) -> Result<EventStream, ApiError> {
        let selection = self.informer.selection().clone();
        let options = ListOptions {
            namespace: selection.namespace,
            labels: selection.labels,
            fields: selection.fields,
            ..ListOptions::default()
        };
        let list = self.client.list(self.informer.kind(), &options).await?;
        self.informer.replace(list.items, list.revision);
        self.position = Some(list.revision);
        self.watch(WatchFrom::After(list.revision)).await
    }

    async fn watch(&self, from: WatchFrom) -> Result<EventStream, ApiError> {
        let selection = self.informer.selection().clone();
        let options = WatchOptions {
            namespace: selection.namespace,
            labels: selection.labels,
            fields: selection.fields,
            from,
            bookmarks: true,
            timeout: None,
        };
        self.client.watch(self.informer.kind(), &options).await
    }
}
