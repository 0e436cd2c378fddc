//! Two pods cannot have the same port of one node.

use bireme_core::scheduler::{ClusterEvent, PodInfo};

use crate::framework::{Filter, NodeFilter, PodShape, verdict};

/// Upstream's `NodePorts`.
#[derive(Clone, Copy, Debug, Default)]
pub struct NodePorts;

const NAME: &str = "NodePorts";

impl Filter for NodePorts {
    fn name(&self) -> &'static str {
        NAME
    }

    fn for_pod(&self, pod: &PodInfo) -> Option<NodeFilter> {
        if pod.host_ports().is_empty() {
            return None;
        }
        let pod = pod.clone();
        Some(Box::new(move |node| {
            let reason = || "node(s) didn't have free ports for the requested pod ports".to_owned();
            verdict(!node.has_port_conflict(&pod), NAME, true, reason)
        }))
    }

    fn shape(&self, pod: &PodInfo, shape: &mut PodShape) {
        shape.see_numbers([pod.host_ports().len().try_into().unwrap_or(i64::MAX)]);
        for port in pod.host_ports() {
            shape.see(&(&port.address, &port.protocol, port.port));
        }
    }

    fn is_helped_by(&self, event: ClusterEvent) -> bool {
        matches!(event, ClusterEvent::NodeAdded | ClusterEvent::PodRemoved)
    }
}
