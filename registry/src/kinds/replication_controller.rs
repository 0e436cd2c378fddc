//! ReplicationController: what a ReplicaSet was before.

use bireme_core::error::Cause;
use k8s_openapi::api::core::v1::{PodTemplateSpec, ReplicationController};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use super::check::{Path, joined, non_negative};
use super::pod_spec;
use super::workload::{self, Replicas, Workload};
use crate::resource::{
    CONDITIONS, Column, Field, POD_TEMPLATE, Schema, SelectableField, Strategy, Subresource,
};

const SPEC: Schema = Schema::of(&[Field::atomic("selector"), Field::object("template", &POD_TEMPLATE)]);

impl Workload for ReplicationController {
    fn template(&self) -> Option<&PodTemplateSpec> {
        self.spec.as_ref()?.template.as_ref()
    }

    fn selector(&self) -> String {
        self.spec.as_ref().map(|spec| joined(&spec.selector)).unwrap_or_default()
    }
}

impl Replicas for ReplicationController {
    fn counts(&self) -> [i32; 3] {
        let (spec, status) = (self.spec.as_ref(), self.status.as_ref());
        [
            spec.and_then(|spec| spec.replicas).unwrap_or(0),
            status.map_or(0, |status| status.replicas),
            status.and_then(|status| status.ready_replicas).unwrap_or(0),
        ]
    }
}

impl Strategy for ReplicationController {
    const SINGULAR: &'static str = "replicationcontroller";
    const SHORT_NAMES: &'static [&'static str] = &["rc"];
    const CATEGORIES: &'static [&'static str] = &["all"];
    const STORAGE_FOLDER: Option<&'static str> = Some("controllers");
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

    /// Without a selector it means the pods of its template, whose labels it then also takes as its own.
    fn default(&mut self) {
        let Some(spec) = &mut self.spec else { return };
        spec.replicas.get_or_insert(1);
        let Some(template) = &mut spec.template else { return };
        pod_spec::default_template(template);
        let labels = template.metadata.as_ref().and_then(|metadata| metadata.labels.clone());
        let Some(labels) = labels.filter(|labels| !labels.is_empty()) else { return };
        if spec.selector.as_ref().is_none_or(|selector| selector.is_empty()) {
            spec.selector = Some(labels.clone());
        }
        if self.metadata.labels.as_ref().is_none_or(|own| own.is_empty()) {
            self.metadata.labels = Some(labels);
        }
    }

    fn warnings(&self, old: Option<&Self>) -> Vec<String> {
        workload::warnings(self, old)
    }

    fn validate(&self, causes: &mut Vec<Cause>) {
        let path = Path::root("spec");
        let Some(spec) = &self.spec else {
            causes.push(Cause::required(path.child("selector"), ""));
            return;
        };
        non_negative(path.child("replicas"), spec.replicas.unwrap_or(0).into(), causes);
        non_negative(path.child("minReadySeconds"), spec.min_ready_seconds.unwrap_or(0).into(), causes);
        if spec.selector.as_ref().is_none_or(|selector| selector.is_empty()) {
            causes.push(Cause::required(path.child("selector"), ""));
        }
        let selector = LabelSelector { match_labels: spec.selector.clone(), match_expressions: None };
        match &spec.template {
            None => causes.push(Cause::required(path.child("template"), "")),
            Some(template) => workload::check_template(
                path.child("template"),
                template,
                Some(&selector),
                "ReplicationController",
                causes,
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::testing::{causes, defaulted, from_json, row};
    use crate::kinds::workload::testing::TEMPLATE;
    use serde_json::{Value, json};

    fn template() -> Value {
        serde_json::from_str(TEMPLATE).unwrap()
    }

    #[test]
    fn the_labels_of_the_template_are_the_selector_that_was_left_out() {
        let controller: ReplicationController =
            defaulted(json!({"metadata": {"name": "web"}, "spec": {"template": template()}}));
        let app = Some([("app".to_owned(), "web".to_owned())].into());
        assert_eq!(controller.metadata.labels, app);
        assert_eq!(controller.spec.as_ref().unwrap().selector, app);
        assert!(causes(&controller).is_empty());
        assert_eq!(row(&controller, true)[5..], ["a,b", "img:1,img:2", "app=web"]);
    }

    #[test]
    fn it_needs_a_selector_and_a_template() {
        let bare: ReplicationController = from_json(json!({"spec": {}}));
        assert_eq!(causes(&bare), ["spec.selector: Required value", "spec.template: Required value"]);
        let other: ReplicationController =
            from_json(json!({"spec": {"selector": {"app": "x"}, "template": template()}}));
        assert_eq!(causes(&other).len(), 1);
    }
}
