//! Strategic merge patch: a merge patch in which lists merge too, by the keys that a kind's schema names.

use std::collections::{BTreeMap, BTreeSet};

use bireme_core::error::ApiError;
use serde_json::{Map, Value};

use super::arrange::{Item, arrange, identity};
use crate::resource::{Field, ListType, Schema};

const PATCH: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const SET_ORDER: &str = "$setElementOrder/";
const DELETE_FROM: &str = "$deleteFromPrimitiveList/";

/// Why a strategic merge patch does not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StrategicError {
    /// `$patch` is none of `delete`, `merge` and `replace`.
    #[error("unknown patch type: {0}")]
    Directive(String),
    /// An item of a list that merges by a key does not have it.
    #[error("map: {item} does not contain declared merge key: {key}")]
    NoMergeKey {
        /// The item.
        item: String,
        /// The key.
        key: &'static str,
    },
    /// `$deleteFromPrimitiveList` is not a list.
    #[error("invalid patch format of primitive list")]
    PrimitiveList,
    /// `$retainKeys` is not a list of texts.
    #[error("invalid patch format of retainKeys")]
    RetainKeys,
    /// The patch sets members that `$retainKeys` does not name.
    #[error("patch content doesn't match retainKeys list")]
    NotRetained,
    /// `$setElementOrder` is not a list of scalars, or of objects with the merge key.
    #[error("invalid patch format of setElementOrder list")]
    ElementOrder,
    /// The items of the patch do not stand in the order that it asks for.
    #[error("The order in patch list doesn't match {SET_ORDER}{0} list")]
    OrderMismatch(String),
}

impl From<StrategicError> for ApiError {
    fn from(error: StrategicError) -> Self {
        match error {
            StrategicError::PrimitiveList | StrategicError::RetainKeys | StrategicError::ElementOrder => {
                ApiError::bad_request(error.to_string())
            }
            other => super::rejected(other),
        }
    }
}

/// The document as the strategic merge patch changes it.
///
/// # Errors
///
/// `BadRequest` when the patch is not an object or a directive in it malformed, `Invalid` when it does not fit
/// the document's schema.
pub fn strategic(document: Value, patch: &[u8], schema: &Schema) -> Result<Value, ApiError> {
    let patch = super::object(patch)?;
    let mut members = match document {
        Value::Object(members) => members,
        _ => Map::new(),
    };
    merge_object(&mut members, patch, schema)?;
    Ok(Value::Object(members))
}

fn merge_object(
    object: &mut Map<String, Value>,
    mut patch: Map<String, Value>,
    schema: &Schema,
) -> Result<(), StrategicError> {
    match directive(&mut patch)? {
        Directive::Merge => {}
        Directive::Delete => {
            object.clear();
            return Ok(());
        }
        Directive::Replace => {
            *object = plain_members(patch);
            return Ok(());
        }
    }
    retain_keys(object, &mut patch)?;
    let mut directives = ListDirectives::take(&mut patch)?;
    for (name, value) in patch {
        let field = schema.field(&name);
        if value.is_null() {
            object.remove(&name);
            continue;
        }
        match (object.get_mut(&name), value) {
            (Some(Value::Object(members)), Value::Object(patch)) => {
                merge_object(members, patch, field.map_or(&Schema::EMPTY, |field| field.inside))?;
            }
            (Some(Value::Array(items)), Value::Array(patch)) => {
                let order = directives.orders.remove(&name);
                *items = merge_list(std::mem::take(items), patch, field, order.map(|order| (name, order)))?;
            }
            (_, value) => {
                object.insert(name, plain(value));
            }
        }
    }
    directives.apply_rest(object, schema)
}

/// What `$patch` says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Directive {
    Merge,
    Delete,
    Replace,
}

fn directive(patch: &mut Map<String, Value>) -> Result<Directive, StrategicError> {
    match patch.remove(PATCH) {
        None => Ok(Directive::Merge),
        Some(Value::String(word)) if word == "merge" => Ok(Directive::Merge),
        Some(Value::String(word)) if word == "delete" => Ok(Directive::Delete),
        Some(Value::String(word)) if word == "replace" => Ok(Directive::Replace),
        Some(other) => Err(StrategicError::Directive(other.to_string())),
    }
}

