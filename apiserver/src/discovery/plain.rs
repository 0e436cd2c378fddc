//! Discovery as it was from the beginning: a document for each group and each version.

use serde_json::{Value, json};

use super::{Group, Resource, VERBS, Version};

/// `APIVersions`: those of the core group.
pub(super) fn core_versions(core: &[&Group]) -> Value {
    let versions: Vec<&str> =
        core.iter().flat_map(|group| &group.versions).map(|version| version.name).collect();
    json!({
        "kind": "APIVersions",
        "versions": versions,
        "serverAddressByClientCIDRs": [],
    })
}

/// `APIGroupList`.
pub(super) fn groups(groups: &[&Group]) -> Value {
    let groups: Vec<Value> = groups.iter().map(|group| describe(group)).collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

/// `APIGroup`.
pub(super) fn group(group: &Group) -> Value {
    let mut value = describe(group);
    value["kind"] = "APIGroup".into();
    value["apiVersion"] = "v1".into();
    value
}

fn describe(group: &Group) -> Value {
    let versions: Vec<Value> = group
        .versions
        .iter()
        .map(|version| {
            json!({"groupVersion": group_version(group.name, version.name), "version": version.name})
        })
        .collect();
    json!({"name": group.name, "preferredVersion": versions[0], "versions": versions})
}

/// `APIResourceList`.
pub(super) fn resources(group: &Group, version: &Version) -> Value {
    let own = (group.name, version.name);
    let resources: Vec<Value> =
        version.resources.iter().flat_map(|resource| describe_resource(own, resource)).collect();
    json!({
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": group_version(group.name, version.name),
        "resources": resources,
    })
}

/// A resource and its subresources.
fn describe_resource(own: (&str, &str), resource: &Resource) -> Vec<Value> {
    let mut main = json!({
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": VERBS,
    });
    if !resource.short_names.is_empty() {
        main["shortNames"] = json!(resource.short_names);
    }
    if !resource.categories.is_empty() {
        main["categories"] = json!(resource.categories);
    }
    let subresources = resource.subresources.iter().map(|subresource| {
        let (group, version, kind) = subresource.body;
        let mut value = json!({
            "name": format!("{}/{}", resource.plural, subresource.name),
            "singularName": "",
            "namespaced": resource.namespaced,
            "kind": kind,
            "verbs": subresource.verbs,
        });
        // Said only where it is not that of the list.
        if (group, version) != own {
            value["group"] = group.into();
            value["version"] = version.into();
        }
        value
    });
    std::iter::once(main).chain(subresources).collect()
}

fn group_version(group: &str, version: &str) -> String {
    if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
}
