//! The loop: follow pods and nodes, decide, bind.

use std::sync::Arc;
use std::time::Duration;

use bireme_core::Environment;
use bireme_core::cache::{Informers, Stopped};
use bireme_core::client::Client;
use bireme_core::error::ApiError;
use bireme_core::events::{Note, Recorder, Severity};
use bireme_core::scheduler::{ClusterEvent, Decision, PodInfo, Preemption, Scheduler, Snapshot};
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use k8s_openapi::api::core::v1::{Namespace, Node, Pod};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

mod changes;

use crate::binding::{bind, mark_unscheduled, needs_marking};
use crate::nominations::{self, Nominations};
use crate::queue::{QueueConfig, SchedulingQueue};

/// How a scheduler runs.
#[derive(Clone, Debug)]
pub struct SchedulerConfig {
    /// The name that pods choose it by (`spec.schedulerName`).
    pub name: String,
    /// How many writes to the API may be under way at once.
    pub writes_at_once: usize,
    /// How long pods wait.
    pub queue: QueueConfig,
}

impl Default for SchedulerConfig {
    /// The scheduler of pods that choose none.
    fn default() -> Self {
        Self { name: "default-scheduler".to_owned(), writes_at_once: 128, queue: QueueConfig::default() }
    }
}

/// Runs one [`Scheduler`] against a cluster.
///
/// A decision is assumed in the snapshot at once and bound through the API meanwhile; a binding that fails is
/// taken back. What the API confirms replaces what was assumed, so a restart begins with the truth.
pub struct SchedulerLoop {
    config: SchedulerConfig,
    env: Environment,
    client: Arc<dyn Client>,
    informers: Informers,
    recorder: Recorder,
    scheduler: Box<dyn Scheduler>,
    snapshot: Snapshot,
    nominations: Nominations,
    queue: SchedulingQueue,
    writes: FuturesUnordered<JoinHandle<Written>>,
}

/// How a write to the API ended.
enum Written {
    Bound { pod: PodInfo, result: Result<(), ApiError> },
    Marked { pod: PodInfo, result: Result<(), ApiError> },
    RoomMade { pod: PodInfo, result: Result<(), ApiError> },
}

impl SchedulerLoop {
    /// A loop that does nothing yet.
    pub fn new(
        config: SchedulerConfig,
        env: Environment,
        client: Arc<dyn Client>,
        informers: Informers,
        scheduler: Box<dyn Scheduler>,
    ) -> Self {
        let recorder = Recorder::start(&env, client.clone(), &config.name, None);
        let queue = SchedulingQueue::new(config.queue);
        Self {
            config,
            env,
            client,
            informers,
            recorder,
            scheduler,
            snapshot: Snapshot::new(),
            nominations: Nominations::default(),
            queue,
            writes: FuturesUnordered::new(),
        }
    }

    /// Schedules until told to stop; bindings that are under way then are waited for.
    pub async fn run(mut self, stop: CancellationToken) {
        let (nodes, pods) = (self.informers.of::<Node>(), self.informers.of::<Pod>());
        let (namespaces, budgets) =
            (self.informers.of::<Namespace>(), self.informers.of::<PodDisruptionBudget>());
        let (mut node_deltas, mut pod_deltas) = (nodes.deltas(), pods.deltas());
        let (mut namespace_deltas, mut budget_deltas) = (namespaces.deltas(), budgets.deltas());
        let synced = async {
            for informer in [&nodes, &pods, &namespaces, &budgets] {
                informer.synced().await?;
            }
            Ok::<_, Stopped>(())
        };
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            synced = synced => if synced.is_err() { return },
        }
        while !stop.is_cancelled() {
            // Everything that is known goes into the snapshot before the next decision.
            while let Some(delta) = namespace_deltas.try_next() {
                self.namespace_changed(&delta);
            }
            while let Some(delta) = budget_deltas.try_next() {
                self.budget_changed(&delta);
            }
            while let Some(delta) = node_deltas.try_next() {
                self.node_changed(&delta);
            }
            while let Some(delta) = pod_deltas.try_next() {
                self.pod_changed(&delta);
            }
            if self.writes.len() < self.config.writes_at_once && self.schedule_one() {
                // Lets the tasks that write go on between decisions.
                tokio::task::yield_now().await;
                self.settle_finished();
                continue;
            }
            let wakeup = self.queue.next_wakeup();
            let timer = async {
                match wakeup {
                    Some(when) => self.env.sleep_until(when).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                Some(written) = self.writes.next(), if !self.writes.is_empty() => self.settle(written),
                delta = namespace_deltas.next() => self.namespace_changed(&delta),
                delta = budget_deltas.next() => self.budget_changed(&delta),
                delta = node_deltas.next() => self.node_changed(&delta),
                delta = pod_deltas.next() => self.pod_changed(&delta),
                () = timer => {}
            }
        }
        while let Some(written) = self.writes.next().await {
            self.settle(written);
        }
    }

