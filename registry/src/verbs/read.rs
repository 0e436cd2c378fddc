//! get.

use std::sync::Arc;

use bireme_core::error::ApiError;
use bireme_core::object::{Kind, Object, ObjectKey};

use crate::registry::Registry;
use crate::request::RequestContext;

impl Registry {
    /// One object, as of now.
    ///
    /// # Errors
    ///
    /// `NotFound`, `Forbidden`, or what the store says.
    pub async fn get(
        &self,
        context: &RequestContext,
        kind: Kind,
        key: &ObjectKey,
    ) -> Result<Arc<Object>, ApiError> {
        let entry = self.table.entry(kind)?;
        self.authorize_object(context, "get", kind, key, None)?;
        self.read(entry, key).await
    }
}
