//! The paths of a kind and what can be done at them.

use bireme_core::object::Kind;
use bireme_registry::resource::DynStrategy;
use serde_json::{Map, Value, json};

/// Adds the paths of a kind, whose schema has this name.
pub(super) fn add(paths: &mut Map<String, Value>, strategy: &dyn DynStrategy, schema: &str) {
    let kind = strategy.kind();
    let base = match kind.group() {
        "" => format!("/api/{}", kind.version()),
        group => format!("/apis/{group}/{}", kind.version()),
    };
    let about = Operations { kind, own: gvk(kind.group(), kind.version(), kind.name()), schema };
    let list = if kind.is_namespaced() {
        let everywhere = about.path(&["list"], &[], false);
        paths.insert(format!("{base}/{}", kind.plural()), everywhere);
        format!("{base}/namespaces/{{namespace}}/{}", kind.plural())
    } else {
        format!("{base}/{}", kind.plural())
    };
    let one = format!("{list}/{{name}}");
    for subresource in strategy.subresources() {
        let (group, version, name) = subresource.body(kind);
        let is_own = (group, version, name) == (kind.group(), kind.version(), kind.name());
        let schema = if is_own { schema } else { "" };
        let about = Operations { kind, own: gvk(group, version, name), schema };
        let item = about.path(subresource.verbs(), &["name"], kind.is_namespaced());
        paths.insert(format!("{one}/{}", subresource.name()), item);
    }
    paths.insert(list, about.path(&["list", "create", "deletecollection"], &[], kind.is_namespaced()));
    paths.insert(one, about.path(&["get", "update", "patch", "delete"], &["name"], kind.is_namespaced()));
}

fn gvk(group: &str, version: &str, kind: &str) -> Value {
    json!({"group": group, "version": version, "kind": kind})
}

/// What the operations on one path have in common.
struct Operations<'a> {
    kind: Kind,
    own: Value,
    /// The name of the body's schema; empty where it is not part of the document.
    schema: &'a str,
}

impl Operations<'_> {
    fn path(&self, verbs: &[&str], names: &[&str], namespaced: bool) -> Value {
        let mut item = Map::new();
        for verb in verbs {
            let Some(method) = method(verb) else { continue };
            item.insert(method.to_owned(), self.operation(verb, namespaced, !names.is_empty()));
        }
        let names = names.iter().copied().chain(namespaced.then_some("namespace"));
        let parameters: Vec<Value> = names.map(|name| parameter(name, "path", "string")).collect();
        item.insert("parameters".to_owned(), parameters.into());
        Value::Object(item)
    }

    fn operation(&self, verb: &str, namespaced: bool, one: bool) -> Value {
        let body = match self.schema {
            "" => json!({"type": "object"}),
            schema => json!({"$ref": format!("#/components/schemas/{schema}")}),
        };
        let scope = if namespaced { "Namespaced" } else { "" };
        let what = if one { "" } else { "List" };
        let mut operation = json!({
            "operationId": format!("{verb}{}{scope}{}{what}", self.kind.version(), self.kind.name()),
            "parameters": parameters(verb),
            "responses": {"200": {"description": "OK", "content": {"application/json": {"schema": body}}}},
            "x-kubernetes-action": match verb { "create" => "post", "update" => "put", other => other },
            "x-kubernetes-group-version-kind": self.own,
        });
        let content: &[&str] = match verb {
            "create" | "update" => {
                &["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"]
            }
            "patch" => &[
                "application/json-patch+json",
                "application/merge-patch+json",
                "application/strategic-merge-patch+json",
                "application/apply-patch+yaml",
            ],
            _ => return operation,
        };
        let schema = if verb == "patch" { json!({"type": "object"}) } else { body };
        let content: Map<String, Value> =
            content.iter().map(|media| ((*media).to_owned(), json!({"schema": schema}))).collect();
        operation["requestBody"] = json!({"content": content, "required": true});
        operation
    }
}

fn method(verb: &str) -> Option<&'static str> {
    Some(match verb {
        "get" | "list" => "get",
        "create" => "post",
        "update" => "put",
        "patch" => "patch",
        "delete" | "deletecollection" => "delete",
        _ => return None,
    })
}

fn parameters(verb: &str) -> Value {
    let names: &[(&str, &str)] = match verb {
        "create" | "update" => {
            &[("dryRun", "string"), ("fieldManager", "string"), ("fieldValidation", "string")]
        }
        "patch" => &[
            ("dryRun", "string"),
            ("fieldManager", "string"),
            ("fieldValidation", "string"),
            ("force", "boolean"),
        ],
        "delete" => {
            &[("dryRun", "string"), ("gracePeriodSeconds", "integer"), ("propagationPolicy", "string")]
        }
        "list" | "deletecollection" => &[
            ("allowWatchBookmarks", "boolean"),
            ("continue", "string"),
            ("fieldSelector", "string"),
            ("labelSelector", "string"),
            ("limit", "integer"),
            ("resourceVersion", "string"),
            ("resourceVersionMatch", "string"),
            ("sendInitialEvents", "boolean"),
            ("timeoutSeconds", "integer"),
            ("watch", "boolean"),
        ],
        _ => &[],
    };
    names.iter().map(|(name, kind)| parameter(name, "query", kind)).collect()
}

fn parameter(name: &str, place: &str, kind: &str) -> Value {
    let mut parameter = json!({"name": name, "in": place, "schema": {"type": kind}});
    if place == "path" {
        parameter["required"] = true.into();
    }
    parameter
}
