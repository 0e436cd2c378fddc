//! The rolling update: new pods as far as the surge allows, old ones away as far as availability allows.

use bireme_core::reconciler::{ReconcileError, View};

use super::revisions;
use super::rollout::{Rollout, Set};

/// One step: either the new set grows, or old ones shrink.
pub(super) fn advance(rollout: &mut Rollout, view: &View) -> Result<(), ReconcileError> {
    let existed = rollout.new.is_some();
    if !revisions::ensure(rollout, view)? || !existed {
        return Ok(());
    }
    if !scale_new(rollout) && !scale_old(rollout) {
        revisions::clean_up_if_complete(rollout);
    }
    Ok(())
}

/// How many pods the new set shall have, as far as the others leave room.
pub(super) fn new_replicas(rollout: &Rollout) -> i32 {
    let wanted = rollout.replicas();
    if rollout.recreates() { wanted } else { rollout.reachable(rollout.new_set(), wanted) }
}

fn scale_new(rollout: &mut Rollout) -> bool {
    let Some(new) = rollout.new else { return false };
    let replicas = new_replicas(rollout);
    replicas != rollout.sets[new].replicas() && rollout.scale(new, replicas)
}

/// Takes pods from the old sets: first those that are not available anyway, then as many of the others as there
/// are available pods above the minimum.
fn scale_old(rollout: &mut Rollout) -> bool {
    let total: i32 = rollout.sets.iter().map(Set::replicas).sum();
    let minimum = rollout.replicas() - rollout.bounds().unavailable;
    let new_unavailable = rollout.new_set().map_or(0, |new| new.replicas() - new.available());
    let expendable = total - minimum - new_unavailable;
    let old: Vec<usize> = rollout.old_sets().map(|(index, _)| index).collect();
    if expendable <= 0 || old.iter().all(|index| rollout.sets[*index].replicas() == 0) {
        return false;
    }
    let unavailable = |set: &Set| set.replicas() - set.available();
    let mut scaled = shrink(rollout, &old, expendable, unavailable);
    let available: i32 = rollout.sets.iter().map(Set::available).sum();
    scaled |= shrink(rollout, &old, available - minimum, Set::replicas);
    scaled
}

/// Takes up to `budget` pods in all from these sets, the oldest first, from each as many as `may_lose` says.
fn shrink(rollout: &mut Rollout, sets: &[usize], mut budget: i32, may_lose: fn(&Set) -> i32) -> bool {
    let mut scaled = false;
    for index in sets {
        let loss = may_lose(&rollout.sets[*index]).min(budget);
        if loss > 0 {
            budget -= loss;
            let replicas = rollout.sets[*index].replicas() - loss;
            scaled |= rollout.scale(*index, replicas);
        }
    }
    scaled
}
