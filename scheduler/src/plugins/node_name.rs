//! A pod that names its node goes there or nowhere.

use bireme_core::scheduler::{ClusterEvent, PodInfo};

use crate::framework::{Filter, NodeFilter, verdict};

/// Upstream's `NodeName`.
#[derive(Clone, Copy, Debug, Default)]
pub struct NodeName;

impl Filter for NodeName {
    fn name(&self) -> &'static str {
        "NodeName"
    }

    fn for_pod<'a>(&'a self, pod: &'a PodInfo) -> Option<NodeFilter<'a>> {
        let wanted = pod.spec().node_name.as_deref().filter(|name| !name.is_empty())?;
        Some(Box::new(move |node| {
            let reason = || "node(s) didn't match the requested node name".to_owned();
            verdict(&**node.name() == wanted, self.name(), false, reason)
        }))
    }

    fn is_helped_by(&self, event: ClusterEvent) -> bool {
        event == ClusterEvent::NodeAdded
    }
}
