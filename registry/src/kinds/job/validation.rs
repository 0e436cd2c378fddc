//! The rules of a job.

use bireme_core::error::Cause;
use bireme_core::selector::LabelSelector;
use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::api::core::v1::PodTemplateSpec;

use super::{NAME_LABELS, UID_LABELS, failure_policy, is_indexed, success_policy};
use crate::kinds::check::{
    Json, Path, dns_label, domain_prefixed_path, immutable, non_negative_if_set, one_of, selector, text,
};
use crate::kinds::{pod_spec, workload};

/// The most pods at a time, and failed ones, of a job whose pods are numbered.
const MAX_INDEXED: i32 = 100_000;
const MAX_MANAGED_BY: usize = 63;

/// What is wrong with a job.
pub(super) fn job(job: &Job, causes: &mut Vec<Cause>) {
    let path = Path::root("spec");
    let Some(spec) = &job.spec else {
        causes.push(Cause::required(path.child("template"), ""));
        return;
    };
    if spec.manual_selector != Some(true) {
        check_own_pods(job, spec, causes);
    }
    self::spec(path, spec, causes);
    match &spec.selector {
        None => causes.push(Cause::required(path.child("selector"), "")),
        Some(wanted) => selector(path.child("selector"), wanted, causes),
    }
    workload::check_selected(path.child("template"), &spec.template, spec.selector.as_ref(), causes);
    check_hostnames(text(&job.metadata.name), spec, causes);
}

/// The labels that make the pods the job's own must say what they should.
fn check_own_pods(job: &Job, spec: &JobSpec, causes: &mut Vec<Cause>) {
    let (name, uid) = (text(&job.metadata.name), text(&job.metadata.uid));
    if uid.is_empty() {
        causes.push(Cause::required("metadata.uid", ""));
    }
    let template = spec.template.metadata.as_ref();
    let labels = template.and_then(|metadata| metadata.labels.clone()).unwrap_or_default();
    let path = Path::root("spec.template.metadata.labels");
    for (keys, value) in [(UID_LABELS, uid), (NAME_LABELS, name)] {
        for key in keys {
            match labels.get(key) {
                None => causes.push(Cause::required(path, format_args!("must be '{value}'"))),
                Some(other) if other != value => {
                    let why = format_args!("must be '{value}'");
                    causes.push(Cause::invalid(path, Json(&labels), why));
                }
                Some(_) => {}
            }
        }
    }
    let expected = UID_LABELS.iter().map(|key| (*key, uid)).chain(NAME_LABELS.iter().map(|key| (*key, name)));
    let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    let selects = spec.selector.as_ref().and_then(|wanted| LabelSelector::try_from(wanted).ok());
    if selects.is_some_and(|wanted| !wanted.matches(&expected)) {
        let why = "`selector` not auto-generated";
        causes.push(Cause::invalid("spec.selector", Json(&spec.selector), why));
    }
}

/// What is wrong with a spec, whether it is a job's or that of jobs to come.
pub(in crate::kinds) fn spec(path: Path<'_>, spec: &JobSpec, causes: &mut Vec<Cause>) {
    for (name, number) in [
        ("parallelism", spec.parallelism),
        ("completions", spec.completions),
        ("backoffLimit", spec.backoff_limit),
        ("ttlSecondsAfterFinished", spec.ttl_seconds_after_finished),
        ("backoffLimitPerIndex", spec.backoff_limit_per_index),
        ("maxFailedIndexes", spec.max_failed_indexes),
    ] {
        non_negative_if_set(path.child(name), number, causes);
    }
    non_negative_if_set(path.child("activeDeadlineSeconds"), spec.active_deadline_seconds, causes);
    if spec.max_failed_indexes.is_some() && spec.backoff_limit_per_index.is_none() {
        let why = "when maxFailedIndexes is specified";
        causes.push(Cause::required(path.child("backoffLimitPerIndex"), why));
    }
    if let Some(manager) = &spec.managed_by {
        domain_prefixed_path(path.child("managedBy"), manager, causes);
        if manager.len() > MAX_MANAGED_BY {
            causes.push(Cause::too_long(path.child("managedBy"), MAX_MANAGED_BY));
        }
    }
    check_mode(path, spec, causes);
    if let Some(policy) = &spec.pod_failure_policy {
        failure_policy::validate(path.child("podFailurePolicy"), policy, spec, causes);
    }
    if let Some(policy) = &spec.success_policy {
        success_policy::validate(path.child("successPolicy"), policy, spec, causes);
    }
    if let Some(policy) = &spec.pod_replacement_policy {
        let with_policy = spec.pod_failure_policy.is_some();
        let allowed: &[&str] = if with_policy { &["Failed"] } else { &["Failed", "TerminatingOrFailed"] };
        one_of(path.child("podReplacementPolicy"), policy, allowed, causes);
    }
    pod_spec::validate_template(path.child("template"), &spec.template, causes);
    check_restarts(path.child("template.spec.restartPolicy"), spec, causes);
}

