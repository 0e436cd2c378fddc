//! Two pods cannot have the same port of one node.

use bireme_core::scheduler::{ClusterEvent, PodInfo};

use crate::framework::{Filter, NodeFilter, verdict};

/// Upstream's `NodePorts`.
#[derive(Clone, Copy, Debug, Default)]
pub struct NodePorts;

impl Filter for NodePorts {
    fn name(&self) -> &'static str {
        "NodePorts"
    }

    fn for_pod<'a>(&'a self, pod: &'a PodInfo) -> Option<NodeFilter<'a>> {
        let mut containers = pod.spec().containers.iter().chain(pod.spec().init_containers.iter().flatten());
        let wants_any =
            containers.any(|container| container.ports.iter().flatten().any(|port| port.host_port.is_some()));
        wants_any.then(|| -> NodeFilter<'a> {
            Box::new(move |node| {
                let reason = || "node(s) didn't have free ports for the requested pod ports".to_owned();
                verdict(!node.has_port_conflict(pod), self.name(), true, reason)
            })
        })
    }

    fn is_helped_by(&self, event: ClusterEvent) -> bool {
        matches!(event, ClusterEvent::NodeAdded | ClusterEvent::PodRemoved)
    }
}
