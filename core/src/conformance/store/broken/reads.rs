//! Faults in reading.

use super::Broken;
use super::Fault::*;
use crate::store::{Key, RangeRequest, RangeResponse, Revision, Store as _, StoreError};

pub(super) async fn range(store: &Broken, request: RangeRequest) -> Result<RangeResponse, StoreError> {
    let asked = ask(store, request.clone()).await;
    let mut response = match store.inner.range(asked).await {
        Err(StoreError::Compacted { .. }) if is_let_through(store, &request) => {
            store.inner.range(RangeRequest { at: None, ..request.clone() }).await?
        }
        result => result?,
    };
    match store.fault {
        Some(ForgetsWhenKeysWereCreated) => {
            response.items.iter_mut().for_each(|item| item.created = item.modified);
        }
        Some(ReadsInReverse) => response.items.reverse(),
        Some(SkipsTheStartKey) if request.start.is_some() => {
            response.items.retain(|item| Some(&item.key) != request.start.as_ref());
        }
        Some(MiscountsWhatRemains) => response.remaining = response.remaining.saturating_sub(1),
        Some(ReadsEmptyRangesAtZero) if response.items.is_empty() => response.revision = Revision::ZERO,
        Some(ReadsInTwoSteps) => {
            tokio::task::yield_now().await;
            let later = store.inner.range(request).await?;
            response.items.truncate(1);
            response.items.extend(later.items.into_iter().skip(1));
        }
        Some(CompactsThePresent) => {
            response.items.retain(|item| item.modified > store.compacted());
        }
        Some(InventsThePastOnReopening | ReadsThePresentInsteadOfThePast) => {
            response.revision = request.at.unwrap_or(response.revision);
        }
        _ => {}
    }
    Ok(response)
}

/// What the faulty store reads instead.
async fn ask(store: &Broken, mut request: RangeRequest) -> RangeRequest {
    match store.fault {
        Some(ReadsOtherPrefixes) => request.prefix = Key::default(),
        Some(IgnoresTheStartKey) => request.start = None,
        Some(IgnoresTheLimit) => request.limit = None,
        Some(ReadsThePresentInsteadOfThePast) => request.at = None,
        Some(InventsThePastOnReopening) if store.reopened => request.at = None,
        Some(ReadsTheFuture) if request.at > Some(store.current().await) => request.at = None,
        Some(ReadsStale) if request.at.is_none() => {
            request.at = Some(Revision(store.current().await.0.saturating_sub(1)));
        }
        _ => {}
    }
    request
}

/// Whether the faulty store answers below the compaction point.
fn is_let_through(store: &Broken, request: &RangeRequest) -> bool {
    store.fault == Some(MovesTheCompactionPointBack) && request.at >= Some(store.compacted())
}