fn check_mode(path: Path<'_>, spec: &JobSpec, causes: &mut Vec<Cause>) {
    if let Some(mode) = &spec.completion_mode {
        one_of(path.child("completionMode"), mode, &["NonIndexed", "Indexed"], causes);
    }
    let per_index = [
        ("backoffLimitPerIndex", spec.backoff_limit_per_index),
        ("maxFailedIndexes", spec.max_failed_indexes),
    ];
    if !is_indexed(spec) {
        for (name, number) in per_index {
            let wrong = |number| Cause::invalid(path.child(name), number, "requires indexed completion mode");
            causes.extend(number.map(wrong));
        }
        return;
    }
    if spec.completions.is_none() {
        causes.push(Cause::required(path.child("completions"), "when completion mode is Indexed"));
    }
    if let Some(parallelism) = spec.parallelism.filter(|number| *number > MAX_INDEXED) {
        let why = format_args!("must be less than or equal to {MAX_INDEXED} when completion mode is Indexed");
        causes.push(Cause::invalid(path.child("parallelism"), parallelism, why));
    }
    if let (Some(failed), Some(completions)) = (spec.max_failed_indexes, spec.completions) {
        let path = path.child("maxFailedIndexes");
        if failed > completions {
            causes.push(Cause::invalid(path, failed, "must be less than or equal to completions"));
        }
        if failed > MAX_INDEXED {
            let why = format_args!("must be less than or equal to {MAX_INDEXED}");
            causes.push(Cause::invalid(path, failed, why));
        }
    }
}

/// A job ends, so its pods must.
fn check_restarts(path: Path<'_>, spec: &JobSpec, causes: &mut Vec<Cause>) {
    let policy = spec.template.spec.as_ref().map(|pod| text(&pod.restart_policy)).unwrap_or_default();
    match policy {
        "" | "Always" => causes.push(Cause::required(path, "valid values: \"OnFailure\", \"Never\"")),
        "OnFailure" if spec.pod_failure_policy.is_some() => {
            let why = "only \"Never\" is supported when podFailurePolicy is specified";
            causes.push(Cause::invalid(path, policy, why));
        }
        _ => {}
    }
}

/// The pods' hostnames end in their numbers.
fn check_hostnames(name: &str, spec: &JobSpec, causes: &mut Vec<Cause>) {
    let Some(last) = spec.completions.filter(|number| is_indexed(spec) && *number > 0) else { return };
    let hostname = format!("{name}-{}", last - 1);
    if dns_label(&hostname).is_some() {
        let why = format_args!("will not able to create pod with invalid DNS label: {hostname}");
        causes.push(Cause::invalid("metadata.name", name, why));
    }
}

/// What is wrong with a change: what the work is stays as it is.
pub(super) fn change(new: &Job, old: &Job, causes: &mut Vec<Cause>) {
    let path = Path::root("spec");
    let (Some(spec), Some(old_spec)) = (&new.spec, &old.spec) else { return };
    check_completions(path.child("completions"), spec, old_spec, causes);
    immutable(path.child("selector"), &spec.selector, &old_spec.selector, causes);
    let not_begun = old_spec.suspend == Some(true)
        && old.status.as_ref().is_none_or(|status| status.start_time.is_none());
    let template =
        if not_begun { placed_as(&old_spec.template, &spec.template) } else { old_spec.template.clone() };
    immutable(path.child("template"), &spec.template, &template, causes);
    immutable(path.child("completionMode"), &spec.completion_mode, &old_spec.completion_mode, causes);
    immutable(path.child("podFailurePolicy"), &spec.pod_failure_policy, &old_spec.pod_failure_policy, causes);
    immutable(
        path.child("backoffLimitPerIndex"),
        &spec.backoff_limit_per_index,
        &old_spec.backoff_limit_per_index,
        causes,
    );
    immutable(path.child("managedBy"), &spec.managed_by, &old_spec.managed_by, causes);
    immutable(path.child("successPolicy"), &spec.success_policy, &old_spec.success_policy, causes);
}

/// The number of numbered pods may change together with how many of them run at a time.
fn check_completions(path: Path<'_>, new: &JobSpec, old: &JobSpec, causes: &mut Vec<Cause>) {
    if !is_indexed(new) || !is_indexed(old) {
        immutable(path, &new.completions, &old.completions, causes);
    } else if new.completions != old.completions && new.completions != new.parallelism {
        let why =
            "may only be changed in tandem with parallelism such that spec.completions == spec.parallelism";
        causes.push(Cause::invalid(path, Json(&new.completions), why));
    }
}

/// A template with all that says where pods run taken from another one. Schedulers of whole jobs change that before
/// the job begins.
fn placed_as(template: &PodTemplateSpec, other: &PodTemplateSpec) -> PodTemplateSpec {
    let mut placed = template.clone();
    if let (Some(metadata), Some(other)) = (&mut placed.metadata, &other.metadata) {
        metadata.labels.clone_from(&other.labels);
        metadata.annotations.clone_from(&other.annotations);
    }
    if let (Some(pod), Some(other)) = (&mut placed.spec, &other.spec) {
        pod.affinity.clone_from(&other.affinity);
        pod.node_selector.clone_from(&other.node_selector);
        pod.tolerations.clone_from(&other.tolerations);
        pod.scheduling_gates.clone_from(&other.scheduling_gates);
    }
    placed
}
