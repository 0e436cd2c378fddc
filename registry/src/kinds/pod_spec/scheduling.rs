//! The rules of where a pod may run.

use std::collections::BTreeSet;

use bireme_core::error::Cause;
use k8s_openapi::api::core::v1::{PodSpec, Toleration, TopologySpreadConstraint};

use super::{node_affinity, pod_affinity};
use crate::kinds::check::{Path, label_name, label_value, one_of, positive, qualified_name, selector, text};

const EFFECTS: &[&str] = &["NoSchedule", "PreferNoSchedule", "NoExecute"];

/// What is wrong with what a spec says about nodes.
pub(super) fn validate(path: Path<'_>, spec: &PodSpec, causes: &mut Vec<Cause>) {
    validate_tolerations(path.child("tolerations"), spec.tolerations.as_deref().unwrap_or_default(), causes);
    let constraints = spec.topology_spread_constraints.as_deref().unwrap_or_default();
    check_spread(path.child("topologySpreadConstraints"), constraints, causes);
    if let Some(affinity) = &spec.affinity {
        let path = path.child("affinity");
        if let Some(node) = &affinity.node_affinity {
            node_affinity::validate(path.child("nodeAffinity"), node, causes);
        }
        pod_affinity::validate(path, affinity, causes);
    }
    let (list, mut names) = (path.child("schedulingGates"), BTreeSet::new());
    for (index, gate) in spec.scheduling_gates.iter().flatten().enumerate() {
        let path = list.index(index);
        causes.extend(qualified_name(&gate.name).map(|why| Cause::invalid(path, &gate.name, why)));
        if !names.insert(&gate.name) {
            causes.push(Cause::duplicate(path, &gate.name));
        }
    }
    if !names.is_empty() && !text(&spec.node_name).is_empty() {
        let why = "cannot be set until all schedulingGates have been cleared";
        causes.push(Cause::forbidden(path.child("nodeName"), why));
    }
}

/// What is wrong with tolerations.
pub(in crate::kinds) fn validate_tolerations(
    path: Path<'_>,
    tolerations: &[Toleration],
    causes: &mut Vec<Cause>,
) {
    for (index, toleration) in tolerations.iter().enumerate() {
        let path = path.index(index);
        let (key, operator) = (text(&toleration.key), text(&toleration.operator));
        let (value, effect) = (text(&toleration.value), text(&toleration.effect));
        if !key.is_empty() {
            causes.extend(label_name(key).map(|why| Cause::invalid(path.child("key"), key, why)));
        } else if operator != "Exists" {
            let why =
                "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
            causes.push(Cause::invalid(path.child("operator"), operator, why));
        }
        if toleration.toleration_seconds.is_some() && effect != "NoExecute" {
            let why = "effect must be 'NoExecute' when `tolerationSeconds` is set";
            causes.push(Cause::invalid(path.child("effect"), effect, why));
        }
        match operator {
            "" | "Equal" => {
                causes
                    .extend(label_value(value).map(|why| Cause::invalid(path.child("operator"), value, why)));
            }
            "Exists" if !value.is_empty() => {
                let why = "value must be empty when `operator` is 'Exists'";
                causes.push(Cause::invalid(path.child("operator"), value, why));
            }
            "Exists" => {}
            other => causes.push(Cause::not_supported(path.child("operator"), other, &["Equal", "Exists"])),
        }
        if !effect.is_empty() {
            one_of(path.child("effect"), effect, EFFECTS, causes);
        }
    }
}

fn check_spread(path: Path<'_>, constraints: &[TopologySpreadConstraint], causes: &mut Vec<Cause>) {
    let mut seen = BTreeSet::new();
    for (index, constraint) in constraints.iter().enumerate() {
        let path = path.index(index);
        positive(path.child("maxSkew"), constraint.max_skew.into(), causes);
        let key = constraint.topology_key.as_str();
        if key.is_empty() {
            causes.push(Cause::required(path.child("topologyKey"), "can not be empty"));
        } else {
            causes.extend(label_name(key).map(|why| Cause::invalid(path.child("topologyKey"), key, why)));
        }
        let when = constraint.when_unsatisfiable.as_str();
        one_of(path.child("whenUnsatisfiable"), when, &["DoNotSchedule", "ScheduleAnyway"], causes);
        if !seen.insert((key, when)) {
            causes.push(Cause::duplicate(
                path.child("{topologyKey, whenUnsatisfiable}"),
                format!("{{{key}, {when}}}"),
            ));
        }
        if let Some(labels) = &constraint.label_selector {
            selector(path.child("labelSelector"), labels, causes);
        }
        if let Some(domains) = constraint.min_domains {
            positive(path.child("minDomains"), domains.into(), causes);
        }
    }
}
