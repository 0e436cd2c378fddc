//! JSON schemas in the dialect that Kubernetes' OpenAPI documents are written in.

use serde_json::{Map, Value, json};

const REFERENCE: &str = "#/components/schemas/";

/// The name of the schema that this one refers to, itself or for its items or values.
pub(super) fn target(schema: &Value) -> Option<&str> {
    let reference = schema.get("$ref").and_then(Value::as_str).and_then(|to| to.strip_prefix(REFERENCE));
    let within = || {
        let all = schema.get("allOf").and_then(Value::as_array).and_then(|all| all.first());
        let inner = [all, schema.get("items"), schema.get("additionalProperties")];
        inner.into_iter().flatten().find_map(target)
    };
    reference.or_else(within)
}

/// Rewrites a definition as upstream would have it.
pub(super) fn to_openapi(name: &str, schema: &mut Value) {
    let description = schema.get("description").cloned();
    if name.ends_with(".IntOrString") {
        *schema = json!({"format": "int-or-string", "oneOf": [{"type": "integer"}, {"type": "string"}]});
    } else if name.ends_with(".Quantity") {
        *schema = json!({"oneOf": [{"type": "string"}, {"type": "number"}]});
    } else {
        wrap_references(schema);
        return;
    }
    if let (Some(description), Value::Object(schema)) = (description, schema) {
        schema.insert("description".to_owned(), description);
    }
}

/// In OpenAPI 3.0 nothing may stand beside a reference, so that one with a description goes into an `allOf`.
fn wrap_references(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            object.values_mut().for_each(wrap_references);
            if object.len() > 1 && object.get("$ref").is_some_and(Value::is_string) {
                let mut inner = Map::new();
                inner.extend(object.remove_entry("$ref"));
                object.insert("allOf".to_owned(), json!([inner]));
            }
        }
        Value::Array(list) => list.iter_mut().for_each(wrap_references),
        _ => {}
    }
}
