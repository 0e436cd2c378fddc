//! The log's commits, and the bounds that they are kept within.

use std::collections::VecDeque;
use std::sync::Arc;

use super::History;
use crate::store::{Change, CommitEvent, KeyValue, Revision, StoreError};

/// What bookkeeping adds to a commit and to a change in memory, roughly.
const OVERHEAD: usize = 64;

/// A ring smaller than this is not worth shrinking.
const SMALL: usize = 1024;

#[derive(Debug)]
pub(super) struct Ring {
    history: History,
    /// All commits in `(compacted, current]`, in order.
    events: VecDeque<Arc<CommitEvent>>,
    bytes: usize,
    compacted: Revision,
    current: Revision,
    /// The last compaction that was asked for, as opposed to one made to stay within bounds.
    asked: Revision,
}

impl Ring {
    pub(super) fn new(revision: Revision, history: History) -> Self {
        Self {
            history,
            events: VecDeque::new(),
            bytes: 0,
            compacted: revision,
            current: revision,
            asked: Revision::ZERO,
        }
    }

    pub(super) fn current(&self) -> Revision {
        self.current
    }

    pub(super) fn compacted(&self) -> Revision {
        self.compacted
    }

    /// Whether commits up to `revision` went because somebody asked for it.
    pub(super) fn is_asked(&self, revision: Revision) -> bool {
        revision <= self.asked
    }

    pub(super) fn push(&mut self, event: Arc<CommitEvent>) {
        self.current = event.revision;
        self.bytes += weight(&event);
        self.events.push_back(event);
    }

    pub(super) fn compact(&mut self, revision: Revision) -> Result<(), StoreError> {
        if revision > self.current {
            return Err(StoreError::FutureRevision { requested: revision, current: self.current });
        }
        self.asked = self.asked.max(revision);
        self.compacted = self.compacted.max(revision);
        self.trim();
        Ok(())
    }

    /// Drops the oldest commits that are compacted or over the bounds. The newest one always stays, however
    /// large: its watchers would otherwise never see it.
    pub(super) fn trim(&mut self) {
        while let Some(oldest) = self.events.front() {
            let over = self.events.len() > 1
                && (self.events.len() > self.history.commits || self.bytes > self.history.bytes);
            if !over && oldest.revision > self.compacted {
                break;
            }
            self.compacted = self.compacted.max(oldest.revision);
            self.bytes -= weight(oldest);
            self.events.pop_front();
        }
        if self.events.capacity() > SMALL && self.events.len() < self.events.capacity() / 4 {
            self.events.shrink_to(self.events.len() * 2);
        }
    }

    pub(super) fn resolve(&self, at: Option<Revision>) -> Result<Revision, StoreError> {
        let requested = at.unwrap_or(self.current);
        if requested > self.current {
            return Err(StoreError::FutureRevision { requested, current: self.current });
        }
        self.check_not_compacted(requested)?;
        Ok(requested)
    }

    pub(super) fn check_not_compacted(&self, requested: Revision) -> Result<(), StoreError> {
        if requested < self.compacted {
            return Err(StoreError::Compacted { requested, compacted: self.compacted });
        }
        Ok(())
    }

    /// The commits in `(after, until]`, as far as they are still there.
    pub(super) fn between(
        &self,
        after: Revision,
        until: Revision,
    ) -> impl Iterator<Item = &Arc<CommitEvent>> + use<'_> {
        let index = |revision| self.events.partition_point(|event| event.revision <= revision);
        self.events.range(index(after)..index(until))
    }
}

/// The bytes that a commit holds in memory, if nobody shares them.
fn weight(event: &CommitEvent) -> usize {
    let item = |item: Option<&KeyValue>| item.map_or(0, |item| item.key.0.len() + item.value.len());
    let change = |change: &Change| OVERHEAD + item(change.current()) + item(change.previous());
    OVERHEAD + event.changes.iter().map(change).sum::<usize>()
}
