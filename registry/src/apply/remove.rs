//! What an apply takes away.

use serde_json::{Map, Value, json};

use super::is_empty;
use crate::managed_fields::{FieldSet, Place, item_name};
use crate::resource::{ListType, Schema};

/// Removes from an object what its manager applied the last time and nobody, itself included, owns any more.
///
/// An object goes with all that is in it when no field in it is owned. An item of a list is owned by those who
/// put it there, not by those who changed something in it, and goes with what they changed.
pub(super) fn remove(object: &mut Value, last: &FieldSet, mut owned: FieldSet, schema: &Schema) {
    // Every object has metadata, whether anybody owns something in it or not.
    owned.extend(FieldSet::from_value(json!({"f:metadata": {"f:name": {}}})));
    if let Value::Object(object) = object {
        members(object, schema, last.root(), Some(owned.root()));
    }
}

fn within(value: &mut Value, list: ListType, inside: &Schema, last: Place<'_>, owned: Option<Place<'_>>) {
    match (list, value) {
        (ListType::Granular, Value::Object(object)) => members(object, inside, last, owned),
        (ListType::Set | ListType::Map { .. }, Value::Array(array)) => {
            items(array, list, inside, last, owned);
        }
        _ => {}
    }
}

fn members(object: &mut Map<String, Value>, schema: &Schema, last: Place<'_>, owned: Option<Place<'_>>) {
    for (name, last) in last.below() {
        let Some(field) = name.strip_prefix("f:") else { continue };
        let Some(value) = object.get_mut(field) else { continue };
        let is_gone = match owned.and_then(|owned| owned.at(name)) {
            None => true,
            Some(owned) => {
                let had_something = !is_empty(value);
                let (list, inside) = schema.member(field);
                within(value, list, inside, last, Some(owned));
                had_something && is_empty(value) && !owned.is_member()
            }
        };
        if is_gone {
            object.remove(field);
        }
    }
}

fn items(array: &mut Vec<Value>, list: ListType, inside: &Schema, last: Place<'_>, owned: Option<Place<'_>>) {
    array.retain_mut(|item| {
        let Some(name) = item_name(item, list, inside) else { return true };
        let Some(last) = last.at(&name) else { return true };
        let owned = owned.and_then(|owned| owned.at(&name));
        if last.is_member() && !owned.is_some_and(Place::is_member) {
            return false;
        }
        within(item, inside.item(), inside, last, owned);
        true
    });
}
