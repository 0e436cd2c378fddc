//! The rules of what follows from a failed pod.

use std::collections::BTreeSet;

use bireme_core::error::Cause;
use k8s_openapi::api::batch::v1::{
    JobSpec, PodFailurePolicy, PodFailurePolicyOnExitCodesRequirement, PodFailurePolicyRule,
};

use crate::kinds::check::{Path, at_most, label_name, one_of, wrong};
use bireme_core::object::versions::Given;

const MAX_RULES: usize = 20;
const MAX_VALUES: usize = 255;
const ACTIONS: &[&str] = &["Count", "FailIndex", "FailJob", "Ignore"];

/// What is wrong with the policy of a job.
pub(super) fn validate(path: Path<'_>, policy: &PodFailurePolicy, spec: &JobSpec, causes: &mut Vec<Cause>) {
    let list = path.child("rules");
    at_most(list, policy.rules.len(), MAX_RULES, causes);
    for (index, rule) in policy.rules.iter().enumerate() {
        check_rule(list.index(index), rule, spec, causes);
    }
}

fn check_rule(path: Path<'_>, rule: &PodFailurePolicyRule, spec: &JobSpec, causes: &mut Vec<Cause>) {
    one_of(path.child("action"), &rule.action, ACTIONS, causes);
    if rule.action == "FailIndex" && spec.backoff_limit_per_index.is_none() {
        let why = "requires the backoffLimitPerIndex to be set";
        causes.push(Cause::invalid(path.child("action"), &rule.action, why));
    }
    if let Some(codes) = &rule.on_exit_codes {
        check_codes(path.child("onExitCodes"), codes, spec, causes);
    }
    let conditions = rule.on_pod_conditions.as_deref().unwrap_or_default();
    let list = path.child("onPodConditions");
    at_most(list, conditions.len(), MAX_RULES, causes);
    for (index, condition) in conditions.iter().enumerate() {
        let path = list.index(index);
        let wrong_type = label_name(&condition.type_);
        causes.extend(wrong_type.map(|why| Cause::invalid(path.child("type"), &condition.type_, why)));
        let status: Option<&String> = condition.status.given();
        let status = status.map_or("", String::as_str);
        one_of(path.child("status"), status, &["False", "True", "Unknown"], causes);
    }
    match (rule.on_exit_codes.is_some(), !conditions.is_empty()) {
        (true, true) => {
            causes.push(wrong(path, "specifying both OnExitCodes and OnPodConditions is not supported"));
        }
        (false, false) => {
            causes.push(wrong(path, "specifying one of OnExitCodes and OnPodConditions is required"));
        }
        _ => {}
    }
}

fn check_codes(
    path: Path<'_>,
    codes: &PodFailurePolicyOnExitCodesRequirement,
    spec: &JobSpec,
    causes: &mut Vec<Cause>,
) {
    one_of(path.child("operator"), &codes.operator, &["In", "NotIn"], causes);
    if let Some(name) = &codes.container_name {
        let pod = spec.template.spec.as_ref();
        let mut containers =
            pod.into_iter().flat_map(|pod| pod.init_containers.iter().flatten().chain(&pod.containers));
        if containers.all(|container| container.name != *name) {
            let why = "must be one of the container or initContainer names in the pod template";
            causes.push(Cause::invalid(path.child("containerName"), name, why));
        }
    }
    let (list, values) = (path.child("values"), &codes.values);
    if values.is_empty() {
        causes.push(Cause::invalid(list, values, "at least one value is required"));
    }
    at_most(list, values.len(), MAX_VALUES, causes);
    let mut seen = BTreeSet::new();
    for (index, value) in values.iter().enumerate() {
        if codes.operator == "In" && *value == 0 {
            causes.push(Cause::invalid(list.index(index), value, "must not be 0 for the In operator"));
        }
        if !seen.insert(value) {
            causes.push(Cause::duplicate(list.index(index), value));
        }
    }
    if !values.is_sorted() {
        causes.push(Cause::invalid(list, values, "must be ordered"));
    }
}
