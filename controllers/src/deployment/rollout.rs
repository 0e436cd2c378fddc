//! A Deployment and its ReplicaSets, as they are and as they shall be.

use std::sync::Arc;

use bireme_core::client::Part;
use bireme_core::events::{Note, Severity};
use bireme_core::object::Object;
use bireme_core::object::versions::Specified;
use bireme_core::reconciler::{ObjectRef, Plan, ReconcileError, View};
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{Deployment, DeploymentCondition, ReplicaSet, ReplicaSetStatus};

use super::bounds::Bounds;
use super::{revisions, status};

/// How many replicas the Deployment wanted when a ReplicaSet was last scaled.
pub(super) const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";
/// How many it allowed, surge included.
pub(super) const MAXIMUM: &str = "deployment.kubernetes.io/max-replicas";

/// One ReplicaSet of a rollout.
pub(super) struct Set {
    /// As it is; none for one that is to be created.
    is: Option<Arc<ReplicaSet>>,
    /// As it shall be.
    pub(super) to: ReplicaSet,
    /// Whether it shall go.
    pub(super) doomed: bool,
}

/// Everything that a step of a rollout looks at and changes.
pub(super) struct Rollout {
    /// The Deployment, untyped.
    pub(super) owner: Arc<Object>,
    /// The Deployment as it is.
    pub(super) deployment: Arc<Deployment>,
    /// The Deployment's main part as it shall be.
    pub(super) to: Deployment,
    /// The conditions as they shall be.
    pub(super) conditions: Vec<DeploymentCondition>,
    /// How often a ReplicaSet's name was taken by somebody else's.
    pub(super) collisions: Option<i32>,
    /// The ReplicaSets, oldest first.
    pub(super) sets: Vec<Set>,
    /// Which of them is of the present template.
    pub(super) new: Option<usize>,
    /// What to tell of the step.
    pub(super) notes: Vec<Note>,
    /// When to look again even if nothing changes.
    pub(super) requeue_at: Option<Timestamp>,
    pub(super) now: Timestamp,
}

impl Set {
    pub(super) fn new(to: ReplicaSet) -> Self {
        Self { is: None, to, doomed: false }
    }

    pub(super) fn name(&self) -> &str {
        self.to.metadata.name.as_deref().unwrap_or_default()
    }

    /// How many pods it shall have.
    pub(super) fn replicas(&self) -> i32 {
        self.to.spec_ref().and_then(|spec| spec.replicas).unwrap_or(1)
    }

    pub(super) fn status(&self) -> ReplicaSetStatus {
        self.is.as_ref().and_then(|set| set.status.clone()).unwrap_or_default()
    }

    /// Whether its controller may not have seen yet how many pods it shall have. Until then, its status says
    /// nothing of what it may do: it may yet make all the pods of a number that has been taken back.
    pub(super) fn lags(&self) -> bool {
        let metadata = self.is.as_ref().map(|set| &set.metadata);
        metadata.is_some_and(|metadata| self.status().observed_generation < metadata.generation)
    }

    /// How many pods it has or is about to have, whichever is more: a pod that it shall lose counts until its
    /// status says that it is gone.
    pub(super) fn present(&self) -> i32 {
        self.replicas().max(self.status().replicas)
    }

    /// How many pods can be relied on: those that are available and shall stay.
    pub(super) fn available(&self) -> i32 {
        self.replicas().min(self.status().available_replicas.unwrap_or(0))
    }

    pub(super) fn annotation(&self, key: &str) -> Option<&str> {
        self.to.metadata.annotations.as_ref()?.get(key).map(String::as_str)
    }

    pub(super) fn annotate(&mut self, key: &str, value: String) {
        self.to.metadata.annotations.get_or_insert_default().insert(key.to_owned(), value);
    }

    /// What tells it apart from the others of its Deployment in order of age.
    fn age(&self) -> (Option<Timestamp>, String) {
        (self.to.metadata.creation_timestamp.as_ref().map(|time| time.0), self.name().to_owned())
    }
}

impl Rollout {
    pub(super) fn new(
        owner: Arc<Object>,
        deployment: Arc<Deployment>,
        sets: Vec<Arc<ReplicaSet>>,
        now: Timestamp,
    ) -> Self {
        let mut sets: Vec<Set> =
            sets.into_iter().map(|set| Set { to: (*set).clone(), is: Some(set), doomed: false }).collect();
        sets.sort_by_key(Set::age);
        let status = deployment.status.clone().unwrap_or_default();
        let template = deployment.spec_ref().map(|spec| &spec.template);
        let new = sets.iter().position(|set| {
            let own = set.to.spec_ref().and_then(|spec| spec.template.as_ref());
            template.zip(own).is_some_and(|(wanted, own)| revisions::is_same_template(wanted, own))
        });
        Self {
            to: (*deployment).clone(),
            conditions: status.conditions.unwrap_or_default(),
            collisions: status.collision_count,
            owner,
            deployment,
            sets,
            new,
            notes: Vec::new(),
            requeue_at: None,
            now,
        }
    }

