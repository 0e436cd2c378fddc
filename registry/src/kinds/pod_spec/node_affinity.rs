//! The rules of node affinity.

use bireme_core::error::Cause;
use k8s_openapi::api::core::v1::{NodeAffinity, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm};

use crate::kinds::check::{Path, label_name};

/// What is wrong with a pod's affinity to nodes.
pub(super) fn validate(path: Path<'_>, affinity: &NodeAffinity, causes: &mut Vec<Cause>) {
    if let Some(required) = &affinity.required_during_scheduling_ignored_during_execution {
        let path = path.child("requiredDuringSchedulingIgnoredDuringExecution");
        validate_node_selector(path, required, causes);
    }
    let list = path.child("preferredDuringSchedulingIgnoredDuringExecution");
    let preferred = affinity.preferred_during_scheduling_ignored_during_execution.iter().flatten();
    for (index, term) in preferred.enumerate() {
        let path = list.index(index);
        check_weight(path.child("weight"), term.weight, causes);
        check_term(path.child("preference"), &term.preference, causes);
    }
}

/// What is wrong with a selector of nodes.
pub(in crate::kinds) fn validate_node_selector(
    path: Path<'_>,
    selector: &NodeSelector,
    causes: &mut Vec<Cause>,
) {
    let path = path.child("nodeSelectorTerms");
    if selector.node_selector_terms.is_empty() {
        causes.push(Cause::required(path, "must have at least one node selector term"));
    }
    for (index, term) in selector.node_selector_terms.iter().enumerate() {
        check_term(path.index(index), term, causes);
    }
}

/// Preferences weigh from 1 to 100.
pub(super) fn check_weight(path: Path<'_>, weight: i32, causes: &mut Vec<Cause>) {
    if !(1..=100).contains(&weight) {
        causes.push(Cause::invalid(path, weight, "must be in the range 1-100"));
    }
}

fn check_term(path: Path<'_>, term: &NodeSelectorTerm, causes: &mut Vec<Cause>) {
    let list = path.child("matchExpressions");
    for (index, expression) in term.match_expressions.iter().flatten().enumerate() {
        let path = list.index(index);
        check_operator(path, expression, causes);
        let key = expression.key.as_str();
        causes.extend(label_name(key).map(|why| Cause::invalid(path.child("key"), key, why)));
    }
    let list = path.child("matchFields");
    for (index, expression) in term.match_fields.iter().flatten().enumerate() {
        let path = list.index(index);
        if expression.key != "metadata.name" {
            causes.push(Cause::invalid(path.child("key"), &expression.key, "not a valid field selector key"));
        }
        if !matches!(expression.operator.as_str(), "In" | "NotIn") {
            let why = "not a valid selector operator";
            causes.push(Cause::invalid(path.child("operator"), &expression.operator, why));
        }
        if expression.values.as_ref().is_none_or(|values| values.len() != 1) {
            let why = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
            causes.push(Cause::required(path.child("values"), why));
        }
    }
}

fn check_operator(path: Path<'_>, expression: &NodeSelectorRequirement, causes: &mut Vec<Cause>) {
    let values = expression.values.as_deref().unwrap_or_default();
    match expression.operator.as_str() {
        "In" | "NotIn" => {
            if values.is_empty() {
                let why = "must be specified when `operator` is 'In' or 'NotIn'";
                causes.push(Cause::required(path.child("values"), why));
            }
        }
        "Exists" | "DoesNotExist" => {
            if !values.is_empty() {
                let why = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
                causes.push(Cause::forbidden(path.child("values"), why));
            }
        }
        "Gt" | "Lt" => {
            if values.len() != 1 {
                let why = "must be specified single value when `operator` is 'Lt' or 'Gt'";
                causes.push(Cause::required(path.child("values"), why));
            }
        }
        other => causes.push(Cause::invalid(path.child("operator"), other, "not a valid selector operator")),
    }
}
