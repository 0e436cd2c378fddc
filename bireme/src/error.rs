//! Why a cluster did not start.

use std::net::SocketAddr;
use std::path::PathBuf;

use bireme_apiserver::pki::PkiError;
use bireme_core::error::ApiError;

/// Why a cluster, or a part of one, did not start. Nothing of it is running.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The registry could not be opened over the store.
    #[error("the cluster's state cannot be opened")]
    Registry(#[source] ApiError),
    /// The certificates could not be made or read.
    #[error("the certificates in {folder} cannot be used")]
    Certificates {
        /// Where they are kept.
        folder: PathBuf,
        /// What is wrong.
        #[source]
        source: PkiError,
    },
    /// The API's address is in use, or not this machine's.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The pods' network or the services' could not be set up.
    #[cfg(feature = "network")]
    #[error("the network cannot be set up")]
    Network(#[from] bireme_core::network::NetworkError),
    /// The Services' rules could not be set up or removed.
    #[cfg(feature = "network")]
    #[error("the services' rules cannot be changed")]
    Services(#[from] bireme_proxy::nft::NftError),
    /// Cluster DNS could not be set up.
    #[cfg(feature = "network")]
    #[error("cluster DNS cannot be set up")]
    Dns(#[from] bireme_proxy::dns::DnsError),
    /// A node of that name is running already.
    #[error("node {0:?} is running already")]
    NodeExists(String),
}
