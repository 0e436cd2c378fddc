//! Admission: what may happen to a write between decoding and storing besides its kind's own rules.

mod lifecycle;
mod node_restriction;
mod objects;
mod pod;
mod priority;

pub(crate) use lifecycle::ensure_deletable;
pub use node_restriction::NodeRestriction;
pub use objects::Objects;
pub use pod::{PodDefaults, TolerationSeconds};
pub use priority::Priority;

use std::sync::Arc;

use async_trait::async_trait;
use bireme_core::client::{Identity, Part};
use bireme_core::error::ApiError;
use bireme_core::object::{Kind, ObjectKey};

use crate::resource::Draft;

/// What is being done to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// It is created.
    Create,
    /// A part of it is changed.
    Update(Part),
    /// It is deleted.
    Delete,
}

/// A write as admission sees it.
#[derive(Clone, Copy, Debug)]
pub struct AdmissionRequest<'a> {
    /// What is done.
    pub operation: Operation,
    /// To what kind of object.
    pub kind: Kind,
    /// To which object.
    pub key: &'a ObjectKey,
    /// On whose behalf.
    pub identity: &'a Identity,
    /// Whether nothing will be persisted, so that nothing else may be changed either.
    pub dry_run: bool,
    /// What else there is, to be read.
    pub objects: &'a dyn Objects,
}

/// A step of the admission chain.
///
/// All steps mutate in order, the object gets its defaults again, and then all validate. A step has no side
/// effects: the write may still fail, or be tried again.
#[async_trait]
pub trait Admission: Send + Sync + 'static {
    /// Whether this step has anything to do with such a write.
    fn handles(&self, request: &AdmissionRequest<'_>) -> bool;

    /// Changes the object on its way in.
    async fn mutate(&self, _request: &AdmissionRequest<'_>, _object: &mut Draft) -> Result<(), ApiError> {
        Ok(())
    }

    /// Refuses the write. A deletion has no object but an old one; a creation has no old one.
    async fn validate(
        &self,
        _request: &AdmissionRequest<'_>,
        _object: Option<&Draft>,
        _old: Option<&Draft>,
    ) -> Result<(), ApiError> {
        Ok(())
    }
}

/// The built-in steps.
pub fn built_in() -> Vec<Arc<dyn Admission>> {
    vec![Arc::new(PodDefaults::default()), Arc::new(Priority), Arc::new(NodeRestriction)]
}