    /// Decides about the next pod; false when there is none.
    fn schedule_one(&mut self) -> bool {
        let now = self.env.instant();
        let Some(pod) = self.queue.pop(now) else { return false };
        let nominated = self.nominations.take_back(pod.uid(), &mut self.snapshot);
        match self.scheduler.schedule(&self.snapshot, &pod) {
            Decision::Bind { node, score, feasible } => {
                debug!(pod = %pod.key(), node, score, feasible, "a pod is being bound");
                self.snapshot.assume(pod.clone(), &node);
                self.start_binding(pod.clone(), node);
            }
            Decision::Unschedulable(diagnosis) => {
                self.report(&pod, "Unschedulable", diagnosis.to_string());
                let may_help = diagnosis.eviction_could_help();
                self.look_for_room(&pod, nominated.as_deref(), may_help);
                self.queue.wait_for_change(pod.clone(), diagnosis.filters(), now);
            }
            Decision::Wait { until } => {
                let wait = Duration::try_from(until.duration_since(self.env.now())).unwrap_or_default();
                if let Some(node) = &nominated {
                    self.nominations.make(&pod, node, &mut self.snapshot);
                }
                self.queue.try_at(pod.clone(), now + wait);
            }
        }
        // What was kept for the pod and is no longer is there for others.
        if nominated.is_some_and(|node| self.snapshot.place(pod.uid()) != Some(&node)) {
            self.wake(ClusterEvent::PodRemoved);
        }
        true
    }

    /// Has less important pods leave a node for a pod that fits nowhere, unless some are leaving one for it already.
    fn look_for_room(&mut self, pod: &PodInfo, nominated: Option<&str>, may_help: bool) {
        if let Some(node) = nominated.filter(|node| nominations::is_being_cleared(&self.snapshot, node, pod))
        {
            self.nominations.make(pod, node, &mut self.snapshot);
            return;
        }
        let find = || self.scheduler.preempt(&self.snapshot, pod, &self.nominations.budgets());
        let found = (may_help && nominations::may_preempt(pod)).then(find).flatten();
        if let Some(preemption) = found {
            self.make_room(pod, preemption);
        } else if nominations::nominated_node(pod).is_some() {
            let (client, pod) = (self.client.clone(), pod.clone());
            self.writes.push(self.env.spawn(async move {
                let result = nominations::write(&*client, &pod, None).await;
                Written::Marked { pod, result }
            }));
        }
    }

    fn make_room(&mut self, pod: &PodInfo, preemption: Preemption) {
        let Preemption { node, mut victims } = preemption;
        // Of those that have been nominated for a place that they do not have yet, only the nomination goes.
        victims.retain(|victim| self.nominations.take_back(victim.uid(), &mut self.snapshot).is_none());
        debug!(pod = %pod.key(), node, victims = victims.len(), "room is being made");
        self.nominations.make(pod, &node, &mut self.snapshot);
        for victim in &victims {
            let message = format!("Preempted by pod {} on node {node}", pod.uid());
            self.recorder.record(Note::about(&**victim.pod(), Severity::Normal, "Preempted", message));
        }
        let (client, pod, now) = (self.client.clone(), pod.clone(), Time(self.env.now()));
        self.writes.push(self.env.spawn(async move {
            let result = nominations::make_room(&*client, &pod, &node, &victims, now).await;
            Written::RoomMade { pod, result }
        }));
    }

