//! Who asks for what, and what comes back.

use std::sync::Arc;

use bireme_core::client::{FieldValidation, Identity, WriteOptions};
use bireme_core::object::Object;
use bytes::Bytes;

/// On whose behalf, and how, a request is carried out.
#[derive(Clone, Debug)]
pub struct RequestContext {
    /// Who asks; the authorizer and admission go by it.
    pub identity: Identity,
    /// Who owns the fields written, for `managedFields`.
    pub manager: String,
    /// Do everything but persist.
    pub dry_run: bool,
    /// What to do about unknown and duplicate fields.
    pub validation: FieldValidation,
}

impl RequestContext {
    /// A request by this identity, which is also the field manager.
    pub fn new(identity: Identity) -> Self {
        let manager = identity.user.clone();
        Self { identity, manager, dry_run: false, validation: FieldValidation::default() }
    }

    /// The same with what a client's write options say.
    pub fn with(&self, options: &WriteOptions) -> Self {
        Self {
            identity: self.identity.clone(),
            manager: options.manager.clone().unwrap_or_else(|| self.manager.clone()),
            dry_run: options.dry_run,
            validation: options.validation,
        }
    }
}

/// An object as a writer sends it.
#[derive(Clone, Debug)]
pub enum Body<'a> {
    /// Its JSON.
    Json(Bytes),
    /// An object of this process.
    Object(&'a Object),
}

/// What a write did.
#[derive(Clone, Debug)]
pub struct Written {
    /// The object as it is now.
    pub object: Arc<Object>,
    /// Whether the write created it.
    pub created: bool,
    /// What the writer should be told: unknown fields, deprecated values.
    pub warnings: Vec<String>,
}
