//! A pod's eviction: a deletion in which disruption budgets have a say.

use bireme_core::client::{DeleteOptions, ListOptions, Part, Preconditions};
use bireme_core::error::{ApiError, Cause, Reason};
use bireme_core::object::{Kind, Object, ObjectKey};
use bireme_core::selector::LabelSelector;
use bireme_core::store::Revision;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::{Eviction, PodDisruptionBudget, PodDisruptionBudgetStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::update::{Proposal, Target};
use crate::metadata::now;
use crate::registry::Registry;
use crate::request::RequestContext;
use crate::resource::Draft;
use bireme_core::object::versions::Given;

const POD: Kind = Kind::of::<Pod>();
const BUDGET: Kind = Kind::of::<PodDisruptionBudget>();

/// How many evictions a budget may have open that its controller has not confirmed.
const MAX_DISRUPTED: usize = 2000;
/// How long to wait for a controller that has not seen the budget yet.
const PROCESSING_SECONDS: u32 = 10;
/// The condition that tells whether a budget allows anything.
const ALLOWED: &str = "DisruptionAllowed";

impl Registry {
    /// Deletes a pod as an eviction.
    ///
    /// # Errors
    ///
    /// As for [`delete`](Self::delete); `TooManyRequests` when a disruption budget forbids it now.
    pub async fn evict(
        &self,
        context: &RequestContext,
        key: &ObjectKey,
        eviction: &Eviction,
    ) -> Result<(), ApiError> {
        let entry = self.table.entry(POD)?;
        self.authorize_object(context, "create", POD, key, Some("eviction"))?;
        let options = eviction.delete_options.clone().unwrap_or_default();
        let wanted = options.preconditions.unwrap_or_default();
        let dry_run = context.dry_run || options.dry_run.is_some_and(|parts| !parts.is_empty());
        let context = RequestContext { dry_run, ..context.clone() };
        let pod = self.read(entry, key).await?;
        let revision = match wanted.resource_version {
            Some(version) => Some(version.parse().map(Revision).map_err(|_| {
                ApiError::bad_request(format!("invalid resource version {version:?}: not a decimal number"))
            })?),
            None => None,
        };
        // The pod that was looked at is the one that goes.
        let mut preconditions = Preconditions { uid: wanted.uid.or(Some(pod.uid().to_owned())), revision };
        let is_other = preconditions.uid.as_deref() != Some(pod.uid())
            || preconditions.revision.is_some_and(|revision| revision != pod.revision());
        if !is_other && self.ask_budget(&context, &pod).await? == Verdict::WhileAsItIs {
            preconditions.revision.get_or_insert(pod.revision());
        }
        let delete = DeleteOptions {
            preconditions,
            grace_period_seconds: options.grace_period_seconds,
            propagation: None,
            dry_run,
        };
        self.delete_object(&context, entry, key, &delete).await.map(drop)
    }

    /// Asks the budget of a pod, if it has one, and takes the pod's part of it.
    async fn ask_budget(&self, context: &RequestContext, pod: &Object) -> Result<Verdict, ApiError> {
        let draft = self.table.entry(POD)?.strategy.draft(pod)?;
        let Some(typed) = draft.typed::<Pod>().filter(|pod| counts(pod)) else { return Ok(Verdict::Granted) };
        let Some(budget) = self.budget_of(pod).await? else { return Ok(Verdict::Granted) };
        if !is_ready(typed) && frees_unhealthy(&budget) {
            return Ok(Verdict::WhileAsItIs);
        }
        let entry = self.table.entry(BUDGET)?;
        let key = ObjectKey::new(pod.namespace(), budget.metadata.name.as_deref().unwrap_or_default());
        let target =
            Target { entry, key: &key, part: Part::Status, subresource: Some("status"), trusted: true };
        let time = now(&self.env);
        let spent = self.modify(context, target, |_, old| {
            let draft = spent(old, pod.name(), &time)?;
            Ok(Proposal { draft, revision: Revision::ZERO, warnings: Vec::new(), managers: None })
        });
        match spent.await {
            // A budget that is gone forbids nothing.
            Err(error) if !error.is_not_found() => Err(error),
            _ => Ok(Verdict::Granted),
        }
    }

    /// The budget that selects a pod.
    async fn budget_of(&self, pod: &Object) -> Result<Option<PodDisruptionBudget>, ApiError> {
        let (Ok(entry), Some(namespace)) = (self.table.entry(BUDGET), pod.namespace()) else {
            return Ok(None);
        };
        let mut found = None;
        for object in self.select(entry, &ListOptions::namespaced(namespace)).await?.items {
            let draft = entry.strategy.draft(&object)?;
            let Some(budget) = draft.typed::<PodDisruptionBudget>() else { continue };
            let selector = budget.spec.as_ref().and_then(|spec| spec.selector.as_ref());
            // Without a selector, or with one that was never valid, it selects nothing.
            let selector = selector.and_then(|selector| LabelSelector::try_from(selector).ok());
            if selector.is_some_and(|selector| selector.matches(&pod.metadata().labels)) {
                if found.is_some() {
                    let message = "This pod has more than one PodDisruptionBudget, which the eviction subresource \
                        does not support.";
                    return Err(ApiError::new(Reason::InternalError, message));
                }
                found = Some(budget.clone());
            }
        }
        Ok(found)
    }
}

/// What a budget says to an eviction that it does not forbid.
#[derive(PartialEq, Eq)]
enum Verdict {
    /// The pod may go.
    Granted,
    /// The pod may go if it does not change before that: what is not healthy now may be so soon.
    WhileAsItIs,
}

/// Whether a pod counts for its budget: one that has ended, never began or goes already does not.
fn counts(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or_default();
    !matches!(phase, "Succeeded" | "Failed" | "Pending") && pod.metadata.deletion_timestamp.is_none()
}

fn is_ready(pod: &Pod) -> bool {
    let mut conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions.any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// Whether pods that are not ready may go whatever the budget: always, or while enough others are ready.
fn frees_unhealthy(budget: &PodDisruptionBudget) -> bool {
    let policy = budget.spec.as_ref().and_then(|spec| spec.unhealthy_pod_eviction_policy.as_deref());
    let status = budget.status.as_ref();
    let (current, desired) =
        status.map_or((0, 0), |status| (count(&status.current_healthy), count(&status.desired_healthy)));
    policy == Some("AlwaysAllow") || (current >= desired && desired > 0)
}

fn count(number: &impl Given<i32>) -> i32 {
    number.given().copied().unwrap_or(0)
}

/// The budget with one disruption less, for this pod.
fn spent(old: &Draft, pod: &str, time: &Time) -> Result<Draft, ApiError> {
    let mut draft = old.clone();
    let Some(budget) = draft.typed_mut::<PodDisruptionBudget>() else { return Ok(draft) };
    let name = budget.metadata.name.clone().unwrap_or_default();
    let generation = budget.metadata.generation.unwrap_or(0);
    let status = budget.status.get_or_insert_default();
    check(&name, generation, status)?;
    let left = count(&status.disruptions_allowed) - 1;
    status.disruptions_allowed.give(left);
    status.disrupted_pods.get_or_insert_default().insert(pod.to_owned(), time.clone());
    if left == 0 {
        let conditions = status.conditions.get_or_insert_default();
        let before = conditions.iter().position(|condition| condition.type_ == ALLOWED);
        let before = before.map(|index| conditions.remove(index)).filter(|before| before.status == "False");
        conditions.push(Condition {
            type_: ALLOWED.to_owned(),
            status: "False".to_owned(),
            reason: "InsufficientPods".to_owned(),
            message: String::new(),
            observed_generation: Some(generation),
            last_transition_time: before.map_or_else(|| time.clone(), |before| before.last_transition_time),
        });
    }
    Ok(draft)
}

/// Whether the budget has a disruption left, by a status that its controller has made of the present spec.
fn check(name: &str, generation: i64, status: &PodDisruptionBudgetStatus) -> Result<(), ApiError> {
    let refused = |message: String| {
        let cause = Cause { reason: "DisruptionBudget", field: String::new(), message };
        let message = "Cannot evict pod as it would violate the pod's disruption budget.";
        ApiError::new(Reason::TooManyRequests, message).with_causes([cause])
    };
    if status.observed_generation.unwrap_or(0) < generation {
        let why = format!("The disruption budget {name} is still being processed by the server.");
        return Err(refused(why).retry_after(PROCESSING_SECONDS));
    }
    let allowed = count(&status.disruptions_allowed);
    if allowed < 0 {
        return Err(ApiError::forbidden(BUDGET, name, "pdb disruptions allowed is negative"));
    }
    if status.disrupted_pods.as_ref().is_some_and(|pods| pods.len() > MAX_DISRUPTED) {
        let why = "DisruptedPods map too big - too many evictions not confirmed by PDB controller";
        return Err(ApiError::forbidden(BUDGET, name, why));
    }
    if allowed == 0 {
        let (desired, current) = (count(&status.desired_healthy), count(&status.current_healthy));
        let why =
            format!("The disruption budget {name} needs {desired} healthy pods and has {current} currently");
        return Err(refused(why));
    }
    Ok(())
}
