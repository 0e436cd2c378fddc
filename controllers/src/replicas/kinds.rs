//! What the two kinds have in common.

use std::sync::Arc;

use bireme_core::object::versions::{Given, Specified, text};
use bireme_core::object::{Kind, Resource};
use bireme_core::reconciler::{ReconcileError, View};
use bireme_core::selector::LabelSelector;
use k8s_openapi::api::apps::v1::{ReplicaSet, ReplicaSetCondition, ReplicaSetStatus};
use k8s_openapi::api::core::v1::{
    Pod, PodTemplateSpec, ReplicationController, ReplicationControllerCondition, ReplicationControllerStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

/// A kind whose objects keep so many pods of a template.
pub trait ReplicaKind: Resource {
    /// The name of the kind's controller.
    const CONTROLLER: &'static str;

    /// How many pods are wanted.
    fn replicas(&self) -> i32;
    /// How long a pod must have been ready to count as available.
    fn min_ready_seconds(&self) -> i32;
    /// Which pods are meant.
    ///
    /// # Errors
    ///
    /// When the selector makes no sense.
    fn selector(&self) -> Result<LabelSelector, ReconcileError>;
    /// What the pods are made from.
    fn template(&self) -> Option<&PodTemplateSpec>;
    /// What the status says.
    fn status(&self) -> ReplicaStatus;
    /// The same object with another status.
    fn with_status(&self, status: ReplicaStatus) -> Self;
    /// The pods that share the nodes evenly with this object's own: also those of its siblings under one owner.
    ///
    /// # Errors
    ///
    /// When a pod cannot be read.
    fn related_pods(&self, view: &View) -> Result<Vec<Arc<Pod>>, ReconcileError>;
}

/// A status, in the terms of both kinds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReplicaStatus {
    /// The pods there are.
    pub replicas: i32,
    /// Those that have all labels of the template.
    pub fully_labeled: i32,
    /// Those that are ready.
    pub ready: i32,
    /// Those that have been ready for long enough.
    pub available: i32,
    /// The generation that this is the status of.
    pub observed_generation: Option<i64>,
    /// The conditions.
    pub conditions: Vec<Condition>,
}

/// A condition, in the terms of both kinds.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// The type, such as `ReplicaFailure`.
    pub type_: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// Why, in one word.
    pub reason: Option<String>,
    /// Why, for people.
    pub message: Option<String>,
    /// Since when.
    pub last_transition_time: Option<Time>,
}

/// A count in a status, where zero and absence are the same: `was` decides how zero is written.
fn count(value: i32, was: Option<i32>) -> Option<i32> {
    if value == 0 && was.is_none() { None } else { Some(value) }
}

macro_rules! conditions {
    ($from:expr, $to:ident) => {{
        let conditions = $from.into_iter().map(|condition| $to {
            type_: Given::of(text(&condition.type_).to_owned()),
            status: Given::of(text(&condition.status).to_owned()),
            reason: condition.reason,
            message: condition.message,
            last_transition_time: condition.last_transition_time,
        });
        conditions.collect::<Vec<_>>()
    }};
}

macro_rules! status_of {
    ($object:expr) => {{
        let status = $object.status.clone().unwrap_or_default();
        ReplicaStatus {
            replicas: status.replicas,
            fully_labeled: status.fully_labeled_replicas.unwrap_or(0),
            ready: status.ready_replicas.unwrap_or(0),
            available: status.available_replicas.unwrap_or(0),
            observed_generation: status.observed_generation,
            conditions: conditions!(status.conditions.unwrap_or_default(), Condition),
        }
    }};
}

macro_rules! with_status {
    ($object:expr, $status:expr, $type_:ident, $condition:ident) => {{
        let (mut object, status) = ($object.clone(), $status);
        let mut new: $type_ = object.status.take().unwrap_or_default();
        new.replicas = status.replicas;
        new.fully_labeled_replicas = count(status.fully_labeled, new.fully_labeled_replicas);
        new.ready_replicas = count(status.ready, new.ready_replicas);
        new.available_replicas = count(status.available, new.available_replicas);
        new.observed_generation = status.observed_generation;
        let conditions = conditions!(status.conditions, $condition);
        new.conditions = (!conditions.is_empty()).then_some(conditions);
        object.status = Some(new);
        object
    }};
}

impl ReplicaKind for ReplicaSet {
    const CONTROLLER: &'static str = "replicaset-controller";

    fn replicas(&self) -> i32 {
        self.spec_ref().and_then(|spec| spec.replicas).unwrap_or(1)
    }

    fn min_ready_seconds(&self) -> i32 {
        self.spec_ref().and_then(|spec| spec.min_ready_seconds).unwrap_or(0)
    }

    fn selector(&self) -> Result<LabelSelector, ReconcileError> {
        let selector = self.spec_ref().map(|spec| spec.selector.clone()).unwrap_or_default();
        Ok(LabelSelector::try_from(&selector)?)
    }

    fn template(&self) -> Option<&PodTemplateSpec> {
        self.spec_ref()?.template.as_ref()
    }

    fn status(&self) -> ReplicaStatus {
        status_of!(self)
    }

    fn with_status(&self, status: ReplicaStatus) -> Self {
        with_status!(self, status, ReplicaSetStatus, ReplicaSetCondition)
    }

    fn related_pods(&self, view: &View) -> Result<Vec<Arc<Pod>>, ReconcileError> {
        let mut owners = self.metadata.owner_references.iter().flatten();
        let controller = owners.find(|owner| owner.controller == Some(true));
        let mut uids: Vec<String> = self.metadata.uid.iter().cloned().collect();
        if let Some(controller) = controller {
            let siblings = view.cache(Kind::of::<ReplicaSet>())?.owned_by(&controller.uid);
            uids.extend(siblings.iter().map(|sibling| sibling.uid().to_owned()));
        }
        uids.sort();
        uids.dedup();
        let mut pods = Vec::new();
        for uid in uids {
            pods.extend(view.owned_by::<Pod>(&uid)?);
        }
        Ok(pods)
    }
}

impl ReplicaKind for ReplicationController {
    const CONTROLLER: &'static str = "replication-controller";

    fn replicas(&self) -> i32 {
        self.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1)
    }

    fn min_ready_seconds(&self) -> i32 {
        self.spec.as_ref().and_then(|spec| spec.min_ready_seconds).unwrap_or(0)
    }

    fn selector(&self) -> Result<LabelSelector, ReconcileError> {
        Ok(LabelSelector::equals(self.spec.iter().flat_map(|spec| spec.selector.iter().flatten())))
    }

    fn template(&self) -> Option<&PodTemplateSpec> {
        self.spec.as_ref()?.template.as_ref()
    }

    fn status(&self) -> ReplicaStatus {
        status_of!(self)
    }

    fn with_status(&self, status: ReplicaStatus) -> Self {
        with_status!(self, status, ReplicationControllerStatus, ReplicationControllerCondition)
    }

    fn related_pods(&self, view: &View) -> Result<Vec<Arc<Pod>>, ReconcileError> {
        view.owned_by(self.metadata.uid.as_deref().unwrap_or_default())
    }
}