    fn start_binding(&mut self, pod: PodInfo, node: String) {
        let (client, recorder) = (self.client.clone(), self.recorder.clone());
        self.writes.push(self.env.spawn(async move {
            let result = bind(&*client, &pod, &node).await;
            if result.is_ok() {
                let message = format!("Successfully assigned {} to {node}", pod.key());
                recorder.record(Note::about(&**pod.pod(), Severity::Normal, "Scheduled", message));
            }
            Written::Bound { pod, result }
        }));
    }

    /// Says in the pod's condition and in an event why it fits nowhere, unless that is what they say.
    fn report(&mut self, pod: &PodInfo, reason: &'static str, message: String) {
        if !needs_marking(pod, reason, &message) {
            return;
        }
        self.recorder.record(Note::about(
            &**pod.pod(),
            Severity::Warning,
            "FailedScheduling",
            message.clone(),
        ));
        let (client, pod, now) = (self.client.clone(), pod.clone(), Time(self.env.now()));
        self.writes.push(self.env.spawn(async move {
            let result = mark_unscheduled(&*client, &pod, reason, &message, now).await;
            Written::Marked { pod, result }
        }));
    }

    fn settle_finished(&mut self) {
        use futures::FutureExt as _;
        while let Some(Some(written)) = self.writes.next().now_or_never() {
            self.settle(written);
        }
    }

    fn settle(&mut self, written: Result<Written, tokio::task::JoinError>) {
        match written {
            Ok(Written::Bound { pod, result: Ok(()) }) => {
                self.queue.done(pod.uid());
                self.wake(ClusterEvent::PodPlaced);
            }
            Ok(Written::Bound { pod, result: Err(error) }) => self.binding_failed(pod, &error),
            Ok(Written::Marked { result: Ok(()), .. } | Written::RoomMade { result: Ok(()), .. }) => {}
            Ok(Written::RoomMade { pod, result: Err(error) }) => {
                warn!(pod = %pod.key(), %error, "no room could be made");
                if self.nominations.take_back(pod.uid(), &mut self.snapshot).is_some() {
                    self.queue.try_again(pod, self.env.instant());
                    self.wake(ClusterEvent::PodRemoved);
                }
            }
            // Gone, or changed by somebody else: what there is to say comes with the next attempt.
            Ok(Written::Marked { pod, result: Err(error) }) => {
                debug!(pod = %pod.key(), %error, "a pod's condition was not written");
            }
            Err(error) => warn!(%error, "a write to the API did not end"),
        }
    }

    fn binding_failed(&mut self, pod: PodInfo, error: &ApiError) {
        warn!(pod = %pod.key(), %error, "a binding failed");
        self.snapshot.forget(pod.uid());
        self.wake(ClusterEvent::PodRemoved);
        // The informer tells whether it is there still, and whether somebody else has bound it: a pod that was
        // deleted meanwhile is removed again by that.
        let known = self.informers.of::<Pod>().cache().get(pod.key());
        let current = known.filter(|known| known.uid() == &**pod.uid());
        let Some(current) = current else { return self.queue.done(pod.uid()) };
        match PodInfo::of(&current) {
            Ok(current) if current.spec().node_name.is_none() && self.is_due(&current) => {
                self.queue.try_again(current, self.env.instant());
            }
            Ok(_) => {
                if let Err(error) = self.pod_is(&current) {
                    warn!(pod = %pod.key(), %error, "a pod cannot be read");
                }
            }
            Err(error) => warn!(pod = %pod.key(), %error, "a pod cannot be read"),
        }
    }
}