fn retain_keys(
    object: &mut Map<String, Value>,
    patch: &mut Map<String, Value>,
) -> Result<(), StrategicError> {
    let Some(keys) = patch.remove(RETAIN_KEYS) else { return Ok(()) };
    let Value::Array(keys) = keys else { return Err(StrategicError::RetainKeys) };
    let names: Option<BTreeSet<&str>> = keys.iter().map(Value::as_str).collect();
    let names = names.ok_or(StrategicError::RetainKeys)?;
    let mut set = patch.iter().filter(|(name, value)| !value.is_null() && !name.starts_with('$'));
    if set.any(|(name, _)| !names.contains(name.as_str())) {
        return Err(StrategicError::NotRetained);
    }
    object.retain(|name, _| names.contains(name.as_str()));
    Ok(())
}

/// The directives that stand beside a list: what to remove from it, and its order, by the list's name.
struct ListDirectives {
    orders: BTreeMap<String, Vec<Value>>,
    removals: BTreeMap<String, Vec<Value>>,
}

impl ListDirectives {
    fn take(patch: &mut Map<String, Value>) -> Result<Self, StrategicError> {
        let (mut orders, mut removals) = (BTreeMap::new(), BTreeMap::new());
        let names: Vec<String> = patch.keys().filter(|name| name.starts_with('$')).cloned().collect();
        for name in names {
            if let Some(list) = name.strip_prefix(SET_ORDER) {
                let order = take_list(patch, &name).ok_or(StrategicError::ElementOrder)?;
                orders.insert(list.to_owned(), order);
            } else if let Some(list) = name.strip_prefix(DELETE_FROM) {
                let removal = take_list(patch, &name).ok_or(StrategicError::PrimitiveList)?;
                removals.insert(list.to_owned(), removal);
            }
        }
        Ok(Self { orders, removals })
    }

    /// Removes, and orders the lists that the patch orders without changing them.
    fn apply_rest(self, object: &mut Map<String, Value>, schema: &Schema) -> Result<(), StrategicError> {
        for (name, order) in self.orders {
            if let Some(Value::Array(items)) = object.get_mut(&name) {
                let field = schema.field(&name);
                *items = merge_list(std::mem::take(items), Vec::new(), field, Some((name, order)))?;
            }
        }
        for (name, removal) in self.removals {
            if let Some(Value::Array(items)) = object.get_mut(&name) {
                let removed: BTreeSet<String> = removal.iter().map(identity).collect();
                items.retain(|item| !removed.contains(&identity(item)));
            }
        }
        Ok(())
    }
}

fn take_list(patch: &mut Map<String, Value>, name: &str) -> Option<Vec<Value>> {
    match patch.remove(name) {
        Some(Value::Array(items)) => Some(items),
        _ => None,
    }
}

/// Merges a list as its field says; `order` is the list's name with what `$setElementOrder` says of it.
fn merge_list(
    items: Vec<Value>,
    patch: Vec<Value>,
    field: Option<&Field>,
    order: Option<(String, Vec<Value>)>,
) -> Result<Vec<Value>, StrategicError> {
    let key = match field.map(|field| (field.list, field.inside)) {
        Some((ListType::Set, _)) => None,
        Some((ListType::Map { patch_merge_key: Some(key), .. }, inside)) => Some((key, inside)),
        // A list that is replaced has no order to keep; an order alone changes nothing.
        _ if patch.is_empty() && order.is_some() => return Ok(items),
        _ => return Ok(plain_items(patch)),
    };
    let identify = |value: &Value| match key {
        None => Some(identity(value)),
        Some((key, _)) => value.get(key).map(identity),
    };
    let (changed, mut wanted) = match key {
        None => merge_scalars(items, patch),
        Some((key, inside)) => merge_objects(items, patch, key, inside)?,
    };
    if let Some((name, order)) = order {
        let order: Option<Vec<String>> = order.iter().map(identify).collect();
        let order = order.ok_or(StrategicError::ElementOrder)?;
        check_order(&wanted, &order, name)?;
        wanted = order;
    }
    Ok(arrange(changed, &wanted))
}

