//! Objects whose owners may be gone.

use std::sync::Arc;

use bireme_core::client::Propagation;
use bireme_core::object::Object;
use bireme_core::reconciler::{Live, ObjectRef, Plan, ReconcileError, View};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use serde_json::json;

use super::{FOREGROUND, change_metadata, is_held_by, locate};

/// What an owner is to its dependent.
enum Owner {
    /// It is there, and stays: reason enough for the dependent to stay, too.
    Solid,
    /// It is being deleted and waits for the dependent to go.
    Waiting,
    /// It is gone for sure.
    Absent,
    /// It is not in the cache; only a live read can tell.
    Unsure(ObjectRef),
}

/// Deletes the object if no owner is left that wants it; forgets owners that are gone if another one stays.
pub(super) fn judge(view: &View, object: &Arc<Object>) -> Result<Plan, ReconcileError> {
    let references = &object.metadata().owner_references;
    let (mut solid, mut waiting, mut unsure) = (Vec::new(), false, Vec::new());
    for reference in references {
        match look_up(view, object, reference)? {
            Owner::Solid => solid.push(reference),
            Owner::Waiting => waiting = true,
            Owner::Absent => {}
            Owner::Unsure(owner) => unsure.push(owner),
        }
    }
    if !unsure.is_empty() {
        return Ok(Plan::need_live(unsure));
    }
    let mut plan = Plan::nothing();
    if solid.is_empty() {
        // Where the owner waits, so must this one for what it owns in turn.
        let propagation = if waiting && !view.dependents(object.uid()).is_empty() {
            Propagation::Foreground
        } else {
            asked_for(object)
        };
        plan.delete_exactly(object, propagation);
    } else if solid.len() < references.len() {
        plan.push(change_metadata(object, "ownerReferences", json!(solid)));
    }
    Ok(plan)
}

fn look_up(view: &View, dependent: &Object, reference: &OwnerReference) -> Result<Owner, ReconcileError> {
    // What cannot be looked up is never a reason to delete.
    let Some(owner) = locate(view, dependent, reference) else { return Ok(Owner::Solid) };
    let state = |found: &Object| match found.uid() == reference.uid {
        true if is_held_by(found, FOREGROUND) => Owner::Waiting,
        true => Owner::Solid,
        false => Owner::Absent,
    };
    if let Some(cached) = view.object(&owner)?
        && cached.uid() == reference.uid
    {
        return Ok(state(&cached));
    }
    Ok(match view.live(&owner) {
        Live::Unread => Owner::Unsure(owner),
        Live::Absent => Owner::Absent,
        Live::Present(found) => state(&found),
    })
}

/// What the object's own finalizers ask for, should it be deleted.
fn asked_for(object: &Object) -> Propagation {
    let asks = |finalizer: &str| object.metadata().finalizers.iter().any(|held| held == finalizer);
    if asks(super::ORPHAN) {
        Propagation::Orphan
    } else if asks(FOREGROUND) {
        Propagation::Foreground
    } else {
        Propagation::Background
    }
}
