//! DaemonSet: a pod on every node.

use bireme_core::client::Part;
use bireme_core::error::Cause;
use k8s_openapi::api::apps::v1::{
    DaemonSet, DaemonSetSpec, DaemonSetStatus, DaemonSetUpdateStrategy, RollingUpdateDaemonSet,
};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::check::{
    Json, Path, default_text, immutable, is_empty, joined, non_negative_if_set, selector, share, shown, text,
};
use super::pod_spec;
use super::workload::{self, Workload};
use crate::resource::{CONDITIONS, Column, Field, POD_TEMPLATE, STORED_ONLY, Schema, Strategy, Subresource};
use bireme_core::object::versions::Specified;

const SPEC: Schema = Schema::of(&[
    Field::atomic("selector"),
    Field::object("template", &POD_TEMPLATE).inherent(),
    Field::object("updateStrategy", &Schema::EMPTY).inherent(),
]);

const TEMPLATE_COLUMNS: [Column<DaemonSet>; 3] = workload::template_columns();

fn count(set: &DaemonSet, of: fn(&DaemonSetStatus) -> i32) -> i32 {
    set.status.as_ref().map_or(0, of)
}

impl Workload for DaemonSet {
    fn template(&self) -> Option<&PodTemplateSpec> {
        self.spec_ref().map(|spec| &spec.template)
    }

    fn selector(&self) -> String {
        self.spec_ref().map(|spec| shown(&spec.selector)).unwrap_or_default()
    }
}

impl Strategy for DaemonSet {
    const SINGULAR: &'static str = "daemonset";
    const SHORT_NAMES: &'static [&'static str] = &["ds"];
    const CATEGORIES: &'static [&'static str] = &["all"];
    const SUBRESOURCES: &'static [Subresource] = &[Subresource::Status];
    const HAS_GENERATION: bool = true;
    const UNATTENDED: Option<&'static str> = STORED_ONLY;
    const SCHEMA: &'static Schema =
        &Schema::of(&[Field::object("spec", &SPEC), Field::object("status", &CONDITIONS)]);
    const COLUMNS: &'static [Column<Self>] = &[
        Column::NAME,
        Column::integer("Desired", "How many nodes should run a pod.", |set, _| {
            count(set, |status| status.desired_number_scheduled).into()
        }),
        Column::integer("Current", "How many of them have one.", |set, _| {
            count(set, |status| status.current_number_scheduled).into()
        }),
        Column::integer("Ready", "How many of the pods are ready.", |set, _| {
            count(set, |status| status.number_ready).into()
        }),
        Column::integer("Up-to-date", "How many pods are of the present template.", |set, _| {
            count(set, |status| status.updated_number_scheduled.unwrap_or(0)).into()
        }),
        Column::integer("Available", "How many pods have been ready for long enough.", |set, _| {
            count(set, |status| status.number_available.unwrap_or(0)).into()
        }),
        Column::text("Node Selector", "Which nodes are meant.", |set, _| {
            let pod = set.template().and_then(|template| template.spec.as_ref());
            pod.map_or_else(|| "<none>".to_owned(), |pod| joined(&pod.node_selector)).into()
        }),
        Column::AGE,
        TEMPLATE_COLUMNS[0],
        TEMPLATE_COLUMNS[1],
        TEMPLATE_COLUMNS[2],
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

    fn default(&mut self) {
        let Some(spec) = self.spec_mut() else { return };
        spec.revision_history_limit.get_or_insert(10);
        let strategy = spec.update_strategy.get_or_insert_default();
        default_text(&mut strategy.type_, "RollingUpdate");
        if text(&strategy.type_) == "RollingUpdate" {
            let rolling = strategy.rolling_update.get_or_insert_default();
            rolling.max_unavailable.get_or_insert(IntOrString::Int(1));
            rolling.max_surge.get_or_insert(IntOrString::Int(0));
        }
        pod_spec::default_template(&mut spec.template);
    }

    fn warnings(&self, old: Option<&Self>) -> Vec<String> {
        workload::warnings(self, old)
    }

    fn validate(&self, causes: &mut Vec<Cause>) {
        let path = Path::root("spec");
        match self.spec_ref() {
            None => causes.push(Cause::required(path.child("selector"), "")),
            Some(spec) => check_spec(path, spec, causes),
        }
    }

    fn validate_update(&self, old: &Self, _part: Part, causes: &mut Vec<Cause>) {
        if let (Some(new), Some(old)) = (self.spec_ref(), old.spec_ref()) {
            immutable(Path::root("spec").child("selector"), &new.selector, &old.selector, causes);
        }
    }
}

fn check_spec(path: Path<'_>, spec: &DaemonSetSpec, causes: &mut Vec<Cause>) {
    selector(path.child("selector"), &spec.selector, causes);
    if is_empty(&spec.selector) {
        let why = "empty selector is invalid for daemonset";
        causes.push(Cause::invalid(path.child("selector"), Json(&spec.selector), why));
    }
    let template = path.child("template");
    workload::check_template(template, &spec.template, Some(&spec.selector), "DaemonSet", causes);
    non_negative_if_set(path.child("minReadySeconds"), spec.min_ready_seconds, causes);
    if let Some(strategy) = &spec.update_strategy {
        check_strategy(path.child("updateStrategy"), strategy, causes);
    }
    non_negative_if_set(path.child("revisionHistoryLimit"), spec.revision_history_limit, causes);
}

