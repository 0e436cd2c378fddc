//! Whether a pod that was bound to the node fits it.
//!
//! The scheduler promises that it does; but a pod may name its node itself, and two schedulers may each be right
//! alone. What does not fit is told so and never started.

use std::collections::BTreeMap;

use bireme_core::quantity::Quantity;
use k8s_openapi::api::core::v1::{ContainerPort, Pod};

use super::declared;
use super::memory::Rejection;
use super::qos;

/// What the node can promise, by resource.
pub(crate) type Allocatable = BTreeMap<String, Quantity>;

/// Takes the pod or says why not, given those that the node has taken already.
pub(crate) fn admit(pod: &Pod, taken: &[&Pod], allocatable: &Allocatable) -> Result<(), Rejection> {
    let one = Quantity::units(1);
    let count = taken.iter().map(|_| one).sum();
    fits("pods", one, count, allocatable)?;
    for resource in allocatable.keys().filter(|resource| *resource != "pods") {
        let of = |pod: &Pod| qos::pod_request(declared::spec(pod), resource);
        let (requested, used) = (of(pod), taken.iter().map(|pod| of(pod)).sum());
        if !requested.is_zero() {
            fits(resource, requested, used, allocatable)?;
        }
    }
    let wanted = host_ports(pod);
    let conflict =
        taken.iter().flat_map(|pod| host_ports(pod)).any(|used| wanted.iter().any(|port| used.meets(port)));
    if conflict {
        let message = "Node didn't have free ports for the requested pod ports".to_owned();
        return Err(Rejection { reason: "NodePorts".to_owned(), message });
    }
    sysctls_are_safe(pod)
}

/// Settings that are a pod's own, so that no other pod, nor the node, is harmed by any value of them.
const SAFE_SYSCTLS: [&str; 12] = [
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
];

fn sysctls_are_safe(pod: &Pod) -> Result<(), Rejection> {
    let forbidden = |message: String| Rejection { reason: "SysctlForbidden".to_owned(), message };
    let spec = declared::spec(pod);
    for (name, _) in declared::sysctls(pod) {
        // Those of the network are written with slashes, too.
        let name = name.replace('/', ".");
        if !SAFE_SYSCTLS.contains(&name.as_str()) {
            return Err(forbidden(format!("forbidden sysctl: {name:?} not allowed")));
        }
        let hosts = if name.starts_with("net.") { spec.host_network } else { spec.host_ipc };
        if hosts == Some(true) {
            return Err(forbidden(format!(
                "forbidden sysctl: {name:?} not allowed with the node's own namespace"
            )));
        }
    }
    Ok(())
}

fn fits(
    resource: &str,
    requested: Quantity,
    used: Quantity,
    allocatable: &Allocatable,
) -> Result<(), Rejection> {
    let capacity = allocatable.get(resource).copied().unwrap_or(Quantity::ZERO);
    if used + requested <= capacity {
        return Ok(());
    }
    let number = |quantity: Quantity| if resource == "cpu" { quantity.millis() } else { quantity.value() };
    let message = format!(
        "Node didn't have enough resource: {resource}, requested: {}, used: {}, capacity: {}",
        number(requested),
        number(used),
        number(capacity)
    );
    Err(Rejection { reason: format!("OutOf{resource}"), message })
}

/// A port of the node that a pod takes.
struct HostPort<'a> {
    address: &'a str,
    protocol: &'a str,
    port: i32,
}

impl HostPort<'_> {
    fn meets(&self, other: &HostPort<'_>) -> bool {
        let everywhere = |address: &str| address.is_empty() || address == "0.0.0.0" || address == "::";
        let same = self.address == other.address || everywhere(self.address) || everywhere(other.address);
        same && self.protocol == other.protocol && self.port == other.port
    }
}

