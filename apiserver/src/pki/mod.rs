//! The cluster's certificates: an authority of its own, the server's certificate, and those that say who a client is.
//!
//! A client certificate's common name is the user, its organizations are the groups: `kubernetes-admin` in
//! `system:masters`, `system:node:<name>` in `system:nodes`. A node's is for its name as a server too. All keys are ECDSA P-256, which takes about a
//! millisecond to make, so that a cluster need not exist before it is started.

mod authority;
mod files;
mod folder;
mod inspect;
mod kubeconfig;
mod node;
mod tls;

pub use authority::{Authority, Credential};
pub use files::write_private;
pub use folder::Pki;
pub use inspect::identity_of;
pub use kubeconfig::kubeconfig;
pub use node::NodeCredential;

use std::path::PathBuf;

/// Why certificates cannot be made, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PkiError {
    /// A certificate or key cannot be made.
    #[error("cannot make {what}: {source}")]
    Generate {
        /// A noun with its article, such as "the server's certificate".
        what: &'static str,
        /// What the library says about it.
        #[source]
        source: rcgen::Error,
    },
    /// A file cannot be read or written.
    #[error("cannot {operation} {}: {source}", path.display())]
    File {
        /// "read" or "write".
        operation: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system says about it.
        #[source]
        source: std::io::Error,
    },
    /// A file does not hold what it should.
    #[error("{} is not {wanted}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What it should be, with its article.
        wanted: &'static str,
    },
    /// A node has a name that no node can have.
    #[error("{0:?} is not the name of a node")]
    NodeName(String),
    /// A node would have a name of the API server.
    #[error("a node cannot be called {0:?}: that is a name of the API server")]
    ServerName(String),
    /// A kubeconfig does not have what a node joins with.
    #[error("the kubeconfig's current context does not have {0} in it")]
    Kubeconfig(&'static str),
    /// A kubeconfig is not one.
    #[error("the kubeconfig cannot be read: {0}")]
    NoKubeconfig(#[from] serde_norway::Error),
    /// A certificate is not one.
    #[error("a certificate cannot be decoded")]
    Certificate,
    /// TLS cannot be set up with the certificates.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// Client certificates cannot be checked.
    #[error("client certificates cannot be checked: {0}")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
}
