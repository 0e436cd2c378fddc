//! Node: a machine that runs pods.

use std::collections::BTreeSet;

use bireme_core::client::Part;
use bireme_core::error::Cause;
use k8s_openapi::api::core::v1::{Node, NodeSystemInfo, Taint};

use super::check::{Path, canonical, label_name, label_value, one_of, quantities, text};
use crate::resource::{Column, Field, Schema, SelectableField, Strategy, Subresource};

/// The labels that tell a node's roles: by their key, or by their value.
const ROLE_PREFIX: &str = "node-role.kubernetes.io/";
const ROLE: &str = "kubernetes.io/role";

const SPEC: Schema =
    Schema::of(&[Field::atomic("configSource"), Field::set("podCIDRs"), Field::atomic("taints")]);

const STATUS: Schema = Schema::of(&[
    Field::map("addresses", &["type"], &Schema::EMPTY),
    Field::map("conditions", &["type"], &Schema::EMPTY),
    Field::object("daemonEndpoints", &DAEMON_ENDPOINTS).inherent(),
    Field::atomic("images"),
    Field::object("nodeInfo", &Schema::EMPTY).inherent(),
    Field::atomic("volumesAttached"),
    Field::atomic("volumesInUse"),
]);

const DAEMON_ENDPOINTS: Schema = Schema::of(&[Field::object("kubeletEndpoint", &Schema::EMPTY).inherent()]);

impl Strategy for Node {
    const SINGULAR: &'static str = "node";
    const SHORT_NAMES: &'static [&'static str] = &["no"];
    const SUBRESOURCES: &'static [Subresource] = &[Subresource::Status];
    const STORAGE_FOLDER: Option<&'static str> = Some("minions");
    const SELECTABLE: &'static [SelectableField] = &[SelectableField::boolean(&"spec.unschedulable")];
    const SCHEMA: &'static Schema =
        &Schema::of(&[Field::object("spec", &SPEC), Field::object("status", &STATUS)]);
    const COLUMNS: &'static [Column<Self>] = &[
        Column::NAME,
        Column::text("Status", "Whether the node is ready, and takes pods.", |node, _| status(node).into()),
        Column::text("Roles", "The roles of the node.", |node, _| roles(node).into()),
        Column::AGE,
        Column::text("Version", "The version of the node's kubelet.", |node, _| {
            info(node).map_or("", |info| info.kubelet_version.as_str()).into()
        }),
        Column::text("Internal-IP", "The address inside the cluster.", |node: &Self, _| {
            address(node, "InternalIP").into()
        })
        .wide(),
        Column::text("External-IP", "The address outside the cluster.", |node: &Self, _| {
            address(node, "ExternalIP").into()
        })
        .wide(),
        Column::text("OS-Image", "The operating system.", |node: &Self, _| {
            or_unknown(info(node).map(|info| &info.os_image)).into()
        })
        .wide(),
        Column::text("Kernel-Version", "The kernel.", |node: &Self, _| {
            or_unknown(info(node).map(|info| &info.kernel_version)).into()
        })
        .wide(),
        Column::text("Container-Runtime", "The container engine.", |node: &Self, _| {
            or_unknown(info(node).map(|info| &info.container_runtime_version)).into()
        })
        .wide(),
    ];

    /// What may be allocated is what there is, unless the kubelet says otherwise.
    fn default(&mut self) {
        if let Some(status) = &mut self.status {
            canonical(&mut status.capacity);
            canonical(&mut status.allocatable);
            if status.allocatable.is_none() {
                status.allocatable.clone_from(&status.capacity);
            }
        }
    }

    fn copy_status(&mut self, from: &Self) {
        self.status.clone_from(&from.status);
    }

    fn validate(&self, causes: &mut Vec<Cause>) {
        if let Some(spec) = &self.spec {
            check_taints(spec.taints.as_deref().unwrap_or_default(), causes);
        }
        if let Some(status) = &self.status {
            let path = Path::root("status");
            quantities(path.child("capacity"), &status.capacity, causes);
            quantities(path.child("allocatable"), &status.allocatable, causes);
        }
    }

    /// What ties a node to its machine and to its pods' addresses is set once.
    fn validate_update(&self, old: &Self, _part: Part, causes: &mut Vec<Cause>) {
        let (Some(new), Some(old)) = (&self.spec, &old.spec) else { return };
        let path = Path::root("spec");
        if !text(&old.provider_id).is_empty() && text(&new.provider_id) != text(&old.provider_id) {
            let why = "node updates may not change providerID except from \"\" to valid";
            causes.push(Cause::forbidden(path.child("providerID"), why));
        }
        if !text(&old.pod_cidr).is_empty()
            && (text(&new.pod_cidr), &new.pod_cidrs) != (text(&old.pod_cidr), &old.pod_cidrs)
        {
            let why = "node updates may not change podCIDR except from \"\" to valid";
            causes.push(Cause::forbidden(path.child("podCIDRs"), why));
        }
    }
}

fn check_taints(taints: &[Taint], causes: &mut Vec<Cause>) {
    let (spec, mut seen) = (Path::root("spec"), BTreeSet::new());
    let list = spec.child("taints");
    for (index, taint) in taints.iter().enumerate() {
        let path = list.index(index);
        causes.extend(label_name(&taint.key).map(|why| Cause::invalid(path.child("key"), &taint.key, why)));
        let value = text(&taint.value);
        causes.extend(label_value(value).map(|why| Cause::invalid(path.child("value"), value, why)));
        let effects = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
        one_of(path.child("effect"), &taint.effect, &effects, causes);
        if !seen.insert((&taint.key, &taint.effect)) {
            causes.push(Cause::duplicate(path, super::check::Json(taint)));
        }
    }
}

