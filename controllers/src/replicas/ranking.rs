//! Which pods can be missed most.

use std::cmp::{Ordering, Reverse};
use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;

use crate::pods;

/// How much its deletion costs, by its owner's own account; lower goes first.
const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";

/// What a pod is ranked by: the smaller, the sooner it goes. The order of the fields is upstream's.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Usefulness<'a> {
    assigned: bool,
    phase: u8,
    ready: bool,
    cost: i32,
    /// Where many related pods share a node, one of them goes.
    company: Reverse<usize>,
    /// Who became ready last goes first.
    ready_since: Reverse<Option<Timestamp>>,
    restarts: Reverse<i32>,
    created: Reverse<Option<Timestamp>>,
    name: &'a str,
}

/// The pods, the least useful first. `related` are the pods that should be spread over the nodes together.
pub(super) fn least_useful<'a>(pods: &'a [Arc<Pod>], related: &[Arc<Pod>]) -> Vec<&'a Pod> {
    let mut per_node: BTreeMap<&str, usize> = BTreeMap::new();
    for pod in related.iter().filter(|pod| pods::is_active(pod)) {
        if let Some(node) = pods::node_name(pod) {
            *per_node.entry(node).or_default() += 1;
        }
    }
    let mut ranked: Vec<_> = pods.iter().map(|pod| (usefulness(pod, &per_node), &**pod)).collect();
    ranked.sort_by(|(a, _), (b, _)| -> Ordering { a.cmp(b) });
    ranked.into_iter().map(|(_, pod)| pod).collect()
}

fn usefulness<'a>(pod: &'a Pod, per_node: &BTreeMap<&str, usize>) -> Usefulness<'a> {
    let node = pods::node_name(pod);
    let cost = pod.metadata.annotations.as_ref().and_then(|annotations| annotations.get(DELETION_COST));
    Usefulness {
        assigned: node.is_some(),
        phase: match pods::phase(pod) {
            "Pending" => 0,
            "Running" => 2,
            _ => 1,
        },
        ready: pods::is_ready(pod),
        cost: cost.and_then(|cost| cost.parse().ok()).unwrap_or(0),
        company: Reverse(node.and_then(|node| per_node.get(node)).copied().unwrap_or(0)),
        ready_since: Reverse(pods::ready_since(pod)),
        restarts: Reverse(pods::restarts(pod)),
        created: Reverse(pod.metadata.creation_timestamp.as_ref().map(|time| time.0)),
        name: pod.metadata.name.as_deref().unwrap_or_default(),
    }
}
