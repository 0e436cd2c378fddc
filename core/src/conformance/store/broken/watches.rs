//! Faults in watching.

use std::collections::VecDeque;
use std::sync::Arc;

use futures::StreamExt as _;

use super::Broken;
use super::Fault::*;
use crate::store::{Change, CommitEvent, Key, Revision, Store as _, StoreError, WatchEvent, WatchStream};

type Item = Result<WatchEvent, StoreError>;

/// Every so many commits something happens to one.
const INTERVAL: usize = 5;

pub(super) async fn watch(store: &Broken, prefix: Key, after: Revision) -> Result<WatchStream, StoreError> {
    let current = store.current().await;
    let start = match store.fault {
        Some(WatchesFromThePresentOnly) => after.max(current),
        Some(WatchesOneTooEarly) => Revision(after.0.saturating_sub(1)),
        Some(IgnoresFutureStarts) => after.min(current),
        Some(WatchesSilentlyFromTheCompactionPoint) => after.max(store.compacted()),
        _ => after,
    };
    let covered = match store.fault {
        Some(DoesNotReduceToThePrefix | HidesCommitsThatTouchOtherKeys) => Key::default(),
        _ => prefix.clone(),
    };
    let inner = store.inner.watch(covered, start).await?;
    let compacted = store.compacted();
    let (held, items) = (None, VecDeque::new());
    let faulty = Faulty { store: store.clone(), prefix, inner, compacted, count: 0, held, items };
    Ok(futures::stream::unfold(faulty, |mut faulty| async { Some((faulty.next().await?, faulty)) }).boxed())
}

struct Faulty {
    store: Broken,
    prefix: Key,
    inner: WatchStream,
    compacted: Revision,
    count: usize,
    held: Option<Arc<CommitEvent>>,
    items: VecDeque<Item>,
}

impl Faulty {
    async fn next(&mut self) -> Option<Item> {
        loop {
            if let Some(item) = self.items.pop_front() {
                return Some(item);
            }
            let item = self.inner.next().await?;
            if self.store.has(EndsAllWatchesOnCompaction) && self.compacted != self.store.compacted() {
                return None;
            }
            match item {
                Ok(WatchEvent::Commit(event)) => self.commit(event),
                Ok(WatchEvent::Progress(_)) if self.store.has(MakesNoProgress) => {}
                Err(StoreError::WatchLagged { .. }) if self.store.has(EndsSlowWatchesSilently) => {
                    return None;
                }
                Err(StoreError::WatchLagged { .. }) if self.store.has(DropsEventsOfSlowWatchers) => {
                    let after = Revision(self.store.current().await.0 - 1);
                    self.inner = self.store.inner.watch(self.prefix.clone(), after).await.ok()?;
                }
                item => return Some(item),
            }
        }
    }

    fn commit(&mut self, event: Arc<CommitEvent>) {
        self.count += 1;
        let revision = event.revision;
        let is_marked = self.count.is_multiple_of(INTERVAL);
        match self.store.fault {
            Some(DropsAnEvent) if is_marked => {}
            Some(RepeatsAnEvent) if is_marked => {
                self.push(event.clone());
                self.push(event);
            }
            Some(SwapsTwoEvents) if is_marked => self.held = Some(event),
            Some(SwapsTwoEvents) => {
                self.push(event);
                if let Some(held) = self.held.take() {
                    self.push(held);
                }
            }
            Some(MergesCommits) => match self.held.take() {
                None => self.held = Some(event),
                Some(first) => {
                    let changes = first.changes.iter().chain(&event.changes).cloned().collect();
                    self.push(Arc::new(CommitEvent { revision, changes }));
                }
            },
            Some(SplitsCommits) => {
                for change in &event.changes {
                    self.push(Arc::new(CommitEvent { revision, changes: vec![change.clone()] }));
                }
            }
            Some(InventsProgress) => {
                self.push(event);
                self.items.push_back(Ok(WatchEvent::Progress(Revision(revision.0 + 10))));
            }
            _ => self.reshape(&event),
        }
    }

    /// Faults in what an event holds.
    fn reshape(&mut self, event: &CommitEvent) {
        let mut changes = event.changes.clone();
        let covered = |change: &Change| change.key().as_bytes().starts_with(self.prefix.as_bytes());
        match self.store.fault {
            Some(DoesNotReduceToThePrefix) if !changes.iter().any(covered) => return,
            Some(HidesCommitsThatTouchOtherKeys) if !changes.iter().all(covered) => return,
            Some(SortsChangesBackwards) => changes.reverse(),
            Some(LosesPreviousValues) => changes.iter_mut().for_each(|change| *previous(change) = None),
            Some(MixesUpPreviousValues) => {
                for change in &mut changes {
                    if let Some(item) = previous(change) {
                        item.value = "mixed up".into();
                    }
                }
            }
            _ => {}
        }
        self.push(Arc::new(CommitEvent { revision: event.revision, changes }));
    }

    fn push(&mut self, event: Arc<CommitEvent>) {
        self.items.push_back(Ok(WatchEvent::Commit(event)));
    }
}

fn previous(change: &mut Change) -> &mut Option<crate::store::KeyValue> {
    match change {
        Change::Put { previous, .. } | Change::Delete { previous, .. } => previous,
    }
}
