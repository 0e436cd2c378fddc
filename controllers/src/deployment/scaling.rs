//! Another number of replicas while several ReplicaSets have pods: each takes its share.

use super::rollout::{DESIRED, MAXIMUM, Rollout, Set};

/// Whether the Deployment's number of replicas has changed since its ReplicaSets were last scaled.
pub(super) fn is_due(rollout: &Rollout) -> bool {
    let active = rollout.sets.iter().filter(|set| set.replicas() > 0);
    let mut desired = active.filter_map(|set| set.annotation(DESIRED)?.parse::<i32>().ok());
    desired.any(|desired| desired != rollout.replicas())
}

/// Gives the wanted number of pods to the one set that has pods; to the new one, if that has all it needs; or to
/// all in proportion to what they have.
pub(super) fn scale(rollout: &mut Rollout) {
    let replicas = rollout.replicas();
    let active: Vec<usize> = (0..rollout.sets.len()).filter(|i| rollout.sets[*i].replicas() > 0).collect();
    let only = match active.as_slice() {
        [] => rollout.new.or(rollout.sets.len().checked_sub(1)),
        [one] => Some(*one),
        _ => None,
    };
    if let Some(only) = only {
        if rollout.sets[only].replicas() != replicas {
            let reachable = rollout.reachable(Some(&rollout.sets[only]), replicas);
            rollout.scale(only, reachable);
        } else if !active.is_empty() {
            rollout.mark_desired(only);
        }
    } else if active.is_empty() {
        // There is no set yet.
    } else if is_saturated(rollout) {
        let new = rollout.new;
        for index in active.into_iter().filter(|index| Some(*index) != new) {
            rollout.scale(index, 0);
        }
    } else if rollout.recreates() {
        // The old ones are about to go, and the new one gets all; it is enough to have noted the change.
        active.into_iter().for_each(|index| rollout.mark_desired(index));
    } else {
        scale_in_proportion(rollout, active);
    }
}

/// Whether the new set has, and has available, all that is wanted.
fn is_saturated(rollout: &Rollout) -> bool {
    let replicas = rollout.replicas();
    rollout.new_set().is_some_and(|new| {
        let desired = new.annotation(DESIRED).and_then(|desired| desired.parse::<i32>().ok());
        new.replicas() == replicas && desired == Some(replicas) && new.available() == replicas
    })
}

fn scale_in_proportion(rollout: &mut Rollout, mut active: Vec<usize>) {
    let allowed = match rollout.replicas() {
        0 => 0,
        replicas => replicas + rollout.bounds().surge,
    };
    let total: i32 = active.iter().map(|index| rollout.sets[*index].replicas()).sum();
    let to_add = (allowed - total).min(rollout.room());
    // The largest first; of equal ones the newest gains first, and the oldest loses first.
    active.sort_by_key(|index| {
        let age = i64::try_from(*index).unwrap_or(i64::MAX);
        (-rollout.sets[*index].replicas(), if to_add > 0 { -age } else { age })
    });
    let mut left = to_add;
    let mut sizes: Vec<i32> = Vec::new();
    for index in &active {
        let share = share(rollout, &rollout.sets[*index], allowed);
        let share = if to_add > 0 { share.clamp(0, left) } else { share.clamp(left, 0) };
        left -= share;
        sizes.push(rollout.sets[*index].replicas() + share);
    }
    // What rounding left over goes to the largest.
    sizes[0] = (sizes[0] + left).max(0);
    for (index, size) in active.into_iter().zip(sizes) {
        rollout.scale(index, size);
    }
}

/// How many pods a set gains (or loses) when the Deployment grows (or shrinks) to `allowed`, as it has a share of
/// what the Deployment allowed when it was last scaled.
fn share(rollout: &Rollout, set: &Set, allowed: i32) -> i32 {
    if rollout.replicas() == 0 {
        return -set.replicas();
    }
    let known = set.annotation(MAXIMUM).and_then(|maximum| maximum.parse::<i32>().ok());
    let status = rollout.deployment.status.as_ref().and_then(|status| status.replicas);
    let before = known.filter(|known| *known > 0).or(status).unwrap_or(0).max(1);
    let size = f64::from(set.replicas()) * f64::from(allowed) / f64::from(before);
    // Sizes are far below 2^31, so that the rounded value fits.
    size.round() as i32 - set.replicas()
}
