//! What an apply makes of an object's managers.

use std::mem;

use serde_json::Value;

use super::entries::{Entries, Entry, seconds};
use super::{Difference, FieldSet, Writer};
use crate::resource::Schema;

/// Who is said to have written an object whose managers nobody knows.
const BEFORE: &str = "before-first-apply";

/// The managers of an object that somebody applies a configuration to.
///
/// A manager's applied fields are an entry of their own, beside what it owns by other writes; applying again,
/// even in another version of the API, replaces it.
#[derive(Clone, Debug)]
pub(crate) struct Managers {
    entries: Entries,
    /// Whether they are others than the object has.
    changed: bool,
}

/// What another manager owns of what an apply would change.
#[derive(Debug)]
pub(crate) struct Claim {
    /// The manager as Kubernetes tells it: `"kubectl-edit" using apps/v1`.
    pub(crate) owner: String,
    /// The fields.
    pub(crate) fields: FieldSet,
}

impl Managers {
    /// The managers of an object as it is now.
    pub(crate) fn of(object: &Value, schema: &Schema, writer: &Writer<'_>) -> Managers {
        let mut entries = Entries::read(object.pointer("/metadata/managedFields").cloned());
        if entries.0.is_empty() {
            let before = Writer { manager: BEFORE, subresource: None, ..*writer };
            entries.apply(Difference::of_objects(None, object, schema, None), &before);
        }
        Managers { entries, changed: false }
    }

    /// What the writer applied last.
    pub(crate) fn applied_last(&self, writer: &Writer<'_>) -> Option<&FieldSet> {
        self.entries.0.iter().find(|entry| entry.applied_by(writer)).map(|entry| &entry.fields)
    }

    /// What everybody else owns.
    pub(crate) fn owned_by_others(&self, writer: &Writer<'_>) -> FieldSet {
        let mut owned = FieldSet::default();
        for entry in self.entries.0.iter().filter(|entry| !entry.applied_by(writer)) {
            owned.extend(entry.fields.clone());
        }
        owned
    }

    /// What others own of what is written.
    pub(crate) fn claims(&self, written: &FieldSet, writer: &Writer<'_>) -> Vec<Claim> {
        let others = self.entries.0.iter().filter(|entry| !entry.applied_by(writer));
        let claims = others
            .map(|entry| Claim { owner: entry.to_string(), fields: entry.fields.intersection(written) });
        claims.filter(|claim| !claim.fields.is_empty()).collect()
    }

    /// Makes what was applied the writer's, and takes what the apply changed or removed from everybody else.
    pub(crate) fn settle(&mut self, difference: &Difference, applied: FieldSet, writer: &Writer<'_>) {
        let mut own = Entry::of(writer, "Apply");
        own.time.clear();
        for entry in &mut self.entries.0 {
            if entry.applied_by(writer) {
                self.changed |= entry.fields != applied || entry.api_version != own.api_version;
                own.time = mem::take(&mut entry.time);
                entry.fields = FieldSet::default();
            } else {
                entry.fields.subtract(&difference.written);
                entry.fields.subtract(&difference.removed);
            }
        }
        self.changed |= own.time.is_empty() && !applied.is_empty();
        own.fields = applied;
        self.entries.0.push(own);
        self.entries.settle();
    }

    /// Writes the managers down in the object that the apply made of `old`, unless it changed nothing: the time
    /// of the last apply is that of the last one that did.
    pub(crate) fn write(mut self, old: Option<&Value>, new: &mut Value, writer: &Writer<'_>) {
        if !self.changed && old == Some(&*new) {
            return;
        }
        if let Some(own) = self.entries.0.iter_mut().find(|entry| entry.applied_by(writer)) {
            own.time = seconds(writer.now);
        }
        self.entries.settle();
        let Some(metadata) = new.get_mut("metadata").and_then(Value::as_object_mut) else { return };
        metadata.remove("managedFields");
        metadata.extend(self.entries.into_value().map(|entries| ("managedFields".to_owned(), entries)));
    }
}

impl Entry {
    fn applied_by(&self, writer: &Writer<'_>) -> bool {
        self.operation == "Apply"
            && self.manager == writer.manager
            && self.subresource == writer.subresource.unwrap_or_default()
    }
}

impl std::fmt::Display for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.manager)?;
        if !self.subresource.is_empty() {
            write!(f, " with subresource {:?}", self.subresource)?;
        }
        if self.operation == "Update" {
            write!(f, " using {}", self.api_version)?;
        }
        Ok(())
    }
}
