//! Actions under way.

use std::collections::BTreeMap;

use futures::StreamExt;
use futures::future::{AbortHandle, Abortable, BoxFuture};
use futures::stream::FuturesUnordered;

use crate::pod::memory::Slot;

/// Futures that run within the worker's own task, at most one for each slot.
pub(super) struct Flights<T> {
    running: FuturesUnordered<BoxFuture<'static, (Slot, u64, Option<T>)>>,
    handles: BTreeMap<Slot, (u64, AbortHandle)>,
    next: u64,
}

impl<T: Send + 'static> Flights<T> {
    pub(super) fn new() -> Self {
        Self { running: FuturesUnordered::new(), handles: BTreeMap::new(), next: 0 }
    }

    /// Sets an action going; one that has the slot is dropped.
    pub(super) fn launch(&mut self, slot: Slot, action: BoxFuture<'static, T>) {
        self.abort(&slot);
        let number = self.next;
        self.next += 1;
        let (handle, registration) = AbortHandle::new_pair();
        self.handles.insert(slot.clone(), (number, handle));
        let action = Abortable::new(action, registration);
        self.running.push(Box::pin(async move { (slot, number, action.await.ok()) }));
    }

    /// Drops the action that has the slot.
    pub(super) fn abort(&mut self, slot: &Slot) {
        if let Some((_, handle)) = self.handles.remove(slot) {
            handle.abort();
        }
    }

    /// The next action that ended; never while none is under way. Cancel-safe.
    pub(super) async fn landing(&mut self) -> (Slot, T) {
        loop {
            let Some((slot, number, result)) = self.running.next().await else {
                std::future::pending::<()>().await;
                continue;
            };
            // One that was dropped ends too, and its slot may have been taken by another since.
            let current = self.handles.get(&slot).is_some_and(|(current, _)| *current == number);
            if let (true, Some(result)) = (current, result) {
                self.handles.remove(&slot);
                return (slot, result);
            }
        }
    }
}
