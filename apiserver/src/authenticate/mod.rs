//! Who sends a request.

mod bootstrap;
mod certificate;
mod tokens;

use std::sync::Arc;

use async_trait::async_trait;
use bireme_core::client::Identity;
use bireme_core::error::{ApiError, Reason};
use http::HeaderMap;
use http::header::AUTHORIZATION;

pub use bootstrap::BootstrapTokens;
pub use certificate::ClientCertificates;
pub use tokens::{StaticTokens, TokenFileError};

/// The group of everybody who is known.
const AUTHENTICATED: &str = "system:authenticated";

/// What a client shows of itself with a request.
#[derive(Clone, Copy, Debug)]
pub struct Credentials<'a> {
    /// Whom the client's certificate names, if it has shown one of the cluster's authority.
    pub certificate: Option<&'a Identity>,
    /// The request's headers.
    pub headers: &'a HeaderMap,
}

impl<'a> Credentials<'a> {
    /// The token of an `Authorization: Bearer` header.
    pub fn bearer_token(&self) -> Option<&'a str> {
        let (scheme, token) = self.headers.get(AUTHORIZATION)?.to_str().ok()?.trim().split_once(' ')?;
        let token = token.trim();
        (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
    }
}

/// Says who sends a request.
#[async_trait]
pub trait Authenticator: Send + Sync + 'static {
    /// The sender; none when nothing that it shows is known here. Asked for each request, so it must be quick.
    ///
    /// # Errors
    ///
    /// When it cannot be found out, which is answered to the client in place of a 401.
    async fn authenticate(&self, credentials: Credentials<'_>) -> Result<Option<Identity>, ApiError>;
}

/// The first answer of these authenticators.
///
/// # Errors
///
/// 401 when none of them knows the sender.
pub(crate) async fn identify(
    authenticators: &[Arc<dyn Authenticator>],
    credentials: Credentials<'_>,
) -> Result<Identity, ApiError> {
    for authenticator in authenticators {
        if let Some(mut identity) = authenticator.authenticate(credentials).await? {
            if !identity.groups.iter().any(|group| group == AUTHENTICATED) {
                identity.groups.push(AUTHENTICATED.to_owned());
            }
            return Ok(identity);
        }
    }
    Err(ApiError::new(Reason::Unauthorized, "Unauthorized"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bearer_token_is_found_in_its_header_alone() {
        let token = |value: &'static str| {
            let headers = HeaderMap::from_iter([(AUTHORIZATION, http::HeaderValue::from_static(value))]);
            let credentials = Credentials { certificate: None, headers: &headers };
            credentials.bearer_token().map(str::to_owned)
        };
        assert_eq!(token("Bearer secret").as_deref(), Some("secret"));
        assert_eq!(token("bearer  secret ").as_deref(), Some("secret"));
        for none in ["Bearer", "Bearer ", "Basic c2VjcmV0", "secret", ""] {
            assert_eq!(token(none), None, "{none}");
        }
    }
}
