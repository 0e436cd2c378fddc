//! Patches: changes of an object given as JSON.
//!
//! All three forms work on JSON values and know nothing of a kind but its [`Schema`](crate::resource::Schema).
//! A patch comes from outside: its size is bounded by the request's, and here its number of operations and
//! the depth and size of what it can make.

mod arrange;
mod json;
mod merge;
mod strategic;

pub use json::json;
pub use merge::merge;
pub use strategic::{StrategicError, strategic};

use bireme_core::error::{ApiError, Reason};
use serde_json::{Map, Value};

/// Reads a patch that must be an object.
fn object(patch: &[u8]) -> Result<Map<String, Value>, ApiError> {
    let bad = |error: serde_json::Error| ApiError::bad_request(format!("error decoding patch: {error}"));
    serde_json::from_slice(patch).map_err(bad)
}

/// The patch is well-formed, but does not fit the object that it is for.
fn rejected(why: impl std::fmt::Display) -> ApiError {
    let message = format!("the server rejected our request due to an error in our request: {why}");
    ApiError::new(Reason::Invalid, message)
}
