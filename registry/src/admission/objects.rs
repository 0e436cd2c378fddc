//! What admission may read.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bireme_core::client::ListOptions;
use bireme_core::error::ApiError;
use bireme_core::object::{Kind, Object, ObjectKey};
use bireme_core::store::Revision;

use crate::registry::Registry;

/// The cluster's objects, as a step of admission may read them. A registry gives its own; a test gives what it likes.
#[async_trait]
pub trait Objects: Send + Sync {
    /// The object as it is now; nothing where there is none, or where its kind is not served.
    async fn get(&self, kind: Kind, key: &ObjectKey) -> Result<Option<Arc<Object>>, ApiError>;

    /// All objects of a kind as far as the watch cache has heard of them; nothing where it is not served.
    async fn list(&self, kind: Kind) -> Result<Vec<Arc<Object>>, ApiError>;
}

impl fmt::Debug for dyn Objects + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the cluster's objects")
    }
}

#[async_trait]
impl Objects for Registry {
    async fn get(&self, kind: Kind, key: &ObjectKey) -> Result<Option<Arc<Object>>, ApiError> {
        let Ok(entry) = self.table.entry(kind) else { return Ok(None) };
        match self.read(entry, key).await {
            Ok(object) => Ok(Some(object)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn list(&self, kind: Kind) -> Result<Vec<Arc<Object>>, ApiError> {
        let Ok(entry) = self.table.entry(kind) else { return Ok(Vec::new()) };
        let any_state = ListOptions { revision: Some(Revision::ZERO), ..ListOptions::default() };
        Ok(self.select(entry, &any_state).await?.items)
    }
}
