//! What a node's own form, and the ports and images on it, say.

use bireme_core::selector::LabelSelector;
use k8s_openapi::api::core::v1::{Node, NodeSelectorRequirement, NodeSelectorTerm, Pod, Taint, Toleration};

use super::name;
use crate::world::{World, labels};

fn because(rejected: bool, reason: &str) -> Vec<String> {
    if rejected { vec![reason.to_owned()] } else { Vec::new() }
}

fn tolerates(toleration: &Toleration, taint: &Taint) -> bool {
    let effect = toleration.effect.as_deref().unwrap_or("");
    if !effect.is_empty() && effect != taint.effect {
        return false;
    }
    let key = toleration.key.as_deref().unwrap_or("");
    match toleration.operator.as_deref().unwrap_or("Equal") {
        "Exists" => key.is_empty() || key == taint.key,
        "Equal" => {
            key == taint.key
                && toleration.value.as_deref().unwrap_or("") == taint.value.as_deref().unwrap_or("")
        }
        _ => false,
    }
}

fn tolerated(pod: &Pod, taint: &Taint) -> bool {
    pod.spec.as_ref().unwrap().tolerations.iter().flatten().any(|toleration| tolerates(toleration, taint))
}

fn node_taints(node: &Node) -> Vec<Taint> {
    node.spec.as_ref().and_then(|spec| spec.taints.clone()).unwrap_or_default()
}

pub fn unschedulable(pod: &Pod, node: &Node) -> Vec<String> {
    let cordon = Taint {
        key: "node.kubernetes.io/unschedulable".to_owned(),
        effect: "NoSchedule".to_owned(),
        ..Taint::default()
    };
    let cordoned = node.spec.as_ref().and_then(|spec| spec.unschedulable) == Some(true);
    because(cordoned && !tolerated(pod, &cordon), "node(s) were unschedulable")
}

pub fn node_name(pod: &Pod, node: &Node) -> Vec<String> {
    let wanted = pod.spec.as_ref().unwrap().node_name.as_deref().unwrap_or("");
    because(!wanted.is_empty() && wanted != name(node), "node(s) didn't match the requested node name")
}

/// The first taint that keeps the pod away.
pub fn repelling_taint(pod: &Pod, node: &Node) -> Option<Taint> {
    node_taints(node)
        .into_iter()
        .filter(|taint| taint.effect == "NoSchedule" || taint.effect == "NoExecute")
        .find(|taint| !tolerated(pod, taint))
}

pub fn taints(pod: &Pod, node: &Node) -> Vec<String> {
    let Some(taint) = repelling_taint(pod, node) else { return Vec::new() };
    vec![format!("node(s) had untolerated taint {{{}: {}}}", taint.key, taint.value.unwrap_or_default())]
}

pub fn soft_taints(pod: &Pod, node: &Node) -> i64 {
    let soft = node_taints(node).into_iter().filter(|taint| taint.effect == "PreferNoSchedule");
    soft.filter(|taint| !tolerated(pod, taint)).count() as i64
}

fn holds(requirement: &NodeSelectorRequirement, value: Option<&str>) -> bool {
    let values = requirement.values.as_deref().unwrap_or_default();
    let number = |text: &str| text.parse::<i64>().ok();
    let compared = |test: fn(i64, i64) -> bool| match (value.and_then(number), values.first()) {
        (Some(value), Some(limit)) => number(limit).is_some_and(|limit| test(value, limit)),
        _ => false,
    };
    match requirement.operator.as_str() {
        "In" => value.is_some_and(|value| values.iter().any(|wanted| wanted == value)),
        "NotIn" => value.is_none_or(|value| values.iter().all(|unwanted| unwanted != value)),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        "Gt" => compared(|value, limit| value > limit),
        "Lt" => compared(|value, limit| value < limit),
        other => panic!("{other}"),
    }
}

fn term_matches(term: &NodeSelectorTerm, node: &Node) -> bool {
    let labels = labels(&node.metadata.labels);
    let mut expressions = term.match_expressions.iter().flatten();
    let mut fields = term.match_fields.iter().flatten();
    let empty =
        term.match_expressions.iter().flatten().chain(term.match_fields.iter().flatten()).count() == 0;
    !empty
        && expressions.all(|wanted| holds(wanted, labels.get(&wanted.key).map(String::as_str)))
        && fields.all(|wanted| wanted.key == "metadata.name" && holds(wanted, Some(name(node))))
}

