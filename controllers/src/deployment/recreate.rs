//! Recreation: the old pods go first, all of them; then the new ones come.

use bireme_core::reconciler::{ReconcileError, View};
use k8s_openapi::api::core::v1::Pod;

use super::revisions;
use super::rollout::Rollout;
use crate::pods;

/// One step.
pub(super) fn advance(rollout: &mut Rollout, view: &View) -> Result<(), ReconcileError> {
    revisions::sync(rollout);
    let old: Vec<usize> = rollout.old_sets().map(|(index, _)| index).collect();
    let mut scaled = false;
    for index in old {
        if rollout.sets[index].replicas() > 0 {
            scaled |= rollout.scale(index, 0);
        }
    }
    if scaled || has_old_pods(rollout, view)? {
        return Ok(());
    }
    let existed = rollout.new.is_some();
    if !revisions::ensure(rollout, view)? || !existed {
        return Ok(());
    }
    if let Some(new) = rollout.new
        && rollout.sets[new].replicas() != rollout.replicas()
    {
        rollout.scale(new, rollout.replicas());
    }
    revisions::clean_up_if_complete(rollout);
    Ok(())
}

/// Whether a pod of a former template still runs, terminating ones included.
fn has_old_pods(rollout: &Rollout, view: &View) -> Result<bool, ReconcileError> {
    for (_, set) in rollout.old_sets() {
        if set.status().replicas > 0 {
            return Ok(true);
        }
        let uid = set.to.metadata.uid.as_deref().unwrap_or_default();
        if view.owned_by::<Pod>(uid)?.iter().any(|pod| !pods::is_finished(pod)) {
            return Ok(true);
        }
    }
    Ok(false)
}
