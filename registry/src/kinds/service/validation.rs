//! The rules of a service.

use std::collections::BTreeSet;

use bireme_core::error::Cause;
use k8s_openapi::api::core::v1::{ServicePort, ServiceSpec};

use super::{has_cluster_ip, has_node_ports};
use crate::kinds::check::{
    Json, Path, dns_label, dns_subdomain, ip, labels, one_of, port, port_number, text,
};

const TYPES: &[&str] = &["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
const PROTOCOLS: &[&str] = &["SCTP", "TCP", "UDP"];
/// The longest session affinity: a day.
const MAX_AFFINITY_SECONDS: i32 = 86_400;

/// What is wrong with a spec.
pub(super) fn spec(spec: &ServiceSpec, causes: &mut Vec<Cause>) {
    let path = Path::root("spec");
    let type_ = text(&spec.type_);
    one_of(path.child("type"), type_, TYPES, causes);
    one_of(path.child("sessionAffinity"), text(&spec.session_affinity), &["ClientIP", "None"], causes);
    labels(path.child("selector"), &spec.selector, causes);
    check_affinity(path, spec, causes);
    check_addresses(path, spec, causes);
    check_ports(path, spec, causes);
    if type_ == "ExternalName" {
        check_external_name(path, text(&spec.external_name), causes);
    }
    let policies = ["Cluster", "Local"];
    if let Some(policy) = &spec.internal_traffic_policy {
        one_of(path.child("internalTrafficPolicy"), policy, &policies, causes);
    }
    if let Some(policy) = &spec.external_traffic_policy {
        one_of(path.child("externalTrafficPolicy"), policy, &policies, causes);
        let external = spec.external_ips.as_ref().is_some_and(|ips| !ips.is_empty());
        if !matches!(type_, "NodePort" | "LoadBalancer") && !external {
            let why = "may only be set for externally-accessible services";
            causes.push(Cause::invalid(path.child("externalTrafficPolicy"), policy, why));
        }
    }
}

fn check_affinity(path: Path<'_>, spec: &ServiceSpec, causes: &mut Vec<Cause>) {
    let client_ip = spec.session_affinity_config.as_ref().and_then(|config| config.client_ip.as_ref());
    if let Some(seconds) = client_ip.and_then(|client_ip| client_ip.timeout_seconds)
        && !(1..=MAX_AFFINITY_SECONDS).contains(&seconds)
    {
        let path = path.child("sessionAffinityConfig.clientIP.timeoutSeconds");
        let why = format_args!("must be greater than 0 and less than {MAX_AFFINITY_SECONDS}");
        causes.push(Cause::invalid(path, seconds, why));
    }
}

fn check_external_name(path: Path<'_>, name: &str, causes: &mut Vec<Cause>) {
    let path = path.child("externalName");
    if name.is_empty() {
        causes.push(Cause::required(path, ""));
    } else {
        // A trailing dot is that of a fully qualified name.
        let wrong = dns_subdomain(name.strip_suffix('.').unwrap_or(name));
        causes.extend(wrong.map(|why| Cause::invalid(path, name, why)));
    }
}

fn check_addresses(path: Path<'_>, spec: &ServiceSpec, causes: &mut Vec<Cause>) {
    let list = path.child("clusterIPs");
    let ips = spec.cluster_ips.as_deref().unwrap_or_default();
    if !has_cluster_ip(text(&spec.type_)) && !ips.is_empty() {
        causes.push(Cause::forbidden(list, "may not be set for ExternalName services"));
        return;
    }
    if let (Some(first), own) = (ips.first(), text(&spec.cluster_ip))
        && first != own
    {
        causes.push(Cause::invalid(list, Json(&ips), "first value must match `clusterIP`"));
    }
    for (index, address) in ips.iter().enumerate().filter(|(_, address)| *address != "None") {
        causes.extend(ip(address).map(|why| Cause::invalid(list.index(index), address, why)));
    }
    if ips.len() > 1 && ips.iter().any(|address| address == "None") {
        causes.push(Cause::invalid(list.index(0), "None", "'None' must be the first and only value"));
    }
    let list = path.child("externalIPs");
    for (index, address) in spec.external_ips.iter().flatten().enumerate() {
        causes.extend(ip(address).map(|why| Cause::invalid(list.index(index), address, why)));
    }
}

fn check_ports(path: Path<'_>, spec: &ServiceSpec, causes: &mut Vec<Cause>) {
    let list = path.child("ports");
    let ports = spec.ports.as_deref().unwrap_or_default();
    let headless = text(&spec.cluster_ip) == "None";
    if ports.is_empty() && !headless && text(&spec.type_) != "ExternalName" {
        causes.push(Cause::required(list, ""));
    }
    if headless && matches!(text(&spec.type_), "LoadBalancer" | "NodePort") {
        let why = format_args!("may not be set to 'None' for {} services", text(&spec.type_));
        causes.push(Cause::invalid(path.child("clusterIPs[0]"), "None", why));
    }
    let (mut names, mut numbers, mut node_ports) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for (index, port) in ports.iter().enumerate() {
        let path = list.index(index);
        check_port(path, port, ports.len() > 1, causes);
        let (name, protocol) = (text(&port.name), text(&port.protocol));
        if !name.is_empty() && !names.insert(name) {
            causes.push(Cause::duplicate(path.child("name"), name));
        }
        if !numbers.insert((protocol, port.port)) {
            causes.push(Cause::duplicate(path, Json(port)));
        }
        let Some(node_port) = port.node_port.filter(|node_port| *node_port != 0) else { continue };
        let path = path.child("nodePort");
        if !has_node_ports(spec) && text(&spec.type_) != "LoadBalancer" {
            let why = format_args!("may not be used when `type` is '{}'", text(&spec.type_));
            causes.push(Cause::forbidden(path, why));
        } else if !node_ports.insert((protocol, node_port)) {
            causes.push(Cause::duplicate(path, node_port));
        }
    }
}

fn check_port(path: Path<'_>, port_: &ServicePort, named: bool, causes: &mut Vec<Cause>) {
    match text(&port_.name) {
        "" if named => causes.push(Cause::required(path.child("name"), "")),
        "" => {}
        name => causes.extend(dns_label(name).map(|why| Cause::invalid(path.child("name"), name, why))),
    }
    port_number(path.child("port"), port_.port.into(), causes);
    one_of(path.child("protocol"), text(&port_.protocol), PROTOCOLS, causes);
    if let Some(target) = &port_.target_port {
        port(path.child("targetPort"), target, causes);
    }
}

/// What a service may not become: its address stays its own.
pub(super) fn change(new: &ServiceSpec, old: &ServiceSpec, causes: &mut Vec<Cause>) {
    if !has_cluster_ip(text(&new.type_)) || !has_cluster_ip(text(&old.type_)) {
        return;
    }
    let (new, old) = (text(&new.cluster_ip), text(&old.cluster_ip));
    if !old.is_empty() && new != old {
        causes.push(Cause::invalid("spec.clusterIPs[0]", Json(&[new]), "may not change once set"));
    }
}
