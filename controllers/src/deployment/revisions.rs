//! One ReplicaSet for each template: found again, made, numbered, and at last cleaned up.

use std::collections::BTreeMap;

use bireme_core::events::Severity;
use bireme_core::object::Object;
use bireme_core::object::versions::{Given, Specified};
use bireme_core::reconciler::{ReconcileError, View};
use k8s_openapi::api::apps::v1::{DeploymentSpec, ReplicaSet, ReplicaSetSpec};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};

use super::conditions;
use super::rollout::{DESIRED, MAXIMUM, Rollout, Set};
use super::{rolling, status};
use crate::ownership::controller_reference;

/// The label by which the ReplicaSets of one Deployment, and their pods, differ.
pub(super) const TEMPLATE_HASH: &str = "pod-template-hash";
const REVISION: &str = "deployment.kubernetes.io/revision";
const REVISION_HISTORY: &str = "deployment.kubernetes.io/revision-history";
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// How long the list of a ReplicaSet's former revisions may get, in bytes.
const HISTORY_LENGTH: usize = 2000;

/// The annotations that belong to the Deployment or the ReplicaSet alone and are not handed down.
const OWN: &[&str] = &[LAST_APPLIED, REVISION, REVISION_HISTORY, DESIRED, MAXIMUM];

/// Whether two templates make the same pods, but for the label that this controller adds.
pub(super) fn is_same_template(one: &PodTemplateSpec, other: &PodTemplateSpec) -> bool {
    let plain = |template: &PodTemplateSpec| {
        let mut template = template.clone();
        let metadata = template.metadata.get_or_insert_default();
        let mut labels = metadata.labels.take().unwrap_or_default();
        labels.remove(TEMPLATE_HASH);
        metadata.labels = Some(labels);
        metadata.annotations.get_or_insert_default();
        template
    };
    plain(one) == plain(other)
}

/// A number for each template, in letters that make no words; always the same for the same template.
fn template_hash(template: &PodTemplateSpec, collisions: Option<i32>) -> Result<String, ReconcileError> {
    // The digits 0 to 9, in the alphabet of generated names.
    const DIGITS: &[u8; 10] = b"bcdfghjklm";
    let json = serde_json::to_vec(template).map_err(|error| ReconcileError::Other(Box::new(error)))?;
    let salt = collisions.unwrap_or(0).to_le_bytes();
    // FNV-1a: short, and the same on every machine and in every version.
    let hash = json
        .iter()
        .chain(&salt)
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
    let digits = hash.to_string().into_bytes();
    Ok(digits.into_iter().map(|digit| char::from(DIGITS[usize::from(digit - b'0')])).collect())
}

/// The revision of a set.
fn revision(set: &Set) -> i64 {
    set.annotation(REVISION).and_then(|revision| revision.parse().ok()).unwrap_or(0)
}

/// Numbers the set of the present template as the newest, and hands the Deployment's annotations down to it.
pub(super) fn sync(rollout: &mut Rollout) {
    let Some(new) = rollout.new else { return };
    let newest = rollout.old_sets().map(|(_, set)| revision(set)).max().unwrap_or(0) + 1;
    let annotations = rollout.deployment.metadata.annotations.clone().unwrap_or_default();
    let min_ready_seconds = rollout.deployment.spec_ref().and_then(|spec| spec.min_ready_seconds);
    let set = &mut rollout.sets[new];
    hand_down(set, &annotations, newest);
    if let Some(spec) = set.to.spec_mut() {
        spec.min_ready_seconds = min_ready_seconds;
    }
    let revision = revision(set);
    let known = rollout.to.metadata.annotations.get_or_insert_default();
    known.insert(REVISION.to_owned(), revision.to_string());
    conditions::note_found(rollout, new);
}

fn hand_down(set: &mut Set, annotations: &BTreeMap<String, String>, newest: i64) {
    for (key, value) in annotations.iter().filter(|(key, _)| !OWN.contains(&key.as_str())) {
        set.annotate(key, value.clone());
    }
    let former = set.annotation(REVISION).map(ToOwned::to_owned);
    if revision(set) >= newest {
        return;
    }
    set.annotate(REVISION, newest.to_string());
    if let Some(former) = former {
        let history = set.annotation(REVISION_HISTORY).map(|known| format!("{known},{former}"));
        let mut history = history.unwrap_or(former);
        while history.len() > HISTORY_LENGTH {
            history = history.split_once(',').map(|(_, rest)| rest.to_owned()).unwrap_or_default();
        }
        set.annotate(REVISION_HISTORY, history);
    }
}