/// The items of a patch must stand in the order it asks for: anything else is a mistake of its author.
fn check_order(patch: &[String], order: &[String], name: String) -> Result<(), StrategicError> {
    let mut rest = order.iter();
    match patch.iter().all(|item| rest.any(|ordered| ordered == item)) {
        true => Ok(()),
        false => Err(StrategicError::OrderMismatch(name)),
    }
}

/// The items with those of the patch that are new, and the identities of the patch's items.
fn merge_scalars(items: Vec<Value>, patch: Vec<Value>) -> (Vec<Item>, Vec<String>) {
    let wanted: Vec<String> = patch.iter().map(identity).collect();
    let mut seen = BTreeSet::new();
    let old = items.into_iter().enumerate().map(|(place, value)| (Some(place), value));
    let new = patch.into_iter().map(|value| (None, value));
    let merged = old.chain(new).map(|(place, value)| Item { identity: identity(&value), value, place });
    (merged.filter(|item| seen.insert(item.identity.clone())).collect(), wanted)
}

/// The items as those of the patch change them, and the identities of the patch's items.
fn merge_objects(
    items: Vec<Value>,
    patch: Vec<Value>,
    key: &'static str,
    inside: &Schema,
) -> Result<(Vec<Item>, Vec<String>), StrategicError> {
    let (mut changes, mut deleted, mut replace) = (Vec::new(), BTreeSet::new(), false);
    for value in patch {
        let no_key = |item: String| StrategicError::NoMergeKey { item, key };
        let Value::Object(mut members) = value else { return Err(no_key(value.to_string())) };
        let directive = directive(&mut members)?;
        match (directive, members.get(key).map(identity)) {
            (Directive::Replace, _) => replace = true,
            (Directive::Delete, Some(identity)) => {
                deleted.insert(identity);
            }
            (Directive::Merge, Some(identity)) => changes.push((identity, members)),
            (_, None) => return Err(no_key(Value::Object(members).to_string())),
        }
    }
    let mut merged: Vec<Item> = Vec::with_capacity(items.len() + changes.len());
    let mut index = BTreeMap::new();
    for (place, value) in items.into_iter().enumerate().filter(|_| !replace) {
        // Items without the key stay as they are: no patch can mean them.
        let identity = value.get(key).map(identity).unwrap_or_default();
        if !deleted.contains(&identity) {
            index.entry(identity.clone()).or_insert(merged.len());
            merged.push(Item { identity, value, place: Some(place) });
        }
    }
    let wanted = changes.iter().map(|(identity, _)| identity.clone()).collect();
    for (identity, members) in changes {
        match index.get(&identity).map(|place: &usize| &mut merged[*place].value) {
            Some(Value::Object(object)) => merge_object(object, members, inside)?,
            _ => {
                index.insert(identity.clone(), merged.len());
                merged.push(Item { identity, value: Value::Object(plain_members(members)), place: None });
            }
        }
    }
    Ok((merged, wanted))
}

/// A value of a patch where there was nothing: without directives, and without nulls, which delete nothing.
fn plain(value: Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(plain_members(members)),
        Value::Array(items) => Value::Array(plain_items(items)),
        scalar => scalar,
    }
}

fn plain_members(members: Map<String, Value>) -> Map<String, Value> {
    let is_directive = |name: &str| {
        name == PATCH || name == RETAIN_KEYS || name.starts_with(SET_ORDER) || name.starts_with(DELETE_FROM)
    };
    let kept = members.into_iter().filter(|(name, value)| !value.is_null() && !is_directive(name));
    kept.map(|(name, value)| (name, plain(value))).collect()
}

fn plain_items(items: Vec<Value>) -> Vec<Value> {
    let stays = |item: &Value| !matches!(item.get(PATCH).and_then(Value::as_str), Some("delete" | "replace"));
    items.into_iter().filter(stays).map(plain).collect()
}
