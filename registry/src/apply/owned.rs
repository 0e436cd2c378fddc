//! What a configuration says: the fields that its manager owns from then on.

use std::collections::BTreeSet;

use serde_json::Value;

use super::path;
use crate::managed_fields::{FieldSet, Node, UNOWNED, item_name};
use crate::resource::{ListType, Schema};

/// A list in a configuration that cannot be merged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {what}")]
pub(crate) struct Fault {
    path: String,
    what: ItemFault,
}

/// What is wrong with an item of a list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum ItemFault {
    /// There is another one of its name.
    #[error("duplicate entries for key {0}")]
    Duplicate(String),
    /// It is no object, which it must be to have keys.
    #[error("element {0}: associative list with keys may not have non-map elements")]
    NoObject(usize),
    /// It lacks a key.
    #[error(
        "element {0}: associative list with keys has an element that omits key field {1:?} \
         (and doesn't have default value)"
    )]
    NoKey(usize, &'static str),
}

impl Fault {
    fn at(what: ItemFault) -> Fault {
        Fault { path: String::new(), what }
    }

    fn within(self, name: &str) -> Fault {
        Fault { path: path::element(name) + &self.path, ..self }
    }
}

/// The fields of a configuration.
///
/// Unlike after a plain write, an object or list with something in it is not itself among them: nobody wants a
/// list, but what is in it. Items are, so that they stay for as long as somebody applies them.
pub(super) fn fields(configuration: &Value, schema: &Schema) -> Result<FieldSet, Fault> {
    let mut root = Node::default();
    for (name, value) in configuration.as_object().into_iter().flatten() {
        match name.as_str() {
            "apiVersion" | "kind" => {}
            "metadata" => {
                let owned = value.as_object().into_iter().flatten();
                let owned = owned.filter(|(name, _)| !UNOWNED.contains(&name.as_str()));
                let (_, inside) = schema.member(name);
                root.put("f:", name, members(owned, inside).map_err(|fault| fault.within("f:metadata"))?);
            }
            _ => member(&mut root, name, value, schema)?,
        }
    }
    Ok(FieldSet::of_root(root))
}

fn member(node: &mut Node, name: &str, value: &Value, schema: &Schema) -> Result<(), Fault> {
    let (list, inside) = schema.member(name);
    let below = within(value, list, inside).map_err(|fault| fault.within(&["f:", name].concat()))?;
    node.put("f:", name, below);
    Ok(())
}

fn members<'a>(
    members: impl Iterator<Item = (&'a String, &'a Value)>,
    schema: &Schema,
) -> Result<Node, Fault> {
    let mut node = Node::default();
    for (name, value) in members {
        member(&mut node, name, value, schema)?;
    }
    Ok(node)
}

fn within(value: &Value, list: ListType, inside: &Schema) -> Result<Node, Fault> {
    match (list, value) {
        (ListType::Granular, Value::Object(object)) if !object.is_empty() => members(object.iter(), inside),
        (ListType::Set | ListType::Map { .. }, Value::Array(array)) => items(array, list, inside),
        _ => Ok(Node::new(true)),
    }
}

fn items(array: &[Value], list: ListType, inside: &Schema) -> Result<Node, Fault> {
    let mut names = BTreeSet::new();
    let mut node = Node::default();
    for (index, item) in array.iter().enumerate() {
        if let ListType::Map { keys, .. } = list {
            check_keys(index, item, keys, inside)?;
        }
        let name = item_name(item, list, inside).unwrap_or_default();
        let below = match list {
            ListType::Map { .. } => {
                within(item, inside.item(), inside).map_err(|fault| fault.within(&name))?
            }
            _ => Node::default(),
        };
        node.put("", &name, below.included());
        if !names.insert(name.clone()) {
            return Err(Fault::at(ItemFault::Duplicate(path::element(&name))));
        }
    }
    Ok(node)
}

fn check_keys(index: usize, item: &Value, keys: &[&'static str], inside: &Schema) -> Result<(), Fault> {
    let object = item.as_object().ok_or_else(|| Fault::at(ItemFault::NoObject(index)))?;
    let is_missing = |key: &&&str| !object.contains_key(**key) && inside.default_of(key).is_none();
    match keys.iter().find(is_missing) {
        Some(key) => Err(Fault::at(ItemFault::NoKey(index, key))),
        None => Ok(()),
    }
}
