//! A pod as scheduling sees it.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use k8s_openapi::api::core::v1::{Pod, PodSpec};

use super::Resources;
use crate::object::{DecodeError, Object, ObjectKey};

/// A pod with what scheduling asks of it again and again, worked out once. Cheap to clone.
#[derive(Clone, Debug)]
pub struct PodInfo(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    key: ObjectKey,
    uid: Arc<str>,
    pod: Arc<Pod>,
    requests: Resources,
    compared: (i64, i64),
    host_ports: Vec<HostPort>,
}

/// A port of the node that a pod wants for itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostPort {
    /// The address of the node; empty and `0.0.0.0` are all of them.
    pub address: String,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: String,
    /// The number.
    pub port: i32,
}

impl HostPort {
    /// Whether two pods with these ports cannot be on one node.
    pub fn conflicts_with(&self, other: &HostPort) -> bool {
        let any = |address: &str| address.is_empty() || address == "0.0.0.0";
        let addresses_meet = any(&self.address) || any(&other.address) || self.address == other.address;
        self.port == other.port && self.protocol == other.protocol && addresses_meet
    }
}

impl PodInfo {
    /// The pod that an object is.
    ///
    /// # Errors
    ///
    /// When the object is no pod.
    pub fn of(object: &Object) -> Result<Self, DecodeError> {
        Ok(Self::new(object.typed()?))
    }

    /// A typed pod.
    pub fn new(pod: Arc<Pod>) -> Self {
        let meta = &pod.metadata;
        let key = ObjectKey::new(meta.namespace.as_deref(), meta.name.as_deref().unwrap_or_default());
        let uid = Arc::from(meta.uid.as_deref().unwrap_or_default());
        let requests = Resources::requested_by(&pod);
        let compared = Resources::compared_by(&pod);
        let host_ports = pod.spec.as_ref().map(host_ports).unwrap_or_default();
        Self(Arc::new(Inner { key, uid, pod, requests, compared, host_ports }))
    }

    /// The pod's namespace and name.
    pub fn key(&self) -> &ObjectKey {
        &self.0.key
    }

    /// The identity of this incarnation of the name.
    pub fn uid(&self) -> &Arc<str> {
        &self.0.uid
    }

    /// The pod.
    pub fn pod(&self) -> &Arc<Pod> {
        &self.0.pod
    }

    /// Its specification.
    pub fn spec(&self) -> &PodSpec {
        static NONE: LazyLock<PodSpec> = LazyLock::new(PodSpec::default);
        self.0.pod.spec.as_ref().unwrap_or(&NONE)
    }

    /// Its labels.
    pub fn labels(&self) -> &BTreeMap<String, String> {
        static NONE: BTreeMap<String, String> = BTreeMap::new();
        self.0.pod.metadata.labels.as_ref().unwrap_or(&NONE)
    }

    /// Whether it has been deleted and is on its way out.
    pub fn is_terminating(&self) -> bool {
        self.0.pod.metadata.deletion_timestamp.is_some()
    }

    /// What it asks for.
    pub fn requests(&self) -> &Resources {
        &self.0.requests
    }

    /// Its priority; higher goes first.
    pub fn priority(&self) -> i32 {
        self.spec().priority.unwrap_or_default()
    }

    /// Thousandths of a CPU and bytes of memory that it is taken to use when nodes are compared: what it asks for, with
    /// 100m and 200Mi for each container that does not say.
    pub fn compared(&self) -> (i64, i64) {
        self.0.compared
    }

    /// The ports of its node that it wants for itself.
    pub fn host_ports(&self) -> &[HostPort] {
        &self.0.host_ports
    }

    /// Whether two forms of one pod are the same to scheduling, once the pod is on a node.
    pub(super) fn is_alike(&self, other: &PodInfo) -> bool {
        let (a, b) = (self.spec(), other.spec());
        self.requests() == other.requests()
            && self.compared() == other.compared()
            && self.host_ports() == other.host_ports()
            && self.is_terminating() == other.is_terminating()
            && self.labels() == other.labels()
            && a.affinity == b.affinity
            && a.priority == b.priority
    }
}

fn host_ports(spec: &PodSpec) -> Vec<HostPort> {
    let sidecars =
        spec.init_containers.iter().flatten().filter(|c| c.restart_policy.as_deref() == Some("Always"));
    let ports = spec.containers.iter().chain(sidecars).flat_map(|container| container.ports.iter().flatten());
    ports
        .filter_map(|port| {
            let number = port.host_port.filter(|number| *number > 0)?;
            Some(HostPort {
                address: port.host_ip.clone().unwrap_or_default(),
                protocol: port.protocol.clone().unwrap_or_else(|| "TCP".to_owned()),
                port: number,
            })
        })
        .collect()
}
