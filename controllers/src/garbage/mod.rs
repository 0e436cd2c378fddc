//! Garbage collection: what is owned goes with its owners.
//!
//! The owner index of the caches is the graph; nothing is listed or asked for periodically. An object is looked at
//! when its owners or its own deletion change, and when one of its owners goes. That an owner is absent is believed
//! only of a live read of its kind and uid: a cache may not have heard of it yet.

mod absent;
mod deleting;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use bireme_core::cache::Delta;
use bireme_core::client::{Part, Patch};
use bireme_core::object::{Kind, Object, ObjectKey};
use bireme_core::reconciler::{Command, ObjectRef, Plan, ReconcileError, Reconciler, View, Watch};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use serde_json::json;

/// Holds an owner until what it owns, and blocks it, is gone.
pub(crate) const FOREGROUND: &str = "foregroundDeletion";
/// Holds an owner until what it owned is free.
pub(crate) const ORPHAN: &str = "orphan";

/// Collects objects of these kinds whose owners are gone, and serves the propagation policies of deletions.
#[derive(Clone, Debug)]
pub struct GarbageCollector {
    kinds: Vec<Kind>,
}

impl GarbageCollector {
    /// A collector of these kinds. Owners of other kinds cannot be seen and are taken to exist.
    pub fn new(kinds: Vec<Kind>) -> Self {
        Self { kinds }
    }
}

impl Reconciler for GarbageCollector {
    fn name(&self) -> &'static str {
        "garbage-collector"
    }

    fn watches(&self) -> Vec<Watch> {
        self.kinds.iter().copied().map(Watch::kind).collect()
    }

    fn targets(&self, view: &View, delta: &Delta) -> Result<Vec<ObjectRef>, ReconcileError> {
        let object = delta.object();
        let mut targets = Vec::new();
        let Some(now) = delta.current() else {
            targets
                .extend(view.dependents(object.uid()).iter().map(|dependent| ObjectRef::from(&**dependent)));
            targets.extend(waiting_owners(view, object));
            return Ok(targets);
        };
        let (metadata, before) = (now.metadata(), delta.old().map(|old| old.metadata()));
        let same = before.is_some_and(|before| {
            before.owner_references == metadata.owner_references
                && before.finalizers == metadata.finalizers
                && before.deletion_timestamp == metadata.deletion_timestamp
        });
        if same {
            return Ok(targets);
        }
        if !metadata.owner_references.is_empty() || is_held_by(now, FOREGROUND) || is_held_by(now, ORPHAN) {
            targets.push(ObjectRef::from(&**now));
        }
        if is_held_by(now, FOREGROUND) {
            targets.extend(view.dependents(now.uid()).iter().map(|dependent| ObjectRef::from(&**dependent)));
        }
        // One that no longer blocks may have been the last that did.
        targets.extend(delta.old().into_iter().flat_map(|old| waiting_owners(view, old)));
        targets.extend(waiting_owners(view, now));
        Ok(targets)
    }

    fn reconcile(&self, view: &View, target: &ObjectRef, _: Timestamp) -> Result<Plan, ReconcileError> {
        let Some(object) = view.object(target)? else { return Ok(Plan::nothing()) };
        if is_held_by(&object, ORPHAN) {
            return Ok(deleting::free_dependents(view, &object));
        }
        if is_held_by(&object, FOREGROUND) {
            return Ok(deleting::wait_for_dependents(view, &object));
        }
        if object.metadata().is_being_deleted() || object.metadata().owner_references.is_empty() {
            return Ok(Plan::nothing());
        }
        absent::judge(view, &object)
    }
}

/// Whether the object is being deleted and held by this finalizer.
fn is_held_by(object: &Object, finalizer: &str) -> bool {
    let metadata = object.metadata();
    metadata.is_being_deleted() && metadata.finalizers.iter().any(|held| held == finalizer)
}

/// The owners of an object that are being deleted and wait for it.
fn waiting_owners<'a>(view: &'a View, object: &'a Object) -> impl Iterator<Item = ObjectRef> + 'a {
    let owners = object.metadata().owner_references.iter();
    let known = owners.filter_map(move |owner| locate(view, object, owner));
    known.filter(move |owner| {
        let owner = view.object(owner).ok().flatten();
        owner.is_some_and(|owner| is_held_by(&owner, FOREGROUND) || is_held_by(&owner, ORPHAN))
    })
}

/// Where an owner is to be found; none when its kind is not known here, or when the reference makes no sense
/// because an object without a namespace names an owner that has one.
fn locate(view: &View, dependent: &Object, owner: &OwnerReference) -> Option<ObjectRef> {
    let kind = view.kinds().find(|kind| kind.is_meant_by(&owner.api_version, &owner.kind))?;
    let namespace = dependent.namespace().filter(|_| kind.is_namespaced());
    if kind.is_namespaced() && namespace.is_none() {
        return None;
    }
    Some(ObjectRef::new(kind, ObjectKey::new(namespace, &owner.name)))
}

/// Changes the metadata of an object that is still at this revision.
fn change_metadata(object: &Arc<Object>, field: &str, value: serde_json::Value) -> Command {
    let mut metadata = json!({"uid": object.uid(), "resourceVersion": object.revision().to_string()});
    metadata[field] = value;
    let patch = Patch::Merge(json!({"metadata": metadata}).to_string().into());
    Command::Patch { target: ObjectRef::from(&**object), part: Part::Main, patch }
}

/// Takes a finalizer off.
fn let_go(object: &Arc<Object>, finalizer: &str) -> Command {
    let left: Vec<_> = object.metadata().finalizers.iter().filter(|held| *held != finalizer).collect();
    change_metadata(object, "finalizers", json!(left))
}
