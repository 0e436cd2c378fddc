//! What a write changed.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::set::{FieldSet, Node};
use crate::resource::{Field, ListType, Schema};

/// The members of an object's metadata that nobody owns, because the server sets them.
pub(crate) const UNOWNED: [&str; 8] = [
    "creationTimestamp",
    "generation",
    "managedFields",
    "name",
    "namespace",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// The fields in which two states of an object differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// The fields that were added, or have another value.
    pub written: FieldSet,
    /// The fields that are gone.
    pub removed: FieldSet,
}

impl Difference {
    /// The difference between two states of an object; the old one is none for a new object.
    ///
    /// A write to the object itself leaves out the status, which is not its to set.
    pub fn of_objects(
        old: Option<&Value>,
        new: &Value,
        schema: &Schema,
        subresource: Option<&str>,
    ) -> Difference {
        let (mut written, mut removed) = (Node::default(), Node::default());
        let old = old.unwrap_or(&Value::Null);
        for name in member_names(Some(old), Some(new)) {
            if matches!(name, "apiVersion" | "kind") || (name == "status" && subresource.is_none()) {
                continue;
            }
            let rule = Rule::of(schema.field(name));
            // Every object has these, so that what creates it does not come to own them as a whole.
            let rule = Rule { inherent: rule.inherent || matches!(name, "spec" | "status"), ..rule };
            let pair = if name == "metadata" {
                metadata(old.get(name), new.get(name), rule)
            } else {
                compare(member(old, name, rule), new.get(name), rule)
            };
            written.put("f:", name, pair.0);
            removed.put("f:", name, pair.1);
        }
        Difference { written: FieldSet::of_root(written), removed: FieldSet::of_root(removed) }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.written.is_empty() && self.removed.is_empty()
    }
}

/// How a value is to be compared.
#[derive(Clone, Copy)]
struct Rule {
    list: ListType,
    inherent: bool,
    inside: &'static Schema,
}

impl Rule {
    fn of(field: Option<&'static Field>) -> Rule {
        match field {
            Some(field) => Rule { list: field.list, inherent: field.inherent, inside: field.inside },
            None => Rule { list: ListType::Granular, inherent: false, inside: &Schema::EMPTY },
        }
    }

    /// How the items of a list of objects are to be compared.
    fn of_items(self) -> Rule {
        Rule { list: self.inside.item(), inherent: false, inside: self.inside }
    }
}

/// What was written, and what removed.
type Pair = (Node, Node);

/// A member of the old state; one that every object has counts as there, but empty.
fn member<'a>(object: &'a Value, name: &str, rule: Rule) -> Option<&'a Value> {
    object.get(name).or(if rule.inherent { Some(&Value::Null) } else { None })
}

fn get<'a>(object: Option<&'a Value>, name: &str) -> Option<&'a Value> {
    object.and_then(|object| object.get(name))
}

fn metadata(old: Option<&Value>, new: Option<&Value>, rule: Rule) -> Pair {
    let (mut written, mut removed) = Pair::default();
    for name in member_names(old, new).into_iter().filter(|name| !UNOWNED.contains(name)) {
        let pair = compare(get(old, name), get(new, name), Rule::of(rule.inside.field(name)));
        written.put("f:", name, pair.0);
        removed.put("f:", name, pair.1);
    }
    (written, removed)
}

fn compare(old: Option<&Value>, new: Option<&Value>, rule: Rule) -> Pair {
    match (rule.list, old, new) {
        (ListType::Atomic, ..) => leaf(old, new),
        (ListType::Granular, ..) if are_objects(old, new) => objects(old, new, rule),
        (ListType::Granular, ..) => leaf(old, new),
        (ListType::Set | ListType::Map { .. }, ..) => match (items(old, rule), items(new, rule)) {
            (Some(before), Some(after)) if !before.is_empty() || !after.is_empty() => {
                lists(before, after, old.is_some(), new.is_some(), rule)
            }
            _ => leaf(old, new),
        },
    }
}

