//! Faults in watching.

use std::collections::VecDeque;
use std::sync::Arc;

use bireme_core::client::{ApiEvent, Client as _, EventStream, ListOptions, WatchFrom, WatchOptions};
use bireme_core::error::ApiError;
use bireme_core::object::Kind;
use bireme_core::selector::{FieldSelector, LabelSelector};
use bireme_core::store::Revision;
use futures::StreamExt as _;

use super::Broken;
use super::faults::Fault::{self, *};

/// Every so many events something happens to one.
const INTERVAL: usize = 3;

pub async fn watch(client: &Broken, kind: Kind, options: &WatchOptions) -> Result<EventStream, ApiError> {
    let mut options = options.clone();
    let present = async || client.inner.list(kind, &ListOptions::default()).await.map(|list| list.revision);
    match client.fault {
        Some(WatchesAllNamespaces) => options.namespace = None,
        Some(WatchesForEver) => options.timeout = None,
        Some(WatchesWithoutSelectors) => {
            options.labels = LabelSelector::everything();
            options.fields = FieldSelector::default();
        }
        Some(WatchesFromThePresentOnly) if matches!(options.from, WatchFrom::After(_)) => {
            options.from = WatchFrom::After(present().await?);
        }
        Some(WatchesWithoutThePresent) if matches!(options.from, WatchFrom::Now | WatchFrom::Any) => {
            options.from = WatchFrom::After(present().await?);
        }
        _ => {}
    }
    let inner = client.inner.watch(kind, &options).await?;
    let faulty = Faulty { fault: client.fault, inner, count: 0, waiting: VecDeque::new() };
    Ok(futures::stream::unfold(faulty, |mut faulty| async { Some((faulty.next().await?, faulty)) }).boxed())
}

struct Faulty {
    fault: Option<Fault>,
    inner: EventStream,
    count: usize,
    waiting: VecDeque<ApiEvent>,
}

impl Faulty {
    async fn next(&mut self) -> Option<Result<ApiEvent, ApiError>> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(Ok(event));
            }
            let event = match self.inner.next().await? {
                Ok(event) => event,
                Err(error) => return Some(Err(error)),
            };
            self.count += 1;
            let is_turn = self.count.is_multiple_of(INTERVAL);
            match (self.fault, &event) {
                (Some(DropsAnEvent), _) if is_turn => {}
                (Some(HidesTheEndOfInitialEvents), ApiEvent::Bookmark { .. }) => {}
                (Some(RepeatsAnEvent), _) if is_turn => self.waiting.extend([event.clone(), event]),
                (Some(SwapsTwoEvents), _) if is_turn => {
                    let after = self.inner.next().await?.ok();
                    self.waiting.extend(after.into_iter().chain([event]));
                }
                (Some(TellsOfEveryChangeAsModified), ApiEvent::Added(object)) => {
                    self.waiting.push_back(ApiEvent::Modified(object.clone()));
                }
                (Some(DeletesAtOldRevisions), ApiEvent::Deleted(object)) => {
                    let before = Revision(object.revision().0 - 1);
                    self.waiting.push_back(ApiEvent::Deleted(Arc::new(object.at_revision(before))));
                }
                _ => self.waiting.push_back(event),
            }
        }
    }
}
