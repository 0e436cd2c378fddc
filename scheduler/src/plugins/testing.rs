//! Builders of nodes and pods for the tests of plugins, and short ways to ask a plugin.

use std::sync::Arc;

use bireme_core::scheduler::{NodeInfo, PodInfo, Snapshot, Verdict};
use k8s_openapi::api::core::v1::{Node, Pod, Toleration};
use serde_json::{Value, json};

use crate::framework::{Filter, Score};

pub(crate) struct NodeBuilder {
    node: Value,
    pods: Vec<PodInfo>,
}

pub(crate) struct PodBuilder(Value);

pub(crate) fn node(name: &str) -> NodeBuilder {
    let node = json!({"metadata": {"name": name, "labels": {}}, "spec": {"taints": []},
        "status": {"allocatable": {"pods": "110"}}});
    NodeBuilder { node, pods: Vec::new() }
}

pub(crate) fn pod(name: &str) -> PodBuilder {
    PodBuilder(json!({"metadata": {"name": name, "namespace": "default", "uid": name},
        "spec": {"containers": [{"name": "c", "resources": {"requests": {}}}]}}))
}

impl NodeBuilder {
    pub(crate) fn label(mut self, key: &str, value: &str) -> Self {
        self.node["metadata"]["labels"][key] = value.into();
        self
    }

    pub(crate) fn taint(mut self, key: &str, value: &str, effect: &str) -> Self {
        let taints = self.node["spec"]["taints"].as_array_mut().unwrap();
        taints.push(json!({"key": key, "value": value, "effect": effect}));
        self
    }

    pub(crate) fn image(mut self, name: &str, size: i64) -> Self {
        let images = &mut self.node["status"]["images"];
        let mut known = images.as_array().cloned().unwrap_or_default();
        known.push(json!({"names": [name], "sizeBytes": size}));
        *images = known.into();
        self
    }

    pub(crate) fn unschedulable(mut self) -> Self {
        self.node["spec"]["unschedulable"] = true.into();
        self
    }

    pub(crate) fn allocatable(mut self, resource: &str, amount: &str) -> Self {
        self.node["status"]["allocatable"][resource] = amount.into();
        self
    }

    pub(crate) fn pod(mut self, pod: PodBuilder) -> Self {
        self.pods.push(pod.info());
        self
    }

    pub(crate) fn build(self) -> Arc<Node> {
        Arc::new(serde_json::from_value(self.node).unwrap())
    }

    pub(crate) fn info(mut self) -> NodeInfo {
        let (mut snapshot, pods) = (Snapshot::new(), std::mem::take(&mut self.pods));
        let node = self.build();
        let name = node.metadata.name.clone().unwrap();
        snapshot.put_node(node);
        pods.into_iter().for_each(|pod| assert!(snapshot.assume(pod, &name)));
        snapshot.node(&name).unwrap().clone()
    }
}

impl PodBuilder {
    pub(crate) fn spec(mut self, fields: Value) -> Self {
        let spec = self.0["spec"].as_object_mut().unwrap();
        spec.extend(fields.as_object().unwrap().clone());
        self
    }

    pub(crate) fn requests(mut self, resource: &str, amount: &str) -> Self {
        self.0["spec"]["containers"][0]["resources"]["requests"][resource] = amount.into();
        self
    }

    pub(crate) fn priority(self, priority: i32) -> Self {
        self.spec(json!({"priority": priority}))
    }

    pub(crate) fn tolerations(self, tolerations: Vec<Toleration>) -> Self {
        self.spec(json!({"tolerations": tolerations}))
    }

    pub(crate) fn required_node_terms(self, terms: Vec<Value>) -> Self {
        self.spec(json!({"affinity": {"nodeAffinity":
            {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}}))
    }

    pub(crate) fn info(self) -> PodInfo {
        let pod: Pod = serde_json::from_value(self.0).unwrap();
        PodInfo::new(Arc::new(pod))
    }
}

pub(crate) fn fits(filter: &impl Filter, pod: &PodInfo, node: &NodeInfo) -> bool {
    rejections(filter, pod, node).is_empty()
}

/// The reasons, and whether evictions would help.
pub(crate) fn rejections(filter: &impl Filter, pod: &PodInfo, node: &NodeInfo) -> Vec<(String, bool)> {
    match filter.for_pod(pod).map_or(Verdict::Fits, |ask| ask(node)) {
        Verdict::Fits => Vec::new(),
        Verdict::Rejects(rejections) => {
            rejections.into_iter().map(|rejection| (rejection.reason, rejection.eviction_helps)).collect()
        }
    }
}

pub(crate) fn score_points(score: &impl Score, pod: &PodInfo, nodes: &[&NodeInfo]) -> Vec<i64> {
    let ask = score.for_pod(pod).unwrap();
    let points: Vec<i64> = nodes.iter().map(|node| ask(node)).collect();
    let most = points.iter().copied().max().unwrap();
    points.into_iter().map(|points| score.normalization().apply(points, most)).collect()
}
