//! Who wrote which fields of an object: `metadata.managedFields`, from the first write on.
//!
//! A [`FieldSet`] is kept in the form that Kubernetes sends it in (`fieldsV1`), so that ownership is never
//! decoded: what a write changed is a small set, and only the nodes on its paths are touched. [`record`] is for
//! plain writes; server-side apply (`crate::apply`) decides by itself who owns what, on the same sets.

mod applied;
mod compare;
mod created;
mod entries;
mod given;
mod set;

pub(crate) use applied::{Claim, Managers};
pub use compare::Difference;
pub(crate) use compare::{UNOWNED, item_name};
pub(crate) use created::created;
pub(crate) use given::{attach, given_instead};
pub use set::FieldSet;
pub(crate) use set::{Node, Place};

use jiff::Timestamp;
use serde_json::Value;

use crate::resource::Schema;
use entries::Entries;

/// On whose behalf an object is written, and how.
#[derive(Clone, Copy, Debug)]
pub struct Writer<'a> {
    /// The field manager: what the client calls itself.
    pub manager: &'a str,
    /// The version of the API that the object is written in, such as `apps/v1`.
    pub api_version: &'a str,
    /// The subresource written to, if any: `status`.
    pub subresource: Option<&'a str>,
    /// The time.
    pub now: Timestamp,
}

/// Writes down in `new` that `writer` made it of `old` (none, when it creates it).
///
/// The managers known so far are taken from `new` if it has any, else from `old`. What the write set or changed
/// belongs to the writer from now on and to nobody else; what it removed, to nobody; a manager that owns nothing
/// is forgotten. A write that changes nothing changes nothing here either, not even a time.
pub fn record(old: Option<&Value>, new: &mut Value, writer: &Writer<'_>, schema: &Schema) {
    let difference = Difference::of_objects(old, new, schema, writer.subresource);
    let known = |object: &Value| object.pointer("/metadata/managedFields").cloned();
    let Some(metadata) = new.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    let taken = metadata.remove("managedFields").or_else(|| old.and_then(known));
    let mut entries = Entries::read(taken);
    if !difference.is_empty() {
        entries.apply(difference, writer);
    }
    if let Some(value) = entries.into_value() {
        metadata.insert("managedFields".to_owned(), value);
    }
}

#[cfg(test)]
mod tests;
