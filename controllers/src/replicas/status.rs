//! What the status says of the pods that are.

use std::sync::Arc;

use bireme_core::object::Kind;
use bireme_core::reconciler::{Failure, Verb};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{Condition, ReplicaKind, ReplicaStatus};
use crate::pods;

const REPLICA_FAILURE: &str = "ReplicaFailure";

/// The status of a set that has these active pods, and whose last plan failed so or did not.
pub(super) fn observe<K: ReplicaKind>(
    set: &K,
    active: &[Arc<Pod>],
    failure: Option<&Failure>,
    now: Timestamp,
) -> ReplicaStatus {
    let template = set.template().and_then(|template| template.metadata.as_ref());
    let wanted = template.and_then(|metadata| metadata.labels.clone()).unwrap_or_default();
    let has_all_labels = |pod: &Pod| {
        let labels = pod.metadata.labels.clone().unwrap_or_default();
        wanted.iter().all(|(key, value)| labels.get(key) == Some(value))
    };
    let is_available =
        |pod: &Pod| pods::available_from(pod, set.min_ready_seconds()).is_some_and(|at| at <= now);
    let count = |is: &dyn Fn(&Pod) -> bool| {
        i32::try_from(active.iter().filter(|pod| is(pod)).count()).unwrap_or(i32::MAX)
    };
    ReplicaStatus {
        replicas: count(&|_| true),
        fully_labeled: count(&has_all_labels),
        ready: count(&pods::is_ready),
        available: count(&is_available),
        observed_generation: set.metadata().generation,
        conditions: conditions(set.status().conditions, failure, now),
    }
}

/// The conditions with or without a `ReplicaFailure`; one that is there keeps its words and its time.
fn conditions(mut known: Vec<Condition>, failure: Option<&Failure>, now: Timestamp) -> Vec<Condition> {
    let failure = failure.filter(|failure| failure.kind == Kind::of::<Pod>());
    let reason = match failure.map(|failure| failure.verb) {
        Some(Verb::Create) => "FailedCreate",
        Some(Verb::Delete) => "FailedDelete",
        _ => {
            known.retain(|condition| condition.type_ != REPLICA_FAILURE);
            return known;
        }
    };
    if !known.iter().any(|condition| condition.type_ == REPLICA_FAILURE) {
        known.push(Condition {
            type_: REPLICA_FAILURE.to_owned(),
            status: "True".to_owned(),
            reason: Some(reason.to_owned()),
            message: failure.map(|failure| failure.error.to_string()),
            last_transition_time: Some(Time(now)),
        });
    }
    known
}
