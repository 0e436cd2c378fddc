//! A pod that names its node goes there or nowhere.

use bireme_core::scheduler::{ClusterEvent, PodInfo};

use crate::framework::{Filter, NodeFilter, PodShape, verdict};

/// Upstream's `NodeName`.
#[derive(Clone, Copy, Debug, Default)]
pub struct NodeName;

const NAME: &str = "NodeName";

impl Filter for NodeName {
    fn name(&self) -> &'static str {
        NAME
    }

    fn for_pod(&self, pod: &PodInfo) -> Option<NodeFilter> {
        let wanted = pod.spec().node_name.clone().filter(|name| !name.is_empty())?;
        Some(Box::new(move |node| {
            let reason = || "node(s) didn't match the requested node name".to_owned();
            verdict(**node.name() == *wanted, NAME, false, reason)
        }))
    }

    fn shape(&self, pod: &PodInfo, shape: &mut PodShape) {
        shape.see_if_any(&pod.spec().node_name);
    }

    fn looks_at_pods(&self) -> bool {
        false
    }

    fn is_helped_by(&self, event: ClusterEvent) -> bool {
        event == ClusterEvent::NodeAdded
    }
}
