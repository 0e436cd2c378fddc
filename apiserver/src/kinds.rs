//! The kinds by the names that they have in paths.

use std::collections::HashMap;
use std::sync::Arc;

use bireme_core::error::{ApiError, Reason};
use bireme_registry::resource::{DynStrategy, Subresource};

use crate::route::ResourcePath;

/// Descriptions of kinds, found by group, version and plural.
pub(crate) struct KindIndex {
    all: Vec<Arc<dyn DynStrategy>>,
    by_path: HashMap<(&'static str, &'static str, &'static str), usize>,
}

impl KindIndex {
    pub(crate) fn new(all: Vec<Arc<dyn DynStrategy>>) -> Self {
        let path = |strategy: &Arc<dyn DynStrategy>| {
            let kind = strategy.kind();
            (kind.group(), kind.version(), kind.plural())
        };
        let by_path = all.iter().enumerate().map(|(index, strategy)| (path(strategy), index)).collect();
        Self { all, by_path }
    }

    /// All of them, in the order of discovery.
    pub(crate) fn all(&self) -> &[Arc<dyn DynStrategy>] {
        &self.all
    }

    /// The kind that a path is about.
    pub(crate) fn find(&self, path: &ResourcePath) -> Result<&Arc<dyn DynStrategy>, ApiError> {
        let key = (path.version.group.as_str(), path.version.version.as_str(), path.resource.as_str());
        let strategy = self.by_path.get(&key).map(|index| &self.all[*index]).ok_or_else(no_such_path)?;
        let namespaced = strategy.kind().is_namespaced();
        // One object of a namespaced kind, or a new one, needs a namespace; others have none.
        if path.namespace.is_some() != namespaced && (path.name.is_some() || !namespaced) {
            return Err(no_such_path());
        }
        Ok(strategy)
    }
}

/// The subresource of that name, if the kind has it.
pub(crate) fn subresource<'a>(strategy: &'a Arc<dyn DynStrategy>, name: &str) -> Option<&'a Subresource> {
    strategy.subresources().iter().find(|subresource| subresource.name() == name)
}

/// The answer to a path at which there is nothing.
pub(crate) fn no_such_path() -> ApiError {
    ApiError::new(Reason::NotFound, "the server could not find the requested resource")
}
