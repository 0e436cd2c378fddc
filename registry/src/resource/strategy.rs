//! The typed description of a kind.

use std::time::Duration;

use bireme_core::client::Part;
use bireme_core::error::Cause;
use bireme_core::object::{Kind, Resource};
use schemars::JsonSchema;
use serde_json::Value;

use super::{Column, NameRule, Schema, SelectableField, Subresource};

/// What the API has to know about a kind; see the [module](super) for how it is used.
pub trait Strategy: Resource + JsonSchema {
    /// The name of one object in commands: `pod`.
    const SINGULAR: &'static str;
    /// Short names for commands: `po`.
    const SHORT_NAMES: &'static [&'static str] = &[];
    /// The groups of kinds that this one is part of: `all`.
    const CATEGORIES: &'static [&'static str] = &[];
    /// The subresources, in the order of their names.
    const SUBRESOURCES: &'static [Subresource] = &[];
    /// What an object may be called.
    const NAME_RULE: NameRule = NameRule::Subdomain;
    /// The folder under `/registry/` that the objects are stored in, where it is not the plural: `minions`.
    const STORAGE_FOLDER: Option<&'static str> = None;
    /// The form that objects are stored in, where it is that of another version of the kind.
    const STORED_AS: Option<Conversion> = None;
    /// The fields that a field selector may name besides `metadata.name` and `metadata.namespace`.
    const SELECTABLE: &'static [SelectableField] = &[];
    /// How lists and maps merge, from the object's root. `metadata` is understood without being named.
    const SCHEMA: &'static Schema = &Schema::EMPTY;
    /// The columns of a table of such objects.
    const COLUMNS: &'static [Column<Self>] = &[Column::NAME, Column::AGE];
    /// Whether `metadata.generation` counts the changes of the desired state ([`same_spec`](Self::same_spec)).
    const HAS_GENERATION: bool = false;

    /// What follows from nothing in the cluster acting on such objects yet; unset where something does. Authors are
    /// warned of it. Mostly [`STORED_ONLY`].
    const UNATTENDED: Option<&'static str> = None;
    /// Whether its objects get time to end when they are deleted.
    const GRACEFUL: bool = false;

    /// How long an object lives that nobody writes again.
    const TIME_TO_LIVE: Option<Duration> = None;

    /// Fills in what the author of the object left out. Runs on every write and must be idempotent.
    fn default(&mut self) {}

    /// Removes from a new object what its author has no say in. A kind with a status sets the initial one here.
    fn prepare_create(&mut self) {}

    /// Restores in an object to be written what this part of a write may not change.
    ///
    /// Unless overridden: a write of the main part keeps the status, and one of the status keeps all else;
    /// [`Part::Finalize`] keeps everything. The metadata is not this function's business.
    fn prepare_update(&mut self, old: &Self, part: Part) {
        match part {
            Part::Main => self.copy_status(old),
            Part::Status => {
                let mut merged = old.clone();
                merged.copy_status(self);
                *merged.metadata_mut() = self.metadata().clone();
                *self = merged;
            }
            Part::Finalize => {
                let metadata = std::mem::take(self.metadata_mut());
                *self = old.clone();
                *self.metadata_mut() = metadata;
            }
        }
    }

    /// Takes over the status from another object. Every kind with a status implements this.
    fn copy_status(&mut self, _from: &Self) {}

    /// Whether the desired state is that of `old`; asked if [`HAS_GENERATION`](Self::HAS_GENERATION).
    fn same_spec(&self, _old: &Self) -> bool {
        true
    }

    /// Adds what is wrong with a new or changed object.
    fn validate(&self, _causes: &mut Vec<Cause>) {}

    /// Adds what is wrong with the change from `old`: immutable fields. [`validate`](Self::validate) runs too.
    fn validate_update(&self, _old: &Self, _part: Part, _causes: &mut Vec<Cause>) {}

    /// The seconds that an object about to be deleted gets to end by itself, where the request asks for
    /// `requested`; zero removes it at once, as is right for all kinds but pods.
    fn grace_period_seconds(&self, _requested: Option<i64>) -> i64 {
        0
    }

    /// Notes in an object that it is being deleted: a namespace's phase. Runs when the object is marked.
    fn prepare_delete(&mut self) {}

    /// Whether something besides `metadata.finalizers` keeps an object that is being deleted: the
    /// `spec.finalizers` of a namespace.
    fn is_held(&self) -> bool {
        false
    }

    /// What the author of a write should be warned of.
    fn warnings(&self, _old: Option<&Self>) -> Vec<String> {
        Vec::new()
    }
}

/// What follows for most kinds that nothing acts on yet; see [`Strategy::UNATTENDED`].
pub const STORED_ONLY: Option<&str> = Some("the object is stored, and nothing will act on it");

/// How the objects of one version of a kind relate to the version that is stored.
///
/// The functions get and return whole objects as JSON, with the `apiVersion` of either side.
#[derive(Clone, Copy, Debug)]
pub struct Conversion {
    /// The kind in the stored version.
    pub kind: Kind,
    /// From this version to the stored one.
    pub to_stored: fn(Value) -> Value,
    /// From the stored version to this one.
    pub from_stored: fn(Value) -> Value,
}
