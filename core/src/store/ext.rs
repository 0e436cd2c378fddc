//! Conveniences that every [`Store`] has.

use async_trait::async_trait;

use super::{Key, KeyValue, RangeRequest, Revision, Store, StoreError};

/// What can be done with any [`Store`], derived from its required methods.
#[async_trait]
pub trait StoreExt: Store {
    /// The key as it is now, and the revision that the read saw.
    async fn get(&self, key: &Key) -> Result<(Option<KeyValue>, Revision), StoreError> {
        self.get_at(key, None).await
    }

    /// The key as of a revision (or now), and the revision that the read saw.
    async fn get_at(
        &self,
        key: &Key,
        at: Option<Revision>,
    ) -> Result<(Option<KeyValue>, Revision), StoreError> {
        // A key sorts before every longer one that it is a prefix of, so one item decides.
        let request = RangeRequest { prefix: key.clone(), start: None, limit: Some(1), at };
        let response = self.range(request).await?;
        let found = response.items.into_iter().next().filter(|item| item.key == *key);
        Ok((found, response.revision))
    }

    /// The store's present revision.
    async fn revision(&self) -> Result<Revision, StoreError> {
        // No key begins with this; the response's revision is all that matters.
        let nowhere = Key::from_static("\u{10ffff}");
        let request = RangeRequest { prefix: nowhere, limit: Some(1), ..RangeRequest::default() };
        Ok(self.range(request).await?.revision)
    }
}

impl<S: Store + ?Sized> StoreExt for S {}
