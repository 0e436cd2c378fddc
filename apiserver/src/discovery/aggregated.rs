//! Aggregated discovery (KEP-3352): all groups, versions and resources in one document.

use serde_json::{Value, json};

use super::{Group, Resource, VERBS, Version};

/// `APIGroupDiscoveryList`.
pub(super) fn groups(groups: &[&Group], api_version: &str) -> Value {
    let items: Vec<Value> = groups
        .iter()
        .map(|group| {
            let versions: Vec<Value> =
                group.versions.iter().map(|version| describe(group, version)).collect();
            json!({"metadata": {"name": group.name, "creationTimestamp": null}, "versions": versions})
        })
        .collect();
    json!({
        "kind": "APIGroupDiscoveryList",
        "apiVersion": format!("apidiscovery.k8s.io/{api_version}"),
        "metadata": {},
        "items": items,
    })
}

fn describe(group: &Group, version: &Version) -> Value {
    let resources: Vec<Value> = version
        .resources
        .iter()
        .map(|resource| describe_resource((group.name, version.name, resource.kind), resource))
        .collect();
    json!({"version": version.name, "resources": resources, "freshness": "Current"})
}

fn describe_resource(kind: (&str, &str, &str), resource: &Resource) -> Value {
    let mut value = json!({
        "resource": resource.plural,
        "responseKind": response_kind(kind),
        "scope": if resource.namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": resource.singular,
        "verbs": VERBS,
    });
    if !resource.short_names.is_empty() {
        value["shortNames"] = json!(resource.short_names);
    }
    if !resource.categories.is_empty() {
        value["categories"] = json!(resource.categories);
    }
    if !resource.subresources.is_empty() {
        let subresources = resource.subresources.iter().map(|subresource| {
            json!({
                "subresource": subresource.name,
                "responseKind": response_kind(subresource.body),
                "verbs": subresource.verbs,
            })
        });
        value["subresources"] = subresources.collect();
    }
    value
}

fn response_kind((group, version, kind): (&str, &str, &str)) -> Value {
    json!({"group": group, "version": version, "kind": kind})
}
