//! Tokens from a file.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use bireme_core::client::Identity;
use bireme_core::error::ApiError;
use subtle::ConstantTimeEq;

use super::{Authenticator, Credentials};

/// Knows clients by bearer tokens that a file lists, in the form of upstream's `--token-auth-file`: lines of
/// `token,user,uid` and optionally `,"group1,group2"`. The uid is not used.
pub struct StaticTokens(Vec<(String, Identity)>);

/// Why a file of tokens cannot be used. No message holds a token.
#[derive(Debug, thiserror::Error)]
pub enum TokenFileError {
    /// It cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// It is no CSV.
    #[error("the tokens are not in CSV")]
    Csv(#[from] csv::Error),
    /// A line lacks something.
    #[error("entry {entry} of the tokens has no {lacks}")]
    Incomplete {
        /// Which one, counted from 1.
        entry: usize,
        /// What it lacks.
        lacks: &'static str,
    },
}

impl StaticTokens {
    /// The tokens of a file, as it is now.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or an entry lacks its token, user or uid.
    pub fn read(path: &Path) -> Result<Self, TokenFileError> {
        let unreadable = |source| TokenFileError::Read { path: path.to_owned(), source };
        Self::parse(&std::fs::read(path).map_err(unreadable)?)
    }

    /// The tokens of a file's content.
    ///
    /// # Errors
    ///
    /// When an entry lacks its token, user or uid.
    pub fn parse(content: &[u8]) -> Result<Self, TokenFileError> {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(content);
        let mut tokens = Vec::new();
        for (index, record) in reader.records().enumerate() {
            let record = record?;
            let column = |number: usize| record.get(number).map(str::trim);
            let needed = |number, lacks| {
                let incomplete = TokenFileError::Incomplete { entry: index + 1, lacks };
                column(number).filter(|text| !text.is_empty()).ok_or(incomplete)
            };
            let (token, user) = (needed(0, "token")?, needed(1, "user")?.to_owned());
            column(2).ok_or(TokenFileError::Incomplete { entry: index + 1, lacks: "uid" })?;
            let groups = column(3).unwrap_or_default().split(',').map(str::trim);
            let groups = groups.filter(|group| !group.is_empty()).map(str::to_owned).collect();
            tokens.push((token.to_owned(), Identity { user, groups }));
        }
        Ok(Self(tokens))
    }

    /// Compares with every token, and each in constant time, so that the time tells nothing of any.
    fn find(&self, shown: &str) -> Option<&Identity> {
        self.0.iter().fold(None, |found, (token, identity)| {
            let is_equal = bool::from(token.as_bytes().ct_eq(shown.as_bytes()));
            if is_equal { Some(identity) } else { found }
        })
    }
}

#[async_trait]
impl Authenticator for StaticTokens {
    async fn authenticate(&self, credentials: Credentials<'_>) -> Result<Option<Identity>, ApiError> {
        Ok(credentials.bearer_token().and_then(|token| self.find(token)).cloned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_lists_tokens_users_and_groups() {
        let tokens = StaticTokens::parse(b"t1,jane,1,\"dev, ops\"\r\nt2,joe,2\n\"t,3\",jim,,one\n").unwrap();
        let find = |token| tokens.find(token).map(|found| (found.user.as_str(), found.groups.join("+")));
        assert_eq!(find("t1"), Some(("jane", "dev+ops".to_owned())));
        assert_eq!(find("t2"), Some(("joe", String::new())));
        assert_eq!(find("t,3"), Some(("jim", "one".to_owned())));
        for unknown in ["", "t", "t11", "T1", "jane"] {
            assert_eq!(find(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn an_entry_that_lacks_something_is_named_without_its_token() {
        for (content, lacks) in [("secret,jane", "uid"), ("secret", "user"), (",jane,1", "token")] {
            let content = format!("t1,joe,1\n{content}\n");
            let error = StaticTokens::parse(content.as_bytes()).err().unwrap();
            assert_eq!(error.to_string(), format!("entry 2 of the tokens has no {lacks}"));
        }
        assert!(matches!(StaticTokens::read(Path::new("/none")), Err(TokenFileError::Read { .. })));
    }
}