fn info(node: &Node) -> Option<&NodeSystemInfo> {
    node.status.as_ref()?.node_info.as_ref()
}

fn or_unknown(value: Option<&String>) -> &str {
    value.map(String::as_str).filter(|value| !value.is_empty()).unwrap_or("<unknown>")
}

fn address<'a>(node: &'a Node, type_: &str) -> &'a str {
    let mut addresses = node.status.iter().flat_map(|status| status.addresses.iter().flatten());
    addresses.find(|address| address.type_ == type_).map_or("<none>", |address| &address.address)
}

fn status(node: &Node) -> String {
    let mut conditions = node.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let ready = match conditions.find(|condition| condition.type_ == "Ready") {
        Some(condition) if condition.status == "True" => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    };
    let unschedulable = node.spec.as_ref().is_some_and(|spec| spec.unschedulable == Some(true));
    format!("{ready}{}", if unschedulable { ",SchedulingDisabled" } else { "" })
}

fn roles(node: &Node) -> String {
    let role = |(key, value): (&String, &String)| match key.strip_prefix(ROLE_PREFIX) {
        Some(role) => Some(role.to_owned()).filter(|role| !role.is_empty()),
        None if key == ROLE && !value.is_empty() => Some(value.clone()),
        None => None,
    };
    let roles: BTreeSet<String> = node.metadata.labels.iter().flatten().filter_map(role).collect();
    if roles.is_empty() { "<none>".to_owned() } else { Vec::from_iter(roles).join(",") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::testing::{causes, causes_of_change, defaulted, from_json, row};
    use serde_json::json;

    #[test]
    fn a_table_tells_status_roles_and_addresses() {
        let node: Node = from_json(json!({
            "metadata": {"name": "n1", "creationTimestamp": "2026-01-01T11:00:00Z", "labels": {
                "node-role.kubernetes.io/worker": "", "kubernetes.io/role": "agent", "x": "y"}},
            "spec": {"unschedulable": true},
            "status": {
                "conditions": [{"type": "Ready", "status": "False"}],
                "addresses": [{"type": "InternalIP", "address": "10.0.0.1"}],
                "nodeInfo": {"kubeletVersion": "v1.34.0", "osImage": "", "kernelVersion": "6.1",
                    "containerRuntimeVersion": "docker://29", "architecture": "", "bootID": "", "kubeProxyVersion": "",
                    "machineID": "", "operatingSystem": "", "systemUUID": ""},
            },
        }));
        let expected = [
            "n1",
            "NotReady,SchedulingDisabled",
            "agent,worker",
            "60m",
            "v1.34.0",
            "10.0.0.1",
            "<none>",
            "<unknown>",
            "6.1",
            "docker://29",
        ];
        assert_eq!(row(&node, true), expected);
        let bare: Node = from_json(json!({"metadata": {"name": "n2"}}));
        assert_eq!(row(&bare, false), ["n2", "Unknown", "<none>", "<unknown>", ""]);
    }

    #[test]
    fn all_there_is_may_be_allocated_unless_told_otherwise() {
        let mut node: Node = defaulted(json!({"metadata": {}}));
        node.status = from_json::<Node>(json!({"status": {"capacity": {"cpu": "2000m"}}})).status;
        Strategy::default(&mut node);
        assert_eq!(node.status.unwrap().allocatable.unwrap()["cpu"].0, "2");
    }

    #[test]
    fn taints_are_well_formed_and_unique() {
        let node: Node = from_json(json!({"spec": {"taints": [
            {"key": "a", "effect": "NoSchedule"}, {"key": "a", "effect": "NoSchedule"},
            {"key": "", "effect": "Never"}, {"key": "b", "effect": "", "value": "-"},
        ]}}));
        let found = causes(&node);
        assert!(found[0].starts_with("spec.taints[1]: Duplicate value:"), "{found:?}");
        assert!(found[1].starts_with("spec.taints[2].key: Invalid value"), "{found:?}");
        assert!(found[2].starts_with("spec.taints[2].effect: Unsupported value: \"Never\""), "{found:?}");
        assert!(found[3].starts_with("spec.taints[3].value: Invalid value"), "{found:?}");
        assert_eq!((found[4].as_str(), found.len()), ("spec.taints[3].effect: Required value", 5));
    }

    #[test]
    fn pod_ranges_and_provider_are_set_once() {
        let node = |cidr: Option<&str>, provider: Option<&str>| -> Node {
            from_json(
                json!({"spec": {"podCIDR": cidr, "podCIDRs": cidr.map(|cidr| [cidr]), "providerID": provider}}),
            )
        };
        let bound = node(Some("10.244.0.0/24"), Some("a"));
        assert!(causes_of_change(&bound, &node(None, None)).is_empty());
        assert!(causes_of_change(&bound, &bound).is_empty());
        assert_eq!(causes_of_change(&node(Some("10.244.1.0/24"), Some("b")), &bound).len(), 2);
        assert_eq!(causes_of_change(&node(None, None), &bound).len(), 2);
    }
}
