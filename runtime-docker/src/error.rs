//! From the engine's errors to the contract's.

use std::path::Path;

use bireme_core::runtime::RuntimeError;
use bollard::errors::Error;

/// The HTTP status that the engine refused with.
pub(crate) fn status_of(error: &Error) -> Option<u16> {
    match error {
        Error::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}

/// Whether the engine says that there is no such thing.
pub(crate) fn is_not_found(error: &Error) -> bool {
    status_of(error) == Some(404)
}

/// The engine's own words.
pub(crate) fn message_of(error: &Error) -> String {
    match error {
        Error::DockerResponseServerError { message, .. } => message.clone(),
        Error::DockerStreamError { error } => error.clone(),
        other => other.to_string(),
    }
}

/// An error of a call in which nothing special is expected.
pub(crate) fn engine(operation: &'static str, socket: &Path, source: Error) -> RuntimeError {
    let source = Box::new(source);
    match *source {
        Error::DockerResponseServerError { .. } | Error::DockerStreamError { .. } => {
            RuntimeError::Engine { operation, source }
        }
        Error::JsonDataError { .. } | Error::JsonSerdeError { .. } => {
            RuntimeError::Engine { operation, source }
        }
        _ => RuntimeError::Unavailable { endpoint: socket.display().to_string(), source },
    }
}

/// Turns "there is no such thing" and "it is in that state already" into success.
pub(crate) fn already_so(result: Result<(), Error>) -> Result<(), Error> {
    match result {
        // 304: it runs, or has stopped, already.
        Err(error) if matches!(status_of(&error), Some(304 | 404)) => Ok(()),
        other => other,
    }
}
