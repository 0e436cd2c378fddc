//! Available, Progressing, ReplicaFailure: how a rollout is told about.

use bireme_core::object::versions::{Given, Specified, text};
use bireme_core::reconciler::View;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::DeploymentCondition;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::rollout::Rollout;
use super::status;

const AVAILABLE: &str = "Available";
const PROGRESSING: &str = "Progressing";
const REPLICA_FAILURE: &str = "ReplicaFailure";

const COMPLETE: &str = "NewReplicaSetAvailable";
const PAUSED: &str = "DeploymentPaused";
const TIMED_OUT: &str = "ProgressDeadlineExceeded";

/// The deadline that means none, as upstream has it.
const NO_DEADLINE: i32 = i32::MAX;

fn deadline(rollout: &Rollout) -> Option<SignedDuration> {
    let seconds = rollout.deployment.spec_ref().and_then(|spec| spec.progress_deadline_seconds)?;
    (seconds != NO_DEADLINE).then(|| SignedDuration::from_secs(seconds.into()))
}

fn find<'a>(conditions: &'a [DeploymentCondition], type_: &str) -> Option<&'a DeploymentCondition> {
    conditions.iter().find(|condition| text(&condition.type_) == type_)
}

fn reason(condition: &DeploymentCondition) -> &str {
    condition.reason.as_deref().unwrap_or_default()
}

/// Puts a condition in the place of one of the same type. The same status and reason again changes nothing,
/// unless `renew` says that it happened anew; the time of transition is that of the last change of status.
fn set(
    conditions: &mut Vec<DeploymentCondition>,
    now: Timestamp,
    renew: bool,
    (type_, status, reason_): (&str, &str, &str),
    message: String,
) {
    let known = find(conditions, type_).cloned();
    if !renew && known.as_ref().is_some_and(|known| text(&known.status) == status && reason(known) == reason_)
    {
        return;
    }
    let unchanged = known.filter(|known| text(&known.status) == status);
    let since = unchanged.and_then(|known| known.last_transition_time).unwrap_or(Time(now));
    conditions.retain(|condition| text(&condition.type_) != type_);
    conditions.push(DeploymentCondition {
        type_: Given::of(type_.to_owned()),
        status: Given::of(status.to_owned()),
        reason: Some(reason_.to_owned()),
        message: Some(message),
        last_update_time: Some(Time(now)),
        last_transition_time: Some(since),
    });
}

/// A pause stops the clock of the progress deadline; going on starts it anew.
pub(super) fn note_pause(rollout: &mut Rollout) {
    let known = find(&rollout.conditions, PROGRESSING);
    if deadline(rollout).is_none() || known.is_some_and(|known| reason(known) == TIMED_OUT) {
        return;
    }
    let was_paused = known.is_some_and(|known| reason(known) == PAUSED);
    let (reason, message) = match (rollout.is_paused(), was_paused) {
        (true, false) => (PAUSED, "Deployment is paused"),
        (false, true) => ("DeploymentResumed", "Deployment is resumed"),
        _ => return,
    };
    let is = (PROGRESSING, "Unknown", reason);
    set(&mut rollout.conditions, rollout.now, false, is, message.to_owned());
}

/// The set of the present template was there already when somebody began to care for progress.
pub(super) fn note_found(rollout: &mut Rollout, new: usize) {
    if deadline(rollout).is_some() && find(&rollout.conditions, PROGRESSING).is_none() {
        let message = format!("Found new replica set \"{}\"", rollout.sets[new].name());
        let is = (PROGRESSING, "True", "FoundNewReplicaSet");
        set(&mut rollout.conditions, rollout.now, false, is, message);
    }
}

/// A set is being made for the present template; or could not be, the last time.
pub(super) fn note_created(rollout: &mut Rollout, view: &View, name: &str) {
    if deadline(rollout).is_none() {
        return;
    }
    let (is, message) = match view.failure() {
        None => {
            let message = format!("Created new replica set \"{name}\"");
            ((PROGRESSING, "True", "NewReplicaSetCreated"), message)
        }
        Some(failure) => {
            let message = format!("Failed to create new replica set \"{name}\": {}", failure.error);
            ((PROGRESSING, "False", "ReplicaSetCreateError"), message)
        }
    };
    set(&mut rollout.conditions, rollout.now, false, is, message);
}

