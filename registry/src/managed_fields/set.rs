//! Sets of fields.

use serde_json::{Map, Value};

/// Marks a node that is in the set itself and has others below it.
const SELF: &str = ".";

/// A set of fields of an object, in Kubernetes' `fieldsV1` form.
///
/// A tree of JSON objects: a name below says which member (`f:<name>`), item of a keyed list (`k:<keys>`) or
/// item of a set (`v:<value>`) is meant. A node without anything below it is in the set; one with something
/// below it is if it has the mark `.`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSet(Map<String, Value>);

impl FieldSet {
    /// The set in its JSON form; what is no such form is the empty set.
    pub fn from_value(value: Value) -> FieldSet {
        match value {
            Value::Object(nodes) => FieldSet(nodes),
            _ => FieldSet::default(),
        }
    }

    /// The JSON form.
    pub fn into_value(self) -> Value {
        Value::Object(self.0)
    }

    /// Whether no field is in the set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds the fields of another set.
    pub fn extend(&mut self, other: FieldSet) {
        union(&mut self.0, other.0);
    }

    /// Takes away the fields of another set.
    pub fn subtract(&mut self, other: &FieldSet) {
        subtract(&mut self.0, &other.0);
    }

    /// The fields that are in both sets.
    pub fn intersection(&self, other: &FieldSet) -> FieldSet {
        FieldSet(intersection(&self.0, &other.0))
    }

    /// The root of the set, which is no member itself.
    pub(crate) fn root(&self) -> Place<'_> {
        Place(&self.0)
    }

    /// The set whose root has been built.
    pub(crate) fn of_root(node: Node) -> FieldSet {
        FieldSet(node.below)
    }
}

/// A place in a set that is being read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a>(&'a Map<String, Value>);

impl<'a> Place<'a> {
    /// Whether the field itself is in the set.
    pub(crate) fn is_member(self) -> bool {
        is_member(self.0)
    }

    /// What the set has below this place under a name with its prefix.
    pub(crate) fn at(self, name: &str) -> Option<Place<'a>> {
        self.0.get(name).and_then(Value::as_object).map(Place)
    }

    /// All that the set has below this place, by their names.
    pub(crate) fn below(self) -> impl Iterator<Item = (&'a str, Place<'a>)> {
        let inner = self.0.iter().filter(|(name, _)| *name != SELF);
        inner.filter_map(|(name, node)| Some((name.as_str(), Place(node.as_object()?))))
    }
}

/// A node of a set while it is being built.
#[derive(Default)]
pub(crate) struct Node {
    is_member: bool,
    below: Map<String, Value>,
}

impl Node {
    /// A field that is in the set, or is not, with nothing below it yet.
    pub(crate) fn new(is_member: bool) -> Node {
        Node { is_member, below: Map::new() }
    }

    /// The same node as a field that is in the set.
    pub(crate) fn included(self) -> Node {
        Node { is_member: true, ..self }
    }

    /// Puts a node below this one under a name with a prefix, if there is anything in it.
    pub(crate) fn put(&mut self, prefix: &str, name: &str, mut node: Node) {
        if !node.below.is_empty() {
            if node.is_member {
                node.below.insert(SELF.to_owned(), leaf());
            }
        } else if !node.is_member {
            return;
        }
        self.below.insert([prefix, name].concat(), Value::Object(node.below));
    }
}

fn leaf() -> Value {
    Value::Object(Map::new())
}

/// Whether the field that a node stands for is in the set.
fn is_member(node: &Map<String, Value>) -> bool {
    node.is_empty() || node.contains_key(SELF)
}

fn union(mine: &mut Map<String, Value>, other: Map<String, Value>) {
    for (name, theirs) in other {
        match (mine.get_mut(&name), theirs) {
            (Some(Value::Object(node)), Value::Object(theirs)) => {
                let member = is_member(node) || is_member(&theirs);
                node.remove(SELF);
                union(node, theirs);
                node.remove(SELF);
                if member && !node.is_empty() {
                    node.insert(SELF.to_owned(), leaf());
                }
            }
            (_, theirs) => {
                mine.insert(name, theirs);
            }
        }
    }
}

fn subtract(mine: &mut Map<String, Value>, other: &Map<String, Value>) {
    for (name, theirs) in other.iter().filter(|(name, _)| *name != SELF) {
        let (Some(Value::Object(node)), Value::Object(theirs)) = (mine.get_mut(name), theirs) else {
            continue;
        };
        let member = is_member(node) && !is_member(theirs);
        node.remove(SELF);
        subtract(node, theirs);
        if node.is_empty() {
            if !member {
                mine.remove(name);
            }
        } else if member {
            node.insert(SELF.to_owned(), leaf());
        }
    }
}

fn intersection(one: &Map<String, Value>, other: &Map<String, Value>) -> Map<String, Value> {
    let mut both = Node::default();
    for (name, mine) in one.iter().filter(|(name, _)| *name != SELF) {
        if let (Value::Object(mine), Some(Value::Object(theirs))) = (mine, other.get(name)) {
            let below = intersection(mine, theirs);
            both.put("", name, Node { is_member: is_member(mine) && is_member(theirs), below });
        }
    }
    both.below
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    /// The naive model of a set: its paths.
    type Paths = BTreeSet<Vec<String>>;

    fn paths(set: &FieldSet) -> Paths {
        fn walk(node: &Map<String, Value>, path: &mut Vec<String>, found: &mut Paths) {
            for (name, below) in node.iter().filter(|(name, _)| *name != SELF) {
                path.push(name.clone());
                let below = below.as_object().unwrap();
                if is_member(below) {
                    found.insert(path.clone());
                }
                walk(below, path, found);
                path.pop();
            }
        }
        let mut found = Paths::new();
        walk(&set.0, &mut Vec::new(), &mut found);
        found
    }

    fn from_paths(paths: &Paths) -> FieldSet {
        fn tree(paths: &Paths, depth: usize, prefix: &[String]) -> Node {
            let mut node = Node { is_member: paths.contains(prefix), below: Map::new() };
            let deeper = paths.iter().filter(|path| path.len() > depth && path.starts_with(prefix));
            let names: BTreeSet<&String> = deeper.map(|path| &path[depth]).collect();
            for name in names {
                let below = [prefix, std::slice::from_ref(name)].concat();
                node.put("", name, tree(paths, depth + 1, &below));
            }
            node
        }
        FieldSet::of_root(tree(paths, 0, &[]))
    }

    fn any_paths() -> impl Strategy<Value = Paths> {
        let path = proptest::collection::vec("f:[ab]", 1..4);
        proptest::collection::btree_set(path, 0..8)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn sets_behave_as_sets_of_paths(one in any_paths(), other in any_paths()) {
            let (a, b) = (from_paths(&one), from_paths(&other));
            prop_assert_eq!(&paths(&a), &one);
            let mut union = a.clone();
            union.extend(b.clone());
            prop_assert_eq!(&union, &from_paths(&(&one | &other)));
            let mut rest = a.clone();
            rest.subtract(&b);
            prop_assert_eq!(&rest, &from_paths(&(&one - &other)));
            prop_assert_eq!(&a.intersection(&b), &from_paths(&(&one & &other)));
            prop_assert_eq!(rest.is_empty(), (&one - &other).is_empty());
        }
    }

    #[test]
    fn what_is_no_set_is_empty() {
        assert!(FieldSet::from_value(json!("x")).is_empty());
        assert_eq!(FieldSet::from_value(json!({"f:a": {}})).into_value(), json!({"f:a": {}}));
    }
}