fn check_strategy(path: Path<'_>, strategy: &DaemonSetUpdateStrategy, causes: &mut Vec<Cause>) {
    match (text(&strategy.type_), &strategy.rolling_update) {
        ("OnDelete", _) => {}
        ("RollingUpdate", None) => causes.push(Cause::required(path.child("rollingUpdate"), "")),
        ("RollingUpdate", Some(rolling)) => check_rolling(path.child("rollingUpdate"), rolling, causes),
        (other, _) => {
            let allowed = ["RollingUpdate", "OnDelete"];
            causes.push(Cause::not_supported(path.child("type"), other, &allowed));
        }
    }
}

/// Pods are replaced by taking the old away first or by bringing the new one up first, not by both.
fn check_rolling(path: Path<'_>, rolling: &RollingUpdateDaemonSet, causes: &mut Vec<Cause>) {
    let (unavailable_path, surge_path) = (path.child("maxUnavailable"), path.child("maxSurge"));
    let unavailable = share(unavailable_path, rolling.max_unavailable.as_ref(), causes);
    let surge = share(surge_path, rolling.max_surge.as_ref(), causes);
    let (Some(unavailable), Some(surge)) = (unavailable, surge) else { return };
    match (unavailable.is_zero(), surge.is_zero()) {
        (true, true) => causes.push(Cause::required(unavailable_path, "cannot be 0 when maxSurge is 0")),
        (false, false) => {
            let why = "may not be set when maxUnavailable is non-zero";
            causes.push(Cause::invalid(surge_path, Json(&rolling.max_surge), why));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::testing::{causes, causes_of_change, defaulted, row};
    use crate::kinds::workload::testing::{TEMPLATE, replaced};
    use serde_json::{Value, json};

    fn set(path: &str, value: Value) -> DaemonSet {
        let set = json!({
            "metadata": {"name": "log", "creationTimestamp": "2026-01-01T11:59:00Z"},
            "spec": {
                "selector": {"matchLabels": {"app": "web"}},
                "template": serde_json::from_str::<Value>(TEMPLATE).unwrap(),
            },
        });
        defaulted(replaced(set, path, value))
    }

    #[test]
    fn pods_are_replaced_one_after_the_other_unless_told_otherwise() {
        let spec = serde_json::to_value(set("/x", json!(null)).spec).unwrap();
        let rolling = json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}});
        assert_eq!((&spec["updateStrategy"], &spec["revisionHistoryLimit"]), (&rolling, &json!(10)));
        assert_eq!(spec["template"]["spec"]["restartPolicy"], "Always");
    }

    #[test]
    fn a_table_counts_pods_and_tells_the_nodes() {
        let mut set = set("/spec/template/spec/nodeSelector", json!({"disk": "ssd"}));
        let status = set.status.as_mut().unwrap();
        (status.desired_number_scheduled, status.current_number_scheduled) = (3, 2);
        (status.number_ready, status.number_available) = (1, Some(1));
        assert_eq!(
            row(&set, true),
            ["log", "3", "2", "1", "0", "1", "disk=ssd", "60s", "a,b", "img:1,img:2", "app=web"]
        );
    }

    #[test]
    fn specs_that_make_no_sense_are_refused_field_by_field() {
        for (path, value, expected) in [
            ("/spec/minReadySeconds", json!(0), vec![]),
            ("/spec/updateStrategy", json!({"type": "OnDelete"}), vec![]),
            (
                "/spec/updateStrategy",
                json!({"type": "Now"}),
                vec![
                    "spec.updateStrategy.type: Unsupported value: \"Now\": supported values: \"RollingUpdate\", \
                     \"OnDelete\"",
                ],
            ),
            (
                "/spec/updateStrategy",
                json!({"rollingUpdate": {"maxUnavailable": 0}}),
                vec![
                    "spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: cannot be 0 when maxSurge is 0",
                ],
            ),
            (
                "/spec/updateStrategy",
                json!({"rollingUpdate": {"maxSurge": "10%"}}),
                vec![
                    "spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: \"10%\": may not be set when \
                     maxUnavailable is non-zero",
                ],
            ),
            (
                "/spec/updateStrategy",
                json!({"rollingUpdate": {"maxSurge": "101%", "maxUnavailable": 0}}),
                vec![
                    "spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: \"101%\": must not be greater than 100%",
                ],
            ),
            (
                "/spec/selector",
                json!({}),
                vec!["spec.selector: Invalid value: {}: empty selector is invalid for daemonset"],
            ),
            (
                "/spec/template/spec/activeDeadlineSeconds",
                json!(5),
                vec![
                    "spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in DaemonSet is not \
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
