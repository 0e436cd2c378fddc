//! Carrying a preemption out: the room is kept for the pod at once, its holders are asked to leave through the API.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bireme_core::client::{Client, DeleteOptions, Part, Patch, WriteOptions};
use bireme_core::error::ApiError;
use bireme_core::object::{Kind, ObjectKey};
use bireme_core::scheduler::{Budget, PodInfo, Snapshot};
use bireme_core::selector::LabelSelector;
use k8s_openapi::api::core::v1::{Pod, PodCondition};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Value, json};

/// The pods that room is being made for, and what protects others from having to make it.
///
/// A pod that has been nominated for a node is in the snapshot as if it were there, so that nobody takes the place while
/// those that hold it go. It is taken out when it is its turn again.
#[derive(Debug, Default)]
pub(crate) struct Nominations {
    nodes: HashMap<Arc<str>, Arc<str>>,
    budgets: BTreeMap<ObjectKey, Budget>,
}

impl Nominations {
    /// Keeps a place for the pod.
    pub(crate) fn make(&mut self, pod: &PodInfo, node: &str, snapshot: &mut Snapshot) {
        snapshot.assume(pod.clone(), node);
        self.nodes.insert(pod.uid().clone(), node.into());
    }

    /// The node that the pod has been nominated for.
    pub(crate) fn of(&self, uid: &str) -> Option<&Arc<str>> {
        self.nodes.get(uid)
    }

    /// Frees the place that is kept for the pod, and says where it is.
    pub(crate) fn take_back(&mut self, uid: &str, snapshot: &mut Snapshot) -> Option<Arc<str>> {
        let node = self.nodes.remove(uid)?;
        snapshot.forget(uid);
        Some(node)
    }

    /// The pod has a place, or needs none any more.
    pub(crate) fn forget(&mut self, uid: &str) {
        self.nodes.remove(uid);
    }

    /// A budget is new, has changed, or is gone.
    pub(crate) fn budget_changed(&mut self, key: &ObjectKey, budget: Option<&PodDisruptionBudget>) {
        match budget {
            Some(budget) => self.budgets.insert(key.clone(), budget_of(key, budget)),
            None => self.budgets.remove(key),
        };
    }

    /// What protects pods from having to go.
    pub(crate) fn budgets(&self) -> Vec<Budget> {
        self.budgets.values().cloned().collect()
    }
}

fn budget_of(key: &ObjectKey, budget: &PodDisruptionBudget) -> Budget {
    // One that cannot be understood, which the API server lets nobody write, protects nothing.
    let selector = budget.spec.as_ref().and_then(|spec| spec.selector.as_ref());
    let status = budget.status.as_ref();
    Budget {
        key: key.clone(),
        selector: selector.and_then(|selector| LabelSelector::try_from(selector).ok()),
        allowed: status.map_or(0, |status| status.disruptions_allowed),
        disrupted: status
            .and_then(|status| status.disrupted_pods.as_ref())
            .map(|pods| pods.keys().cloned().collect())
            .unwrap_or_default(),
    }
}

/// Whether others may have to go for the pod.
pub(crate) fn may_preempt(pod: &PodInfo) -> bool {
    pod.spec().preemption_policy.as_deref() != Some("Never")
}

/// Whether less important pods are about to leave the node.
pub(crate) fn is_being_cleared(snapshot: &Snapshot, node: &str, pod: &PodInfo) -> bool {
    let leaves = |other: &PodInfo| other.is_terminating() && other.priority() < pod.priority();
    snapshot.node(node).is_some_and(|node| node.pods().iter().any(leaves))
}

/// The node that the pod's status says it was nominated for.
pub(crate) fn nominated_node(pod: &PodInfo) -> Option<&str> {
    let status = pod.pod().status.as_ref()?;
    status.nominated_node_name.as_deref().filter(|node| !node.is_empty())
}

/// Asks the victims to go, each with its grace period and a condition that says why, and writes down which node
/// the pod has been nominated for. A victim that is gone already is none.
pub(crate) async fn make_room(
    client: &dyn Client,
    pod: &PodInfo,
    node: &str,
    victims: &[PodInfo],
    now: Time,
) -> Result<(), ApiError> {
    for victim in victims {
        match evict(client, victim, pod, &now).await {
            Err(error) if error.is_not_found() || error.is_conflict() => {}
            result => result?,
        }
    }
    write(client, pod, Some(node)).await
}

async fn evict(client: &dyn Client, victim: &PodInfo, pod: &PodInfo, now: &Time) -> Result<(), ApiError> {
    let condition = PodCondition {
        type_: "DisruptionTarget".to_owned(),
        status: "True".to_owned(),
        reason: Some("PreemptionByScheduler".to_owned()),
        message: Some(format!("preempted to make room for {}, which has a higher priority", pod.key())),
        last_transition_time: Some(now.clone()),
        ..PodCondition::default()
    };
    patch_status(client, victim, json!({"conditions": [condition]})).await?;
    client.delete(Kind::of::<Pod>(), victim.key(), &DeleteOptions::of_uid(victim.uid())).await.map(drop)
}

/// Writes down which node the pod has been nominated for, or that it is for none.
pub(crate) async fn write(client: &dyn Client, pod: &PodInfo, node: Option<&str>) -> Result<(), ApiError> {
    patch_status(client, pod, json!({"nominatedNodeName": node})).await
}

async fn patch_status(client: &dyn Client, pod: &PodInfo, status: Value) -> Result<(), ApiError> {
    // The uid keeps the patch from a pod of the same name that came later.
    let patch = json!({"metadata": {"uid": &**pod.uid()}, "status": status});
    let patch = Patch::Strategic(patch.to_string().into());
    let options = WriteOptions::manager("bireme-scheduler");
    client.patch(Kind::of::<Pod>(), pod.key(), Part::Status, &patch, &options).await.map(drop)
}
