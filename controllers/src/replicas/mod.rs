//! ReplicaSets and ReplicationControllers: so many pods of a template, no more and no fewer.
//!
//! One engine for both kinds, which differ in names and in the form of their selectors.

mod kinds;
mod ranking;
mod status;
#[cfg(test)]
mod tests;

use std::marker::PhantomData;
use std::sync::Arc;

use bireme_core::cache::Delta;
use bireme_core::client::Part;
use bireme_core::object::{Kind, Object, ObjectKey};
use bireme_core::reconciler::{Announcement, ObjectRef, Plan, ReconcileError, Reconciler, View, Watch};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Pod, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

pub use kinds::{Condition, ReplicaKind, ReplicaStatus};

use crate::ownership::{UNCONTROLLED, claim, controller_reference, controllers, newly_free};
use crate::pods;

/// How many pods one plan creates or deletes at most; the next plan goes on from there.
const BURST: usize = 500;

/// Keeps the number of pods of each `K` (a `ReplicaSet` or `ReplicationController`) at its `spec.replicas`.
pub struct Replicas<K>(PhantomData<fn() -> K>);

impl<K> Replicas<K> {
    /// The reconciler of this kind.
    #[expect(clippy::new_without_default, reason = "a reconciler is made where it is run, never by default")]
    pub fn new() -> Self {
        Self(PhantomData)
    }
}

impl<K: ReplicaKind> Reconciler for Replicas<K> {
    fn name(&self) -> &'static str {
        K::CONTROLLER
    }

    fn watches(&self) -> Vec<Watch> {
        vec![Watch::of::<K>(), Watch::of::<Pod>().indexed(UNCONTROLLED)]
    }

    fn targets(&self, view: &View, delta: &Delta) -> Result<Vec<ObjectRef>, ReconcileError> {
        if delta.kind() == Kind::of::<K>() {
            return Ok(vec![ObjectRef::from(&**delta.object())]);
        }
        let mut targets: Vec<_> = controllers(delta, Kind::of::<K>()).collect();
        if let Some(pod) = newly_free(delta) {
            for set in view.list::<K>(pod.namespace())? {
                if set.selector()?.matches(&pod.metadata().labels) {
                    targets.push(ObjectRef::to::<K>(key_of(&*set)));
                }
            }
        }
        Ok(targets)
    }

    fn reconcile(&self, view: &View, target: &ObjectRef, now: Timestamp) -> Result<Plan, ReconcileError> {
        let (Some(owner), Some(set)) = (view.object(target)?, view.get::<K>(&target.key)?) else {
            return Ok(Plan::nothing());
        };
        let claims = claim::<Pod>(view, &owner, &set.selector()?)?;
        if let Some(plan) = claims.settle(view, &owner)? {
            return Ok(plan);
        }
        let active: Vec<_> = claims.owned.into_iter().filter(|pod| pods::is_active(pod)).collect();
        let mut plan = Plan::nothing();
        let status = status::observe(&*set, &active, view.failure(), now);
        plan.change(&*set, &set.with_status(status), Part::Status)?;
        if !owner.metadata().is_being_deleted() {
            adjust(&mut plan, view, &owner, &*set, &active)?;
        }
        if let Some(at) = next_available(&active, set.min_ready_seconds(), now) {
            plan.requeue_at(at);
        }
        Ok(plan)
    }
}

fn key_of<K: ReplicaKind>(set: &K) -> ObjectKey {
    let metadata = set.metadata();
    ObjectKey::new(metadata.namespace.as_deref(), metadata.name.as_deref().unwrap_or_default())
}

/// Creates the pods that are missing, or deletes those that are too many, the least useful first.
fn adjust<K: ReplicaKind>(
    plan: &mut Plan,
    view: &View,
    owner: &Arc<Object>,
    set: &K,
    active: &[Arc<Pod>],
) -> Result<(), ReconcileError> {
    let wanted = usize::try_from(set.replicas()).unwrap_or(0);
    let announce = |success, failure| Some(Announcement { regarding: owner.clone(), success, failure });
    if active.len() < wanted {
        let Some(template) = set.template() else { return Ok(()) };
        for _ in 0..(wanted - active.len()).min(BURST) {
            plan.create(pod_of(owner, template), announce("SuccessfulCreate", "FailedCreate"))?;
        }
    } else if active.len() > wanted {
        let doomed = ranking::least_useful(active, &set.related_pods(view)?);
        let cache = view.cache(Kind::of::<Pod>())?;
        for pod in doomed.into_iter().take((active.len() - wanted).min(BURST)) {
            let key = owner.key().sibling(pod.metadata.name.as_deref().unwrap_or_default());
            if let Some(object) = cache.get(&key) {
                plan.delete(&object, announce("SuccessfulDelete", "FailedDelete"));
            }
        }
    }
    Ok(())
}

/// A new pod of the template.
fn pod_of(owner: &Object, template: &PodTemplateSpec) -> Pod {
    let shape = template.metadata.clone().unwrap_or_default();
    Pod {
        metadata: ObjectMeta {
            generate_name: Some(format!("{}-", owner.name())),
            namespace: owner.namespace().map(ToOwned::to_owned),
            labels: shape.labels,
            annotations: shape.annotations,
            finalizers: shape.finalizers,
            owner_references: Some(vec![controller_reference(owner)]),
            ..ObjectMeta::default()
        },
        spec: template.spec.clone(),
        status: None,
    }
}

/// When the next pod will have been ready for long enough to count as available.
fn next_available(active: &[Arc<Pod>], min_ready_seconds: i32, now: Timestamp) -> Option<Timestamp> {
    let times = active.iter().filter_map(|pod| pods::available_from(pod, min_ready_seconds));
    times.filter(|at| *at > now).min()
}
