//! Job: pods that run until the work is done.

mod columns;
mod failure_policy;
mod success_policy;
pub(super) mod validation;

use std::collections::BTreeMap;

use bireme_core::client::Part;
use bireme_core::error::Cause;
use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::api::core::v1::PodTemplateSpec;

use super::check::{default_text, shown, text};
use super::pod_spec;
use super::workload::{self, Workload};
use crate::resource::{
    CONDITIONS, Column, Field, POD_TEMPLATE, STORED_ONLY, Schema, SelectableField, Strategy, Subresource,
};
use bireme_core::object::versions::Given;

/// The labels that tell a job's pods by the job's uid, the older name first.
pub(super) const UID_LABELS: [&str; 2] = ["controller-uid", "batch.kubernetes.io/controller-uid"];
/// The labels that tell a job's pods by the job's name, the older name first.
pub(super) const NAME_LABELS: [&str; 2] = ["job-name", "batch.kubernetes.io/job-name"];

/// How often a job's pods may fail.
const BACKOFF_LIMIT: i32 = 6;

pub(super) const SPEC: Schema = Schema::of(&[
    Field::object("podFailurePolicy", &FAILURE_POLICY),
    Field::atomic("selector"),
    Field::object("successPolicy", &Schema::of(&[Field::atomic("rules")])),
    Field::object("template", &POD_TEMPLATE).inherent(),
]);

const FAILURE_POLICY: Schema = Schema::of(&[Field::atomic("rules")]);

const TEMPLATE_COLUMNS: [Column<Job>; 3] = workload::template_columns();

impl Workload for Job {
    fn template(&self) -> Option<&PodTemplateSpec> {
        self.spec.as_ref().map(|spec| &spec.template)
    }

    fn selector(&self) -> String {
        let selector = self.spec.as_ref().and_then(|spec| spec.selector.as_ref());
        selector.map_or_else(|| "<none>".to_owned(), shown)
    }
}

impl Strategy for Job {
    const SINGULAR: &'static str = "job";
    const CATEGORIES: &'static [&'static str] = &["all"];
    const SUBRESOURCES: &'static [Subresource] = &[Subresource::Status];
    const SELECTABLE: &'static [SelectableField] =
        &[SelectableField { label: "status.successful", paths: &["status.succeeded"], absent: "0" }];
    const HAS_GENERATION: bool = true;
    const UNATTENDED: Option<&'static str> = STORED_ONLY;
    const SCHEMA: &'static Schema =
        &Schema::of(&[Field::object("spec", &SPEC), Field::object("status", &CONDITIONS)]);
    const COLUMNS: &'static [Column<Self>] = &[
        Column::NAME,
        Column::text("Status", "How far the job is.", |job, _| columns::status(job).into()),
        Column::text("Completions", "How many pods have succeeded, of how many.", |job, _| {
            columns::completions(job).into()
        }),
        Column::text("Duration", "How long the job has run, or ran.", |job, now| {
            columns::duration(job, now).into()
        }),
        Column::AGE,
        TEMPLATE_COLUMNS[0],
        TEMPLATE_COLUMNS[1],
        TEMPLATE_COLUMNS[2],
    ];

    fn prepare_create(&mut self) {
        self.status = Some(Default::default());
        let (name, uid) = (self.metadata.name.clone(), self.metadata.uid.clone());
        if let Some(spec) = self.spec.as_mut().filter(|spec| spec.manual_selector != Some(true)) {
            select_own_pods(spec, &name.unwrap_or_default(), &uid.unwrap_or_default());
        }
    }

    fn copy_status(&mut self, from: &Self) {
        self.status.clone_from(&from.status);
    }

    fn same_spec(&self, old: &Self) -> bool {
        self.spec == old.spec
    }

    fn default(&mut self) {
        let Some(spec) = &mut self.spec else { return };
        default_counts(spec);
        default_text(&mut spec.completion_mode, "NonIndexed");
        spec.suspend.get_or_insert(false);
        spec.manual_selector.get_or_insert(false);
        let policy = spec.pod_failure_policy.iter_mut();
        for pattern in
            policy.flat_map(|policy| &mut policy.rules).flat_map(|rule| &mut rule.on_pod_conditions)
        {
            for condition in pattern {
                let status: Option<&String> = condition.status.given();
                if status.is_none_or(String::is_empty) {
                    condition.status.give("True".to_owned());
                }
            }
        }
        let replaced_when = if spec.pod_failure_policy.is_some() { "Failed" } else { "TerminatingOrFailed" };
        default_text(&mut spec.pod_replacement_policy, replaced_when);
        pod_spec::default_template(&mut spec.template);
        let labels = spec.template.metadata.as_ref().and_then(|metadata| metadata.labels.clone());
        if self.metadata.labels.as_ref().is_none_or(BTreeMap::is_empty) {
            self.metadata.labels = labels;
        }
    }

    fn warnings(&self, old: Option<&Self>) -> Vec<String> {
        workload::warnings(self, old)
    }

    fn validate(&self, causes: &mut Vec<Cause>) {
        validation::job(self, causes);
    }

    fn validate_update(&self, old: &Self, part: Part, causes: &mut Vec<Cause>) {
        if part == Part::Main {
            validation::change(self, old, causes);
        }
    }
}

/// Without either count it is one pod that has to succeed; with only the number of pods at a time, any of them.
fn default_counts(spec: &mut JobSpec) {
    if spec.completions.is_none() && spec.parallelism.is_none() {
        spec.completions = Some(1);
    }
    spec.parallelism.get_or_insert(1);
    let limit = if spec.backoff_limit_per_index.is_some() { i32::MAX } else { BACKOFF_LIMIT };
    spec.backoff_limit.get_or_insert(limit);
}

/// Makes the job's pods its own by labels that no other job has. What an author says otherwise stays, for validation
/// to refuse.
fn select_own_pods(spec: &mut JobSpec, name: &str, uid: &str) {
    let labels = spec.template.metadata.get_or_insert_default().labels.get_or_insert_default();
    for (keys, value) in [(NAME_LABELS, name), (UID_LABELS, uid)] {
        for key in keys {
            labels.entry(key.to_owned()).or_insert_with(|| value.to_owned());
        }
    }
    let wanted = spec.selector.get_or_insert_default().match_labels.get_or_insert_default();
    wanted.entry(UID_LABELS[1].to_owned()).or_insert_with(|| uid.to_owned());
}

/// Whether each of the pods has a number of its own.
fn is_indexed(spec: &JobSpec) -> bool {
    text(&spec.completion_mode) == "Indexed"
}

#[cfg(test)]
mod tests;
