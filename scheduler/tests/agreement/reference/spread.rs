//! Topology spread constraints.

use std::collections::{BTreeMap, BTreeSet};

use bireme_core::selector::LabelSelector;
use k8s_openapi::api::core::v1::{Node, Pod, TopologySpreadConstraint};

use super::single::{is_wanted, means, repelling_taint};
use super::{label, name, namespace};
use crate::world::World;

fn constraints<'p>(pod: &'p Pod, action: &str) -> Vec<&'p TopologySpreadConstraint> {
    let all = pod.spec.as_ref().unwrap().topology_spread_constraints.iter().flatten();
    all.filter(|constraint| constraint.when_unsatisfiable == action).collect()
}

fn selector(pod: &Pod, constraint: &TopologySpreadConstraint) -> Option<LabelSelector> {
    let mut selection = constraint.label_selector.clone()?;
    for key in constraint.match_label_keys.iter().flatten() {
        if let Some(value) = pod.metadata.labels.as_ref().and_then(|labels| labels.get(key)) {
            selection.match_labels.get_or_insert_default().insert(key.clone(), value.clone());
        }
    }
    Some(LabelSelector::try_from(&selection).unwrap())
}

/// Whether the pods on a node count for the constraint.
fn counts(pod: &Pod, constraint: &TopologySpreadConstraint, node: &Node) -> bool {
    let honors_affinity = constraint.node_affinity_policy.as_deref() != Some("Ignore");
    let honors_taints = constraint.node_taints_policy.as_deref() == Some("Honor");
    (!honors_affinity || is_wanted(pod, node)) && (!honors_taints || repelling_taint(pod, node).is_none())
}

fn has_keys(node: &Node, constraints: &[&TopologySpreadConstraint]) -> bool {
    constraints.iter().all(|constraint| label(node, &constraint.topology_key).is_some())
}

fn matching(world: &World, pod: &Pod, constraint: &TopologySpreadConstraint, node: &Node) -> i64 {
    let Some(selector) = selector(pod, constraint) else { return 0 };
    let counted = world.pods_on(name(node)).filter(|other| {
        namespace(other) == namespace(pod)
            && other.metadata.deletion_timestamp.is_none()
            && means(&selector, other)
    });
    counted.count() as i64
}

pub fn reject(world: &World, pod: &Pod, node: &Node) -> Vec<String> {
    let hard = constraints(pod, "DoNotSchedule");
    for constraint in &hard {
        let Some(own_domain) = label(node, &constraint.topology_key) else {
            return vec![
                "node(s) didn't match pod topology spread constraints (missing required label)".to_owned(),
            ];
        };
        let mut domains: BTreeMap<&str, i64> = BTreeMap::new();
        for other in
            world.nodes.values().filter(|other| has_keys(other, &hard) && counts(pod, constraint, other))
        {
            let domain = label(other, &constraint.topology_key).unwrap();
            *domains.entry(domain).or_default() += matching(world, pod, constraint, other);
        }
        let wanted = usize::try_from(constraint.min_domains.unwrap_or(1)).unwrap();
        let lowest = if domains.len() < wanted { Some(0) } else { domains.values().copied().min() };
        let own = i64::from(selector(pod, constraint).is_some_and(|selector| means(&selector, pod)));
        let count = domains.get(own_domain).copied().unwrap_or(0);
        if lowest.is_some_and(|lowest| count + own - lowest > i64::from(constraint.max_skew)) {
            return vec!["node(s) didn't match pod topology spread constraints".to_owned()];
        }
    }
    Vec::new()
}

pub fn score(world: &World, pod: &Pod, open: &[&Node]) -> Vec<i64> {
    let soft = constraints(pod, "ScheduleAnyway");
    if soft.is_empty() {
        return open.iter().map(|_| 0).collect();
    }
    let scored: Vec<&Node> = open.iter().copied().filter(|node| has_keys(node, &soft)).collect();
    let cost = |node: &Node| -> i64 {
        let mut sum = 0.0;
        for constraint in &soft {
            let key = constraint.topology_key.as_str();
            let domain = label(node, key).unwrap();
            let (count, domains) = if key == "kubernetes.io/hostname" {
                (matching(world, pod, constraint, node), scored.len())
            } else {
                let in_domain = world.nodes.values().filter(|other| {
                    has_keys(other, &soft)
                        && counts(pod, constraint, other)
                        && label(other, key) == Some(domain)
                });
                let count: i64 = in_domain.map(|other| matching(world, pod, constraint, other)).sum();
                (count, scored.iter().map(|node| label(node, key)).collect::<BTreeSet<_>>().len())
            };
            sum += count as f64 * (domains as f64 + 2.0).ln() + f64::from(constraint.max_skew - 1);
        }
        sum.round() as i64
    };
    let costs: BTreeMap<&str, i64> = scored.iter().map(|node| (name(node), cost(node))).collect();
    let most = costs.values().copied().max().unwrap_or(0);
    let least = costs.values().copied().min().unwrap_or(0);
    let points = |node: &&Node| match costs.get(name(node)) {
        None => 0,
        Some(_) if most == 0 => 100,
        Some(cost) => 100 * (most + least - cost) / most,
    };
    open.iter().map(points).collect()
}
