//! The rules of a stateful set.

use bireme_core::error::Cause;
use k8s_openapi::api::apps::v1::{StatefulSetSpec, StatefulSetUpdateStrategy};
use k8s_openapi::api::core::v1::{EmptyDirVolumeSource, PodTemplateSpec, Volume};

use crate::kinds::check::{
    Json, Path, dns_label, is_empty, non_negative_if_set, one_of, selector, share, text,
};
use crate::kinds::workload;

const RETENTION: &[&str] = &["Delete", "Retain"];

/// What is wrong with a spec.
pub(super) fn spec(spec: Option<&StatefulSetSpec>, causes: &mut Vec<Cause>) {
    let path = Path::root("spec");
    let Some(spec) = spec else {
        causes.push(Cause::required(path.child("selector"), ""));
        return;
    };
    let policy = text(&spec.pod_management_policy);
    if !matches!(policy, "OrderedReady" | "Parallel") {
        let why = "must be 'OrderedReady' or 'Parallel'";
        causes.push(Cause::invalid(path.child("podManagementPolicy"), policy, why));
    }
    if let Some(strategy) = &spec.update_strategy {
        check_strategy(path.child("updateStrategy"), strategy, causes);
    }
    check_retention(path.child("persistentVolumeClaimRetentionPolicy"), spec, causes);
    non_negative_if_set(path.child("replicas"), spec.replicas, causes);
    non_negative_if_set(path.child("minReadySeconds"), spec.min_ready_seconds, causes);
    let start = spec.ordinals.as_ref().and_then(|ordinals| ordinals.start);
    non_negative_if_set(path.child("ordinals.start"), start, causes);
    let service = text(&spec.service_name);
    if !service.is_empty() {
        causes.extend(dns_label(service).map(|why| Cause::invalid(path.child("serviceName"), service, why)));
    }
    selector(path.child("selector"), &spec.selector, causes);
    if is_empty(&spec.selector) {
        let why = "empty selector is invalid for statefulset";
        causes.push(Cause::invalid(path.child("selector"), Json(&spec.selector), why));
    }
    let template = with_claims(spec);
    workload::check_template(path.child("template"), &template, Some(&spec.selector), "StatefulSet", causes);
}

fn check_strategy(path: Path<'_>, strategy: &StatefulSetUpdateStrategy, causes: &mut Vec<Cause>) {
    let rolling_path = path.child("rollingUpdate");
    match (text(&strategy.type_), &strategy.rolling_update) {
        ("OnDelete", Some(rolling)) => {
            let why = "only allowed for updateStrategy 'RollingUpdate'";
            causes.push(Cause::invalid(rolling_path, Json(rolling), why));
        }
        ("RollingUpdate", Some(rolling)) => {
            non_negative_if_set(rolling_path.child("partition"), rolling.partition, causes);
            let path = rolling_path.child("maxUnavailable");
            if share(path, rolling.max_unavailable.as_ref(), causes).is_some_and(|amount| amount.is_zero()) {
                causes.push(Cause::invalid(path, Json(&rolling.max_unavailable), "cannot be 0"));
            }
        }
        ("OnDelete" | "RollingUpdate", None) => {}
        _ => {
            let why = "must be 'RollingUpdate' or 'OnDelete'";
            causes.push(Cause::invalid(path, Json(strategy), why));
        }
    }
}

fn check_retention(path: Path<'_>, spec: &StatefulSetSpec, causes: &mut Vec<Cause>) {
    if let Some(policy) = &spec.persistent_volume_claim_retention_policy {
        one_of(path.child("whenDeleted"), text(&policy.when_deleted), RETENTION, causes);
        one_of(path.child("whenScaled"), text(&policy.when_scaled), RETENTION, causes);
    }
}

/// The template of the pods as they will be: with a volume for each claim, in place of one of the same name.
fn with_claims(spec: &StatefulSetSpec) -> PodTemplateSpec {
    let mut template = spec.template.clone();
    let Some(pod) = &mut template.spec else { return template };
    for claim in spec.volume_claim_templates.iter().flatten() {
        let name = claim.metadata.name.clone().unwrap_or_default();
        let volumes = pod.volumes.get_or_insert_default();
        volumes.retain(|volume| volume.name != name);
        let empty_dir = Some(EmptyDirVolumeSource::default());
        volumes.push(Volume { name, empty_dir, ..Volume::default() });
    }
    template
}

/// What may not change: the identity of the pods and of their volumes.
pub(super) fn change(new: &StatefulSetSpec, old: &StatefulSetSpec, causes: &mut Vec<Cause>) {
    let as_new = StatefulSetSpec {
        replicas: new.replicas,
        ordinals: new.ordinals.clone(),
        template: new.template.clone(),
        update_strategy: new.update_strategy.clone(),
        revision_history_limit: new.revision_history_limit,
        persistent_volume_claim_retention_policy: new.persistent_volume_claim_retention_policy.clone(),
        min_ready_seconds: new.min_ready_seconds,
        ..old.clone()
    };
    if *new != as_new {
        let why = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', \
            'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are \
            forbidden";
        causes.push(Cause::forbidden("spec", why));
    }
}
