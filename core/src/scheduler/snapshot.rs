//! The cluster as scheduling sees it.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Namespace, Node};

use super::{NodeId, NodeInfo, PodInfo};
use crate::object::{DecodeError, Object};

/// How many changes are remembered at least, however few nodes there are.
const LEAST_REMEMBERED: usize = 1024;

/// Nodes and the pods on them, kept up to date by event, never rebuilt.
///
/// Pods of nodes that are not known (yet) are kept too, so that the order in which nodes and pods become known
/// does not matter. What is assumed is replaced by what the API confirms. A clone is a fork: what is tried on it is
/// not seen by the original.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// By [`NodeId`]; `None` where there is no node (any more).
    nodes: Vec<Option<NodeInfo>>,
    free: Vec<NodeId>,
    ids: HashMap<Arc<str>, NodeId>,
    /// Where every pod is that is on a node, by uid.
    places: HashMap<Arc<str>, Place>,
    namespaces: HashMap<Arc<str>, BTreeMap<String, String>>,
    known: usize,
    /// The last changes, the newest at the back.
    changes: VecDeque<Change>,
    generation: u64,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    node: NodeId,
    /// Which of the node's pods it is.
    at: usize,
}

/// What can change about a cluster, as scheduling sees it.
#[derive(Clone, Debug)]
pub enum Change {
    /// A node is new, has another form, or is gone, in which case its id may be that of another one by now.
    Node(NodeId),
    /// A pod came to a node.
    Placed(NodeId, PodInfo),
    /// A pod left a node.
    Left(NodeId, PodInfo),
    /// The labels of a namespace are new or others.
    Namespace(Arc<str>),
}

impl Change {
    /// The node that it is about, if it is about one.
    pub fn node(&self) -> Option<NodeId> {
        match self {
            Self::Node(node) | Self::Placed(node, _) | Self::Left(node, _) => Some(*node),
            Self::Namespace(_) => None,
        }
    }
}

impl Snapshot {
    /// Nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// The nodes, in no particular order.
    pub fn nodes(&self) -> impl Iterator<Item = &NodeInfo> {
        self.nodes.iter().flatten().filter(|info| info.node().is_some())
    }

    /// One node, by name.
    pub fn node(&self, name: &str) -> Option<&NodeInfo> {
        self.by_id(*self.ids.get(name)?)
    }

    /// One node, by its place; `None` when there is no node there now.
    pub fn by_id(&self, id: NodeId) -> Option<&NodeInfo> {
        self.nodes.get(id.index())?.as_ref().filter(|info| info.node().is_some())
    }

    /// The pods on nodes, those on nodes that are not known (any more) among them, in no particular order.
    pub fn pods(&self) -> impl Iterator<Item = (NodeId, &PodInfo)> {
        self.nodes.iter().flatten().flat_map(|info| info.pods().iter().map(|pod| (info.id(), pod)))
    }

    /// How many nodes there are.
    pub fn node_count(&self) -> usize {
        self.known
    }

    /// One more than the highest number that a [`NodeId`] of this snapshot has: the length of a column.
    pub fn width(&self) -> usize {
        self.nodes.len()
    }

    /// The labels of a namespace; `None` for one that is not known.
    pub fn namespace_labels(&self, namespace: &str) -> Option<&BTreeMap<String, String>> {
        self.namespaces.get(namespace)
    }

    /// Counts the changes.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// What changed after a generation, in order; `None` when that is so long ago that it is forgotten, and
    /// everything has to be looked at.
    ///
    /// At least as many changes are remembered as there are nodes, so that looking at each of them costs no more than
    /// looking at all nodes.
    pub fn changes_since(&self, generation: u64) -> Option<impl Iterator<Item = &Change>> {
        let behind = usize::try_from(self.generation.checked_sub(generation)?).ok()?;
        let first = self.changes.len().checked_sub(behind)?;
        Some(self.changes.range(first..))
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
        let id = self.id(node.metadata.name.as_deref().unwrap_or_default());
        let Some(info) = &mut self.nodes[id.index()] else { return };
        self.known += usize::from(info.node().is_none());
        info.set_node(Some(node));
        self.note(Change::Node(id));
    }

    /// The node is gone; pods that are still bound to it stay known.
    pub fn remove_node(&mut self, name: &str) {
        let Some(id) = self.ids.get(name).copied() else { return };
        let Some(info) = self.nodes[id.index()].as_mut().filter(|info| info.node().is_some()) else { return };
        info.set_node(None);
        self.known -= 1;
        self.note(Change::Node(id));
        self.drop_if_empty(id);
    }

    /// The namespace is new or has changed. Says whether that changed anything.
    pub fn put_namespace(&mut self, namespace: &Namespace) -> bool {
        let name: Arc<str> = namespace.metadata.name.as_deref().unwrap_or_default().into();
        let labels = namespace.metadata.labels.clone().unwrap_or_default();
        let changes = self.namespaces.get(&name) != Some(&labels);
        if changes {
            self.namespaces.insert(name.clone(), labels);
            self.note(Change::Namespace(name));
        }
        changes
    }

    /// The namespace is gone.
    pub fn remove_namespace(&mut self, name: &str) {
        if let Some((name, _)) = self.namespaces.remove_entry(name) {
            self.note(Change::Namespace(name));
        }
    }

