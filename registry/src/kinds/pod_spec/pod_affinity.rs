//! The rules of affinity to, and away from, other pods.

use bireme_core::error::Cause;
use k8s_openapi::api::core::v1::{Affinity, PodAffinityTerm, WeightedPodAffinityTerm};

use super::node_affinity::check_weight;
use crate::kinds::check::{Path, dns_label, label_name, selector};

/// What is wrong with a pod's affinity to other pods.
pub(super) fn validate(path: Path<'_>, affinity: &Affinity, causes: &mut Vec<Cause>) {
    if let Some(to) = &affinity.pod_affinity {
        let required = to.required_during_scheduling_ignored_during_execution.as_deref();
        let preferred = to.preferred_during_scheduling_ignored_during_execution.as_deref();
        check_terms(path.child("podAffinity"), required, preferred, causes);
    }
    if let Some(from) = &affinity.pod_anti_affinity {
        let required = from.required_during_scheduling_ignored_during_execution.as_deref();
        let preferred = from.preferred_during_scheduling_ignored_during_execution.as_deref();
        check_terms(path.child("podAntiAffinity"), required, preferred, causes);
    }
}

fn check_terms(
    path: Path<'_>,
    required: Option<&[PodAffinityTerm]>,
    preferred: Option<&[WeightedPodAffinityTerm]>,
    causes: &mut Vec<Cause>,
) {
    let list = path.child("requiredDuringSchedulingIgnoredDuringExecution");
    for (index, term) in required.unwrap_or_default().iter().enumerate() {
        check_term(list.index(index), term, causes);
    }
    let list = path.child("preferredDuringSchedulingIgnoredDuringExecution");
    for (index, term) in preferred.unwrap_or_default().iter().enumerate() {
        let path = list.index(index);
        check_weight(path.child("weight"), term.weight, causes);
        check_term(path.child("podAffinityTerm"), &term.pod_affinity_term, causes);
    }
}

fn check_term(path: Path<'_>, term: &PodAffinityTerm, causes: &mut Vec<Cause>) {
    let key = term.topology_key.as_str();
    if key.is_empty() {
        causes.push(Cause::required(path.child("topologyKey"), "can not be empty"));
    } else {
        causes.extend(label_name(key).map(|why| Cause::invalid(path.child("topologyKey"), key, why)));
    }
    if let Some(labels) = &term.label_selector {
        selector(path.child("labelSelector"), labels, causes);
    }
    if let Some(labels) = &term.namespace_selector {
        selector(path.child("namespaceSelector"), labels, causes);
    }
    let list = path.child("namespaces");
    for (index, name) in term.namespaces.iter().flatten().enumerate() {
        causes.extend(dns_label(name).map(|why| Cause::invalid(list.index(index), name, why)));
    }
}
