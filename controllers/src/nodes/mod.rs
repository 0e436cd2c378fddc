//! The node lifecycle: nodes that fall silent are told so, tainted, and lose their pods.
//!
//! A node is heard of by its Lease. One that is silent for too long gets the condition `Ready` `Unknown` and taints;
//! its pods are marked not ready at once, and deleted when they no longer tolerate the taints. Time is counted from
//! time stamps that kubelets wrote, so that the clocks of nodes and control plane must agree to within the grace
//! period.

mod eviction;
mod health;
mod taints;
#[cfg(test)]
mod tests;

use std::time::Duration;

use bireme_core::cache::{Delta, PODS_BY_NODE};
use bireme_core::client::Part;
use bireme_core::events::{Note, Severity};
use bireme_core::object::{Kind, ObjectKey};
use bireme_core::reconciler::{Live, ObjectRef, Plan, ReconcileError, Reconciler, View, Watch};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Node, Pod};

use crate::pods;

/// The namespace of the Leases by which nodes are heard of.
const LEASE_NAMESPACE: &str = "kube-node-lease";

/// How patient the control plane is with nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeTimings {
    /// How long a node may be silent before it counts as unreachable.
    pub monitor_grace_period: Duration,
    /// The same for a node that has never been heard of.
    pub startup_grace_period: Duration,
    /// How long after the end of its grace a pod on an unreachable node still counts as running, before it is
    /// removed without the node's word. Unset: for ever, as upstream has it; a pod of which there must be one at
    /// most may then never run twice, and nothing that waits for its end goes on.
    pub force_delete_after: Option<Duration>,
}

impl Default for NodeTimings {
    /// Upstream's 40 s and 60 s; and five minutes.
    fn default() -> Self {
        Self {
            monitor_grace_period: Duration::from_secs(40),
            startup_grace_period: Duration::from_secs(60),
            force_delete_after: Some(Duration::from_secs(300)),
        }
    }
}

/// Watches over nodes.
#[derive(Clone, Debug)]
pub struct NodeLifecycle {
    timings: NodeTimings,
    since: Timestamp,
}

impl NodeLifecycle {
    /// Watches from `since` on: no node counts as silent for the time before, in which nobody listened.
    pub fn new(timings: NodeTimings, since: Timestamp) -> Self {
        Self { timings, since }
    }

    /// The pods of a node that does not exist go: nobody will ever say how they ended.
    fn without_node(&self, view: &View, target: &ObjectRef) -> Result<Plan, ReconcileError> {
        let pods = view.indexed::<Pod>(PODS_BY_NODE, target.key.name())?;
        if pods.is_empty() {
            return Ok(Plan::nothing());
        }
        let mut plan = Plan::nothing();
        match view.live(target) {
            Live::Unread => return Ok(Plan::need_live(vec![target.clone()])),
            Live::Present(_) => {}
            Live::Absent => pods.iter().for_each(|pod| pods::remove(&mut plan, pod)),
        }
        Ok(plan)
    }
}

