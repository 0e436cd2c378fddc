//! Server-side apply: a merge of what a manager wants into what is there, by who owns which fields.
//!
//! All of it is functions of JSON values, guided by a kind's [`Schema`] and the sets of fields in
//! `metadata.managedFields`; nothing knows a kind. An apply
//!
//! 1. removes what its manager applied the last time, does not any more, and nobody else owns ([`remove`]);
//! 2. merges the configuration into what is left ([`merge`]);
//! 3. compares the result with the object. What of the changes another manager owns is a conflict
//!    ([`conflict`]), or is taken away from that manager where the apply is forced;
//! 4. makes all that the configuration says its manager's, whether it changed or not ([`owned`]): who applies
//!    what is there already shares it.

mod configuration;
mod conflict;
mod kubectl;
mod merge;
mod owned;
mod path;
mod remove;

pub(crate) use configuration::{Configuration, unfit};

use serde_json::{Map, Value};

use crate::managed_fields::{Difference, FieldSet, Managers, Writer};
use crate::resource::Schema;
use conflict::Conflicts;
use owned::Fault;

/// What comes of an apply.
#[derive(Debug)]
pub(crate) struct Applied {
    /// The object, without its managers.
    pub(crate) object: Value,
    /// Its managers.
    pub(crate) managers: Managers,
}

/// Why a configuration cannot be applied.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApplyError {
    /// Its lists cannot be merged.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// Others own what it would change.
    #[error(transparent)]
    Conflicts(#[from] Conflicts),
}

/// Applies a configuration to an object; to none, where it is to be created.
pub(crate) fn apply(
    live: Option<&Value>,
    configuration: &Value,
    schema: &Schema,
    writer: &Writer<'_>,
    force: bool,
) -> Result<Applied, ApplyError> {
    let nothing = Value::Object(Map::new());
    let live = live.unwrap_or(&nothing);
    let applied = owned::fields(configuration, schema)?;
    let mut managers = Managers::of(live, schema, writer);
    let mut object = live.clone();
    if let Some(last) = managers.applied_last(writer) {
        let mut owned = managers.owned_by_others(writer);
        owned.extend(applied.clone());
        remove::remove(&mut object, last, owned, schema);
    }
    let mut object = merge::merged(object, configuration, schema);
    let difference = Difference::of_objects(Some(live), &object, schema, writer.subresource);
    if !force {
        check(live, schema, &managers, &difference.written, writer)?;
    }
    managers.settle(&difference, applied, writer);
    if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
        metadata.remove("managedFields");
        kubectl::note(metadata, configuration, writer);
    }
    Ok(Applied { object, managers })
}

/// Refuses what would change the fields of others.
fn check(
    live: &Value,
    schema: &Schema,
    managers: &Managers,
    written: &FieldSet,
    writer: &Writer<'_>,
) -> Result<(), Conflicts> {
    let claims = managers.claims(written, writer);
    if claims.is_empty() {
        return Ok(());
    }
    let conflicts = Conflicts::of(claims, &kubectl::applied_by_client(live, schema, writer));
    if conflicts.is_empty() { Ok(()) } else { Err(conflicts) }
}

/// Whether a value is an object or list with nothing in it.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object(members) => members.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
