//! From containerd's errors to the contract's.

use std::path::Path;

use bireme_core::runtime::RuntimeError;
use tonic::{Code, Status};

/// An error of a call in which nothing special is expected.
pub(crate) fn engine(operation: &'static str, socket: &Path, status: Status) -> RuntimeError {
    let source = Box::new(status);
    if source.code() == Code::Unavailable {
        RuntimeError::Unavailable { endpoint: socket.display().to_string(), source }
    } else {
        RuntimeError::Engine { operation, source }
    }
}

/// An error of the files that belong to a container.
pub(crate) fn file(operation: &'static str, error: std::io::Error) -> RuntimeError {
    RuntimeError::Engine { operation, source: Box::new(error) }
}

/// `None` where the engine says that there is no such thing.
pub(crate) fn found<T>(result: Result<T, Status>) -> Result<Option<T>, Status> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(status) if status.code() == Code::NotFound => Ok(None),
        Err(status) => Err(status),
    }
}

/// `None` where what should be made is there already.
pub(crate) fn made<T>(result: Result<T, Status>) -> Result<Option<T>, Status> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(status) if status.code() == Code::AlreadyExists => Ok(None),
        Err(status) => Err(status),
    }
}