    pub(super) fn name(&self) -> &str {
        self.owner.name()
    }

    /// How many pods are wanted.
    pub(super) fn replicas(&self) -> i32 {
        self.deployment.spec_ref().and_then(|spec| spec.replicas).unwrap_or(1)
    }

    pub(super) fn bounds(&self) -> Bounds {
        Bounds::of(&self.deployment, self.replicas())
    }

    pub(super) fn is_being_deleted(&self) -> bool {
        self.owner.metadata().is_being_deleted()
    }

    pub(super) fn is_paused(&self) -> bool {
        self.deployment.spec_ref().and_then(|spec| spec.paused) == Some(true)
    }

    pub(super) fn recreates(&self) -> bool {
        let strategy = self.deployment.spec_ref().and_then(|spec| spec.strategy.as_ref());
        strategy.and_then(|strategy| strategy.type_.as_deref()) == Some("Recreate")
    }

    /// The set of the present template.
    pub(super) fn new_set(&self) -> Option<&Set> {
        self.new.map(|index| &self.sets[index])
    }

    /// The sets of former templates, oldest first.
    pub(super) fn old_sets(&self) -> impl Iterator<Item = (usize, &Set)> {
        self.sets.iter().enumerate().filter(|(index, _)| Some(*index) != self.new)
    }

    /// How many pods a set may have now that shall have `wanted`: it grows as far as the others leave room.
    pub(super) fn reachable(&self, set: Option<&Set>, wanted: i32) -> i32 {
        let has = set.map_or(0, Set::replicas);
        if has >= wanted { wanted } else { has + self.room().min(wanted - has) }
    }

    /// How many pods more there may be. Pods that a set shall lose but still has are counted, so that there never
    /// are too many at once.
    pub(super) fn room(&self) -> i32 {
        let present: i32 = self.sets.iter().map(Set::present).sum();
        (self.replicas() + self.bounds().surge - present).max(0)
    }

    /// Gives a set another number of pods, and says so; answers whether it had another one.
    pub(super) fn scale(&mut self, index: usize, replicas: i32) -> bool {
        let before = self.sets[index].replicas();
        self.mark_desired(index);
        if before == replicas {
            return false;
        }
        let set = &mut self.sets[index];
        if let Some(spec) = set.to.spec_mut() {
            spec.replicas = Some(replicas);
        }
        if set.is.is_some() {
            let direction = if replicas > before { "up" } else { "down" };
            let message =
                format!("Scaled {direction} replica set {} from {before} to {replicas}", set.name());
            self.note(Severity::Normal, "ScalingReplicaSet", message);
        }
        true
    }

    /// Notes on a set what the Deployment wants, so that a change of that can be told from a rollout.
    pub(super) fn mark_desired(&mut self, index: usize) {
        let (desired, maximum) = (self.replicas(), self.replicas() + self.bounds().surge);
        self.sets[index].annotate(DESIRED, desired.to_string());
        self.sets[index].annotate(MAXIMUM, maximum.to_string());
    }

    pub(super) fn note(&mut self, severity: Severity, reason: &str, message: String) {
        self.notes.push(Note::new(&self.owner, severity, reason, message));
    }

    /// What is different, as commands: first the ReplicaSets, then the Deployment, whose status waits for the
    /// next step when its main part changes, because both are of one resource version.
    pub(super) fn into_plan(self, view: &View) -> Result<Plan, ReconcileError> {
        let mut plan = Plan { requeue_at: self.requeue_at, ..Plan::default() };
        let status = status::observe(&self);
        let status = Deployment { status: Some(status), ..(*self.deployment).clone() };
        // After a failure the status comes first: it says so, and the plan may fail again.
        let failed = view.failure().is_some();
        if failed {
            plan.change(&*self.deployment, &status, Part::Status)?;
        }
        for set in self.sets {
            match set.is {
                None => plan.create(set.to, None)?,
                Some(is) if set.doomed => {
                    let name = is.metadata.name.as_deref().unwrap_or_default();
                    let target = ObjectRef::to::<ReplicaSet>(self.owner.key().sibling(name));
                    if let Some(object) = view.object(&target)? {
                        plan.delete(&object, None);
                    }
                }
                Some(is) => plan.change(&*is, &set.to, Part::Main)?,
            }
        }
        self.notes.into_iter().for_each(|note| plan.record(note));
        let before = plan.commands.len();
        if !failed {
            plan.change(&*self.deployment, &self.to, Part::Main)?;
            if plan.commands.len() == before {
                plan.change(&*self.deployment, &status, Part::Status)?;
            }
        }
        Ok(plan)
    }
}
