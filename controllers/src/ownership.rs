//! Which objects belong to a workload: by owner reference, taken on and let go by selector.

use std::sync::Arc;

use bireme_core::cache::{Delta, Index};
use bireme_core::client::Part;
use bireme_core::object::{Kind, Object, Resource};
use bireme_core::reconciler::{Live, ObjectRef, Plan, ReconcileError, View};
use bireme_core::selector::LabelSelector;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

/// The objects that nobody controls, by namespace.
pub(crate) const UNCONTROLLED: Index = Index::new("uncontrolled", |object| {
    let metadata = object.metadata();
    if metadata.controller().is_some() { Vec::new() } else { metadata.namespace.iter().cloned().collect() }
});

/// The reference by which `owner` controls another object.
pub(crate) fn controller_reference(owner: &Object) -> OwnerReference {
    OwnerReference {
        api_version: owner.kind().api_version(),
        kind: owner.kind().name().to_owned(),
        name: owner.name().to_owned(),
        uid: owner.uid().to_owned(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}

fn is_controlled_by<K: Resource>(object: &K, uid: &str) -> bool {
    let owners = object.metadata().owner_references.as_deref().unwrap_or_default();
    owners.iter().any(|owner| owner.controller == Some(true) && owner.uid == uid)
}

/// What belongs to an owner, and what of that has to change first.
pub(crate) struct Claims<K> {
    /// Controlled by the owner and selected by it.
    pub(crate) owned: Vec<Arc<K>>,
    /// Selected, but controlled by nobody.
    adoptable: Vec<Arc<K>>,
    /// Controlled by the owner, but no longer selected.
    releasable: Vec<Arc<K>>,
}

/// Looks for what belongs to `owner`. Needs the index [`UNCONTROLLED`] on `K`.
pub(crate) fn claim<K: Resource>(
    view: &View,
    owner: &Object,
    selector: &LabelSelector,
) -> Result<Claims<K>, ReconcileError> {
    let labels = |object: &K| object.metadata().labels.clone().unwrap_or_default();
    let controlled = view.owned_by::<K>(owner.uid())?;
    let controlled = controlled.into_iter().filter(|object| is_controlled_by(&**object, owner.uid()));
    let (owned, releasable) = controlled.partition(|object| selector.matches(&labels(object)));
    let free = match owner.namespace() {
        // One that is going takes nothing on.
        Some(namespace) if !owner.metadata().is_being_deleted() => {
            view.indexed::<K>(UNCONTROLLED, namespace)?
        }
        _ => Vec::new(),
    };
    let is_adoptable =
        |object: &Arc<K>| object.metadata().deletion_timestamp.is_none() && selector.matches(&labels(object));
    Ok(Claims { owned, releasable, adoptable: free.into_iter().filter(is_adoptable).collect() })
}

impl<K: Resource> Claims<K> {
    /// The plan to take on and let go; none if everything is as it should be.
    ///
    /// Before anything is taken on, the owner is read live: one that is gone (and perhaps there again under the
    /// same name) must not leave objects that belong to nobody but look owned.
    pub(crate) fn settle(&self, view: &View, owner: &Object) -> Result<Option<Plan>, ReconcileError> {
        let mut plan = Plan::nothing();
        if !self.adoptable.is_empty() {
            let owner_ref = ObjectRef::from(owner);
            match view.live(&owner_ref) {
                Live::Unread => return Ok(Some(Plan::need_live(vec![owner_ref]))),
                Live::Present(live) if live.uid() == owner.uid() && !live.metadata().is_being_deleted() => {
                    for object in &self.adoptable {
                        let mut adopted = (**object).clone();
                        let references = adopted.metadata_mut().owner_references.get_or_insert_default();
                        references.push(controller_reference(owner));
                        plan.change(&**object, &adopted, Part::Main)?;
                    }
                }
                Live::Present(_) | Live::Absent => {}
            }
        }
        for object in self.releasable.iter().filter(|object| object.metadata().deletion_timestamp.is_none()) {
            let mut released = (**object).clone();
            let references = released.metadata_mut().owner_references.get_or_insert_default();
            references.retain(|reference| reference.uid != owner.uid());
            plan.change(&**object, &released, Part::Main)?;
        }
        Ok((!plan.commands.is_empty()).then_some(plan))
    }
}

/// The controllers of kind `owner` that a change of a dependent object concerns: before and after it.
pub(crate) fn controllers(delta: &Delta, owner: Kind) -> impl Iterator<Item = ObjectRef> {
    let before = delta.old().and_then(|object| ObjectRef::controller_of(object, owner));
    let after = delta.current().and_then(|object| ObjectRef::controller_of(object, owner));
    let changed = after.clone().filter(|after| Some(after) != before.as_ref());
    before.into_iter().chain(changed)
}

/// The object, if nobody controls it and somebody might want to take it on after this change.
pub(crate) fn newly_free(delta: &Delta) -> Option<&Arc<Object>> {
    let object = delta.current().filter(|object| object.metadata().controller().is_none())?;
    let same = delta.old().is_some_and(|old| {
        old.metadata().labels == object.metadata().labels && old.metadata().controller().is_none()
    });
    (!same && !object.metadata().is_being_deleted()).then_some(object)
}
