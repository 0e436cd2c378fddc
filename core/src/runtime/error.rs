//! What can go wrong in a [`Runtime`](super::Runtime).

use std::error::Error;

/// Why a container engine did not do as asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RuntimeError {
    /// What the call is about does not exist (any more).
    #[error("no such {what}: {id}")]
    NotFound {
        /// A noun: "container", "sandbox", "image".
        what: &'static str,
        /// Its id or reference.
        id: String,
    },
    /// It is not in a state in which the call makes sense, such as an exec into a container that has exited.
    #[error("{operation}: {detail}")]
    State {
        /// What was being done, as a phrase.
        operation: &'static str,
        /// What state forbids it.
        detail: String,
    },
    /// The container's command could not be run.
    #[error("failed to start container: {detail}")]
    Start {
        /// What the engine says about it.
        detail: String,
    },
    /// The image cannot be brought here.
    #[error("failed to pull image {reference:?}: {detail}")]
    Pull {
        /// The image.
        reference: String,
        /// What the engine says about it.
        detail: String,
    },
    /// What should go is in use.
    #[error("{0} is in use")]
    InUse(String),
    /// The specification cannot be carried out by this engine.
    #[error("the container engine cannot do this: {0}")]
    Unsupported(String),
    /// The engine refused or failed.
    #[error("{operation}: {source}")]
    Engine {
        /// What was being done, as a phrase.
        operation: &'static str,
        /// The engine's error.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The engine cannot be reached.
    #[error("the container engine is not reachable at {endpoint}")]
    Unavailable {
        /// Where it was looked for.
        endpoint: String,
        /// What the attempt met with.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}