/// Whether the node is one that the pod's selector and required affinity allow.
pub fn is_wanted(pod: &Pod, node: &Node) -> bool {
    let spec = pod.spec.as_ref().unwrap();
    let labels = labels(&node.metadata.labels);
    let selected = spec.node_selector.iter().flatten().all(|(key, value)| labels.get(key) == Some(value));
    let affinity = spec.affinity.as_ref().and_then(|affinity| affinity.node_affinity.as_ref());
    let required = affinity.and_then(|a| a.required_during_scheduling_ignored_during_execution.as_ref());
    selected && required.is_none_or(|any| any.node_selector_terms.iter().any(|term| term_matches(term, node)))
}

pub fn node_affinity(pod: &Pod, node: &Node) -> Vec<String> {
    because(!is_wanted(pod, node), "node(s) didn't match Pod's node affinity/selector")
}

pub fn preferred_weight(pod: &Pod, node: &Node) -> i64 {
    let affinity = pod.spec.as_ref().unwrap().affinity.as_ref();
    let affinity = affinity.and_then(|affinity| affinity.node_affinity.as_ref());
    let preferred = affinity.and_then(|a| a.preferred_during_scheduling_ignored_during_execution.as_ref());
    let matching = preferred.into_iter().flatten().filter(|term| term_matches(&term.preference, node));
    matching.map(|term| i64::from(term.weight)).sum()
}

fn host_ports(pod: &Pod) -> Vec<(String, String, i32)> {
    let spec = pod.spec.as_ref().unwrap();
    let sidecars =
        spec.init_containers.iter().flatten().filter(|c| c.restart_policy.as_deref() == Some("Always"));
    let ports = spec.containers.iter().chain(sidecars).flat_map(|container| container.ports.iter().flatten());
    ports
        .filter_map(|port| {
            let address = port.host_ip.clone().filter(|address| !address.is_empty());
            let protocol = port.protocol.clone().unwrap_or_else(|| "TCP".to_owned());
            Some((address.unwrap_or_else(|| "0.0.0.0".to_owned()), protocol, port.host_port?))
        })
        .collect()
}

pub fn ports(world: &World, pod: &Pod, node: &Node) -> Vec<String> {
    let taken: Vec<_> = world.pods_on(name(node)).flat_map(host_ports).collect();
    let meets = |(address, protocol, port): &(String, String, i32)| {
        taken.iter().any(|(other, other_protocol, other_port)| {
            let everywhere = address == "0.0.0.0" || other == "0.0.0.0";
            protocol == other_protocol && port == other_port && (everywhere || address == other)
        })
    };
    because(host_ports(pod).iter().any(meets), "node(s) didn't have free ports for the requested pod ports")
}

fn size_of_image(node: &Node, image: &str) -> Option<i64> {
    let images = node.status.as_ref().and_then(|status| status.images.as_ref());
    let holds = |names: &Option<Vec<String>>| names.iter().flatten().any(|name| name == image);
    images?.iter().find(|held| holds(&held.names)).map(|held| held.size_bytes.unwrap_or(0))
}

pub fn images(world: &World, pod: &Pod, node: &Node) -> i64 {
    let spec = pod.spec.as_ref().unwrap();
    let containers: Vec<_> = spec.init_containers.iter().flatten().chain(&spec.containers).collect();
    let images = containers.iter().filter_map(|container| container.image.clone());
    let mib = 1024 * 1024;
    let mut sum = 0;
    let mut count = 0;
    for image in images {
        count += 1;
        if let Some(size) = size_of_image(node, &image) {
            let holders = world.nodes.values().filter(|node| size_of_image(node, &image).is_some()).count();
            sum += (size as f64 * (holders as f64 / world.nodes.len() as f64)) as i64;
        }
    }
    if count == 0 {
        return 0;
    }
    let (least, most) = (23 * mib, 1000 * mib * count);
    (sum.max(least).min(most) - least) * 100 / (most - least)
}

/// Whether a selector over labels means the pod.
pub fn means(selector: &LabelSelector, pod: &Pod) -> bool {
    selector.matches(&labels(&pod.metadata.labels))
}
