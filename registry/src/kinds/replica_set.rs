//! ReplicaSet: a number of pods of one template.

use bireme_core::client::Part;
use bireme_core::error::Cause;
use bireme_core::object::versions::Specified;
use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::PodTemplateSpec;

use super::check::{Path, immutable, is_empty, non_negative, selector, shown};
use super::pod_spec;
use super::workload::{self, Replicas, Workload};
use crate::resource::{
    CONDITIONS, Column, Field, POD_TEMPLATE, Schema, SelectableField, Strategy, Subresource,
};

const SPEC: Schema =
    Schema::of(&[Field::atomic("selector"), Field::object("template", &POD_TEMPLATE).inherent()]);

impl Workload for ReplicaSet {
    fn template(&self) -> Option<&PodTemplateSpec> {
        self.spec_ref()?.template.as_ref()
    }

    fn selector(&self) -> String {
        self.spec_ref().map(|spec| shown(&spec.selector)).unwrap_or_default()
    }
}

impl Replicas for ReplicaSet {
    fn counts(&self) -> [i32; 3] {
        let (spec, status) = (self.spec_ref(), self.status.as_ref());
        [
            spec.and_then(|spec| spec.replicas).unwrap_or(0),
            status.map_or(0, |status| status.replicas),
            status.and_then(|status| status.ready_replicas).unwrap_or(0),
        ]
    }
}

impl Strategy for ReplicaSet {
    const SINGULAR: &'static str = "replicaset";
    const SHORT_NAMES: &'static [&'static str] = &["rs"];
    const CATEGORIES: &'static [&'static str] = &["all"];
    const SUBRESOURCES: &'static [Subresource] = &[Subresource::SCALE, Subresource::Status];
    const SELECTABLE: &'static [SelectableField] =
        &[SelectableField { label: "status.replicas", paths: &["status.replicas"], absent: "0" }];
    const HAS_GENERATION: bool = true;
    const SCHEMA: &'static Schema =
        &Schema::of(&[Field::object("spec", &SPEC), Field::object("status", &CONDITIONS)]);
    const COLUMNS: &'static [Column<Self>] = &workload::replica_columns();

    fn prepare_create(&mut self) {
        self.status = Some(Default::default());
    }

    fn copy_status(&mut self, from: &Self) {
        self.status.clone_from(&from.status);
    }

    fn same_spec(&self, old: &Self) -> bool {
        self.spec == old.spec
    }

    fn default(&mut self) {
        let Some(spec) = self.spec_mut() else { return };
        spec.replicas.get_or_insert(1);
        pod_spec::default_template(spec.template.get_or_insert_default());
    }

    fn warnings(&self, old: Option<&Self>) -> Vec<String> {
        workload::warnings(self, old)
    }

    fn validate(&self, causes: &mut Vec<Cause>) {
        let path = Path::root("spec");
        let Some(spec) = self.spec_ref() else {
            causes.push(Cause::required(path.child("selector"), ""));
            return;
        };
        non_negative(path.child("replicas"), spec.replicas.unwrap_or(0).into(), causes);
        non_negative(path.child("minReadySeconds"), spec.min_ready_seconds.unwrap_or(0).into(), causes);
        if is_empty(&spec.selector) {
            let why = "empty selector is invalid for replicaset";
            causes.push(Cause::invalid(path.child("selector"), super::check::Json(&spec.selector), why));
        }
        selector(path.child("selector"), &spec.selector, causes);
        match &spec.template {
            None => causes.push(Cause::required(path.child("template"), "")),
            Some(template) => workload::check_template(
                path.child("template"),
                template,
                Some(&spec.selector),
                "ReplicaSet",
                causes,
            ),
        }
    }

    fn validate_update(&self, old: &Self, _part: Part, causes: &mut Vec<Cause>) {
        if let (Some(new), Some(old)) = (self.spec_ref(), old.spec_ref()) {
            immutable(Path::root("spec").child("selector"), &new.selector, &old.selector, causes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::testing::{causes, causes_of_change, defaulted, row};
    use crate::kinds::workload::testing::{TEMPLATE, replaced};
    use serde_json::{Value, json};

    fn set(path: &str, value: Value) -> ReplicaSet {
        let set = json!({
            "metadata": {"name": "web", "creationTimestamp": "2026-01-01T11:59:00Z"},
            "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": serde_json::from_str::<Value>(TEMPLATE).unwrap()},
        });
        defaulted(replaced(set, path, value))
    }

    #[test]
    fn one_pod_is_wanted_unless_told_otherwise() {
        assert_eq!(set("/x", json!(null)).spec.unwrap().replicas, Some(1));
    }

    #[test]
    fn a_table_counts_pods() {
        let mut set = set("/spec/replicas", json!(3));
        set.status.as_mut().unwrap().replicas = 2;
        assert_eq!(row(&set, true), ["web", "3", "2", "0", "60s", "a,b", "img:1,img:2", "app=web"]);
    }

    #[test]
    fn the_template_must_be_selected_and_restart_always() {
        for (path, value, expected) in [
            ("/spec/replicas", json!(2), vec![]),
            (
                "/spec/replicas",
                json!(-1),
                vec!["spec.replicas: Invalid value: -1: must be greater than or equal to 0"],
            ),
            (
                "/spec/selector/matchLabels",
                json!({"app": "other"}),
                vec![
                    "spec.template.metadata.labels: Invalid value: {\"app\":\"web\"}: `selector` does not match \
                     template `labels`",
                ],
            ),
            (
                "/spec/selector",
                json!({}),
                vec!["spec.selector: Invalid value: {}: empty selector is invalid for replicaset"],
            ),
            (
                "/spec/template/spec/restartPolicy",
                json!("Never"),
                vec![
                    "spec.template.spec.restartPolicy: Unsupported value: \"Never\": supported values: \"Always\"",
                ],
            ),
            (
                "/spec/template/spec/activeDeadlineSeconds",
                json!(5),
                vec![
                    "spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicaSet is not \
                     Supported",
                ],
            ),
        ] {
            assert_eq!(causes(&set(path, value)), expected, "{path}");
        }
    }

    #[test]
    fn the_selector_never_changes() {
        let other = set("/spec/selector/matchLabels", json!({"app": "x"}));
        assert_eq!(
            causes_of_change(&other, &set("/x", json!(null))),
            ["spec.selector: Invalid value: {\"matchLabels\":{\"app\":\"x\"}}: field is immutable"]
        );
    }
}
