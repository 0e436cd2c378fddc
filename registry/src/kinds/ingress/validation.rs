//! The rules of an ingress.

use bireme_core::error::Cause;
use k8s_openapi::api::networking::v1::{
    HTTPIngressPath, HTTPIngressRuleValue, IngressBackend, IngressRule, IngressServiceBackend, IngressSpec,
    IngressStatus, IngressTLS,
};

use crate::kinds::check::{
    Json, Path, dns_subdomain, ip, local_reference, port_name, port_number, text, wildcard_subdomain,
};
use crate::resource::NameRule;

/// What no path may contain, or end in: it would be another one once it is resolved.
const BAD_SEQUENCES: [&str; 5] = ["//", "/./", "/../", "%2f", "%2F"];
const BAD_ENDS: [&str; 2] = ["/..", "/."];

/// What is wrong with a spec.
pub(super) fn spec(spec: Option<&IngressSpec>, causes: &mut Vec<Cause>) {
    let (path, empty) = (Path::root("spec"), IngressSpec::default());
    let spec = spec.unwrap_or(&empty);
    let rules = spec.rules.as_deref().unwrap_or_default();
    if rules.is_empty() && spec.default_backend.is_none() {
        let why = "either `defaultBackend` or `rules` must be specified";
        causes.push(Cause::invalid(path, Json(&rules), why));
    }
    if let Some(backend) = &spec.default_backend {
        check_backend(path.child("defaultBackend"), backend, causes);
    }
    let list = path.child("rules");
    for (index, rule) in rules.iter().enumerate() {
        check_rule(list.index(index), rule, causes);
    }
    let list = path.child("tls");
    for (index, tls) in spec.tls.iter().flatten().enumerate() {
        check_tls(list.index(index), tls, causes);
    }
    if let Some(class) = &spec.ingress_class_name {
        causes.extend(
            dns_subdomain(class).map(|why| Cause::invalid(path.child("ingressClassName"), class, why)),
        );
    }
}

fn check_host(path: Path<'_>, host: &str, causes: &mut Vec<Cause>) {
    let wrong = if host.contains('*') { wildcard_subdomain(host) } else { dns_subdomain(host) };
    causes.extend(wrong.map(|why| Cause::invalid(path, host, why)));
}

fn check_tls(path: Path<'_>, tls: &IngressTLS, causes: &mut Vec<Cause>) {
    let hosts = path.child("hosts");
    for (index, host) in tls.hosts.iter().flatten().enumerate() {
        check_host(hosts.index(index), host, causes);
    }
    let secret = text(&tls.secret_name);
    if !secret.is_empty() {
        causes.extend(dns_subdomain(secret).map(|why| Cause::invalid(path.child("secretName"), secret, why)));
    }
}

fn check_rule(path: Path<'_>, rule: &IngressRule, causes: &mut Vec<Cause>) {
    let host = text(&rule.host);
    if !host.is_empty() {
        if ip(host).is_none() {
            let why = "must be a DNS name, not an IP address";
            causes.push(Cause::invalid(path.child("host"), host, why));
        }
        check_host(path.child("host"), host, causes);
    }
    if let Some(http) = &rule.http {
        check_http(path.child("http.paths"), http, causes);
    }
}

fn check_http(path: Path<'_>, http: &HTTPIngressRuleValue, causes: &mut Vec<Cause>) {
    if http.paths.is_empty() {
        causes.push(Cause::required(path, ""));
    }
    for (index, item) in http.paths.iter().enumerate() {
        check_path(path.index(index), item, causes);
    }
}

fn check_path(path: Path<'_>, item: &HTTPIngressPath, causes: &mut Vec<Cause>) {
    let (place, value) = (path.child("path"), text(&item.path));
    let is_absolute = value.starts_with('/');
    match item.path_type.as_str() {
        "" => {
            causes.push(Cause::required(path.child("pathType"), "pathType must be specified"));
            return;
        }
        "Exact" | "Prefix" => {
            if !is_absolute {
                causes.push(Cause::invalid(place, value, "must be an absolute path"));
            }
            for sequence in BAD_SEQUENCES.into_iter().filter(|sequence| value.contains(sequence)) {
                causes.push(Cause::invalid(place, value, format_args!("must not contain '{sequence}'")));
            }
            for end in BAD_ENDS.into_iter().filter(|end| value.ends_with(end)) {
                causes.push(Cause::invalid(place, value, format_args!("cannot end with '{end}'")));
            }
        }
        "ImplementationSpecific" => {
            if !value.is_empty() && !is_absolute {
                causes.push(Cause::invalid(place, value, "must be an absolute path"));
            }
        }
        other => {
            let known = ["Exact", "ImplementationSpecific", "Prefix"];
            causes.push(Cause::not_supported(path.child("pathType"), other, &known));
        }
    }
    check_backend(path.child("backend"), &item.backend, causes);
}

fn check_backend(path: Path<'_>, backend: &IngressBackend, causes: &mut Vec<Cause>) {
    match (&backend.resource, &backend.service) {
        (Some(_), Some(_)) => {
            causes.push(Cause::invalid(path, "", "cannot set both resource and service backends"));
        }
        (Some(resource), None) => {
            let group = resource.api_group.as_deref();
            local_reference(path.child("resource"), group, &resource.kind, &resource.name, causes);
        }
        (None, Some(service)) => check_service(path, service, causes),
        (None, None) => causes.push(Cause::invalid(path, "", "resource or service backend is required")),
    }
}

fn check_service(path: Path<'_>, service: &IngressServiceBackend, causes: &mut Vec<Cause>) {
    let (place, name) = (path.child("service.name"), service.name.as_str());
    match NameRule::ServiceName.check(name) {
        _ if name.is_empty() => causes.push(Cause::required(place, "")),
        Err(why) => causes.push(Cause::invalid(place, name, why)),
        Ok(()) => {}
    }
    let port = service.port.as_ref();
    let (name, number) = (port.map_or("", |port| text(&port.name)), port.and_then(|port| port.number));
    match (name, number.unwrap_or(0)) {
        ("", 0) => causes.push(Cause::required(path, "port name or number is required")),
        ("", number) => port_number(path.child("service.port.number"), number.into(), causes),
        (name, 0) => {
            let place = path.child("service.port.name");
            causes.extend(port_name(name).map(|why| Cause::invalid(place, name, why)));
        }
        _ => causes.push(Cause::invalid(path, "", "cannot set both port name & port number")),
    }
}

/// What is wrong with the addresses in a status.
pub(super) fn status(status: Option<&IngressStatus>, causes: &mut Vec<Cause>) {
    let list = Path::root("status.loadBalancer.ingress");
    let balancer = status.and_then(|status| status.load_balancer.as_ref());
    let points = balancer.and_then(|balancer| balancer.ingress.as_ref()).into_iter().flatten();
    for (index, point) in points.enumerate() {
        let (path, address, name) = (list.index(index), text(&point.ip), text(&point.hostname));
        if !address.is_empty() {
            causes.extend(ip(address).map(|why| Cause::invalid(path.child("ip"), address, why)));
        }
        if !name.is_empty() {
            let is_address = ip(name).is_none().then(|| "must be a DNS name, not an IP address".to_owned());
            let wrong = dns_subdomain(name).or(is_address);
            causes.extend(wrong.map(|why| Cause::invalid(path.child("hostname"), name, why)));
        }
    }
}
