//! The cluster as scheduling sees it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Node, Taint};

use super::{PodInfo, Resources};
use crate::object::{DecodeError, Object};

/// Nodes and the pods on them, kept up to date by event, never rebuilt.
///
/// Pods of nodes that are not known (yet) are kept too, so that the order in which nodes and pods become known
/// does not matter. What is assumed is replaced by what the API confirms.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    nodes: BTreeMap<Arc<str>, NodeInfo>,
    /// The node of every pod that is on one.
    places: HashMap<Arc<str>, Arc<str>>,
    generation: u64,
    /// Which node changed at which generation: one entry a node, its last.
    changes: BTreeMap<u64, Arc<str>>,
}

/// One node, and what is on it.
#[derive(Clone, Debug)]
pub struct NodeInfo {
    name: Arc<str>,
    node: Option<Arc<Node>>,
    allocatable: Resources,
    requested: Resources,
    pods: BTreeMap<Arc<str>, PodInfo>,
    generation: u64,
}

impl Snapshot {
    /// Nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// The nodes, by name.
    pub fn nodes(&self) -> impl Iterator<Item = &NodeInfo> {
        self.nodes.values().filter(|info| info.node.is_some())
    }

    /// One node.
    pub fn node(&self, name: &str) -> Option<&NodeInfo> {
        self.nodes.get(name).filter(|info| info.node.is_some())
    }

    /// How many nodes there are.
    pub fn node_count(&self) -> usize {
        self.nodes().count()
    }

    /// Counts every change of a node or of what is on it.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The names of the nodes that changed, appeared or went after a generation, each once.
    pub fn changed_since(&self, generation: u64) -> impl Iterator<Item = &Arc<str>> {
        self.changes.range(generation + 1..).map(|(_, name)| name)
    }

    /// The node is new or has changed.
    ///
    /// # Errors
    ///
    /// When the object is no node.
    pub fn set_node(&mut self, object: &Object) -> Result<(), DecodeError> {
        self.put_node(object.typed()?);
        Ok(())
    }

    /// The typed node is new or has changed.
    pub fn put_node(&mut self, node: Arc<Node>) {
        let name: Arc<str> = node.metadata.name.as_deref().unwrap_or_default().into();
        let allocatable = node.status.as_ref().and_then(|status| status.allocatable.as_ref());
        let allocatable = Resources::from_list(allocatable.into_iter().flatten());
        let info = self.entry(&name);
        info.node = Some(node);
        info.allocatable = allocatable;
        self.touch(&name);
    }

    /// The node is gone; pods that are still bound to it stay known.
    pub fn remove_node(&mut self, name: &str) {
        let Some((name, info)) = self.nodes.get_key_value(name) else { return };
        let (name, empty) = (name.clone(), info.pods.is_empty());
        self.touch(&name);
        if empty {
            self.nodes.remove(&name);
        } else if let Some(info) = self.nodes.get_mut(&name) {
            info.node = None;
        }
    }

    /// The pod is on a node: assumed by a decision that is being carried out, or confirmed by the API. A pod
    /// that is known already moves and takes its new form.
    pub fn assume(&mut self, pod: PodInfo, node: &str) {
        let uid = pod.uid().clone();
        self.forget(&uid);
        let name: Arc<str> =
            self.nodes.get_key_value(node).map_or_else(|| node.into(), |(name, _)| name.clone());
        let info = self.entry(&name);
        info.requested.add(pod.requests());
        info.pods.insert(uid.clone(), pod);
        self.places.insert(uid, name.clone());
        self.touch(&name);
    }

    /// The pod is on no node (any more): it is gone, has ended, or its binding failed.
    pub fn forget(&mut self, uid: &str) {
        let Some(name) = self.places.remove(uid) else { return };
        let Some(info) = self.nodes.get_mut(&name) else { return };
        if let Some(pod) = info.pods.remove(uid) {
            info.requested.subtract(pod.requests());
        }
        let vanished = info.node.is_none() && info.pods.is_empty();
        self.touch(&name);
        if vanished {
            self.nodes.remove(&name);
        }
    }

    /// The node that the pod is on.
    pub fn place(&self, uid: &str) -> Option<&Arc<str>> {
        self.places.get(uid)
    }

    fn entry(&mut self, name: &Arc<str>) -> &mut NodeInfo {
        self.nodes.entry(name.clone()).or_insert_with(|| NodeInfo {
            name: name.clone(),
            node: None,
            allocatable: Resources::default(),
            requested: Resources::default(),
            pods: BTreeMap::new(),
            generation: 0,
        })
    }

