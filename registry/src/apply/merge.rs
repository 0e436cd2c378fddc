//! What is there, with what is applied merged into it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::is_empty;
use crate::managed_fields::item_name;
use crate::resource::{ListType, Schema};

/// The object with the configuration merged into it.
pub(super) fn merged(object: Value, configuration: &Value, schema: &Schema) -> Value {
    value(object, configuration, ListType::Granular, schema)
}

fn value(live: Value, applied: &Value, list: ListType, inside: &Schema) -> Value {
    match (list, live, applied) {
        (ListType::Granular, Value::Object(live), Value::Object(applied)) => members(live, applied, inside),
        (ListType::Granular, live @ Value::Object(_), Value::Null) if !is_empty(&live) => live,
        (ListType::Set | ListType::Map { .. }, Value::Array(live), Value::Array(applied)) => {
            items(live, applied, list, inside)
        }
        (ListType::Set | ListType::Map { .. }, live @ Value::Array(_), Value::Null) if !is_empty(&live) => {
            live
        }
        (_, live, applied) if is_same_quantity(&live, applied) => live,
        (_, _, applied) => applied.clone(),
    }
}

/// Whether a number is applied that is there already: quantities may be written as numbers, and are kept as text.
fn is_same_quantity(live: &Value, applied: &Value) -> bool {
    matches!((live, applied), (Value::String(live), Value::Number(applied)) if *live == applied.to_string())
}

fn members(mut live: Map<String, Value>, applied: &Map<String, Value>, schema: &Schema) -> Value {
    for (name, applied) in applied {
        let (list, inside) = schema.member(name);
        match live.get_mut(name) {
            Some(member) => *member = value(member.take(), applied, list, inside),
            None => {
                live.insert(name.clone(), applied.clone());
            }
        }
    }
    Value::Object(live)
}

/// Merges two lists item by item. What is applied stands in the order that it is applied in, all else where it
/// stood: before the applied item that it was in front of.
fn items(live: Vec<Value>, applied: &[Value], list: ListType, inside: &Schema) -> Value {
    let name = |item: &Value| item_name(item, list, inside);
    let (Some(there), Some(wanted)) = (
        live.iter().map(name).collect::<Option<Vec<_>>>(),
        applied.iter().map(name).collect::<Option<Vec<_>>>(),
    ) else {
        // What cannot be told apart is owned as a whole, too.
        return Value::Array(applied.to_vec());
    };
    let places: BTreeMap<&str, usize> =
        wanted.iter().enumerate().map(|(i, name)| (name.as_str(), i)).collect();
    let known: BTreeSet<&str> = there.iter().map(String::as_str).collect();
    let mut shared = (0..wanted.len()).filter(|index| known.contains(wanted[*index].as_str())).peekable();
    let item = |live: Option<Value>, index: usize| {
        live.map_or_else(
            || applied[index].clone(),
            |live| value(live, &applied[index], inside.item(), inside),
        )
    };
    let (mut merged, mut passed, mut next) = (Vec::new(), BTreeMap::new(), 0);
    for (name, live) in there.iter().zip(live) {
        match places.get(name.as_str()) {
            None => merged.push(live),
            Some(index) if shared.next_if_eq(index).is_some() => {
                merged.extend((next..*index).map(|new| item(None, new)));
                merged.push(item(Some(live), *index));
                next = *index + 1;
            }
            // It comes at the place that it is applied at; a second one of its name not at all.
            Some(index) if *index >= next => {
                passed.entry(*index).or_insert(live);
            }
            Some(_) => {}
        }
    }
    merged.extend((next..wanted.len()).map(|index| item(passed.remove(&index), index)));
    Value::Array(merged)
}