/// A field that is owned as a whole.
fn leaf(old: Option<&Value>, new: Option<&Value>) -> Pair {
    match (old, new) {
        (Some(_), None) => (Node::default(), Node::new(true)),
        (None, Some(_)) => (Node::new(true), Node::default()),
        (Some(Value::Null), Some(new)) if is_empty(new) => Pair::default(),
        (old, new) if old == new => Pair::default(),
        _ => (Node::new(true), Node::default()),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(members) => members.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// The node of an object or list that both states are compared within: new, gone, or neither.
fn pair(old: bool, new: bool) -> Pair {
    (Node::new(!old && new), Node::new(old && !new))
}

fn objects(old: Option<&Value>, new: Option<&Value>, rule: Rule) -> Pair {
    let (mut written, mut removed) = pair(old.is_some(), new.is_some());
    for name in member_names(old, new) {
        let rule = Rule::of(rule.inside.field(name));
        let before = old.and_then(|old| member(old, name, rule));
        let after = get(new, name);
        if before == after {
            continue;
        }
        let below = compare(before, after, rule);
        written.put("f:", name, below.0);
        removed.put("f:", name, below.1);
    }
    (written, removed)
}

fn lists(before: Items<'_>, mut after: Items<'_>, was_there: bool, is_there: bool, rule: Rule) -> Pair {
    let (mut written, mut removed) = pair(was_there, is_there);
    for (name, old) in before {
        let below = compare_items(Some(old), after.remove(&name), rule);
        written.put("", &name, below.0);
        removed.put("", &name, below.1);
    }
    for (name, new) in after {
        let below = compare_items(None, Some(new), rule);
        written.put("", &name, below.0);
    }
    (written, removed)
}

fn compare_items(old: Option<&Value>, new: Option<&Value>, rule: Rule) -> Pair {
    match rule.list {
        ListType::Set => leaf(old, new),
        _ => compare(old, new, rule.of_items()),
    }
}

/// Whether two states can be compared member by member: both are objects, and not both without members.
fn are_objects(old: Option<&Value>, new: Option<&Value>) -> bool {
    let fits = |value: Option<&Value>| value.is_none_or(|value| value.is_object() || value.is_null());
    let has_members = |value: Option<&Value>| value.is_some_and(|value| !is_empty(value));
    fits(old) && fits(new) && (has_members(old) || has_members(new))
}

/// The names of the members of either state, each once.
fn member_names<'a>(old: Option<&'a Value>, new: Option<&'a Value>) -> Vec<&'a str> {
    let of = |value: Option<&'a Value>| value.and_then(Value::as_object);
    let (old, new) = (of(old), of(new));
    let gone =
        old.into_iter().flat_map(Map::keys).filter(|name| new.is_none_or(|new| !new.contains_key(*name)));
    new.into_iter().flat_map(Map::keys).chain(gone).map(String::as_str).collect()
}

/// The items of a list by the names that they have in a set.
type Items<'a> = BTreeMap<String, &'a Value>;

/// The items of a list; nothing where the value is no list, or its items cannot be told apart: such a list is
/// owned as a whole.
fn items(value: Option<&Value>, rule: Rule) -> Option<Items<'_>> {
    match value {
        None | Some(Value::Null) => Some(Items::new()),
        Some(Value::Array(list)) => {
            let mut items = Items::new();
            for item in list {
                // Of two with the same name only the first can be meant.
                items.entry(item_name(item, rule.list, rule.inside)?).or_insert(item);
            }
            Some(items)
        }
        Some(_) => None,
    }
}

/// The name of a list's item in a set of fields; none where nothing tells it from others.
pub(crate) fn item_name(item: &Value, list: ListType, inside: &Schema) -> Option<String> {
    match list {
        ListType::Set => Some(format!("v:{item}")),
        ListType::Map { keys, .. } => {
            let object = item.as_object()?;
            let left_out = |key: &str| inside.default_of(key).map(|text| Cow::Owned(Value::from(text)));
            let value = |key: &str| object.get(key).map(Cow::Borrowed).or_else(|| left_out(key));
            let present = keys.iter().filter_map(|key| Some((*key, value(key)?)));
            let keys: BTreeMap<&str, Cow<'_, Value>> = present.collect();
            if keys.is_empty() {
                None
            } else {
                serde_json::to_string(&keys).ok().map(|keys| format!("k:{keys}"))
            }
        }
        ListType::Granular | ListType::Atomic => None,
    }
}
