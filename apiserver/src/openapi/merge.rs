//! How lists and maps merge, told in a schema's extensions.

use bireme_registry::resource::{Field, ListType, Schema};
use serde_json::{Map, Value, json};

use super::schemas::target;

/// Writes the rules of a kind into the schemas that it is made of, from the one called `name`.
pub(super) fn annotate(definitions: &mut Map<String, Value>, name: &str, rules: &Schema) {
    let Some(Value::Object(definition)) = definitions.get_mut(name) else { return };
    if rules.is_atomic() {
        definition.insert("x-kubernetes-map-type".to_owned(), "atomic".into());
    }
    let Some(Value::Object(properties)) = definition.get_mut("properties") else { return };
    let mut inside: Vec<(String, &'static Schema)> = Vec::new();
    for (property, schema) in properties {
        let Some(field) = rules.field(property) else { continue };
        inside.extend(target(schema).map(|next| (next.to_owned(), field.inside)));
        if let Value::Object(schema) = schema {
            let is_list = schema.get("type").is_some_and(|kind| kind == "array");
            schema.extend(extensions(field, is_list));
        }
    }
    for (name, rules) in inside {
        annotate(definitions, &name, rules);
    }
}

fn extensions(field: &Field, is_list: bool) -> Vec<(String, Value)> {
    let mut found: Vec<(String, Value)> = Vec::new();
    found.extend(field.default.map(|default| ("default".to_owned(), default.into())));
    let mut add = |name: &str, value: Value| found.push((format!("x-kubernetes-{name}"), value));
    let mut strategies = Vec::new();
    match field.list {
        ListType::Granular => {}
        ListType::Atomic if is_list => add("list-type", "atomic".into()),
        ListType::Atomic => add("map-type", "atomic".into()),
        ListType::Set => {
            add("list-type", "set".into());
            strategies.push("merge");
        }
        ListType::Map { keys, patch_merge_key } => {
            add("list-type", "map".into());
            add("list-map-keys", json!(keys));
            if let Some(key) = patch_merge_key {
                add("patch-merge-key", key.into());
                strategies.push("merge");
            }
        }
    }
    if field.retain_keys {
        strategies.push("retainKeys");
    }
    if !strategies.is_empty() {
        add("patch-strategy", strategies.join(",").into());
    }
    found
}
