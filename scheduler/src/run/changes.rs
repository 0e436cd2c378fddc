//! What happens to the cluster goes into the snapshot and the queue.

use bireme_core::cache::Delta;
use bireme_core::object::{DecodeError, Object};
use bireme_core::scheduler::{ClusterEvent, PodInfo};
use k8s_openapi::api::core::v1::{Namespace, Node, Pod};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use tracing::warn;

use super::SchedulerLoop;
use crate::nominations;

impl SchedulerLoop {
    pub(super) fn namespace_changed(&mut self, delta: &Delta) {
        let name = delta.key().name();
        match delta.current().map(|namespace| namespace.typed::<Namespace>()) {
            Some(Ok(namespace)) => {
                if self.snapshot.put_namespace(&namespace) {
                    self.wake(ClusterEvent::NamespaceLabels);
                }
            }
            Some(Err(error)) => warn!(namespace = name, %error, "a namespace cannot be read"),
            None => self.snapshot.remove_namespace(name),
        }
    }

    pub(super) fn budget_changed(&mut self, delta: &Delta) {
        match delta.current().map(|budget| budget.typed::<PodDisruptionBudget>()).transpose() {
            Ok(budget) => self.nominations.budget_changed(delta.key(), budget.as_deref()),
            Err(error) => warn!(budget = %delta.key(), %error, "a budget cannot be read"),
        }
    }

    pub(super) fn node_changed(&mut self, delta: &Delta) {
        if let Err(error) = self.try_node_changed(delta) {
            warn!(node = %delta.key(), %error, "a node cannot be read");
        }
    }

    fn try_node_changed(&mut self, delta: &Delta) -> Result<(), DecodeError> {
        let events = match delta {
            Delta::Added(_) => vec![ClusterEvent::NodeAdded],
            Delta::Updated { old, new } => {
                ClusterEvent::of_update(&*old.typed::<Node>()?, &*new.typed::<Node>()?)
            }
            Delta::Deleted(_) => vec![ClusterEvent::NodeRemoved],
        };
        match delta.current() {
            Some(node) => self.snapshot.set_node(node)?,
            None => self.snapshot.remove_node(delta.key().name()),
        }
        events.into_iter().for_each(|event| self.wake(event));
        Ok(())
    }

    pub(super) fn pod_changed(&mut self, delta: &Delta) {
        let result = match delta.current() {
            Some(object) => self.pod_is(object),
            None => {
                self.pod_ended(delta.object().uid());
                Ok(())
            }
        };
        if let Err(error) = result {
            warn!(pod = %delta.key(), %error, "a pod cannot be read");
        }
    }

    pub(super) fn pod_is(&mut self, object: &Object) -> Result<(), DecodeError> {
        let pod = PodInfo::of(object)?;
        if has_ended(pod.pod()) {
            self.pod_ended(pod.uid());
        } else if let Some(node) = pod.spec().node_name.clone().filter(|node| !node.is_empty()) {
            self.queue.remove(pod.uid());
            self.nominations.forget(pod.uid());
            let is_new = self.snapshot.place(pod.uid()).is_none();
            if self.snapshot.assume(pod, &node) {
                self.wake(if is_new { ClusterEvent::PodPlaced } else { ClusterEvent::PodChanged });
            }
        } else if self.is_due(&pod) && self.is_without_place(&pod) {
            if !self.queue.knows(pod.uid())
                && let Some(node) = nominations::nominated_node(&pod)
            {
                // Nominated by a scheduler that is gone.
                self.nominations.make(&pod, node, &mut self.snapshot);
            }
            self.queue.put(pod, self.env.instant());
        } else if !self.is_due(&pod) {
            self.queue.remove(pod.uid());
            if self.nominations.take_back(pod.uid(), &mut self.snapshot).is_some() {
                self.wake(ClusterEvent::PodRemoved);
            }
        }
        Ok(())
    }

    /// Whether the pod is on no node, but perhaps nominated for one.
    fn is_without_place(&self, pod: &PodInfo) -> bool {
        self.nominations.of(pod.uid()).is_some() || self.snapshot.place(pod.uid()).is_none()
    }

    /// Whether the pod waits for this scheduler.
    pub(super) fn is_due(&self, pod: &PodInfo) -> bool {
        let spec = pod.spec();
        let chosen = spec.scheduler_name.as_deref().unwrap_or("default-scheduler");
        let gated = spec.scheduling_gates.as_ref().is_some_and(|gates| !gates.is_empty());
        chosen == self.config.name && !gated && pod.pod().metadata.deletion_timestamp.is_none()
    }

    fn pod_ended(&mut self, uid: &str) {
        self.queue.remove(uid);
        self.nominations.forget(uid);
        if self.snapshot.place(uid).is_some() {
            self.snapshot.forget(uid);
            self.wake(ClusterEvent::PodRemoved);
        }
    }

    pub(super) fn wake(&mut self, event: ClusterEvent) {
        let scheduler = &self.scheduler;
        self.queue.on_event(self.env.instant(), |filters| scheduler.could_help(filters, event));
    }
}

fn has_ended(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}
