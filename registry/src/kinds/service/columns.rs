//! The cells of a service's row.

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};

use super::type_of;
use crate::kinds::check::{or_none, text};

/// The address inside the cluster.
pub(super) fn cluster_ip(service: &Service) -> String {
    let spec = service.spec.as_ref();
    let first = spec.and_then(|spec| spec.cluster_ips.iter().flatten().next());
    let ip = first.map(String::as_str).or(spec.map(|spec| text(&spec.cluster_ip))).unwrap_or_default();
    if ip.is_empty() { "<none>".to_owned() } else { ip.to_owned() }
}

/// The addresses outside the cluster.
pub(super) fn external_ip(service: &Service) -> String {
    let Some(spec) = &service.spec else { return "<none>".to_owned() };
    let own = spec.external_ips.clone().unwrap_or_default();
    match type_of(service) {
        "LoadBalancer" => match [balancer_addresses(service), own].concat() {
            none if none.is_empty() => "<pending>".to_owned(),
            addresses => addresses.join(","),
        },
        "ExternalName" => or_none(&spec.external_name).to_owned(),
        _ if own.is_empty() => "<none>".to_owned(),
        _ => own.join(","),
    }
}

fn balancer_addresses(service: &Service) -> Vec<String> {
    let balancer = service.status.as_ref().and_then(|status| status.load_balancer.as_ref());
    let ingress = balancer.and_then(|balancer| balancer.ingress.as_ref());
    let address = |ingress: &k8s_openapi::api::core::v1::LoadBalancerIngress| {
        ingress.ip.clone().or_else(|| ingress.hostname.clone())
    };
    let mut addresses: Vec<String> = ingress.into_iter().flatten().filter_map(address).collect();
    addresses.sort();
    addresses.dedup();
    addresses
}

/// The ports: `80/TCP,443:30443/TCP`.
pub(super) fn ports(service: &Service) -> String {
    let shown = |port: &ServicePort| {
        let protocol = text(&port.protocol);
        match port.node_port.filter(|node_port| *node_port > 0) {
            Some(node_port) => format!("{}:{node_port}/{protocol}", port.port),
            None => format!("{}/{protocol}", port.port),
        }
    };
    let list = |spec: &ServiceSpec| spec.ports.iter().flatten().map(shown).collect::<Vec<_>>();
    match service.spec.as_ref().map(list).unwrap_or_default() {
        none if none.is_empty() => "<none>".to_owned(),
        ports => ports.join(","),
    }
}
