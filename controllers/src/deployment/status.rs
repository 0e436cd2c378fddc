//! What the status says of the ReplicaSets that are.

use k8s_openapi::api::apps::v1::{DeploymentStatus, ReplicaSetStatus};

use super::conditions;
use super::rollout::{Rollout, Set};

/// The status of the Deployment, from the statuses of its ReplicaSets and the conditions of the rollout.
pub(super) fn observe(rollout: &Rollout) -> DeploymentStatus {
    let sum = |count: fn(&ReplicaSetStatus) -> i32| -> i32 {
        rollout.sets.iter().map(|set| count(&set.status())).sum()
    };
    let available = sum(|status| status.available_replicas.unwrap_or(0));
    let wanted: i32 = rollout.sets.iter().map(Set::replicas).sum();
    let known = rollout.deployment.status.clone().unwrap_or_default();
    // Zero is written where it stood before, so that it does not come and go.
    let count = |value: i32, was: Option<i32>| if value == 0 && was.is_none() { None } else { Some(value) };
    let mut conditions = rollout.conditions.clone();
    conditions::note_availability(rollout, &mut conditions, available);
    conditions::note_replica_failure(rollout, &mut conditions);
    let mut status = known.clone();
    status.observed_generation = rollout.deployment.metadata.generation;
    status.replicas = count(sum(|status| status.replicas), known.replicas);
    status.updated_replicas =
        count(rollout.new_set().map_or(0, |set| set.status().replicas), known.updated_replicas);
    status.ready_replicas = count(sum(|status| status.ready_replicas.unwrap_or(0)), known.ready_replicas);
    status.available_replicas = count(available, known.available_replicas);
    status.unavailable_replicas = count((wanted - available).max(0), known.unavailable_replicas);
    status.collision_count = rollout.collisions;
    status.conditions = (!conditions.is_empty()).then_some(conditions);
    status
}

/// Whether all pods are of the present template, available, and no others are left.
pub(super) fn is_complete(rollout: &Rollout, status: &DeploymentStatus) -> bool {
    let replicas = rollout.replicas();
    status.updated_replicas.unwrap_or(0) == replicas
        && status.replicas.unwrap_or(0) == replicas
        && status.available_replicas.unwrap_or(0) == replicas
}

/// Whether the rollout has come further than the last status says.
pub(super) fn is_progressing(rollout: &Rollout, status: &DeploymentStatus) -> bool {
    let was = rollout.deployment.status.clone().unwrap_or_default();
    let old = |status: &DeploymentStatus| status.replicas.unwrap_or(0) - status.updated_replicas.unwrap_or(0);
    let more = |now: Option<i32>, then: Option<i32>| now.unwrap_or(0) > then.unwrap_or(0);
    more(status.updated_replicas, was.updated_replicas)
        || old(status) < old(&was)
        || more(status.ready_replicas, was.ready_replicas)
        || more(status.available_replicas, was.available_replicas)
}
