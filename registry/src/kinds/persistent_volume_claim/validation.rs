//! The rules of a claim.

use bireme_core::error::Cause;
use bireme_core::quantity::Quantity;
use k8s_openapi::api::core::v1::{
    PersistentVolumeClaim, PersistentVolumeClaimSpec, TypedLocalObjectReference, TypedObjectReference,
};

use crate::kinds::check::{Amounts, Path, positive_quantity, required, selector, text, wrong};
use crate::kinds::persistent_volume::{STORAGE, check_access_modes, check_class, check_mode};

/// Makes the two fields that say where the data comes from say the same.
pub(super) fn reconcile_sources(spec: &mut PersistentVolumeClaimSpec) {
    match (&spec.data_source, &spec.data_source_ref) {
        (Some(source), None) => {
            spec.data_source_ref = Some(TypedObjectReference {
                api_group: source.api_group.clone(),
                kind: source.kind.clone(),
                name: source.name.clone(),
                namespace: None,
            });
        }
        (None, Some(source)) if source.namespace.is_none() => {
            spec.data_source = Some(TypedLocalObjectReference {
                api_group: source.api_group.clone(),
                kind: source.kind.clone(),
                name: source.name.clone(),
            });
        }
        _ => {}
    }
}

/// What is wrong with a spec.
pub(super) fn spec(path: Path<'_>, spec: &PersistentVolumeClaimSpec, causes: &mut Vec<Cause>) {
    if spec.access_modes.as_ref().is_none_or(Vec::is_empty) {
        causes.push(Cause::required(path.child("accessModes"), "at least 1 access mode is required"));
    }
    if let Some(wanted) = &spec.selector {
        selector(path.child("selector"), wanted, causes);
    }
    check_access_modes(path.child("accessModes"), &spec.access_modes, causes);
    let resources = path.child("resources");
    let requests = spec.resources.as_ref().and_then(|resources| resources.requests.as_ref());
    match requests.and_then(|requests| requests.get(STORAGE)) {
        None => causes.push(Cause::required(resources.key(STORAGE), "")),
        Some(amount) => positive_quantity(resources.key(STORAGE), amount, causes),
    }
    check_class(path, &spec.storage_class_name, causes);
    check_mode(path.child("volumeMode"), &spec.volume_mode, causes);
    check_sources(path, spec, causes);
}

fn check_sources(path: Path<'_>, spec: &PersistentVolumeClaimSpec, causes: &mut Vec<Cause>) {
    let mut check = |path: Path<'_>, group: &Option<String>, kind: &str, name: &str| {
        required(path.child("name"), name, causes);
        required(path.child("kind"), kind, causes);
        if text(group).is_empty() && kind != "PersistentVolumeClaim" {
            let why = "must be 'PersistentVolumeClaim' when referencing the default apiGroup";
            causes.push(Cause::invalid(path, kind, why));
        }
    };
    if let Some(source) = &spec.data_source {
        check(path.child("dataSource"), &source.api_group, &source.kind, &source.name);
    }
    if let Some(source) = &spec.data_source_ref {
        check(path.child("dataSourceRef"), &source.api_group, &source.kind, &source.name);
    }
    if let (Some(older), Some(newer)) = (&spec.data_source, &spec.data_source_ref) {
        let same = (text(&older.api_group), &older.kind, &older.name)
            == (text(&newer.api_group), &newer.kind, &newer.name);
        if newer.namespace.is_some() {
            let why = "may not be specified when dataSourceRef.namespace is specified";
            causes.push(wrong(path.child("dataSource"), why));
        } else if !same {
            causes.push(wrong(path.child("dataSource"), "must match dataSourceRef"));
        }
    }
}

/// What may change: the volume and the class are found once, and a claim that has its volume may grow.
pub(super) fn change(new: &PersistentVolumeClaim, old: &PersistentVolumeClaim, causes: &mut Vec<Cause>) {
    let (Some(spec), Some(old_spec)) = (&new.spec, &old.spec) else { return };
    let mut allowed = old_spec.clone();
    if text(&old_spec.volume_name).is_empty() {
        allowed.volume_name.clone_from(&spec.volume_name);
    }
    if old_spec.storage_class_name.is_none() {
        allowed.storage_class_name.clone_from(&spec.storage_class_name);
    }
    let is_bound = old.status.as_ref().is_some_and(|status| text(&status.phase) == "Bound");
    if is_bound {
        allowed.volume_attributes_class_name.clone_from(&spec.volume_attributes_class_name);
        let wanted = spec.resources.as_ref().and_then(|resources| resources.requests.as_ref());
        if let Some(wanted) = wanted.and_then(|requests| requests.get(STORAGE)) {
            let requests = &mut allowed.resources.get_or_insert_default().requests;
            requests.get_or_insert_default().insert(STORAGE.to_owned(), wanted.clone());
        }
    }
    if *spec != allowed {
        let why = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound \
            claims";
        causes.push(Cause::forbidden("spec", why));
    }
    let requested = |spec: &PersistentVolumeClaimSpec| {
        spec.resources.as_ref().and_then(|resources| amount(&resources.requests))
    };
    let capacity = old.status.as_ref().and_then(|status| amount(&status.capacity));
    if is_bound
        && let (Some(new), Some(old)) = (requested(spec), requested(old_spec))
        && new < old
        && capacity.is_none_or(|capacity| new <= capacity)
    {
        let why = "field can not be less than status.capacity";
        causes.push(Cause::forbidden("spec.resources.requests.storage", why));
    }
}

fn amount(amounts: &Amounts) -> Option<Quantity> {
    amounts.as_ref()?.get(STORAGE).and_then(|amount| Quantity::try_from(amount).ok())
}
