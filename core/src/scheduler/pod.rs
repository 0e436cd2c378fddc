//! A pod as scheduling sees it.

use std::sync::Arc;

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
    spec: PodSpec,
    requests: Resources,
    host_ports: Vec<HostPort>,
}

/// A port of the node that a pod wants for itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct HostPort {
    pub(super) address: String,
    pub(super) protocol: String,
    pub(super) port: i32,
}

impl HostPort {
    /// Whether two pods with these ports cannot be on one node.
    pub(super) fn conflicts_with(&self, other: &HostPort) -> bool {
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
        let spec = pod.spec.clone().unwrap_or_default();
        let host_ports = host_ports(&spec);
        Self(Arc::new(Inner { key, uid, pod, spec, requests, host_ports }))
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
        &self.0.spec
    }

    /// What it asks for.
    pub fn requests(&self) -> &Resources {
        &self.0.requests
    }

    /// Its priority; higher goes first.
    pub fn priority(&self) -> i32 {
        self.spec().priority.unwrap_or_default()
    }

    pub(super) fn host_ports(&self) -> &[HostPort] {
        &self.0.host_ports
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
