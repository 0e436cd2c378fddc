//! What can go wrong when a store is opened.

use bireme_core::store::StoreError;

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No endpoint is named.
    #[error("no endpoint of etcd is named")]
    NoEndpoint,
    /// An endpoint is not a URL.
    #[error("the endpoint {endpoint}")]
    Endpoint {
        /// The endpoint as it was given.
        endpoint: String,
        /// What is wrong with it.
        #[source]
        source: tonic::transport::Error,
    },
    /// An endpoint and the TLS options contradict each other.
    #[error("the endpoint {endpoint} needs {needs}")]
    Scheme {
        /// The endpoint as it was given.
        endpoint: String,
        /// What it needs, as a noun with its article.
        needs: &'static str,
    },
    /// A certificate or key is not usable.
    #[error("the certificates or the key for {endpoint}")]
    Tls {
        /// The endpoint as it was given.
        endpoint: String,
        /// What is wrong with them.
        #[source]
        source: tonic::transport::Error,
    },
    /// etcd was not reached, or did not let the user in.
    #[error("opening the store in etcd")]
    Unreachable(#[source] StoreError),
}