impl Reconciler for NodeLifecycle {
    fn name(&self) -> &'static str {
        "node-controller"
    }

    fn watches(&self) -> Vec<Watch> {
        let pods = Watch::of::<Pod>().indexed(PODS_BY_NODE);
        vec![Watch::of::<Node>().indexed(health::BY_READINESS), Watch::of::<Lease>(), pods]
    }

    fn targets(&self, view: &View, delta: &Delta) -> Result<Vec<ObjectRef>, ReconcileError> {
        let kind = delta.kind();
        if kind == Kind::of::<Node>() {
            let own = ObjectRef::from(&**delta.object());
            // Whether a node is evicted depends on whether any other is well, which only changes when few are.
            let matters = well_nodes(view)? <= 2 && readiness_changed(delta)?;
            let others = if matters { view.list::<Node>(None)? } else { Vec::new() };
            let others = others.iter().filter_map(|node| Some(node_ref(node.metadata.name.as_deref()?)));
            return Ok(others.chain([own]).collect());
        }
        if kind == Kind::of::<Lease>() {
            // A renewal changes nothing by itself: the node is looked at again when it would be overdue.
            let renewed = matches!(delta, Delta::Updated { .. });
            let is_heartbeat = delta.key().namespace() == Some(LEASE_NAMESPACE);
            let node = (is_heartbeat && !renewed).then(|| node_ref(delta.key().name()));
            return Ok(node.into_iter().collect());
        }
        Ok(node_to_act_on(delta)?.into_iter().collect())
    }

    fn reconcile(&self, view: &View, target: &ObjectRef, now: Timestamp) -> Result<Plan, ReconcileError> {
        let (Some(object), Some(node)) = (view.object(target)?, view.get::<Node>(&target.key)?) else {
            return self.without_node(view, target);
        };
        let lease = view.get::<Lease>(&ObjectKey::namespaced(LEASE_NAMESPACE, target.key.name()))?;
        let overdue = health::overdue_at(&node, lease.as_deref(), &self.timings, self.since);
        let mut plan = Plan::nothing();
        if overdue <= now {
            plan.change(&*node, &health::silenced(&node, now), Part::Status)?;
            if !plan.commands.is_empty() {
                let message = format!("Node {} status is now: NodeNotReady", target.key.name());
                plan.record(Note::new(&object, Severity::Normal, "NodeNotReady", message));
                return Ok(plan);
            }
        } else {
            plan.requeue_at(overdue);
        }
        let may_evict = others_are_well(view, &node)?;
        plan.change(&*node, &taints::tainted(&node, may_evict, now), Part::Main)?;
        let pods = view.indexed::<Pod>(PODS_BY_NODE, target.key.name())?;
        if health::is_unreachable(&node) {
            health::mark_not_ready(&mut plan, &pods, now)?;
            if let Some(patience) = self.timings.force_delete_after {
                let patience = SignedDuration::try_from(patience).unwrap_or(SignedDuration::MAX);
                eviction::force_overdue(&mut plan, &pods, patience, now);
            }
        }
        eviction::evict_intolerant(&mut plan, view, &node, &pods, now)?;
        Ok(plan)
    }
}

fn node_ref(name: &str) -> ObjectRef {
    ObjectRef::to::<Node>(ObjectKey::cluster(name))
}

fn readiness_changed(delta: &Delta) -> Result<bool, ReconcileError> {
    let is_ready = |object: Option<&std::sync::Arc<bireme_core::object::Object>>| {
        let node = object.map(|object| object.typed::<Node>()).transpose()?;
        Ok::<_, ReconcileError>(node.is_some_and(|node| health::readiness(&node) == "True"))
    };
    Ok(is_ready(delta.old())? != is_ready(delta.current())?)
}

/// The node that has to be looked at because of a pod: it is new there, about to go, or has become ready.
fn node_to_act_on(delta: &Delta) -> Result<Option<ObjectRef>, ReconcileError> {
    let Some(pod) = delta.current() else { return Ok(None) };
    let old = delta.old().map(|old| old.typed::<Pod>()).transpose()?;
    let pod = pod.typed::<Pod>()?;
    let state = |pod: &Pod| {
        (pods::node_name(pod).map(ToOwned::to_owned), pods::is_terminating(pod), pods::is_ready(pod))
    };
    let changed = old.is_none_or(|old| state(&old) != state(&pod));
    Ok(pods::node_name(&pod).filter(|_| changed).map(node_ref))
}

fn well_nodes(view: &View) -> Result<usize, ReconcileError> {
    Ok(view.cache(Kind::of::<Node>())?.count_indexed(health::BY_READINESS, "True"))
}

/// Whether any other node is ready. If none is, it is more likely the control plane that is cut off, and no pod
/// would find a better place.
fn others_are_well(view: &View, node: &Node) -> Result<bool, ReconcileError> {
    let itself = usize::from(health::readiness(node) == "True");
    Ok(well_nodes(view)? > itself)
}
