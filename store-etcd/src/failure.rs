//! What can go wrong with a request to etcd, and what that says about a commit.

use std::error::Error;

use bireme_core::environment::Elapsed;
use bireme_core::store::StoreError;
use tonic::{Code, ConnectError};

/// Why a request came to nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// etcd refused it, or could not be reached.
    #[error(transparent)]
    Etcd(#[from] etcd_client::Error),
    /// The answer did not come in time.
    #[error("etcd does not answer: {0}")]
    Elapsed(#[from] Elapsed),
    /// The answer is not one to the question.
    #[error("etcd answers without {0}")]
    Incomplete(&'static str),
    /// etcd ended the watch.
    #[error("etcd cancels: {0}")]
    Canceled(String),
}

impl Failure {
    /// The status that etcd, or the transport in its place, answered with.
    pub(crate) fn code(&self) -> Option<Code> {
        match self {
            Failure::Etcd(etcd_client::Error::GRpcStatus(status)) => Some(status.code()),
            _ => None,
        }
    }

    /// Whether the request was never sent, since there was no connection.
    pub(crate) fn is_unsent(&self) -> bool {
        let Failure::Etcd(etcd_client::Error::GRpcStatus(status)) = self else {
            return false;
        };
        let mut cause: Option<&(dyn Error + 'static)> = status.source();
        while let Some(error) = cause {
            if error.is::<ConnectError>() {
                return true;
            }
            cause = error.source();
        }
        false
    }

    /// Whether etcd refused the request for what it is: another member would not take it either, and nothing has
    /// happened. Not among these is [`Code::ResourceExhausted`]: a commit that fills the quota up is answered so
    /// after it has been applied.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(
            self.code(),
            Some(
                Code::InvalidArgument
                    | Code::NotFound
                    | Code::OutOfRange
                    | Code::PermissionDenied
                    | Code::Unauthenticated
                    | Code::FailedPrecondition
                    | Code::Unimplemented
            )
        )
    }

    /// The failure of something that changes nothing; `operation` is a phrase: "reading".
    pub(crate) fn of(self, operation: &'static str) -> StoreError {
        StoreError::Unavailable { operation, unknown: false, source: self.into() }
    }

    /// The failure of a commit.
    pub(crate) fn of_commit(self) -> StoreError {
        let unknown = !(self.is_unsent() || self.is_refusal());
        StoreError::Unavailable { operation: "committing", unknown, source: self.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tonic::Status;

    fn answer(status: Status) -> Failure {
        Failure::Etcd(etcd_client::Error::GRpcStatus(status))
    }

    fn unreachable() -> Failure {
        let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        answer(Status::from_error(ConnectError(refused.into()).into()))
    }

    #[test]
    fn a_commit_is_unknown_unless_it_was_refused_or_never_sent() {
        for known in [
            unreachable(),
            answer(Status::invalid_argument("")),
            answer(Status::not_found("")),
            answer(Status::permission_denied("")),
        ] {
            assert!(!known.of_commit().is_unknown());
        }
        for unknown in [
            answer(Status::unavailable("etcdserver: leader changed")),
            answer(Status::resource_exhausted("etcdserver: mvcc: database space exceeded")),
            answer(Status::unknown("connection reset")),
            answer(Status::deadline_exceeded("")),
            Failure::Elapsed(Elapsed(Duration::from_secs(1))),
            Failure::Incomplete("a header"),
        ] {
            assert!(unknown.of_commit().is_unknown());
        }
    }

    #[test]
    fn a_read_is_never_unknown() {
        assert!(!answer(Status::unavailable("")).of("reading").is_unknown());
    }
}
