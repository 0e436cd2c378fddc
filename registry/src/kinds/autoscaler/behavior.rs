//! How fast the number of pods may change.

use bireme_core::error::Cause;
use k8s_openapi::api::autoscaling::v2::{HPAScalingPolicy, HPAScalingRules, HorizontalPodAutoscalerBehavior};

use crate::kinds::check::{Path, default_text, one_of, positive};

/// The longest that a change may be held back: an hour.
const MAX_WINDOW_SECONDS: i32 = 3600;
/// The longest that a policy may look at: half an hour.
const MAX_PERIOD_SECONDS: i32 = 1800;

/// Fills in both directions: up at once, down as far as needed.
pub(super) fn default(behavior: &mut HorizontalPodAutoscalerBehavior) {
    let policy = |type_: &str, value| HPAScalingPolicy { type_: type_.to_owned(), value, period_seconds: 15 };
    let up = behavior.scale_up.get_or_insert_default();
    up.stabilization_window_seconds.get_or_insert(0);
    default_rules(up, vec![policy("Pods", 4), policy("Percent", 100)]);
    default_rules(behavior.scale_down.get_or_insert_default(), vec![policy("Percent", 100)]);
}

fn default_rules(rules: &mut HPAScalingRules, policies: Vec<HPAScalingPolicy>) {
    default_text(&mut rules.select_policy, "Max");
    rules.policies.get_or_insert(policies);
}

/// What is wrong with either direction.
pub(super) fn validate(path: Path<'_>, behavior: &HorizontalPodAutoscalerBehavior, causes: &mut Vec<Cause>) {
    for (field, rules) in [("scaleUp", &behavior.scale_up), ("scaleDown", &behavior.scale_down)] {
        if let Some(rules) = rules {
            check_rules(path.child(field), rules, causes);
        }
    }
}

fn check_rules(path: Path<'_>, rules: &HPAScalingRules, causes: &mut Vec<Cause>) {
    let window = rules.stabilization_window_seconds.unwrap_or(0);
    let place = path.child("stabilizationWindowSeconds");
    if window < 0 {
        causes.push(Cause::invalid(place, window, "must be greater than or equal to zero"));
    }
    if window > MAX_WINDOW_SECONDS {
        let why = format_args!("must be less than or equal to {MAX_WINDOW_SECONDS}");
        causes.push(Cause::invalid(place, window, why));
    }
    if let Some(policy) = &rules.select_policy {
        one_of(path.child("selectPolicy"), policy, &["Disabled", "Max", "Min"], causes);
    }
    let list = path.child("policies");
    let policies = rules.policies.as_deref().unwrap_or_default();
    if policies.is_empty() {
        causes.push(Cause::required(list, "must specify at least one Policy"));
    }
    for (index, policy) in policies.iter().enumerate() {
        let path = list.index(index);
        one_of(path.child("type"), &policy.type_, &["Percent", "Pods"], causes);
        positive(path.child("value"), policy.value.into(), causes);
        positive(path.child("periodSeconds"), policy.period_seconds.into(), causes);
        if policy.period_seconds > MAX_PERIOD_SECONDS {
            let why = format_args!("must be less than or equal to {MAX_PERIOD_SECONDS}");
            causes.push(Cause::invalid(path.child("periodSeconds"), policy.period_seconds, why));
        }
    }
}
