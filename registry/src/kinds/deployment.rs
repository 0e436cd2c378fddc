//! Deployment: pods of a template that changes without interruption.

use bireme_core::client::Part;
use bireme_core::error::Cause;
use bireme_core::object::versions::Specified;
use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::check::{
    Amount, Json, Path, amount, default_text, immutable, is_empty, non_negative, one_of, selector, share,
    shown, text,
};
use super::pod_spec;
use super::workload::{self, Workload};
use crate::resource::{CONDITIONS, Column, Field, POD_TEMPLATE, Schema, Strategy, Subresource};

const SPEC: Schema = Schema::of(&[
    Field::atomic("selector"),
    Field::object("strategy", &Schema::EMPTY).retaining_keys().inherent(),
    Field::object("template", &POD_TEMPLATE).inherent(),
]);

const TEMPLATE_COLUMNS: [Column<Deployment>; 3] = workload::template_columns();

impl Workload for Deployment {
    fn template(&self) -> Option<&PodTemplateSpec> {
        self.spec_ref().map(|spec| &spec.template)
    }

    fn selector(&self) -> String {
        self.spec_ref().map(|spec| shown(&spec.selector)).unwrap_or_default()
    }
}

impl Strategy for Deployment {
    const SINGULAR: &'static str = "deployment";
    const SHORT_NAMES: &'static [&'static str] = &["deploy"];
    const CATEGORIES: &'static [&'static str] = &["all"];
    const SUBRESOURCES: &'static [Subresource] = &[Subresource::SCALE, Subresource::Status];
    const HAS_GENERATION: bool = true;
    const SCHEMA: &'static Schema =
        &Schema::of(&[Field::object("spec", &SPEC), Field::object("status", &CONDITIONS)]);
    const COLUMNS: &'static [Column<Self>] = &[
        Column::NAME,
        Column::text("Ready", "How many of the wanted pods are ready.", |deployment, _| {
            let ready = deployment.status.as_ref().and_then(|status| status.ready_replicas).unwrap_or(0);
            let wanted = deployment.spec_ref().and_then(|spec| spec.replicas).unwrap_or(0);
            format!("{ready}/{wanted}").into()
        }),
        Column::text("Up-to-date", "How many pods are of the present template.", |deployment, _| {
            deployment.status.as_ref().and_then(|status| status.updated_replicas).unwrap_or(0).into()
        }),
        Column::text("Available", "How many pods have been ready for long enough.", |deployment, _| {
            deployment.status.as_ref().and_then(|status| status.available_replicas).unwrap_or(0).into()
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
        spec.replicas.get_or_insert(1);
        spec.revision_history_limit.get_or_insert(10);
        spec.progress_deadline_seconds.get_or_insert(600);
        let strategy = spec.strategy.get_or_insert_default();
        default_text(&mut strategy.type_, "RollingUpdate");
        if text(&strategy.type_) == "RollingUpdate" {
            let rolling = strategy.rolling_update.get_or_insert_default();
            let quarter = || IntOrString::String("25%".to_owned());
            rolling.max_surge.get_or_insert_with(quarter);
            rolling.max_unavailable.get_or_insert_with(quarter);
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

fn check_spec(path: Path<'_>, spec: &DeploymentSpec, causes: &mut Vec<Cause>) {
    let ready_seconds = spec.min_ready_seconds.unwrap_or(0);
    non_negative(path.child("replicas"), spec.replicas.unwrap_or(0).into(), causes);
    selector(path.child("selector"), &spec.selector, causes);
    if is_empty(&spec.selector) {
        let why = "empty selector is invalid for deployment";
        causes.push(Cause::invalid(path.child("selector"), Json(&spec.selector), why));
    }
    workload::check_template(
        path.child("template"),
        &spec.template,
        Some(&spec.selector),
        "ReplicaSet",
        causes,
    );
    if let Some(strategy) = &spec.strategy {
        check_strategy(path.child("strategy"), strategy, causes);
    }
    non_negative(path.child("minReadySeconds"), ready_seconds.into(), causes);
    non_negative(path.child("revisionHistoryLimit"), spec.revision_history_limit.unwrap_or(0).into(), causes);
    if let Some(deadline) = spec.progress_deadline_seconds {
        let path = path.child("progressDeadlineSeconds");
        non_negative(path, deadline.into(), causes);
        if deadline <= ready_seconds {
            causes.push(Cause::invalid(path, deadline, "must be greater than minReadySeconds"));
        }
    }
}

fn check_strategy(path: Path<'_>, strategy: &DeploymentStrategy, causes: &mut Vec<Cause>) {
    let type_ = text(&strategy.type_);
    one_of(path.child("type"), type_, &["Recreate", "RollingUpdate"], causes);
    match &strategy.rolling_update {
        Some(_) if type_ == "Recreate" => {
            let why = "may not be specified when strategy `type` is 'Recreate'";
            causes.push(Cause::forbidden(path.child("rollingUpdate"), why));
        }
        Some(rolling) if type_ == "RollingUpdate" => {
            check_rolling_update(path.child("rollingUpdate"), rolling, causes);
        }
        _ => {}
    }
}

fn check_rolling_update(path: Path<'_>, rolling: &RollingUpdateDeployment, causes: &mut Vec<Cause>) {
    let (unavailable, surge) = (rolling.max_unavailable.as_ref(), rolling.max_surge.as_ref());
    let surge = amount(path.child("maxSurge"), surge, causes);
    let unavailable = share(path.child("maxUnavailable"), unavailable, causes);
    let path = path.child("maxUnavailable");
    if let (Some(Amount::Zero), Some(Amount::Zero)) = (&unavailable, &surge) {
        causes.push(Cause::invalid(path, 0, "may not be 0 when `maxSurge` is 0"));
    }
}

#[cfg(test)]
mod tests;
