//! A cluster as plain objects, for the reference to look at.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Node, Pod};

/// All there is, with nothing worked out.
#[derive(Clone, Debug, Default)]
pub struct World {
    pub nodes: BTreeMap<String, Node>,
    /// By uid, with the name of the node that each is on.
    pub pods: BTreeMap<String, (Pod, String)>,
    pub namespaces: BTreeMap<String, BTreeMap<String, String>>,
}

impl World {
    /// The pods on a node.
    pub fn pods_on(&self, node: &str) -> impl Iterator<Item = &Pod> {
        self.pods.values().filter(move |(_, place)| place == node).map(|(pod, _)| pod)
    }
}

/// The labels of a node or pod.
pub fn labels(labels: &Option<BTreeMap<String, String>>) -> BTreeMap<String, String> {
    labels.clone().unwrap_or_default()
}
