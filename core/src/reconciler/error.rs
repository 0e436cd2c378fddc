//! Why a reconciler could not decide, or its plan was not carried out.

use crate::error::ApiError;
use crate::object::{DecodeError, Kind};
use crate::selector::SelectorError;

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReconcileError {
    /// A cached object does not fit its type.
    #[error("an object cannot be read")]
    Decode(#[from] DecodeError),
    /// An object's selector cannot be used.
    #[error("a selector cannot be used")]
    Selector(#[from] SelectorError),
    /// The reconciler looked at a kind that it does not watch: a bug in it.
    #[error("{0} is not among the kinds that the reconciler watches")]
    Unwatched(Kind),
    /// The reconciler panicked: a bug in it.
    #[error("the reconciler panicked")]
    Panicked,
    /// The reconciler asked for live reads again and again: a bug in it.
    #[error("the reconciler wants more live reads after {0} rounds of them")]
    Unsatisfied(usize),
    /// A live read failed.
    #[error("a live read failed")]
    Live(#[source] ApiError),
    /// A reason of the reconciler's own.
    #[error(transparent)]
    Other(Box<dyn std::error::Error + Send + Sync>),
}
