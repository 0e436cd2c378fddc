//! Cordoned nodes take only pods that tolerate it.

use std::sync::LazyLock;

use bireme_core::scheduler::{ClusterEvent, PodInfo};
use k8s_openapi::api::core::v1::Taint;

use super::taint_toleration::tolerates;
use crate::framework::{Filter, NodeFilter, PodShape, verdict};

/// Upstream's `NodeUnschedulable`.
#[derive(Clone, Copy, Debug, Default)]
pub struct NodeUnschedulable;

const NAME: &str = "NodeUnschedulable";

fn tolerates_cordon(pod: &PodInfo) -> bool {
    static CORDON: LazyLock<Taint> = LazyLock::new(|| Taint {
        key: "node.kubernetes.io/unschedulable".to_owned(),
        effect: "NoSchedule".to_owned(),
        ..Taint::default()
    });
    tolerates(pod, &CORDON)
}

impl Filter for NodeUnschedulable {
    fn name(&self) -> &'static str {
        NAME
    }

    fn for_pod(&self, pod: &PodInfo) -> Option<NodeFilter> {
        if tolerates_cordon(pod) {
            return None;
        }
        Some(Box::new(move |node| {
            verdict(!node.is_unschedulable(), NAME, false, || "node(s) were unschedulable".to_owned())
        }))
    }

    fn shape(&self, pod: &PodInfo, shape: &mut PodShape) {
        shape.see_numbers([tolerates_cordon(pod).into()]);
    }

    fn looks_at_pods(&self) -> bool {
        false
    }

    fn is_helped_by(&self, event: ClusterEvent) -> bool {
        matches!(event, ClusterEvent::NodeAdded | ClusterEvent::NodeTaints)
    }
}