    /// The pod is on a node: assumed by a decision that is being carried out, or confirmed by the API. A pod
    /// that is known already moves and takes its new form. Says whether that changed anything.
    pub fn assume(&mut self, pod: PodInfo, node: &str) -> bool {
        let mut id = self.id(node);
        if let Some(place) = self.places.get(pod.uid()).copied() {
            if place.node == id
                && let Some(info) = &mut self.nodes[id.index()]
                && info.pods()[place.at].is_alike(&pod)
            {
                info.renew(place.at, pod);
                return false;
            }
            self.forget(&pod.uid().clone());
            // It may have been the last one of a node that is gone, and this the same node.
            id = self.id(node);
        }
        let Some(info) = &mut self.nodes[id.index()] else { return false };
        let at = info.put(pod.clone());
        self.places.insert(pod.uid().clone(), Place { node: id, at });
        self.note(Change::Placed(id, pod));
        true
    }

    /// The pod is on no node (any more): it is gone, has ended, or its binding failed.
    pub fn forget(&mut self, uid: &str) {
        let Some(Place { node, at }) = self.places.remove(uid) else { return };
        let Some(info) = &mut self.nodes[node.index()] else { return };
        let pod = info.take_at(at);
        if let Some(moved) = info.pods().get(at)
            && let Some(place) = self.places.get_mut(moved.uid())
        {
            place.at = at;
        }
        self.note(Change::Left(node, pod));
        self.drop_if_empty(node);
    }

    /// The node that the pod is on.
    pub fn place(&self, uid: &str) -> Option<&Arc<str>> {
        let place = self.places.get(uid)?;
        self.nodes[place.node.index()].as_ref().map(NodeInfo::name)
    }

    /// The place of the node of this name, which is made when there is none.
    fn id(&mut self, name: &str) -> NodeId {
        if let Some(id) = self.ids.get(name) {
            return *id;
        }
        let id = self.free.pop().unwrap_or_else(|| {
            self.nodes.push(None);
            // A node takes more than a byte, so their number fits.
            NodeId(u32::try_from(self.nodes.len() - 1).unwrap_or(u32::MAX))
        });
        let name: Arc<str> = name.into();
        self.nodes[id.index()] = Some(NodeInfo::new(id, name.clone()));
        self.ids.insert(name, id);
        id
    }

    fn drop_if_empty(&mut self, id: NodeId) {
        let empty = |info: &NodeInfo| info.node().is_none() && info.pods().is_empty();
        if let Some(info) = self.nodes[id.index()].take_if(|info| empty(info)) {
            self.ids.remove(info.name());
            self.free.push(id);
        }
    }

    fn note(&mut self, change: Change) {
        self.generation += 1;
        self.changes.push_back(change);
        while self.changes.len() > LEAST_REMEMBERED.max(self.nodes.len()) {
            self.changes.pop_front();
        }
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
        assert_eq!(snapshot.node_count(), 1);
    }

    #[test]
    fn a_node_that_went_leaves_its_place_to_another_once_its_pods_have_gone_too() {
        let mut snapshot = Snapshot::new();
        snapshot.put_node(node("a"));
        snapshot.assume(pod("p", None), "a");
        snapshot.remove_node("a");
        snapshot.put_node(node("b"));
        assert_eq!(snapshot.width(), 2);
        snapshot.forget("p");
        snapshot.put_node(node("c"));
        assert_eq!((snapshot.width(), snapshot.node_count()), (2, 2));
        assert!(snapshot.nodes().all(|node| node.requested().pods == 0));
    }

    #[test]
    fn of_pods_that_go_in_any_order_the_others_are_still_found() {
        let mut snapshot = Snapshot::new();
        snapshot.put_node(node("a"));
        for uid in ["p", "q", "r"] {
            snapshot.assume(pod(uid, Some(("", 80))), "a");
        }
        snapshot.forget("p");
        snapshot.forget("r");
        let a = snapshot.node("a").unwrap();
        assert_eq!(a.pods().iter().map(|pod| &**pod.uid()).collect::<Vec<_>>(), ["q"]);
        assert!(a.has_port_conflict(&pod("s", Some(("", 80)))), "the port of q is still taken");
        snapshot.forget("q");
        assert!(!snapshot.node("a").unwrap().has_port_conflict(&pod("s", Some(("", 80)))));
    }

    #[test]
    fn changes_are_told_in_order_until_they_are_forgotten() {
        let mut snapshot = Snapshot::new();
        snapshot.put_node(node("a"));
        let before = snapshot.generation();
        assert_eq!(snapshot.changes_since(before).unwrap().count(), 0);
        snapshot.assume(pod("p", None), "a");
        snapshot.forget("p");
        let changes: Vec<_> = snapshot.changes_since(before).unwrap().collect();
        assert!(matches!(changes[..], [Change::Placed(..), Change::Left(..)]), "{changes:?}");
        for _ in 0..LEAST_REMEMBERED {
            snapshot.put_node(node("a"));
        }
        assert!(snapshot.changes_since(before).is_none());
        assert!(snapshot.changes_since(snapshot.generation() + 1).is_none(), "this has not happened yet");
    }

    #[test]
    fn what_the_api_confirms_is_no_change() {
        let mut snapshot = Snapshot::new();
        snapshot.put_node(node("a"));
        snapshot.assume(pod("p", None), "a");
        let before = snapshot.generation();
        assert!(!snapshot.assume(pod("p", None), "a"));
        assert_eq!(snapshot.generation(), before);
        assert!(snapshot.assume(pod("p", Some(("", 80))), "a"));
        assert_eq!(snapshot.changes_since(before).unwrap().count(), 2, "it left, and came with a port");
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
