//! The nodes and pods that scheduling is measured with: those of kube-scheduler's own performance tests.

use std::sync::Arc;

use bireme_core::scheduler::{PodInfo, Snapshot};
use k8s_openapi::api::core::v1::{Node, Pod};
use serde_json::{Value, json};

/// How many zones the nodes are in.
const ZONES: usize = 3;

/// A node of 4 CPUs, 32 GiB and 110 pods.
pub(super) fn node(number: usize) -> Value {
    let name = format!("node-{number}");
    json!({
        "metadata": {"name": name, "labels": {
            "kubernetes.io/hostname": name,
            "topology.kubernetes.io/zone": format!("zone-{}", number % ZONES)}},
        "status": {"allocatable": {"cpu": "4", "memory": "32Gi", "pods": "110"},
            "conditions": [{"type": "Ready", "status": "True"}]}})
}

/// What a pod is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Asks for 100m and 500Mi.
    Plain,
    /// Will not be on a node with another of its kind.
    Apart,
    /// Spreads over the zones, with a skew of at most one.
    Spread,
    /// Asks for more than any node has.
    TooLarge,
    /// Asks for 900m, and is not important.
    Low,
    /// Asks for 3 CPUs, and is.
    High,
}

impl Shape {
    fn cpu(self) -> &'static str {
        match self {
            Self::Plain | Self::Apart | Self::Spread => "100m",
            Self::TooLarge => "100",
            Self::Low => "900m",
            Self::High => "3",
        }
    }
}

/// A pod of this shape.
pub(super) fn pod(shape: Shape, number: usize) -> Value {
    let name = format!("{}-{number}", format!("{shape:?}").to_lowercase());
    let app = json!({"matchLabels": {"app": format!("{shape:?}").to_lowercase()}});
    let mut pod = json!({
        "metadata": {"name": name, "namespace": "default", "labels": app["matchLabels"]},
        "spec": {"containers": [{"name": "pause", "image": "pause",
            "resources": {"requests": {"cpu": shape.cpu(), "memory": "500Mi"}}}]}});
    match shape {
        Shape::Apart => {
            let term = json!({"topologyKey": "kubernetes.io/hostname", "labelSelector": app});
            pod["spec"]["affinity"] =
                json!({"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}});
        }
        Shape::Spread => {
            pod["spec"]["topologySpreadConstraints"] = json!([{"maxSkew": 1, "labelSelector": app,
                "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "DoNotSchedule"}]);
        }
        Shape::High => pod["spec"]["priority"] = json!(1000),
        Shape::Plain | Shape::TooLarge | Shape::Low => {}
    }
    pod
}

/// A snapshot of so many empty nodes.
pub(super) fn snapshot(nodes: usize) -> anyhow::Result<Snapshot> {
    let mut snapshot = Snapshot::new();
    for number in 0..nodes {
        let node: Node = serde_json::from_value(node(number))?;
        snapshot.put_node(Arc::new(node));
    }
    Ok(snapshot)
}

/// So many pods of a shape, as scheduling sees them.
pub(super) fn pods(shape: Shape, count: usize) -> anyhow::Result<Vec<PodInfo>> {
    let pod = |number| -> anyhow::Result<PodInfo> {
        let mut pod = pod(shape, number);
        pod["metadata"]["uid"] = pod["metadata"]["name"].clone();
        let pod: Pod = serde_json::from_value(pod)?;
        Ok(PodInfo::new(Arc::new(pod)))
    };
    (0..count).map(pod).collect()
}
