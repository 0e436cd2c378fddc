//! ResourceQuota: how much a namespace may use.

use bireme_core::client::Part;
use bireme_core::error::Cause;
use bireme_core::quantity::Quantity;
use k8s_openapi::api::core::v1::{ResourceQuota, ResourceQuotaSpec, ScopeSelector};

use super::check::{Amounts, Path, canonical, immutable, qualified_name};
use crate::resource::{Column, Field, Schema, Strategy, Subresource};

/// What is counted in whole numbers.
const COUNTED: [&str; 9] = [
    "configmaps",
    "persistentvolumeclaims",
    "pods",
    "replicationcontrollers",
    "resourcequotas",
    "secrets",
    "services",
    "services.loadbalancers",
    "services.nodeports",
];
/// What is measured.
const MEASURED: [&str; 10] = [
    "cpu",
    "ephemeral-storage",
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
    "requests.storage",
];
/// Which pods a quota is for.
const SCOPES: [&str; 6] = [
    "BestEffort",
    "CrossNamespacePodAffinity",
    "NotBestEffort",
    "NotTerminating",
    "PriorityClass",
    "Terminating",
];
/// The scopes that cannot be together.
const CONFLICTS: [[&str; 2]; 2] = [["BestEffort", "NotBestEffort"], ["NotTerminating", "Terminating"]];

const SPEC: Schema = Schema::of(&[Field::atomic("scopeSelector"), Field::atomic("scopes")]);

impl Strategy for ResourceQuota {
    const SINGULAR: &'static str = "resourcequota";
    const SHORT_NAMES: &'static [&'static str] = &["quota"];
    const SUBRESOURCES: &'static [Subresource] = &[Subresource::Status];
    const UNATTENDED: Option<&'static str> =
        Some("the object is stored, and nothing will keep to its limits");
    const SCHEMA: &'static Schema = &Schema::of(&[Field::object("spec", &SPEC)]);
    const COLUMNS: &'static [Column<Self>] = &[
        Column::NAME,
        Column::text("Request", "What is used and allowed of requests and counts.", |quota, _| {
            used(quota, |name| !name.starts_with("limits.")).into()
        }),
        Column::text("Limit", "What is used and allowed of limits.", |quota, _| {
            used(quota, |name| name.starts_with("limits.")).into()
        }),
        Column::AGE,
    ];

    fn prepare_create(&mut self) {
        self.status = Some(Default::default());
    }

    fn copy_status(&mut self, from: &Self) {
        self.status.clone_from(&from.status);
    }

    fn default(&mut self) {
        if let Some(spec) = &mut self.spec {
            canonical(&mut spec.hard);
        }
        if let Some(status) = &mut self.status {
            canonical(&mut status.hard);
            canonical(&mut status.used);
        }
    }

    fn validate(&self, causes: &mut Vec<Cause>) {
        if let Some(spec) = &self.spec {
            check_amounts(Path::root("spec.hard"), &spec.hard, causes);
            check_scopes(spec, causes);
            if let Some(selector) = &spec.scope_selector {
                check_selector(selector, causes);
            }
        }
        if let Some(status) = &self.status {
            check_amounts(Path::root("status.hard"), &status.hard, causes);
            check_amounts(Path::root("status.used"), &status.used, causes);
        }
    }

    fn validate_update(&self, old: &Self, part: Part, causes: &mut Vec<Cause>) {
        if let (Part::Main, Some(new), Some(old)) = (part, &self.spec, &old.spec) {
            immutable(Path::root("spec.scopes"), &new.scopes, &old.scopes, causes);
        }
    }
}

/// The resources of the status as tables show them: `pods: 1/10`.
fn used(quota: &ResourceQuota, is_meant: fn(&str) -> bool) -> String {
    let Some(status) = &quota.status else { return String::new() };
    let shown = |amounts: &Amounts, name: &str| {
        let amount = amounts.as_ref().and_then(|amounts| amounts.get(name));
        amount.map_or_else(|| "0".to_owned(), |amount| amount.0.clone())
    };
    let names = status.hard.iter().flatten().map(|(name, _)| name).filter(|name| is_meant(name));
    let cell = |name: &String| format!("{name}: {}/{}", shown(&status.used, name), shown(&status.hard, name));
    names.map(cell).collect::<Vec<_>>().join(", ")
}

fn is_standard(name: &str) -> bool {
    let without = name.strip_prefix("requests.").unwrap_or(name);
    COUNTED.contains(&name) || MEASURED.contains(&name) || without.starts_with("hugepages-")
}

fn check_amounts(path: Path<'_>, amounts: &Amounts, causes: &mut Vec<Cause>) {
    for (name, amount) in amounts.iter().flatten() {
        let path = path.key(name);
        causes.extend(qualified_name(name).map(|why| Cause::invalid(path, name, why)));
        if !name.contains('/') && !is_standard(name) {
            causes.push(Cause::invalid(path, name, "must be a standard resource for quota"));
        }
        let is_counted = COUNTED.contains(&name.as_str());
        match Quantity::try_from(amount) {
            Err(error) => causes.push(Cause::invalid(path, &amount.0, error)),
            Ok(amount) if amount.is_negative() => {
                causes.push(Cause::invalid(path, amount.to_string(), "must be greater than or equal to 0"));
            }
            Ok(amount) if is_counted && !amount.is_integer() => {
                causes.push(Cause::invalid(path, amount.to_string(), "must be an integer"));
            }
            Ok(_) => {}
        }
    }
}

