//! Role and ClusterRole: what may be done.

use bireme_core::error::Cause;
use k8s_openapi::api::rbac::v1::{AggregationRule, ClusterRole, PolicyRule, Role};

use super::GRANTS_NOTHING;
use crate::kinds::check::{Json, Path, selector};
use crate::resource::{Column, Field, NameRule, Schema, Strategy};

const AGGREGATION: Schema = Schema::of(&[Field::atomic("clusterRoleSelectors")]);

impl Strategy for Role {
    const SINGULAR: &'static str = "role";
    const NAME_RULE: NameRule = NameRule::PathSegment;
    const UNATTENDED: Option<&'static str> = GRANTS_NOTHING;
    const SCHEMA: &'static Schema = &Schema::of(&[Field::atomic("rules")]);
    const COLUMNS: &'static [Column<Self>] = &[Column::NAME, Column::CREATED_AT];

    fn validate(&self, causes: &mut Vec<Cause>) {
        check_rules(self.rules.as_deref(), true, causes);
    }
}

impl Strategy for ClusterRole {
    const SINGULAR: &'static str = "clusterrole";
    const NAME_RULE: NameRule = NameRule::PathSegment;
    const UNATTENDED: Option<&'static str> = GRANTS_NOTHING;
    const SCHEMA: &'static Schema =
        &Schema::of(&[Field::object("aggregationRule", &AGGREGATION), Field::atomic("rules")]);
    const COLUMNS: &'static [Column<Self>] = &[Column::NAME, Column::CREATED_AT];

    fn validate(&self, causes: &mut Vec<Cause>) {
        check_rules(self.rules.as_deref(), false, causes);
        if let Some(aggregation) = &self.aggregation_rule {
            check_aggregation(aggregation, causes);
        }
    }
}

/// A rule is about resources, or (for the whole cluster) about paths.
fn check_rules(rules: Option<&[PolicyRule]>, namespaced: bool, causes: &mut Vec<Cause>) {
    let list = Path::root("rules");
    for (index, rule) in rules.unwrap_or_default().iter().enumerate() {
        let path = list.index(index);
        if rule.verbs.is_empty() {
            causes.push(Cause::required(path.child("verbs"), "verbs must contain at least one value"));
        }
        let is_empty = |items: &Option<Vec<String>>| items.as_ref().is_none_or(Vec::is_empty);
        if !is_empty(&rule.non_resource_urls) {
            let (path, urls) = (path.child("nonResourceURLs"), Json(&rule.non_resource_urls));
            let mut refuse = |why: &str| causes.push(Cause::invalid(path, &urls, why));
            if namespaced {
                refuse("namespaced rules cannot apply to non-resource URLs");
            }
            if ![&rule.api_groups, &rule.resources, &rule.resource_names].into_iter().all(is_empty) {
                refuse("rules cannot apply to both regular resources and non-resource URLs");
            }
            continue;
        }
        if is_empty(&rule.api_groups) {
            let why = "resource rules must supply at least one api group";
            causes.push(Cause::required(path.child("apiGroups"), why));
        }
        if is_empty(&rule.resources) {
            let why = "resource rules must supply at least one resource";
            causes.push(Cause::required(path.child("resources"), why));
        }
    }
}

fn check_aggregation(aggregation: &AggregationRule, causes: &mut Vec<Cause>) {
    let list = Path::root("aggregationRule.clusterRoleSelectors");
    let selectors = aggregation.cluster_role_selectors.as_deref().unwrap_or_default();
    if selectors.is_empty() {
        let why = "at least one clusterRoleSelector required if aggregationRule is non-nil";
        causes.push(Cause::required(list, why));
    }
    for (index, wanted) in selectors.iter().enumerate() {
        selector(list.index(index), wanted, causes);
    }
}
