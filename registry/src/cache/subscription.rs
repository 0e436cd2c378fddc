//! A watch on a cache.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bireme_core::Environment;
use bireme_core::client::{ApiEvent, EventStream};
use bireme_core::environment::Instant;
use bireme_core::error::{ApiError, Reason};
use bireme_core::store::Revision;
use futures::stream;
use tokio::sync::watch;

use super::kind_cache::{Begun, Lost, Watcher};
use super::{Filter, KindCache};

/// How often a watch that wants bookmarks gets one.
const BOOKMARK_INTERVAL: Duration = Duration::from_secs(60);

/// Events taken out of the window at once.
const BATCH: usize = 64;

/// How a watch ends, and what it tells besides events.
#[derive(Clone)]
pub(crate) struct WatchLimits {
    pub(crate) env: Environment,
    pub(crate) bookmarks: bool,
    pub(crate) timeout: Option<Duration>,
}

/// The consumer's side of a watch: a position in the window.
pub(crate) struct Subscription {
    cache: Arc<KindCache>,
    id: u64,
    watcher: Arc<Watcher>,
    position: u64,
    queue: VecDeque<ApiEvent>,
    /// Events up to this revision are not for this watch.
    after: Revision,
    /// Everything up to this revision has been taken out of the window.
    seen: Revision,
    progress: watch::Receiver<Revision>,
    env: Environment,
    deadline: Option<Instant>,
    next_bookmark: Option<Instant>,
    ended: bool,
}

impl Subscription {
    /// A watch that begins with the present objects. Nothing when the cache is not loaded.
    pub(crate) fn from_now(
        cache: &Arc<KindCache>,
        filter: Filter,
        progress: watch::Receiver<Revision>,
        limits: WatchLimits,
        marks_initial_end: bool,
    ) -> Option<Self> {
        // What had been reached before the snapshot was taken is in it.
        let reached = *progress.borrow();
        let mut begun = cache.begin(filter, None)?;
        let (objects, revision) = begun.initial.take().unwrap_or_default();
        let mut this = Self::new(cache, begun, revision, progress, limits);
        this.queue.extend(objects.into_iter().map(ApiEvent::Added));
        if marks_initial_end {
            let revision = revision.max(reached);
            this.queue.push_back(ApiEvent::Bookmark { revision, initial_events_end: true });
        }
        Some(this)
    }

    /// A watch that begins after a revision. Nothing when the cache no longer knows what followed it.
    pub(crate) fn after(
        cache: &Arc<KindCache>,
        filter: Filter,
        revision: Revision,
        progress: watch::Receiver<Revision>,
        limits: WatchLimits,
    ) -> Option<Self> {
        let begun = cache.begin(filter, Some(revision))?;
        Some(Self::new(cache, begun, revision, progress, limits))
    }

    fn new(
        cache: &Arc<KindCache>,
        begun: Begun,
        after: Revision,
        progress: watch::Receiver<Revision>,
        limits: WatchLimits,
    ) -> Self {
        let now = limits.env.instant();
        Self {
            cache: cache.clone(),
            id: begun.id,
            watcher: begun.watcher,
            position: begun.position,
            queue: VecDeque::new(),
            after,
            seen: after,
            progress,
            deadline: limits.timeout.map(|timeout| now + timeout),
            next_bookmark: limits.bookmarks.then(|| now + BOOKMARK_INTERVAL),
            env: limits.env,
            ended: false,
        }
    }

    /// The watch as a stream.
    pub(crate) fn into_stream(self) -> EventStream {
        Box::pin(stream::unfold(self, |mut this| async move {
            let item = this.next().await?;
            Some((item, this))
        }))
    }

    async fn next(&mut self) -> Option<Result<ApiEvent, ApiError>> {
        loop {
            if let Some(event) = self.queue.pop_front() {
                return Some(Ok(event));
            }
            if self.ended {
                return None;
            }
            // Read before the window: every event up to it is in the window, or has been taken.
            let reached = *self.progress.borrow();
            match self.fill() {
                Ok(()) if !self.queue.is_empty() => continue,
                Ok(()) => {}
                Err(Lost::Lagged | Lost::Closed) => return None,
                Err(Lost::Reset) => {
                    self.ended = true;
                    return Some(Err(expired(self.seen)));
                }
            }
            self.seen = self.seen.max(reached);
            self.wait().await;
        }
    }

    /// Waits for events, the next bookmark or the end.
    async fn wait(&mut self) {
        tokio::select! {
            biased;
            () = self.watcher.wake.notified() => {}
            () = until(&self.env, self.deadline) => {
                self.ended = true;
                if self.next_bookmark.is_some() {
                    self.queue.push_back(self.bookmark());
                }
            }
            () = until(&self.env, self.next_bookmark) => {
                self.next_bookmark = Some(self.env.instant() + BOOKMARK_INTERVAL);
                // Only a watch that has delivered everything up to a revision may say so.
                let reached = *self.progress.borrow();
                if self.fill().is_ok() && self.queue.is_empty() {
                    self.seen = self.seen.max(reached);
                    self.queue.push_back(self.bookmark());
                }
            }
        }
    }

    fn bookmark(&self) -> ApiEvent {
        ApiEvent::Bookmark { revision: self.seen, initial_events_end: false }
    }

    /// Takes the next events out of the window, until some concern this watch.
    fn fill(&mut self) -> Result<(), Lost> {
        let (queue, seen) = (&mut self.queue, &mut self.seen);
        let (watcher, after) = (&self.watcher, self.after);
        self.cache.events(self.id, watcher, &mut self.position, |event| {
            *seen = event.revision.max(*seen);
            if event.revision > after {
                queue.extend(event.seen_through(&watcher.filter));
            }
            queue.len() < BATCH
        })
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.cache.end(self.id, &self.watcher);
    }
}

async fn until(env: &Environment, deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => env.sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// What a watch hears that cannot go on.
pub(super) fn expired(after: Revision) -> ApiError {
    ApiError::new(Reason::Expired, format!("too old resource version: {after}"))
}