fn host_ports(pod: &Pod) -> Vec<HostPort<'_>> {
    let ports = declared::all(declared::spec(pod)).flat_map(|declared| declared.spec.ports.iter().flatten());
    let taken = |port: &ContainerPort| port.host_port.is_some_and(|port| port > 0);
    ports
        .filter(|port| taken(port))
        .map(|port| HostPort {
            address: port.host_ip.as_deref().unwrap_or(""),
            protocol: port.protocol.as_deref().unwrap_or("TCP"),
            port: port.host_port.unwrap_or(0),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::{Container, PodSpec, ResourceRequirements};
    use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Text;

    fn pod(cpu: &str, ports: Vec<ContainerPort>) -> Pod {
        let requests = Some([("cpu".to_owned(), Text(cpu.to_owned()))].into());
        let resources = ResourceRequirements { requests, ..ResourceRequirements::default() };
        let container = Container { resources: Some(resources), ports: Some(ports), ..Container::default() };
        let spec = PodSpec { containers: vec![container], ..PodSpec::default() };
        Pod { spec: Some(spec), ..Pod::default() }
    }

    fn port(address: &str, port: i32) -> ContainerPort {
        let host_ip = Some(address.to_owned());
        ContainerPort { host_port: Some(port), host_ip, container_port: 80, ..ContainerPort::default() }
    }

    fn node() -> Allocatable {
        [("cpu".to_owned(), Quantity::units(1)), ("pods".to_owned(), Quantity::units(3))].into()
    }

    #[test]
    fn what_fits_is_taken_and_what_does_not_is_told_why() {
        let (half, more) = (pod("500m", vec![]), pod("501m", vec![]));
        assert_eq!(admit(&half, &[&half], &node()), Ok(()));
        let rejection = admit(&more, &[&half], &node()).unwrap_err();
        assert_eq!(rejection.reason, "OutOfcpu");
        assert!(rejection.message.ends_with("cpu, requested: 501, used: 500, capacity: 1000"));
        let none = pod("0", vec![]);
        assert_eq!(admit(&none, &[&none, &none, &none], &node()).unwrap_err().reason, "OutOfpods");
    }

    #[test]
    fn only_settings_of_the_kernel_that_harm_nobody_are_taken() {
        let asking = |name: &str, change: fn(&mut PodSpec)| {
            let mut pod = pod("0", vec![]);
            let spec = pod.spec.as_mut().unwrap();
            let sysctl = serde_json::json!({"sysctls": [{"name": name, "value": "1"}]});
            spec.security_context = serde_json::from_value(sysctl).unwrap();
            change(spec);
            admit(&pod, &[], &node()).map_err(|rejection| rejection.reason)
        };
        let refused = || Err("SysctlForbidden".to_owned());
        assert_eq!(asking("net.ipv4.tcp_syncookies", |_| {}), Ok(()));
        assert_eq!(asking("net/ipv4/tcp_syncookies", |_| {}), Ok(()));
        assert_eq!(asking("net.ipv4.tcp_syncookies", |spec| spec.host_network = Some(true)), refused());
        assert_eq!(asking("kernel.shm_rmid_forced", |spec| spec.host_ipc = Some(true)), refused());
        assert_eq!(asking("kernel.msgmax", |_| {}), refused());
        assert_eq!(asking("net.core.somaxconn", |_| {}), refused());
    }

    #[test]
    fn host_ports_conflict_where_their_addresses_meet() {
        for (one, two, conflict) in [
            (port("", 80), port("10.0.0.1", 80), true),
            (port("10.0.0.1", 80), port("10.0.0.2", 80), false),
            (port("10.0.0.1", 80), port("10.0.0.1", 81), false),
            (port("", 80), ContainerPort { protocol: Some("UDP".to_owned()), ..port("", 80) }, false),
        ] {
            let (one, two) = (pod("0", vec![one]), pod("0", vec![two]));
            let refused = admit(&two, &[&one], &node()).err().map(|rejection| rejection.reason);
            assert_eq!(refused, conflict.then(|| "NodePorts".to_owned()));
        }
    }
}
