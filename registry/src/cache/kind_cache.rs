//! The present objects and recent events of one kind.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bireme_core::error::{ApiError, Reason};
use bireme_core::object::Object;
use bireme_core::store::{Change, CommitEvent, KeyValue, RangeRequest, Revision, Store};
use tokio::sync::Notify;

use super::channels::Topic;
use super::live::{Live, Snapshot};
use super::{Cached, Event, Filter};
use crate::errors::store_error;
use crate::resource::SelectableField;
use crate::table::Codec;

/// How often the objects are read again because commits were missed meanwhile.
const LOADS: usize = 3;

/// The cache of one kind; see the [module](super).
pub(crate) struct KindCache {
    codec: Codec,
    prefix: String,
    selectable: &'static [SelectableField],
    phase: Mutex<Phase>,
    /// Held by whoever loads the cache.
    loading: tokio::sync::Mutex<()>,
}

enum Phase {
    /// Nobody has asked yet.
    Idle,
    /// The objects are being read; commits seen meanwhile wait here.
    Loading(Vec<Arc<CommitEvent>>),
    Live(Box<Live>),
    /// The registry has been closed.
    Closed,
}

/// What the cache knows of a watch.
pub(crate) struct Watcher {
    pub(crate) filter: Filter,
    pub(crate) topic: Topic,
    pub(crate) wake: Notify,
}

/// A watch that has begun.
pub(crate) struct Begun {
    pub(crate) id: u64,
    pub(crate) watcher: Arc<Watcher>,
    pub(crate) position: u64,
    /// The objects present, where the watch wants them, with the revision of that state.
    pub(crate) initial: Option<(Vec<Arc<Object>>, Revision)>,
}

/// Why a watch cannot go on from the window.
pub(crate) enum Lost {
    /// Events of its topic have left the window before it took them.
    Lagged,
    /// The cache was given up, because history has a gap.
    Reset,
    /// The registry has been closed.
    Closed,
}

impl KindCache {
    pub(crate) fn new(codec: Codec, prefix: String, selectable: &'static [SelectableField]) -> Self {
        Self {
            codec,
            prefix,
            selectable,
            phase: Mutex::new(Phase::Idle),
            loading: tokio::sync::Mutex::new(()),
        }
    }

    /// Reads the objects if that has not been done yet.
    pub(crate) async fn load(&self, store: &dyn Store) -> Result<(), ApiError> {
        if self.is_live()? {
            return Ok(());
        }
        let _loading = self.loading.lock().await;
        if self.is_live()? {
            return Ok(());
        }
        for _ in 0..LOADS {
            if self.load_once(store).await? {
                return Ok(());
            }
        }
        Err(ApiError::new(Reason::ServiceUnavailable, "the watch cache does not keep up with the store"))
    }

    /// Reads the objects; false when commits were missed meanwhile, so that they must be read again.
    async fn load_once(&self, store: &dyn Store) -> Result<bool, ApiError> {
        // From here on commits are kept, so that none is missed between the read and the switch to live.
        match &mut *self.lock() {
            Phase::Closed => return Err(closed()),
            phase => *phase = Phase::Loading(Vec::new()),
        }
        let _abandoned = Abandoned(self);
        let request = RangeRequest { prefix: self.prefix.as_str().into(), ..RangeRequest::default() };
        let response = store.range(request).await.map_err(store_error)?;
        let objects = response.items.iter().filter_map(|item| self.decode(item));
        let mut live = Live::new(self.selectable, response.revision, objects);
        let mut phase = self.lock();
        let backlog = match &mut *phase {
            Phase::Loading(backlog) => std::mem::take(backlog),
            Phase::Closed => return Err(closed()),
            Phase::Idle | Phase::Live(_) => return Ok(false),
        };
        for commit in backlog {
            live.apply(commit.revision, self.decode_changes(&commit));
        }
        *phase = Phase::Live(Box::new(live));
        Ok(true)
    }

    /// Takes over what a commit did to this kind.
    pub(super) fn apply(&self, commit: &Arc<CommitEvent>) {
        let is_live = match &mut *self.lock() {
            Phase::Idle | Phase::Closed => return,
            Phase::Loading(backlog) => return backlog.push(commit.clone()),
            Phase::Live(_) => true,
        };
        // Only the feed applies, so the phase does not go back to loading between the two locks.
        let changes = if is_live { self.decode_changes(commit) } else { Vec::new() };
        if let Phase::Live(live) = &mut *self.lock() {
            live.apply(commit.revision, changes);
        }
    }

    /// Gives up what is cached, because commits have been missed. Watches end with an error.
    pub(super) fn reset(&self) {
        self.give_up(Phase::Idle);
    }

    /// Ends all watches, and answers nothing any more.
    pub(super) fn close(&self) {
        self.give_up(Phase::Closed);
    }

    fn give_up(&self, next: Phase) {
        let mut phase = self.lock();
        if let Phase::Live(live) = std::mem::replace(&mut *phase, next) {
            live.channels.wake_all();
        }
    }

    fn is_live(&self) -> Result<bool, ApiError> {
        match &*self.lock() {
            Phase::Live(_) => Ok(true),
            Phase::Closed => Err(closed()),
            Phase::Idle | Phase::Loading(_) => Ok(false),
        }
    }