    fn touch(&mut self, name: &Arc<str>) {
        self.generation += 1;
        if let Some(info) = self.nodes.get_mut(name) {
            self.changes.remove(&info.generation);
            info.generation = self.generation;
        }
        self.changes.insert(self.generation, name.clone());
    }
}

impl NodeInfo {
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

    /// What pods may use of it.
    pub fn allocatable(&self) -> &Resources {
        &self.allocatable
    }

    /// What the pods on it ask for.
    pub fn requested(&self) -> &Resources {
        &self.requested
    }

    /// The pods on it, by uid.
    pub fn pods(&self) -> impl Iterator<Item = &PodInfo> {
        self.pods.values()
    }

    /// Whether a port of the node that the pod wants is taken by another pod.
    pub fn has_port_conflict(&self, pod: &PodInfo) -> bool {
        let taken =
            |wanted| self.pods().flat_map(PodInfo::host_ports).any(|port| port.conflicts_with(wanted));
        pod.host_ports().iter().any(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::{Container, ContainerPort, NodeStatus, Pod, PodSpec};
    use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

    fn node(name: &str) -> Arc<Node> {
        let allocatable = BTreeMap::from([("pods".to_owned(), Quantity("110".to_owned()))]);
        Arc::new(Node {
            metadata: ObjectMeta { name: Some(name.into()), ..ObjectMeta::default() },
            status: Some(NodeStatus { allocatable: Some(allocatable), ..NodeStatus::default() }),
            ..Node::default()
        })
    }

    fn pod(uid: &str, port: Option<(&str, i32)>) -> PodInfo {
        let port = port.map(|(address, number)| ContainerPort {
            host_ip: Some(address.into()),
            host_port: Some(number),
            ..ContainerPort::default()
        });
        let container = Container { ports: port.map(|port| vec![port]), ..Container::default() };
        PodInfo::new(Arc::new(Pod {
            metadata: ObjectMeta { uid: Some(uid.into()), name: Some(uid.into()), ..ObjectMeta::default() },
            spec: Some(PodSpec { containers: vec![container], ..PodSpec::default() }),
            ..Pod::default()
        }))
    }

    #[test]
    fn a_pod_counts_on_one_node_at_a_time() {
        let mut snapshot = Snapshot::new();
        snapshot.put_node(node("a"));
        snapshot.put_node(node("b"));
        snapshot.assume(pod("p", None), "a");
        snapshot.assume(pod("p", None), "b");
        assert_eq!(snapshot.node("a").unwrap().requested().pods, 0);
        assert_eq!(snapshot.node("b").unwrap().requested().pods, 1);
        snapshot.forget("p");
        snapshot.forget("p");
        assert_eq!(snapshot.node("b").unwrap().requested().pods, 0);
    }

    #[test]
    fn pods_may_become_known_before_and_outlive_their_node() {
        let mut snapshot = Snapshot::new();
        snapshot.assume(pod("p", None), "late");
        assert_eq!(snapshot.node_count(), 0);
        snapshot.put_node(node("late"));
        assert_eq!(snapshot.node("late").unwrap().requested().pods, 1);
        snapshot.remove_node("late");
        assert!(snapshot.node("late").is_none());
        snapshot.put_node(node("late"));
        assert_eq!(snapshot.node("late").unwrap().requested().pods, 1);
    }

    #[test]
    fn changes_name_each_changed_node_once() {
        let mut snapshot = Snapshot::new();
        snapshot.put_node(node("a"));
        snapshot.put_node(node("b"));
        let before = snapshot.generation();
        assert_eq!(snapshot.changed_since(before).count(), 0);
        snapshot.assume(pod("p", None), "a");
        snapshot.assume(pod("q", None), "a");
        let changed: Vec<_> = snapshot.changed_since(before).map(|name| name.to_string()).collect();
        assert_eq!(changed, ["a"]);
        snapshot.remove_node("b");
        assert!(snapshot.changed_since(before).any(|name| &**name == "b"), "what went has changed");
    }

    #[test]
    fn host_ports_conflict_by_port_protocol_and_address() {
        let mut snapshot = Snapshot::new();
        snapshot.put_node(node("a"));
        snapshot.assume(pod("p", Some(("10.0.0.1", 80))), "a");
        let a = snapshot.node("a").unwrap();
        assert!(a.has_port_conflict(&pod("q", Some(("0.0.0.0", 80)))));
        assert!(a.has_port_conflict(&pod("q", Some(("10.0.0.1", 80)))));
        assert!(!a.has_port_conflict(&pod("q", Some(("10.0.0.2", 80)))));
        assert!(!a.has_port_conflict(&pod("q", Some(("", 81)))));
    }
}
