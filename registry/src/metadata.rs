//! What holds for the metadata of every kind.

use bireme_core::Environment;
use bireme_core::client::Part;
use bireme_core::error::{ApiError, Cause};
use bireme_core::object::ObjectKey;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference, Time};

use crate::kinds::check::{Path, annotations, labels, qualified_name};
use crate::resource::{Draft, NameRule};
use crate::table::KindEntry;

/// Random characters at the end of a generated name, and the longest part before them.
const SUFFIX_LENGTH: usize = 5;
const MAX_PREFIX: usize = 63 - SUFFIX_LENGTH;

/// The time as Kubernetes keeps it: whole seconds.
pub(crate) fn now(env: &Environment) -> Time {
    let now = env.now();
    Time(Timestamp::from_second(now.as_second()).unwrap_or(now))
}

/// Gives a new object its place, and takes from its metadata what its author has no say in.
pub(crate) fn place(entry: &KindEntry, namespace: Option<&str>, draft: &mut Draft) -> Result<(), ApiError> {
    let metadata = draft.metadata_mut();
    let own = metadata.namespace.take().filter(|namespace| !namespace.is_empty());
    if entry.kind.is_namespaced() {
        if let (Some(own), Some(asked)) = (&own, namespace)
            && own != asked
        {
            return Err(ApiError::bad_request(
                "the namespace of the provided object does not match the namespace sent on the request",
            ));
        }
        metadata.namespace = own.or_else(|| namespace.map(str::to_owned));
        if metadata.namespace.is_none() {
            return Err(ApiError::bad_request("an empty namespace may not be set during creation"));
        }
    } else if own.is_some() {
        let name = metadata.name.clone().unwrap_or_default();
        let cause = Cause::forbidden("metadata.namespace", "not allowed on this type");
        return Err(ApiError::invalid(entry.kind, &name, vec![cause]));
    }
    Ok(())
}

/// Fills in the metadata of a new object.
pub(crate) fn begin(entry: &KindEntry, env: &Environment, metadata: &mut ObjectMeta) {
    metadata.uid = Some(env.uid());
    metadata.creation_timestamp = Some(now(env));
    metadata.generation = entry.strategy.has_generation().then_some(1);
    metadata.deletion_timestamp = None;
    metadata.deletion_grace_period_seconds = None;
    metadata.managed_fields = None;
    metadata.self_link = None;
}

/// A name for an object that has only the beginning of one.
pub(crate) fn generate_name(env: &Environment, metadata: &mut ObjectMeta) {
    let base = metadata.generate_name.as_deref().unwrap_or_default();
    let base: String = base.chars().take(MAX_PREFIX).collect();
    metadata.name = Some(format!("{base}{}", env.name_suffix(SUFFIX_LENGTH)));
}

