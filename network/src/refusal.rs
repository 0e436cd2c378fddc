//! Saying what was attempted when something below refuses.

use std::error::Error;
use std::fmt::Display;

use bireme_core::network::NetworkError;

/// Adds to an error what was attempted and on what.
pub(crate) trait Refusal<T> {
    /// `operation` completes "cannot …", `subject` is what it was attempted on.
    fn refused(self, operation: &'static str, subject: impl Display) -> Result<T, NetworkError>;
}

impl<T, E: Error + Send + Sync + 'static> Refusal<T> for Result<T, E> {
    fn refused(self, operation: &'static str, subject: impl Display) -> Result<T, NetworkError> {
        self.map_err(|source| NetworkError::Refused {
            operation,
            subject: subject.to_string(),
            source: Box::new(source),
        })
    }
}
