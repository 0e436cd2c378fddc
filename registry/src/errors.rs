//! What a failure of the store means to a client of the API.

use bireme_core::error::{ApiError, Reason};
use bireme_core::store::StoreError;

/// The one place where a store's error becomes an API error.
///
/// A conflict is not among them: what it means depends on the verb, and the verbs handle it.
pub(crate) fn store_error(error: StoreError) -> ApiError {
    let (reason, message) = match &error {
        StoreError::Conflict(_) => (Reason::Conflict, error.to_string()),
        StoreError::Compacted { .. } => (
            Reason::Expired,
            "The provided continue parameter or resource version is too old; the history that it needs has been \
             compacted"
                .to_owned(),
        ),
        StoreError::FutureRevision { requested, current } => {
            (Reason::Timeout, format!("Too large resource version: {requested}, current: {current}"))
        }
        StoreError::TooLarge { .. } => (Reason::RequestEntityTooLarge, error.to_string()),
        StoreError::Unavailable { unknown: true, .. } => (Reason::Timeout, error.to_string()),
        StoreError::Unavailable { unknown: false, .. } | StoreError::Closed => {
            (Reason::ServiceUnavailable, error.to_string())
        }
        _ => (Reason::InternalError, error.to_string()),
    };
    ApiError::new(reason, message).caused_by(error)
}
