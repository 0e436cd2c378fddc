//! One node as scheduling sees it.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{ContainerImage, Node, Taint};

use super::pod::HostPort;
use super::{PodInfo, Resources};

/// A node's place in a [`Snapshot`](super::Snapshot): a small dense number, given to another node when this one is
/// gone. Columns are indexed by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub(super) u32);

impl NodeId {
    /// The number.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// One node, and what is on it.
#[derive(Clone, Debug)]
pub struct NodeInfo {
    id: NodeId,
    name: Arc<str>,
    node: Option<Arc<Node>>,
    allocatable: Resources,
    requested: Resources,
    compared: (i64, i64),
    pods: Vec<PodInfo>,
    /// The ports of the node that pods have, each with how many have it.
    ports: BTreeMap<HostPort, u32>,
}

impl NodeInfo {
    pub(super) fn new(id: NodeId, name: Arc<str>) -> Self {
        Self {
            id,
            name,
            node: None,
            allocatable: Resources::default(),
            requested: Resources::default(),
            compared: (0, 0),
            pods: Vec::new(),
            ports: BTreeMap::new(),
        }
    }

    /// Its place in the snapshot.
    pub fn id(&self) -> NodeId {
        self.id
    }

    /// The name.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The node. Every node that a snapshot hands out has one.
    pub fn node(&self) -> Option<&Arc<Node>> {
        self.node.as_ref()
    }

    /// The labels.
    pub fn labels(&self) -> &BTreeMap<String, String> {
        static NONE: BTreeMap<String, String> = BTreeMap::new();
        self.node.as_ref().and_then(|node| node.metadata.labels.as_ref()).unwrap_or(&NONE)
    }

    /// The taints.
    pub fn taints(&self) -> &[Taint] {
        let spec = self.node.as_ref().and_then(|node| node.spec.as_ref());
        spec.and_then(|spec| spec.taints.as_deref()).unwrap_or_default()
    }

    /// Whether the node is cordoned.
    pub fn is_unschedulable(&self) -> bool {
        let spec = self.node.as_ref().and_then(|node| node.spec.as_ref());
        spec.and_then(|spec| spec.unschedulable).unwrap_or_default()
    }

    /// The images that the node says it has.
    pub fn images(&self) -> &[ContainerImage] {
        let status = self.node.as_ref().and_then(|node| node.status.as_ref());
        status.and_then(|status| status.images.as_deref()).unwrap_or_default()
    }

    /// What pods may use of it.
    pub fn allocatable(&self) -> &Resources {
        &self.allocatable
    }

    /// What the pods on it ask for.
    pub fn requested(&self) -> &Resources {
        &self.requested
    }

    /// Thousandths of a CPU and bytes of memory that its pods are taken to use when nodes are compared: the sums of
    /// their [`PodInfo::compared`].
    pub fn compared(&self) -> (i64, i64) {
        self.compared
    }

    /// The pods on it, in no particular order.
    pub fn pods(&self) -> &[PodInfo] {
        &self.pods
    }

    /// Whether a port of the node that the pod wants is taken by another pod.
    pub fn has_port_conflict(&self, pod: &PodInfo) -> bool {
        let taken = |wanted| self.ports.keys().any(|port| port.conflicts_with(wanted));
        pod.host_ports().iter().any(taken)
    }

    pub(super) fn set_node(&mut self, node: Option<Arc<Node>>) {
        let status = node.as_ref().and_then(|node| node.status.as_ref());
        let allocatable = status.and_then(|status| status.allocatable.as_ref());
        self.allocatable = Resources::from_list(allocatable.into_iter().flatten());
        self.node = node;
    }

    /// Puts a pod on it behind all others, and says where that is. On a node of a snapshot only the snapshot does that;
    /// on a clone it is what-if.
    pub fn put(&mut self, pod: PodInfo) -> usize {
        self.requested.add(pod.requests());
        self.compared.0 = self.compared.0.saturating_add(pod.compared().0);
        self.compared.1 = self.compared.1.saturating_add(pod.compared().1);
        for port in pod.host_ports() {
            *self.ports.entry(port.clone()).or_default() += 1;
        }
        self.pods.push(pod);
        self.pods.len() - 1
    }

    /// Takes a pod from it, if it is there: what-if, on a clone.
    pub fn take(&mut self, uid: &str) -> Option<PodInfo> {
        let at = self.pods.iter().position(|pod| &**pod.uid() == uid)?;
        Some(self.take_at(at))
    }

    /// Takes a pod out; the last one is in its place then.
    pub(super) fn take_at(&mut self, at: usize) -> PodInfo {
        let pod = self.pods.swap_remove(at);
        self.requested.subtract(pod.requests());
        self.compared.0 = self.compared.0.saturating_sub(pod.compared().0);
        self.compared.1 = self.compared.1.saturating_sub(pod.compared().1);
        for port in pod.host_ports() {
            if let Some(count) = self.ports.get_mut(port) {
                *count -= 1;
                if *count == 0 {
                    self.ports.remove(port);
                }
            }
        }
        pod
    }

    /// Gives a pod on it another form that asks for the same.
    pub(super) fn renew(&mut self, at: usize, pod: PodInfo) {
        self.pods[at] = pod;
    }
}