/// Whether enough pods are available.
pub(super) fn note_availability(
    rollout: &Rollout,
    conditions: &mut Vec<DeploymentCondition>,
    available: i32,
) {
    let (is, message) = if available >= rollout.replicas() - rollout.bounds().unavailable {
        ((AVAILABLE, "True", "MinimumReplicasAvailable"), "Deployment has minimum availability.")
    } else {
        let message = "Deployment does not have minimum availability.";
        ((AVAILABLE, "False", "MinimumReplicasUnavailable"), message)
    };
    set(conditions, rollout.now, false, is, message.to_owned());
}

/// What a ReplicaSet fails with, the new one's failure before those of old ones.
pub(super) fn note_replica_failure(rollout: &Rollout, conditions: &mut Vec<DeploymentCondition>) {
    let sets = rollout.new_set().into_iter().chain(rollout.old_sets().map(|(_, set)| set));
    let mut failures = sets.filter_map(|set| {
        let conditions = set.status().conditions.unwrap_or_default();
        conditions.into_iter().find(|condition| text(&condition.type_) == REPLICA_FAILURE)
    });
    match failures.next() {
        Some(failure) => {
            let reason = failure.reason.unwrap_or_default();
            let is = (REPLICA_FAILURE, text(&failure.status), reason.as_str());
            set(conditions, rollout.now, false, is, failure.message.unwrap_or_default());
        }
        None => conditions.retain(|condition| text(&condition.type_) != REPLICA_FAILURE),
    }
}

/// Whether the rollout is complete, comes on, or is stuck; and when to look again whether it is.
pub(super) fn note_progress(rollout: &mut Rollout, view: &View) {
    let Some(deadline) = deadline(rollout) else {
        rollout.conditions.retain(|condition| text(&condition.type_) != PROGRESSING);
        return;
    };
    if view.failure().is_some() && rollout.new_set().is_none_or(|set| set.to.metadata.uid.is_none()) {
        return;
    }
    let status = status::observe(rollout);
    let known = find(&rollout.conditions, PROGRESSING).cloned();
    let settled = status.replicas.unwrap_or(0) == status.updated_replicas.unwrap_or(0)
        && known.as_ref().is_some_and(|known| reason(known) == COMPLETE);
    if settled {
        return;
    }
    let subject = rollout.new_set().map_or_else(
        || format!("Deployment \"{}\"", rollout.name()),
        |set| format!("ReplicaSet \"{}\"", set.name()),
    );
    let now = rollout.now;
    let since = known.as_ref().and_then(|known| known.last_update_time.as_ref()).map(|time| time.0);
    let ends = since.map(|since| since.checked_add(deadline).unwrap_or(Timestamp::MAX));
    if status::is_complete(rollout, &status) {
        let message = format!("{subject} has successfully progressed.");
        set(&mut rollout.conditions, now, false, (PROGRESSING, "True", COMPLETE), message);
    } else if status::is_progressing(rollout, &status) {
        let message = format!("{subject} is progressing.");
        set(&mut rollout.conditions, now, true, (PROGRESSING, "True", "ReplicaSetUpdated"), message);
        rollout.requeue_at = now.checked_add(deadline).ok();
    } else if known.as_ref().is_some_and(|known| matches!(reason(known), COMPLETE | TIMED_OUT)) {
        // A rollout that was complete starts its clock with its first progress; one that timed out stays so.
    } else if ends.is_some_and(|ends| ends <= now) {
        let message = format!("{subject} has timed out progressing.");
        set(&mut rollout.conditions, now, false, (PROGRESSING, "False", TIMED_OUT), message);
    } else {
        rollout.requeue_at = ends;
    }
}
