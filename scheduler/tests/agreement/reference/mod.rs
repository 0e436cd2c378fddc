//! What is decided, written down from the definition: every node is looked at for every pod, and nothing is kept.
//!
//! It shares no code with the scheduler below the object model: quantities and selectors are read by `bireme-core`, and
//! everything else is done here once more, the plainest way.

mod affinity;
mod preemption;
mod resources;
mod single;
mod spread;

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Node, Pod};

use crate::world::World;

pub use preemption::preempt;

/// Why a node is rejected: the filter and its reasons.
pub type Rejections = (&'static str, Vec<String>);

/// The plugins, in the order in which filters are asked.
pub const PLUGINS: &[&str] = &[
    "NodeUnschedulable",
    "NodeName",
    "TaintToleration",
    "NodeAffinity",
    "NodePorts",
    "NodeResourcesFit",
    "PodTopologySpread",
    "InterPodAffinity",
    "NodeResourcesBalancedAllocation",
    "ImageLocality",
];

/// What is said of each node: its points, or why it cannot take the pod.
pub struct Judgement {
    pub points: BTreeMap<String, i64>,
    pub rejections: BTreeMap<String, Rejections>,
}

/// Asks the plugins about every node.
pub fn judge(world: &World, pod: &Pod, plugins: &BTreeSet<&str>) -> Judgement {
    let mut rejections = BTreeMap::new();
    for (name, node) in &world.nodes {
        let rejecting = PLUGINS.iter().filter(|plugin| plugins.contains(*plugin)).find_map(|plugin| {
            let reasons = filter(plugin, world, pod, node);
            (!reasons.is_empty()).then_some((*plugin, reasons))
        });
        if let Some(rejection) = rejecting {
            rejections.insert(name.clone(), rejection);
        }
    }
    let open: Vec<&Node> = world
        .nodes
        .iter()
        .filter(|(name, _)| !rejections.contains_key(*name))
        .map(|(_, node)| node)
        .collect();
    let mut points: BTreeMap<String, i64> = open.iter().map(|node| (name(node).to_owned(), 0)).collect();
    for plugin in PLUGINS.iter().filter(|plugin| plugins.contains(*plugin)) {
        let (weight, scores) = score(plugin, world, pod, &open);
        for (node, score) in open.iter().zip(scores) {
            *points.get_mut(name(node)).unwrap() += weight * score;
        }
    }
    Judgement { points, rejections }
}

/// The reasons for which a plugin rejects the node.
fn filter(plugin: &str, world: &World, pod: &Pod, node: &Node) -> Vec<String> {
    match plugin {
        "NodeUnschedulable" => single::unschedulable(pod, node),
        "NodeName" => single::node_name(pod, node),
        "TaintToleration" => single::taints(pod, node),
        "NodeAffinity" => single::node_affinity(pod, node),
        "NodePorts" => single::ports(world, pod, node),
        "NodeResourcesFit" => resources::lacking(world, pod, node),
        "PodTopologySpread" => spread::reject(world, pod, node),
        "InterPodAffinity" => affinity::reject(world, pod, node),
        _ => Vec::new(),
    }
}

/// What a plugin's points weigh, and the points of each node.
fn score(plugin: &str, world: &World, pod: &Pod, open: &[&Node]) -> (i64, Vec<i64>) {
    let each = |ask: &dyn Fn(&Node) -> i64| open.iter().map(|node| ask(node)).collect::<Vec<i64>>();
    match plugin {
        "TaintToleration" => (3, inverted(each(&|node| single::soft_taints(pod, node)))),
        "NodeAffinity" => (2, stretched(each(&|node| single::preferred_weight(pod, node)))),
        "NodeResourcesFit" => (1, each(&|node| resources::least_allocated(world, pod, node))),
        "NodeResourcesBalancedAllocation" => (1, each(&|node| resources::balanced(world, pod, node))),
        "PodTopologySpread" => (2, spread::score(world, pod, open)),
        "InterPodAffinity" => (2, affinity::score(world, pod, open)),
        "ImageLocality" => (1, each(&|node| single::images(world, pod, node))),
        _ => (0, each(&|_| 0)),
    }
}

fn stretched(points: Vec<i64>) -> Vec<i64> {
    let most = points.iter().copied().max().unwrap_or(0);
    points.into_iter().map(|points| if most == 0 { 0 } else { points * 100 / most }).collect()
}

fn inverted(points: Vec<i64>) -> Vec<i64> {
    stretched(points).into_iter().map(|points| 100 - points).collect()
}

pub fn name(node: &Node) -> &str {
    node.metadata.name.as_deref().unwrap()
}

fn label<'n>(node: &'n Node, key: &str) -> Option<&'n str> {
    node.metadata.labels.as_ref()?.get(key).map(String::as_str)
}

fn namespace(pod: &Pod) -> &str {
    pod.metadata.namespace.as_deref().unwrap()
}
