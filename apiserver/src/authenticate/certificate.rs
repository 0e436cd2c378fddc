//! Clients that have shown a certificate.

use async_trait::async_trait;
use bireme_core::client::Identity;
use bireme_core::error::ApiError;

use super::{Authenticator, Credentials};

/// Knows clients by a certificate of the cluster's authority: its common name is the user, its organizations are
/// the groups. The certificate itself has been verified by the TLS handshake.
#[derive(Clone, Copy, Debug, Default)]
pub struct ClientCertificates;

#[async_trait]
impl Authenticator for ClientCertificates {
    async fn authenticate(&self, credentials: Credentials<'_>) -> Result<Option<Identity>, ApiError> {
        Ok(credentials.certificate.cloned())
    }
}
