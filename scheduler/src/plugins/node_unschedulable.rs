//! Cordoned nodes take only pods that tolerate it.

use bireme_core::scheduler::{ClusterEvent, PodInfo};
use k8s_openapi::api::core::v1::Taint;

use super::taint_toleration::tolerates;
use crate::framework::{Filter, NodeFilter, verdict};

/// Upstream's `NodeUnschedulable`.
#[derive(Clone, Copy, Debug, Default)]
pub struct NodeUnschedulable;

impl Filter for NodeUnschedulable {
    fn name(&self) -> &'static str {
        "NodeUnschedulable"
    }

    fn for_pod<'a>(&'a self, pod: &'a PodInfo) -> Option<NodeFilter<'a>> {
        let cordon = Taint {
            key: "node.kubernetes.io/unschedulable".to_owned(),
            effect: "NoSchedule".to_owned(),
            ..Taint::default()
        };
        let tolerated = tolerates(pod, &cordon);
        (!tolerated).then(|| -> NodeFilter<'a> {
            Box::new(move |node| {
                verdict(!node.is_unschedulable(), self.name(), false, || {
                    "node(s) were unschedulable".to_owned()
                })
            })
        })
    }

    fn is_helped_by(&self, event: ClusterEvent) -> bool {
        matches!(event, ClusterEvent::NodeAdded | ClusterEvent::NodeTaints)
    }
}