/// Checks that an object to be written is the one that the request names, and restores what a write may not
/// change. The managed fields, which neither draft has, are not its concern.
pub(crate) fn carry_over(
    entry: &KindEntry,
    key: &ObjectKey,
    part: Part,
    draft: &mut Draft,
    old: &Draft,
) -> Result<(), ApiError> {
    let (metadata, old) = (draft.metadata_mut(), old.metadata());
    let given = |value: &Option<String>| value.clone().filter(|value| !value.is_empty());
    if let Some(name) = given(&metadata.name).filter(|name| name != key.name()) {
        return Err(ApiError::bad_request(format!(
            "the name of the object ({name}) does not match the name on the URL ({})",
            key.name()
        )));
    }
    if given(&metadata.namespace).is_some_and(|namespace| Some(namespace.as_str()) != key.namespace()) {
        return Err(ApiError::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    if let Some(uid) = given(&metadata.uid).filter(|uid| Some(uid) != old.uid.as_ref()) {
        return Err(uid_mismatch(entry, key, &uid, old.uid.as_deref().unwrap_or_default()));
    }
    if part != Part::Main {
        *metadata = old.clone();
        return Ok(());
    }
    metadata.name.clone_from(&old.name);
    metadata.generate_name.clone_from(&old.generate_name);
    metadata.namespace.clone_from(&old.namespace);
    metadata.uid.clone_from(&old.uid);
    metadata.creation_timestamp.clone_from(&old.creation_timestamp);
    metadata.deletion_timestamp.clone_from(&old.deletion_timestamp);
    metadata.deletion_grace_period_seconds = old.deletion_grace_period_seconds;
    metadata.generation = old.generation;
    metadata.self_link = None;
    Ok(())
}

/// The object was replaced by another one of the same name.
pub(crate) fn uid_mismatch(entry: &KindEntry, key: &ObjectKey, wanted: &str, actual: &str) -> ApiError {
    let why = format!("Precondition failed: UID in precondition: {wanted}, UID in object meta: {actual}");
    ApiError::conflict(entry.kind, key.name(), why)
}

/// Marks an object as being deleted.
pub(crate) fn mark_deleted(env: &Environment, metadata: &mut ObjectMeta, grace_seconds: i64) {
    let now = now(env);
    let end = now.0.checked_add(SignedDuration::from_secs(grace_seconds)).unwrap_or(Timestamp::MAX);
    if metadata.deletion_timestamp.is_none() {
        metadata.generation = metadata.generation.map(|generation| generation + 1);
    }
    metadata.deletion_timestamp = Some(Time(end));
    metadata.deletion_grace_period_seconds = Some(grace_seconds);
}

/// Adds what is wrong with an object's metadata.
pub(crate) fn validate(rule: NameRule, metadata: &ObjectMeta, causes: &mut Vec<Cause>) {
    match metadata.name.as_deref().unwrap_or_default() {
        "" => causes.push(Cause::required("metadata.name", "name or generateName is required")),
        name => {
            if let Err(why) = rule.check(name) {
                causes.push(Cause::invalid("metadata.name", name, why));
            }
        }
    }
    let path = Path::root("metadata");
    labels(path.child("labels"), &metadata.labels, causes);
    annotations(path.child("annotations"), &metadata.annotations, causes);
    validate_owners(metadata.owner_references.as_deref().unwrap_or_default(), causes);
    let list = path.child("finalizers");
    for (index, finalizer) in metadata.finalizers.iter().flatten().enumerate() {
        let wrong = qualified_name(finalizer);
        causes.extend(wrong.map(|why| Cause::invalid(list.index(index), finalizer, why)));
    }
}

/// Adds what is wrong with a change of the metadata.
pub(crate) fn validate_update(metadata: &ObjectMeta, old: &ObjectMeta, causes: &mut Vec<Cause>) {
    if old.deletion_timestamp.is_none() {
        return;
    }
    let known = old.finalizers.as_deref().unwrap_or_default();
    let new: Vec<&String> =
        metadata.finalizers.iter().flatten().filter(|finalizer| !known.contains(finalizer)).collect();
    if !new.is_empty() {
        let why = format!(
            "no new finalizers can be added if the object is being deleted, found new finalizers {new:?}"
        );
        causes.push(Cause::forbidden("metadata.finalizers", why));
    }
}

fn validate_owners(owners: &[OwnerReference], causes: &mut Vec<Cause>) {
    for (index, owner) in owners.iter().enumerate() {
        let parts = [
            ("apiVersion", &owner.api_version),
            ("kind", &owner.kind),
            ("name", &owner.name),
            ("uid", &owner.uid),
        ];
        for (field, value) in parts {
            if value.is_empty() {
                let path = format!("metadata.ownerReferences[{index}].{field}");
                causes.push(Cause::required(path, "must not be empty"));
            }
        }
    }
    if owners.iter().filter(|owner| owner.controller == Some(true)).count() > 1 {
        let why = "Only one reference can have Controller set to true";
        causes.push(Cause::invalid("metadata.ownerReferences", owners.len(), why));
    }
}
