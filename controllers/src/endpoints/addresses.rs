//! The pods behind a Service, and the ports that they serve it on.

use std::net::IpAddr;
use std::sync::Arc;

use bireme_core::reconciler::{ReconcileError, View};
use bireme_core::selector::LabelSelector;
use k8s_openapi::api::core::v1::{ObjectReference, Pod, Service, ServicePort};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::pods;

/// A port of a Service as one pod serves it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Port {
    pub(super) name: Option<String>,
    pub(super) number: i32,
    pub(super) protocol: String,
    pub(super) app_protocol: Option<String>,
}

/// One pod behind a Service.
pub(super) struct Backend {
    pub(super) pod: Arc<Pod>,
    pub(super) addresses: Vec<IpAddr>,
    /// The ports that the pod has, in order.
    pub(super) ports: Vec<Port>,
}

/// The pods that a Service means and that have an address and have not ended, in the order of their names.
pub(super) fn backends(
    view: &View,
    service: &Service,
    selector: &LabelSelector,
) -> Result<Vec<Backend>, ReconcileError> {
    let mut backends = Vec::new();
    for pod in view.list::<Pod>(service.metadata.namespace.as_deref())? {
        let is_meant = pod.metadata.labels.as_ref().is_some_and(|labels| selector.matches(labels));
        let addresses = addresses(&pod);
        if is_meant && !addresses.is_empty() && !pods::is_finished(&pod) {
            let mut ports: Vec<_> =
                service_ports(service).iter().filter_map(|port| resolve(port, &pod)).collect();
            ports.sort();
            backends.push(Backend { pod, addresses, ports });
        }
    }
    Ok(backends)
}

impl Backend {
    /// Whether the pod can serve now.
    pub(super) fn is_serving(&self) -> bool {
        pods::is_ready(&self.pod)
    }

    pub(super) fn is_terminating(&self) -> bool {
        pods::is_terminating(&self.pod)
    }

    pub(super) fn node_name(&self) -> Option<String> {
        pods::node_name(&self.pod).map(ToOwned::to_owned)
    }

    /// The name by which the Service's domain knows the pod alone.
    pub(super) fn hostname(&self, service: &Service) -> Option<String> {
        let spec = self.pod.spec.as_ref()?;
        let is_member = spec.subdomain.is_some() && spec.subdomain == service.metadata.name;
        spec.hostname.clone().filter(|_| is_member)
    }

    pub(super) fn reference(&self) -> ObjectReference {
        ObjectReference {
            kind: Some("Pod".to_owned()),
            namespace: self.pod.metadata.namespace.clone(),
            name: self.pod.metadata.name.clone(),
            uid: self.pod.metadata.uid.clone(),
            ..ObjectReference::default()
        }
    }
}

/// Whether the Service wants its pods known before they are ready.
pub(super) fn publishes_not_ready(service: &Service) -> bool {
    service.spec.as_ref().and_then(|spec| spec.publish_not_ready_addresses) == Some(true)
}

pub(super) fn is_headless(service: &Service) -> bool {
    service.spec.as_ref().and_then(|spec| spec.cluster_ip.as_deref()) == Some("None")
}

fn service_ports(service: &Service) -> &[ServicePort] {
    service.spec.as_ref().and_then(|spec| spec.ports.as_deref()).unwrap_or_default()
}

fn addresses(pod: &Pod) -> Vec<IpAddr> {
    let Some(status) = &pod.status else { return Vec::new() };
    let all = status.pod_ips.iter().flatten().map(|ip| ip.ip.as_str());
    let mut addresses: Vec<IpAddr> = all.filter_map(|ip| ip.parse().ok()).collect();
    if addresses.is_empty() {
        addresses.extend(status.pod_ip.iter().filter_map(|ip| ip.parse::<IpAddr>().ok()));
    }
    addresses
}

/// The port as the pod serves it; none when the pod has no port of the name that the Service gives.
fn resolve(port: &ServicePort, pod: &Pod) -> Option<Port> {
    let protocol = port.protocol.clone().unwrap_or_else(|| "TCP".to_owned());
    let number = match &port.target_port {
        None | Some(IntOrString::Int(0)) => port.port,
        Some(IntOrString::Int(number)) => *number,
        Some(IntOrString::String(name)) => named_port(pod, name, &protocol)?,
    };
    Some(Port { name: port.name.clone(), number, protocol, app_protocol: port.app_protocol.clone() })
}

fn named_port(pod: &Pod, name: &str, protocol: &str) -> Option<i32> {
    let containers = pod.spec.as_ref().map(|spec| spec.containers.as_slice()).unwrap_or_default();
    let mut ports = containers.iter().flat_map(|container| container.ports.iter().flatten());
    let found = ports.find(|port| {
        port.name.as_deref() == Some(name) && port.protocol.as_deref().unwrap_or("TCP") == protocol
    });
    found.map(|port| port.container_port)
}
