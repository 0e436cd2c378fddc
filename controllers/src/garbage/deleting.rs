//! Owners that are being deleted and wait for what they own.

use std::sync::Arc;

use bireme_core::object::Object;
use bireme_core::reconciler::{Plan, View};
use serde_json::json;

use super::{FOREGROUND, ORPHAN, change_metadata, let_go};

/// Deletion that orphans: what is owned loses its owner, then the owner may go.
pub(super) fn free_dependents(view: &View, owner: &Arc<Object>) -> Plan {
    let mut plan = Plan::nothing();
    for dependent in view.dependents(owner.uid()) {
        let references = dependent.metadata().owner_references.iter();
        let left: Vec<_> = references.filter(|reference| reference.uid != owner.uid()).collect();
        plan.push(change_metadata(&dependent, "ownerReferences", json!(left)));
    }
    plan.push(let_go(owner, ORPHAN));
    plan
}

/// Deletion in the foreground: the owner may go when nothing that blocks it is left. What it owns goes by itself,
/// having an owner that waits for that.
pub(super) fn wait_for_dependents(view: &View, owner: &Arc<Object>) -> Plan {
    let blocks = |dependent: &Arc<Object>| {
        let mut references = dependent.metadata().owner_references.iter();
        references.any(|owned| owned.uid == owner.uid() && owned.block_owner_deletion == Some(true))
    };
    let mut plan = Plan::nothing();
    if !view.dependents(owner.uid()).iter().any(blocks) {
        plan.push(let_go(owner, FOREGROUND));
    }
    plan
}