fn check_scopes(spec: &ResourceQuotaSpec, causes: &mut Vec<Cause>) {
    let (path, scopes) = (Path::root("spec.scopes"), spec.scopes.as_deref().unwrap_or_default());
    let has = |scope: &&str| scopes.iter().any(|own| own == *scope);
    for scope in scopes {
        if !SCOPES.contains(&scope.as_str()) {
            causes.push(Cause::invalid(path, scopes, "unsupported scope"));
        }
    }
    // What asks for nothing has nothing but its number.
    let is_number = |name: &String| name == "pods" || name.starts_with("count/");
    if has(&"BestEffort") && spec.hard.iter().flatten().any(|(name, _)| !is_number(name)) {
        causes.push(Cause::invalid(path, scopes, "unsupported scope applied to resource"));
    }
    if CONFLICTS.iter().any(|pair| pair.iter().all(has)) {
        causes.push(Cause::invalid(path, scopes, "conflicting scopes"));
    }
}

fn check_selector(selector: &ScopeSelector, causes: &mut Vec<Cause>) {
    let list = Path::root("spec.scopeSelector.matchExpressions");
    for (index, expression) in selector.match_expressions.iter().flatten().enumerate() {
        let path = list.index(index);
        let (scope, operator) = (expression.scope_name.as_str(), expression.operator.as_str());
        let values = expression.values.as_deref().unwrap_or_default();
        if !SCOPES.contains(&scope) {
            causes.push(Cause::invalid(path.child("scopeName"), scope, "unsupported scope"));
        }
        if scope != "PriorityClass" && operator != "Exists" {
            let why = "must be 'Exist' when scope is any of ResourceQuotaScopeTerminating, \
                ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or \
                ResourceQuotaScopeCrossNamespacePodAffinity";
            causes.push(Cause::invalid(path.child("operator"), operator, why));
        }
        match operator {
            "In" | "NotIn" if values.is_empty() => {
                let why = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector";
                causes.push(Cause::required(path.child("values"), why));
            }
            "Exists" | "DoesNotExist" if !values.is_empty() => {
                let why = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector";
                causes.push(Cause::invalid(path.child("values"), values, why));
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            other => {
                causes.push(Cause::invalid(path.child("operator"), other, "not a valid selector operator"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::testing::{causes, causes_of_change, defaulted, from_json, row};
    use serde_json::{Value, json};

    fn quota(spec: Value) -> ResourceQuota {
        defaulted(json!({
            "metadata": {"name": "team", "creationTimestamp": "2026-01-01T11:59:00Z"}, "spec": spec,
        }))
    }

    #[test]
    fn a_table_tells_what_is_used_of_what() {
        let mut quota = quota(json!({}));
        let hard = json!({"pods": "10", "requests.cpu": "2", "limits.cpu": "4"});
        let status = json!({"hard": hard, "used": {"pods": "1", "limits.cpu": "500m"}});
        quota.status = from_json::<ResourceQuota>(json!({"metadata": {}, "status": status})).status;
        assert_eq!(
            row(&quota, false),
            ["team", "pods: 1/10, requests.cpu: 0/2", "limits.cpu: 500m/4", "60s"]
        );
    }

    #[test]
    fn quotas_that_make_no_sense_are_refused_field_by_field() {
        for (spec, expected) in [
            (
                json!({"hard": {"pods": "10", "count/deployments.apps": 1, "requests.hugepages-2Mi": "1"}}),
                vec![],
            ),
            (
                json!({"hard": {"chairs": "1"}}),
                vec!["spec.hard[chairs]: Invalid value: \"chairs\": must be a standard resource for quota"],
            ),
            (
                json!({"hard": {"pods": "-1", "secrets": "500m"}}),
                vec![
                    "spec.hard[pods]: Invalid value: \"-1\": must be greater than or equal to 0",
                    "spec.hard[secrets]: Invalid value: \"500m\": must be an integer",
                ],
            ),
            (
                json!({"scopes": ["BestEffort", "NotBestEffort"]}),
                vec!["spec.scopes: Invalid value: [\"BestEffort\", \"NotBestEffort\"]: conflicting scopes"],
            ),
            (
                json!({"scopes": ["BestEffort"], "hard": {"cpu": "1"}}),
                vec!["spec.scopes: Invalid value: [\"BestEffort\"]: unsupported scope applied to resource"],
            ),
            (json!({"scopes": ["Best"]}), vec!["spec.scopes: Invalid value: [\"Best\"]: unsupported scope"]),
            (
                json!({"scopeSelector": {"matchExpressions": [{"scopeName": "PriorityClass", "operator": "In"}]}}),
                vec![
                    "spec.scopeSelector.matchExpressions[0].values: Required value: must be at least one value when \
                     `operator` is 'In' or 'NotIn' for scope selector",
                ],
            ),
        ] {
            assert_eq!(causes(&quota(spec.clone())), expected, "{spec}");
        }
    }

    #[test]
    fn scopes_never_change_and_amounts_do() {
        let old = quota(json!({"hard": {"pods": "1"}}));
        assert_eq!(causes_of_change(&quota(json!({"hard": {"pods": "2"}})), &old), Vec::<String>::new());
        let scoped = causes_of_change(&quota(json!({"scopes": ["Terminating"]})), &old);
        assert_eq!(scoped, ["spec.scopes: Invalid value: [\"Terminating\"]: field is immutable"]);
    }
}