/// Makes the set of the present template if there is none. Answers whether the rollout can go on with it: if its
/// name is taken by another ReplicaSet, another name must be found first.
pub(super) fn ensure(rollout: &mut Rollout, view: &View) -> Result<bool, ReconcileError> {
    if rollout.new.is_some() {
        sync(rollout);
        return Ok(true);
    }
    let Some(spec) = rollout.deployment.spec_ref().cloned() else { return Ok(false) };
    let hash = template_hash(&spec.template, rollout.collisions)?;
    let name = format!("{}-{hash}", rollout.name());
    if view.get::<ReplicaSet>(&rollout.owner.key().sibling(&name))?.is_some() {
        rollout.collisions = Some(rollout.collisions.unwrap_or(0) + 1);
        return Ok(false);
    }
    let set = set_of(&rollout.owner, spec, &name, hash);
    add(rollout, set);
    let replicas = rolling::new_replicas(rollout);
    let new = rollout.sets.len() - 1;
    rollout.scale(new, replicas);
    if replicas > 0 {
        let message = format!("Scaled up replica set {name} from 0 to {replicas}");
        rollout.note(Severity::Normal, "ScalingReplicaSet", message);
    }
    conditions::note_created(rollout, view, &name);
    Ok(true)
}

/// The ReplicaSet of a Deployment's present template, without pods yet.
fn set_of(owner: &Object, spec: DeploymentSpec, name: &str, hash: String) -> ReplicaSet {
    let mut template = spec.template;
    let labels = template.metadata.get_or_insert_default().labels.get_or_insert_default();
    labels.insert(TEMPLATE_HASH.to_owned(), hash.clone());
    let labels = labels.clone();
    let mut selector: LabelSelector = spec.selector;
    selector.match_labels.get_or_insert_default().insert(TEMPLATE_HASH.to_owned(), hash);
    ReplicaSet {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            namespace: owner.namespace().map(ToOwned::to_owned),
            labels: Some(labels),
            owner_references: Some(vec![controller_reference(owner)]),
            ..ObjectMeta::default()
        },
        spec: Given::of(ReplicaSetSpec {
            replicas: Some(0),
            min_ready_seconds: spec.min_ready_seconds,
            selector,
            template: Some(template),
        }),
        status: None,
    }
}

/// Adds a new set, numbered and annotated; the Deployment is numbered when the set exists.
fn add(rollout: &mut Rollout, set: ReplicaSet) {
    let mut set = Set::new(set);
    let newest = rollout.sets.iter().map(revision).max().unwrap_or(0) + 1;
    hand_down(&mut set, &rollout.deployment.metadata.annotations.clone().unwrap_or_default(), newest);
    rollout.sets.push(set);
    rollout.new = Some(rollout.sets.len() - 1);
}

/// Dooms the oldest empty sets beyond the history that is wanted.
pub(super) fn clean_up(rollout: &mut Rollout) {
    let limit = rollout.deployment.spec_ref().and_then(|spec| spec.revision_history_limit);
    let Some(limit) = limit.and_then(|limit| usize::try_from(limit).ok()) else { return };
    let alive = |set: &Set| set.to.metadata.deletion_timestamp.is_none();
    let mut old: Vec<_> =
        rollout.old_sets().filter(|(_, set)| alive(set)).map(|(index, set)| (revision(set), index)).collect();
    old.sort_unstable();
    let excess = old.len().saturating_sub(limit);
    for (_, index) in old.into_iter().take(excess) {
        let set = &mut rollout.sets[index];
        let observed = set.status().observed_generation.unwrap_or(0);
        let is_seen = set.to.metadata.generation.unwrap_or(0) <= observed;
        set.doomed = set.present() == 0 && is_seen;
    }
}

/// Cleans up once there is nothing left to roll out.
pub(super) fn clean_up_if_complete(rollout: &mut Rollout) {
    if status::is_complete(rollout, &status::observe(rollout)) {
        clean_up(rollout);
    }
}
