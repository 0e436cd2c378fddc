//! Where a list with a limit stopped.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bireme_core::error::ApiError;
use bireme_core::store::Revision;
use serde::{Deserialize, Serialize};

/// A continue token. Opaque to clients; upstream's form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ContinueToken {
    #[serde(rename = "v")]
    version: String,
    /// The revision that the list is read at; negative to go on from the present state.
    #[serde(rename = "rv")]
    revision: i64,
    /// The rest of the store key of the last object delivered.
    #[serde(rename = "start")]
    pub(super) last: String,
}

const VERSION: &str = "meta.k8s.io/v1";

impl ContinueToken {
    /// A token to go on at a revision, or from the present state.
    pub(super) fn new(revision: Option<Revision>, last: &str) -> Self {
        let revision = revision.and_then(|revision| i64::try_from(revision.0).ok()).unwrap_or(-1);
        Self { version: VERSION.to_owned(), revision, last: last.to_owned() }
    }

    /// The revision to go on at, unless it is the present one.
    pub(super) fn revision(&self) -> Option<Revision> {
        u64::try_from(self.revision).ok().map(Revision)
    }

    pub(super) fn encode(&self) -> String {
        // A structure of two strings and a number always has a JSON form.
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    pub(super) fn decode(text: &str) -> Result<Self, ApiError> {
        let bad =
            || ApiError::bad_request("continue key is not valid: it is not one that this server gave out");
        let json = URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).map_err(|_| bad())?;
        let token: ContinueToken = serde_json::from_slice(&json).map_err(|_| bad())?;
        let is_ours = token.version == VERSION && !token.last.is_empty() && !token.last.contains("..");
        if is_ours { Ok(token) } else { Err(bad()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_survives_the_trip_to_the_client() {
        for token in [ContinueToken::new(Some(Revision(7)), "shop/web"), ContinueToken::new(None, "node-1")] {
            assert_eq!(ContinueToken::decode(&token.encode()).unwrap(), token);
        }
        assert_eq!(ContinueToken::new(None, "a").revision(), None);
    }

    #[test]
    fn foreign_tokens_are_refused() {
        for text in ["", "!", "e30", &URL_SAFE_NO_PAD.encode(r#"{"v":"x","rv":1,"start":"a"}"#)] {
            assert!(ContinueToken::decode(text).is_err(), "{text}");
        }
    }
}
