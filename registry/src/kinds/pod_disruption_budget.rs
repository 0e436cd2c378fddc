//! PodDisruptionBudget: how many pods may be missing at a time.

use bireme_core::error::Cause;
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::check::{Json, Path, one_of, selector, share};
use crate::resource::{CONDITIONS, Column, Field, Schema, Strategy, Subresource};
use bireme_core::object::versions::Given;

const SPEC: Schema = Schema::of(&[Field::atomic("selector")]);

impl Strategy for PodDisruptionBudget {
    const SINGULAR: &'static str = "poddisruptionbudget";
    const SHORT_NAMES: &'static [&'static str] = &["pdb"];
    const SUBRESOURCES: &'static [Subresource] = &[Subresource::Status];
    const HAS_GENERATION: bool = true;
    const UNATTENDED: Option<&'static str> = Some(
        "the object is stored, its status is never worked out, and evictions of the pods that it selects are refused",
    );
    const SCHEMA: &'static Schema =
        &Schema::of(&[Field::object("spec", &SPEC), Field::object("status", &CONDITIONS)]);
    const COLUMNS: &'static [Column<Self>] = &[
        Column::NAME,
        Column::text("Min Available", "How many pods must be there.", |budget, _| {
            amount(budget.spec.as_ref().and_then(|spec| spec.min_available.as_ref())).into()
        }),
        Column::text("Max Unavailable", "How many pods may be missing.", |budget, _| {
            amount(budget.spec.as_ref().and_then(|spec| spec.max_unavailable.as_ref())).into()
        }),
        Column::integer("Allowed Disruptions", "How many pods may go now.", |budget, _| {
            let allowed: Option<&i32> =
                budget.status.as_ref().and_then(|status| status.disruptions_allowed.given());
            allowed.copied().unwrap_or(0).into()
        }),
        Column::AGE,
    ];

    fn prepare_create(&mut self) {
        self.status = Some(Default::default());
    }

    fn copy_status(&mut self, from: &Self) {
        self.status.clone_from(&from.status);
    }

    fn same_spec(&self, old: &Self) -> bool {
        self.spec == old.spec
    }

    fn validate(&self, causes: &mut Vec<Cause>) {
        if let Some(spec) = &self.spec {
            check_spec(Path::root("spec"), spec, causes);
        }
    }
}

fn amount(amount: Option<&IntOrString>) -> String {
    match amount {
        None => "N/A".to_owned(),
        Some(IntOrString::Int(number)) => number.to_string(),
        Some(IntOrString::String(text)) => text.clone(),
    }
}

fn check_spec(path: Path<'_>, spec: &PodDisruptionBudgetSpec, causes: &mut Vec<Cause>) {
    if spec.min_available.is_some() && spec.max_unavailable.is_some() {
        let why = "minAvailable and maxUnavailable cannot be both set";
        causes.push(Cause::invalid(path, Json(spec), why));
    }
    share(path.child("minAvailable"), spec.min_available.as_ref(), causes);
    share(path.child("maxUnavailable"), spec.max_unavailable.as_ref(), causes);
    if let Some(wanted) = &spec.selector {
        selector(path.child("selector"), wanted, causes);
    }
    if let Some(policy) = &spec.unhealthy_pod_eviction_policy {
        let policies = ["AlwaysAllow", "IfHealthyBudget"];
        one_of(path.child("unhealthyPodEvictionPolicy"), policy, &policies, causes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::testing::{causes, defaulted, row};
    use serde_json::{Value, json};

    fn budget(spec: Value) -> PodDisruptionBudget {
        defaulted(json!({
            "metadata": {"name": "web", "creationTimestamp": "2026-01-01T11:59:00Z"},
            "spec": spec,
        }))
    }

    #[test]
    fn a_table_tells_what_may_be_missing() {
        assert_eq!(row(&budget(json!({"minAvailable": "50%"})), false), ["web", "50%", "N/A", "0", "60s"]);
        let mut budget = budget(json!({"maxUnavailable": 1}));
        budget.status.as_mut().unwrap().disruptions_allowed.give(1);
        assert_eq!(row(&budget, false), ["web", "N/A", "1", "1", "60s"]);
    }

    #[test]
    fn specs_that_make_no_sense_are_refused_field_by_field() {
        for (spec, expected) in [
            (json!({"minAvailable": 0, "selector": {}}), vec![]),
            (
                json!({"minAvailable": 1, "maxUnavailable": 1}),
                vec![
                    "spec: Invalid value: {\"maxUnavailable\":1,\"minAvailable\":1}: minAvailable and maxUnavailable \
                     cannot be both set",
                ],
            ),
            (
                json!({"maxUnavailable": "120%"}),
                vec!["spec.maxUnavailable: Invalid value: \"120%\": must not be greater than 100%"],
            ),
            (
                json!({"minAvailable": -1}),
                vec!["spec.minAvailable: Invalid value: -1: must be greater than or equal to 0"],
            ),
            (
                json!({"unhealthyPodEvictionPolicy": "Never"}),
                vec![
                    "spec.unhealthyPodEvictionPolicy: Unsupported value: \"Never\": supported values: \
                     \"AlwaysAllow\", \"IfHealthyBudget\"",
                ],
            ),
            (
                json!({"selector": {"matchLabels": {"a b": "c"}}}),
                vec!["spec.selector.matchLabels: Invalid value: \"a b\": name part"],
            ),
        ] {
            let causes = causes(&budget(spec));
            assert_eq!(causes.len(), expected.len(), "{causes:?}");
            assert!(
                causes.iter().zip(expected).all(|(cause, expected)| cause.starts_with(expected)),
                "{causes:?}"
            );
        }
    }
}
