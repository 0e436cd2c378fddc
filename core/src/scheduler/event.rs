//! Changes that a pod may be waiting for.

use k8s_openapi::api::core::v1::Node;

/// A change of the cluster that may let a pod fit that fitted nowhere before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClusterEvent {
    /// There is a new node.
    NodeAdded,
    /// A node's labels changed.
    NodeLabels,
    /// A node's taints, or whether it is cordoned, changed.
    NodeTaints,
    /// A node can take more or less than before.
    NodeAllocatable,
    /// A node is gone, and with it what had to be spread over it.
    NodeRemoved,
    /// A pod that was on a node is gone or has ended.
    PodRemoved,
    /// A pod came to a node.
    PodPlaced,
    /// A pod on a node has other labels, or is being deleted.
    PodChanged,
    /// A namespace is new or has other labels.
    NamespaceLabels,
}

impl ClusterEvent {
    /// What an update of a node changed of what scheduling looks at.
    pub fn of_update(old: &Node, new: &Node) -> Vec<ClusterEvent> {
        let spec = |node: &Node| node.spec.as_ref().map(|spec| (spec.taints.clone(), spec.unschedulable));
        let allocatable = |node: &Node| node.status.as_ref().and_then(|status| status.allocatable.clone());
        let changes = [
            (ClusterEvent::NodeLabels, old.metadata.labels != new.metadata.labels),
            (ClusterEvent::NodeTaints, spec(old) != spec(new)),
            (ClusterEvent::NodeAllocatable, allocatable(old) != allocatable(new)),
        ];
        changes.into_iter().filter(|(_, changed)| *changed).map(|(event, _)| event).collect()
    }
}
