//! Faults in reading.

use std::sync::Arc;

use bireme_core::client::{Client as _, ListOptions, ObjectList};
use bireme_core::error::ApiError;
use bireme_core::object::{Kind, Object, ObjectKey};
use bireme_core::selector::{FieldSelector, LabelSelector};
use bireme_core::store::Revision;

use super::Broken;
use super::faults::Fault::*;

pub async fn get(client: &Broken, kind: Kind, key: &ObjectKey) -> Result<Arc<Object>, ApiError> {
    let fresh = client.inner.get(kind, key).await?;
    let before = client.read.lock().unwrap().insert(key.clone(), fresh.clone());
    Ok(before.filter(|_| client.has(ReadsStale)).unwrap_or(fresh))
}

pub async fn list(client: &Broken, kind: Kind, options: &ListOptions) -> Result<ObjectList, ApiError> {
    let mut wanted = options.clone();
    match client.fault {
        Some(ListsAllNamespaces | ListsNamespacesByTheirBeginning) => wanted.namespace = None,
        Some(ListsWithoutLabels) => wanted.labels = LabelSelector::everything(),
        Some(ListsWithoutFields) => wanted.fields = FieldSelector::default(),
        Some(ListsThePresentInsteadOfThePast) => {
            wanted.revision = None;
            wanted.version_match = None;
        }
        Some(ForgetsTheLimit) => wanted.limit = None,
        _ => {}
    }
    if client.has(PagesThroughThePresent) && options.limit.is_some() {
        return page(client, kind, options).await;
    }
    let mut list = client.inner.list(kind, &wanted).await?;
    match client.fault {
        Some(ListsInReverse) => list.items.reverse(),
        Some(ListsAtNoRevision) => list.revision = Revision::ZERO,
        Some(MiscountsWhatRemains) => list.remaining = list.remaining.map(|remaining| remaining + 1),
        Some(ListsNamespacesByTheirBeginning) => {
            let beginning = options.namespace.as_deref().unwrap_or_default();
            list.items.retain(|item| item.namespace().is_some_and(|name| name.starts_with(beginning)));
        }
        _ => {}
    }
    Ok(list)
}

/// A page whose token is the last name of the one before.
async fn page(client: &Broken, kind: Kind, options: &ListOptions) -> Result<ObjectList, ApiError> {
    let all = ListOptions { limit: None, continue_token: None, ..options.clone() };
    let mut list = client.inner.list(kind, &all).await?;
    let after = options.continue_token.as_deref().unwrap_or_default();
    list.items.retain(|item| item.name() > after);
    let left_out = list.items.split_off(options.limit.unwrap_or_default().min(list.items.len()));
    if let (Some(last), false) = (list.items.last(), left_out.is_empty()) {
        list.continue_token = Some(last.name().to_owned());
        list.remaining = Some(left_out.len() as u64);
    }
    Ok(list)
}
