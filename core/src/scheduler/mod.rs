//! The [`Scheduler`] contract: where a pod goes, decided from a snapshot.

use std::collections::BTreeSet;

mod decision;
mod event;
mod explanation;
mod node;
mod pod;
mod preemption;
mod resources;
mod snapshot;

pub use decision::{Decision, Diagnosis, Rejection, Verdict};
pub use event::ClusterEvent;
pub use explanation::{Explanation, NodeExplanation, Points};
pub use node::{NodeId, NodeInfo};
pub use pod::{HostPort, PodInfo};
pub use preemption::{Budget, Preemption};
pub use resources::Resources;
pub use snapshot::{Change, Snapshot};

/// A placement policy.
///
/// # What every implementation promises
///
/// * **Pure.** A decision is a function of the snapshot, the pod and what the scheduler was made with (its
///   configuration and its seed). There is no clock, no client and no `.await` in it. An implementation may keep
///   indexes between calls; they change its speed and never its decisions.
/// * **Safe.** A pod is only put on a node of the snapshot that passes every filter and has room for it.
/// * **Able to explain itself.** A pod that fits nowhere comes with the reason of every node, counted.
///
/// The caller puts what was decided into the snapshot ([`Snapshot::assume`]) before it asks again, and takes it
/// back ([`Snapshot::forget`]) when the binding fails. It always passes the same snapshot, changed by events in
/// between; [`Snapshot::changes_since`] tells an implementation what to look at anew.
pub trait Scheduler: Send + 'static {
    /// Where the pod goes.
    fn schedule(&mut self, snapshot: &Snapshot, pod: &PodInfo) -> Decision;

    /// Whether such a change may let a pod fit that fitted nowhere because of these filters (none, where there was no
    /// node). An event that helps must never be denied; one that does not help only costs a needless decision.
    fn could_help(&self, _filters: &BTreeSet<String>, _event: ClusterEvent) -> bool {
        true
    }

    /// Whose going would make room for a pod that fits nowhere, at the least cost; by default nobody's. The caller sees
    /// to it that they go, and keeps the room for the pod by assuming it there.
    fn preempt(&mut self, _snapshot: &Snapshot, _pod: &PodInfo, _budgets: &[Budget]) -> Option<Preemption> {
        None
    }

    /// What the filters and scores say of every node; by default only what is decided.
    fn explain(&mut self, snapshot: &Snapshot, pod: &PodInfo) -> Explanation {
        let chosen = match self.schedule(snapshot, pod) {
            Decision::Bind { node, score, .. } => Some((node, score)),
            Decision::Unschedulable(_) | Decision::Wait { .. } => None,
        };
        let node = |(node, score)| NodeExplanation { node, total: Some(score), ..NodeExplanation::default() };
        Explanation { pod: pod.key().to_string(), nodes: chosen.map(node).into_iter().collect() }
    }

    /// Where each of the pods goes, in order, each seeing those before it in the snapshot.
    fn schedule_batch(&mut self, snapshot: &mut Snapshot, pods: &[PodInfo]) -> Vec<Decision> {
        let place = |pod: &PodInfo| {
            let decision = self.schedule(snapshot, pod);
            if let Decision::Bind { node, .. } = &decision {
                snapshot.assume(pod.clone(), node);
            }
            decision
        };
        pods.iter().map(place).collect()
    }
}
