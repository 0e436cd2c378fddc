//! Deployments: a template rolled out through ReplicaSets, one for each revision of it.
//!
//! `Rollout` holds the Deployment and its ReplicaSets as they are and as they shall be; the other modules change
//! the latter, step by step, and the plan is the difference.

mod bounds;
mod conditions;
#[cfg(test)]
mod properties;
mod recreate;
mod revisions;
mod rolling;
mod rollout;
mod scaling;
mod status;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use bireme_core::cache::Delta;
use bireme_core::object::versions::Specified;
use bireme_core::object::{Kind, Object, ObjectKey};
use bireme_core::reconciler::{ObjectRef, Plan, ReconcileError, Reconciler, View, Watch};
use bireme_core::selector::LabelSelector;
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::Pod;

use crate::ownership::{UNCONTROLLED, claim, controllers, newly_free};
use crate::pods;
use rollout::{Rollout, Set};

/// Rolls Deployments out.
#[derive(Debug)]
pub struct Deployments;

impl Reconciler for Deployments {
    fn name(&self) -> &'static str {
        "deployment-controller"
    }

    fn watches(&self) -> Vec<Watch> {
        let sets = Watch::of::<ReplicaSet>().indexed(UNCONTROLLED);
        vec![Watch::of::<Deployment>(), sets, Watch::of::<Pod>()]
    }

    fn targets(&self, view: &View, delta: &Delta) -> Result<Vec<ObjectRef>, ReconcileError> {
        let kind = delta.kind();
        if kind == Kind::of::<Deployment>() {
            Ok(vec![ObjectRef::from(&**delta.object())])
        } else if kind == Kind::of::<ReplicaSet>() {
            targets_of_set(view, delta)
        } else {
            targets_of_pod(view, delta)
        }
    }

    fn reconcile(&self, view: &View, target: &ObjectRef, now: Timestamp) -> Result<Plan, ReconcileError> {
        let (Some(owner), Some(deployment)) = (view.object(target)?, view.get::<Deployment>(&target.key)?)
        else {
            return Ok(Plan::nothing());
        };
        let selector = selector_of(&deployment)?;
        // A selector of everything would take on every ReplicaSet there is; validation refuses it.
        if selector.is_everything() {
            return Ok(Plan::nothing());
        }
        let claims = claim::<ReplicaSet>(view, &owner, &selector)?;
        if let Some(plan) = claims.settle(view, &owner)? {
            return Ok(plan);
        }
        let mut rollout = Rollout::new(owner, deployment, claims.owned, now);
        advance(&mut rollout, view)?;
        rollout.into_plan(view)
    }
}

/// One step of the rollout.
fn advance(rollout: &mut Rollout, view: &View) -> Result<(), ReconcileError> {
    if rollout.is_being_deleted() {
        return Ok(());
    }
    conditions::note_pause(rollout);
    if rollout.sets.iter().any(Set::lags) {
        // One change after the other: what pods there may be is known again when its controller has seen the last.
        if !rollout.is_paused() {
            conditions::note_progress(rollout, view);
        }
        return Ok(());
    }
    if rollout.is_paused() || scaling::is_due(rollout) {
        revisions::sync(rollout);
        scaling::scale(rollout);
        if rollout.is_paused() {
            revisions::clean_up(rollout);
        }
        return Ok(());
    }
    if rollout.recreates() {
        recreate::advance(rollout, view)?;
    } else {
        rolling::advance(rollout, view)?;
    }
    conditions::note_progress(rollout, view);
    Ok(())
}

fn selector_of(deployment: &Deployment) -> Result<LabelSelector, ReconcileError> {
    let selector = deployment.spec_ref().map(|spec| spec.selector.clone()).unwrap_or_default();
    Ok(LabelSelector::try_from(&selector)?)
}

fn targets_of_set(view: &View, delta: &Delta) -> Result<Vec<ObjectRef>, ReconcileError> {
    let mut targets: Vec<_> = controllers(delta, Kind::of::<Deployment>()).collect();
    if let Some(set) = newly_free(delta) {
        for deployment in view.list::<Deployment>(set.namespace())? {
            if selector_of(&deployment)?.matches(&set.metadata().labels) {
                let name = deployment.metadata.name.as_deref().unwrap_or_default();
                targets.push(ObjectRef::to::<Deployment>(ObjectKey::new(set.namespace(), name)));
            }
        }
    }
    Ok(targets)
}

/// A Deployment that recreates waits for the last old pod; others learn what they need from their ReplicaSets.
fn targets_of_pod(view: &View, delta: &Delta) -> Result<Vec<ObjectRef>, ReconcileError> {
    let pod: Arc<Pod> = delta.object().typed()?;
    if delta.current().is_some() && !pods::is_finished(&pod) {
        return Ok(Vec::new());
    }
    let set = ObjectRef::controller_of(delta.object(), Kind::of::<ReplicaSet>());
    let set: Option<Arc<Object>> = set.map(|set| view.object(&set)).transpose()?.flatten();
    Ok(set.and_then(|set| ObjectRef::controller_of(&set, Kind::of::<Deployment>())).into_iter().collect())
}
