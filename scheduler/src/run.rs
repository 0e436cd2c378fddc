//! The loop: follow pods and nodes, decide, bind.

use std::sync::Arc;
use std::time::Duration;

use bireme_core::Environment;
use bireme_core::cache::{Delta, Informers};
use bireme_core::client::Client;
use bireme_core::error::ApiError;
use bireme_core::events::{Note, Recorder, Severity};
use bireme_core::object::{DecodeError, Object};
use bireme_core::scheduler::{ClusterEvent, Decision, PodInfo, Scheduler, Snapshot};
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use k8s_openapi::api::core::v1::{Namespace, Node, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::binding::{bind, mark_unscheduled, needs_marking};
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
    queue: SchedulingQueue,
    writes: FuturesUnordered<JoinHandle<Written>>,
}

/// How a write to the API ended.
enum Written {
    Bound { pod: PodInfo, result: Result<(), ApiError> },
    Marked { pod: PodInfo, result: Result<(), ApiError> },
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
            queue,
            writes: FuturesUnordered::new(),
        }
    }

    /// Schedules until told to stop; bindings that are under way then are waited for.
    pub async fn run(mut self, stop: CancellationToken) {
        let (nodes, pods) = (self.informers.of::<Node>(), self.informers.of::<Pod>());
        let namespaces = self.informers.of::<Namespace>();
        let (mut node_deltas, mut pod_deltas) = (nodes.deltas(), pods.deltas());
        let mut namespace_deltas = namespaces.deltas();
        let synced = async { nodes.synced().await.and(pods.synced().await).and(namespaces.synced().await) };
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
                delta = node_deltas.next() => self.node_changed(&delta),
                delta = pod_deltas.next() => self.pod_changed(&delta),
                () = timer => {}
            }
        }
        while let Some(written) = self.writes.next().await {
            self.settle(written);
        }
    }

    fn namespace_changed(&mut self, delta: &Delta) {
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

    fn node_changed(&mut self, delta: &Delta) {
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

    fn pod_changed(&mut self, delta: &Delta) {
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

    fn pod_is(&mut self, object: &Object) -> Result<(), DecodeError> {
        let pod = PodInfo::of(object)?;
        if has_ended(pod.pod()) {
            self.pod_ended(pod.uid());
        } else if let Some(node) = pod.spec().node_name.clone().filter(|node| !node.is_empty()) {
            self.queue.remove(pod.uid());
            let is_new = self.snapshot.place(pod.uid()).is_none();
            if self.snapshot.assume(pod, &node) {
                self.wake(if is_new { ClusterEvent::PodPlaced } else { ClusterEvent::PodChanged });
            }
        } else if self.snapshot.place(pod.uid()).is_none() && self.is_due(&pod) {
            self.queue.put(pod, self.env.instant());
        } else if !self.is_due(&pod) {
            self.queue.remove(pod.uid());
        }
        Ok(())
    }

    /// Whether the pod waits for this scheduler.
    fn is_due(&self, pod: &PodInfo) -> bool {
        let spec = pod.spec();
        let chosen = spec.scheduler_name.as_deref().unwrap_or("default-scheduler");
        let gated = spec.scheduling_gates.as_ref().is_some_and(|gates| !gates.is_empty());
        chosen == self.config.name && !gated && pod.pod().metadata.deletion_timestamp.is_none()
    }

    fn pod_ended(&mut self, uid: &str) {
        self.queue.remove(uid);
        if self.snapshot.place(uid).is_some() {
            self.snapshot.forget(uid);
            self.wake(ClusterEvent::PodRemoved);
        }
    }

    fn wake(&mut self, event: ClusterEvent) {
        let scheduler = &self.scheduler;
        self.queue.on_event(self.env.instant(), |filters| scheduler.could_help(filters, event));
    }

    /// Decides about the next pod; false when there is none.
    fn schedule_one(&mut self) -> bool {
        let now = self.env.instant();
        let Some(pod) = self.queue.pop(now) else { return false };
        match self.scheduler.schedule(&self.snapshot, &pod) {
            Decision::Bind { node, score, feasible } => {
                debug!(pod = %pod.key(), node, score, feasible, "a pod is being bound");
                self.snapshot.assume(pod.clone(), &node);
                self.start_binding(pod, node);
            }
            Decision::Unschedulable(diagnosis) => {
                self.report(&pod, "Unschedulable", diagnosis.to_string());
                self.queue.wait_for_change(pod, diagnosis.filters(), now);
            }
            Decision::Wait { until } => {
                let wait = Duration::try_from(until.duration_since(self.env.now())).unwrap_or_default();
                self.queue.try_at(pod, now + wait);
            }
        }
        true
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
            Ok(Written::Marked { result: Ok(()), .. }) => {}
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

fn has_ended(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}
