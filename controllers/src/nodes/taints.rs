//! The taints that follow from a node's conditions.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Node, Taint, Toleration};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::health::{condition, readiness};

const NOT_READY: &str = "node.kubernetes.io/not-ready";
const UNREACHABLE: &str = "node.kubernetes.io/unreachable";
const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";

/// The conditions that keep new pods away when they hold, and their taints.
const HINDRANCES: &[(&str, &str)] = &[
    ("MemoryPressure", "node.kubernetes.io/memory-pressure"),
    ("DiskPressure", "node.kubernetes.io/disk-pressure"),
    ("PIDPressure", "node.kubernetes.io/pid-pressure"),
    ("NetworkUnavailable", "node.kubernetes.io/network-unavailable"),
];

pub(super) const NO_SCHEDULE: &str = "NoSchedule";
pub(super) const NO_EXECUTE: &str = "NoExecute";

/// The node with the taints that its conditions mean, and its other taints as they are. Where `may_evict` does not
/// hold, no taint that evicts is added, but one that is there stays.
pub(super) fn tainted(node: &Node, may_evict: bool, now: Timestamp) -> Node {
    let wanted = wanted(node);
    let is_wanted = |taint: &Taint| wanted.contains(&(taint.key.as_str(), taint.effect.as_str()));
    let before = node.spec.as_ref().and_then(|spec| spec.taints.clone()).unwrap_or_default();
    let mut taints = before.clone();
    taints.retain(|taint| !is_ours(taint) || is_wanted(taint));
    for (key, effect) in wanted {
        let known = taints.iter().any(|taint| taint.key == key && taint.effect == effect);
        if !known && (may_evict || effect != NO_EXECUTE) {
            let (key, effect) = (key.to_owned(), effect.to_owned());
            taints.push(Taint { key, effect, time_added: Some(Time(now)), value: None });
        }
    }
    // Tolerations that end count from here, and a person who taints a node gives no time.
    for taint in taints.iter_mut().filter(|taint| taint.effect == NO_EXECUTE) {
        taint.time_added.get_or_insert(Time(now));
    }
    let mut changed = node.clone();
    if taints != before {
        changed.spec.get_or_insert_default().taints = Some(taints);
    }
    changed
}

fn wanted(node: &Node) -> Vec<(&'static str, &'static str)> {
    let mut wanted = Vec::new();
    let state = match readiness(node) {
        "True" => None,
        "Unknown" => Some(UNREACHABLE),
        _ => Some(NOT_READY),
    };
    wanted.extend(state.into_iter().flat_map(|key| [(key, NO_SCHEDULE), (key, NO_EXECUTE)]));
    for (type_, key) in HINDRANCES {
        if condition(node, type_).is_some_and(|condition| condition.status == "True") {
            wanted.push((*key, NO_SCHEDULE));
        }
    }
    if node.spec.as_ref().and_then(|spec| spec.unschedulable) == Some(true) {
        wanted.push((UNSCHEDULABLE, NO_SCHEDULE));
    }
    wanted
}

/// Whether the taint is one that follows from conditions.
fn is_ours(taint: &Taint) -> bool {
    let state = taint.key == NOT_READY || taint.key == UNREACHABLE;
    let hindrance = taint.key == UNSCHEDULABLE || HINDRANCES.iter().any(|(_, key)| taint.key == *key);
    match taint.effect.as_str() {
        NO_EXECUTE => state,
        NO_SCHEDULE => state || hindrance,
        _ => false,
    }
}

/// Whether the toleration is for the taint.
pub(super) fn tolerates(toleration: &Toleration, taint: &Taint) -> bool {
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    let (key, effect, operator) =
        (text(&toleration.key), text(&toleration.effect), text(&toleration.operator));
    let values = || text(&toleration.value) == text(&taint.value);
    (effect.is_empty() || effect == taint.effect)
        && (key.is_empty() && operator == "Exists" || key == taint.key)
        && (operator == "Exists" || (operator.is_empty() || operator == "Equal") && values())
}
