//! The rules of a pod's spec.

use std::collections::BTreeSet;

use bireme_core::error::Cause;
use k8s_openapi::api::core::v1::{HostAlias, PodDNSConfig, PodSpec, PodTemplateSpec};

use super::{container, scheduling, security, volume};
use crate::kinds::check::{
    Path, annotations, dns_label, dns_subdomain, ip, labels, non_negative, one_of, quantities, text,
};

const DNS_POLICIES: &[&str] = &["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"];
const MAX_NAMESERVERS: usize = 3;
const MAX_SEARCHES: usize = 32;

/// What is wrong with a template.
pub(in crate::kinds) fn validate_template(
    path: Path<'_>,
    template: &PodTemplateSpec,
    causes: &mut Vec<Cause>,
) {
    if let Some(metadata) = &template.metadata {
        labels(path.child("metadata.labels"), &metadata.labels, causes);
        annotations(path.child("metadata.annotations"), &metadata.annotations, causes);
    }
    let path = path.child("spec");
    match &template.spec {
        None => causes.push(Cause::required(path.child("containers"), "")),
        Some(spec) => {
            validate(path, spec, causes);
            if spec.ephemeral_containers.as_ref().is_some_and(|containers| !containers.is_empty()) {
                let why = "ephemeral containers not allowed in pod template";
                causes.push(Cause::forbidden(path.child("ephemeralContainers"), why));
            }
        }
    }
}

/// What is wrong with a spec.
pub(in crate::kinds) fn validate(path: Path<'_>, spec: &PodSpec, causes: &mut Vec<Cause>) {
    let volumes =
        volume::validate(path.child("volumes"), spec.volumes.as_deref().unwrap_or_default(), causes);
    container::validate_all(path, spec, &volumes, causes);
    let policies = ["Always", "OnFailure", "Never"];
    one_of(path.child("restartPolicy"), text(&spec.restart_policy), &policies, causes);
    if let Some(policy) = &spec.preemption_policy {
        one_of(path.child("preemptionPolicy"), policy, &["Never", "PreemptLowerPriority"], causes);
    }
    one_of(path.child("dnsPolicy"), text(&spec.dns_policy), DNS_POLICIES, causes);
    check_dns(path, text(&spec.dns_policy), spec.dns_config.as_ref(), causes);
    non_negative(
        path.child("terminationGracePeriodSeconds"),
        spec.termination_grace_period_seconds.unwrap_or(0),
        causes,
    );
    if let Some(seconds) = spec.active_deadline_seconds
        && !(1..=i64::from(i32::MAX)).contains(&seconds)
    {
        let why = "must be between 1 and 2147483647, inclusive";
        causes.push(Cause::invalid(path.child("activeDeadlineSeconds"), seconds, why));
    }
    check_names(path, spec, causes);
    check_host_aliases(path.child("hostAliases"), spec.host_aliases.as_deref().unwrap_or_default(), causes);
    labels(path.child("nodeSelector"), &spec.node_selector, causes);
    quantities(path.child("overhead"), &spec.overhead, causes);
    scheduling::validate(path, spec, causes);
    security::validate(path, spec, causes);
}

fn check_names(path: Path<'_>, spec: &PodSpec, causes: &mut Vec<Cause>) {
    type Rule = fn(&str) -> Option<String>;
    let rules: [(&str, &Option<String>, Rule); 6] = [
        ("nodeName", &spec.node_name, dns_subdomain),
        ("serviceAccountName", &spec.service_account_name, dns_subdomain),
        ("priorityClassName", &spec.priority_class_name, dns_subdomain),
        ("runtimeClassName", &spec.runtime_class_name, dns_subdomain),
        ("hostname", &spec.hostname, dns_label),
        ("subdomain", &spec.subdomain, dns_label),
    ];
    for (name, value, rule) in rules {
        let value = text(value);
        let wrong = if value.is_empty() { None } else { rule(value) };
        causes.extend(wrong.map(|why| Cause::invalid(path.child(name), value, why)));
    }
}

fn check_dns(path: Path<'_>, policy: &str, config: Option<&PodDNSConfig>, causes: &mut Vec<Cause>) {
    let path = path.child("dnsConfig");
    let list = path.child("nameservers");
    let servers = config.and_then(|config| config.nameservers.as_deref()).unwrap_or_default();
    if policy == "None" && servers.is_empty() {
        let why = "must provide at least one DNS nameserver when `dnsPolicy` is None";
        causes.push(Cause::required(list, why));
    }
    if servers.len() > MAX_NAMESERVERS {
        let why = format_args!("must not have more than {MAX_NAMESERVERS} nameservers");
        causes.push(Cause::invalid(list, servers, why));
    }
    for (index, server) in servers.iter().enumerate() {
        causes.extend(ip(server).map(|why| Cause::invalid(list.index(index), server, why)));
    }
    let searches = config.and_then(|config| config.searches.as_deref()).unwrap_or_default();
    if searches.len() > MAX_SEARCHES {
        let why = format_args!("must not have more than {MAX_SEARCHES} search paths");
        causes.push(Cause::invalid(path.child("searches"), searches, why));
    }
}

fn check_host_aliases(path: Path<'_>, aliases: &[HostAlias], causes: &mut Vec<Cause>) {
    let mut seen = BTreeSet::new();
    for (index, alias) in aliases.iter().enumerate() {
        let path = path.index(index);
        causes.extend(ip(&alias.ip).map(|why| Cause::invalid(path.child("ip"), &alias.ip, why)));
        if !seen.insert(&alias.ip) {
            causes.push(Cause::duplicate(path.child("ip"), &alias.ip));
        }
        let list = path.child("hostnames");
        for (index, name) in alias.hostnames.iter().flatten().enumerate() {
            causes.extend(dns_subdomain(name).map(|why| Cause::invalid(list.index(index), name, why)));
        }
    }
}