    /// Forgets events up to this revision.
    pub(crate) fn forget(&self, revision: Revision) {
        if let Phase::Live(live) = &mut *self.lock() {
            live.window.forget(revision);
        }
    }

    /// The object with this rest of a key as the cache has it, which may be behind the store.
    pub(crate) fn present(&self, suffix: &str) -> Option<Arc<Object>> {
        match &*self.lock() {
            Phase::Live(live) => live.get(suffix).map(|cached| cached.object.clone()),
            _ => None,
        }
    }

    /// The object with this rest of a key, or that there is none; nothing when the cache is not loaded.
    pub(crate) fn look_up(&self, suffix: &str) -> Option<Option<Arc<Object>>> {
        match &*self.lock() {
            Phase::Live(live) => Some(live.get(suffix).map(|cached| cached.object.clone())),
            _ => None,
        }
    }

    /// The object with this rest of a key, if the cache has it at just this revision.
    pub(crate) fn object_at(&self, suffix: &[u8], revision: Revision) -> Option<Arc<Object>> {
        let suffix = std::str::from_utf8(suffix).ok()?;
        match &*self.lock() {
            Phase::Live(live) => {
                let object = &live.get(suffix)?.object;
                (object.revision() == revision).then(|| object.clone())
            }
            _ => None,
        }
    }

    /// The selected objects, at most `limit` of them. Nothing when the cache is not loaded.
    pub(crate) fn snapshot(&self, filter: &Filter, limit: Option<usize>) -> Option<Snapshot> {
        match &*self.lock() {
            Phase::Live(live) => Some(live.snapshot(filter, limit)),
            _ => None,
        }
    }

    /// Begins a watch: with the present objects, or after a revision. Nothing when the cache is not loaded,
    /// or when the window no longer has what followed the revision.
    pub(super) fn begin(&self, filter: Filter, after: Option<Revision>) -> Option<Begun> {
        let mut phase = self.lock();
        let Phase::Live(live) = &mut *phase else { return None };
        let (position, initial) = match after {
            Some(revision) => (live.window.position_after(revision)?, None),
            None => {
                let snapshot = live.snapshot(&filter, None);
                (live.window.end(), Some((snapshot.objects, snapshot.revision)))
            }
        };
        let watcher = Arc::new(Watcher { topic: filter.topic(), filter, wake: Notify::new() });
        let id = live.channels.subscribe(watcher.clone(), &live.window);
        Some(Begun { id, watcher, position, initial })
    }

    /// Hands the watcher's events from `position` on to `take`, which says whether it wants more.
    pub(super) fn events(
        &self,
        id: u64,
        watcher: &Arc<Watcher>,
        position: &mut u64,
        mut take: impl FnMut(&Event) -> bool,
    ) -> Result<(), Lost> {
        let mut phase = self.lock();
        let Live { channels, window, .. } = match &mut *phase {
            Phase::Live(live) => &mut **live,
            Phase::Closed => return Err(Lost::Closed),
            Phase::Idle | Phase::Loading(_) => return Err(Lost::Reset),
        };
        for number in channels.events_from(id, watcher, *position, window.first())? {
            *position = number + 1;
            if !window.get(number).is_none_or(&mut take) {
                return Ok(());
            }
        }
        *position = window.end();
        Ok(())
    }

    pub(super) fn end(&self, id: u64, watcher: &Arc<Watcher>) {
        if let Phase::Live(live) = &mut *self.lock() {
            live.channels.unsubscribe(id, watcher);
        }
    }

    fn decode_changes(&self, commit: &CommitEvent) -> Vec<(Box<str>, Option<Arc<Cached>>)> {
        let own = commit
            .changes
            .iter()
            .filter(|change| change.key().as_bytes().starts_with(self.prefix.as_bytes()));
        let decode = |change: &Change| {
            let suffix = self.suffix(change.key().as_bytes())?;
            let current = change.current().and_then(|item| self.decode(item)).map(|(_, cached)| cached);
            Some((suffix, current))
        };
        own.filter_map(decode).collect()
    }

    /// An object that cannot be decoded is reported and left out: it must not take the others down with it.
    fn decode(&self, item: &KeyValue) -> Option<(Box<str>, Arc<Cached>)> {
        match self.codec.decode(item) {
            Ok(object) => Some((self.suffix(item.key.as_bytes())?, Arc::new(Cached::new(Arc::new(object))))),
            Err(error) => {
                tracing::error!(key = %item.key, %error, "a stored object cannot be decoded");
                None
            }
        }
    }

    fn suffix(&self, key: &[u8]) -> Option<Box<str>> {
        std::str::from_utf8(key.get(self.prefix.len()..)?).ok().map(Into::into)
    }

    fn lock(&self) -> MutexGuard<'_, Phase> {
        // Nothing that runs under the lock panics half-way through a change.
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Puts a cache whose loading failed or was given up half-way back to the beginning.
struct Abandoned<'a>(&'a KindCache);

impl Drop for Abandoned<'_> {
    fn drop(&mut self) {
        let mut phase = self.0.lock();
        if matches!(*phase, Phase::Loading(_)) {
            *phase = Phase::Idle;
        }
    }
}

fn closed() -> ApiError {
    ApiError::new(Reason::ServiceUnavailable, "the server is shutting down")
}
