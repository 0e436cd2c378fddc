//! Running a reconciler.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::carry_out::Carrier;
use super::written::Written;
use super::{Failure, ObjectRef, Plan, ReconcileError, Reconciler, View};
use crate::Environment;
use crate::cache::{Delta, Informers, Subscription};
use crate::client::{Client, ListOptions, WriteOptions};
use crate::error::ApiError;
use crate::events::Recorder;
use crate::queue::{Backoff, Claim, WorkQueue};

/// How often a reconciler may ask for live reads before it decides.
const LIVE_ROUNDS: usize = 8;

/// Runs [`Reconciler`]s over one client and one set of informers. Cheap to clone.
///
/// Every target is worked on by one worker at a time, in order of arrival. It is given up until the caches show
/// everything that was written for it, so that nothing is ever decided on a state older than one's own writes;
/// other targets go on meanwhile. A failure (of the reconciler, a panic included, or of a command) brings the
/// target back after a back-off, and the next view tells of it; a conflict does so quietly.
#[derive(Clone)]
pub struct Controller {
    env: Environment,
    client: Arc<dyn Client>,
    informers: Informers,
    workers: usize,
    backoff: Backoff,
}

impl Controller {
    /// Five workers, and upstream's back-off.
    pub fn new(env: Environment, client: Arc<dyn Client>, informers: Informers) -> Self {
        Self { env, client, informers, workers: 5, backoff: Backoff::default() }
    }

    /// With this many targets worked on at once, at least one.
    pub fn workers(self, workers: usize) -> Self {
        Self { workers: workers.max(1), ..self }
    }

    /// With another back-off after failures.
    pub fn backoff(self, backoff: Backoff) -> Self {
        Self { backoff, ..self }
    }

    /// Runs a reconciler until `stop` is cancelled (or the informers stop), and then until the plans under way are
    /// carried out. Nothing is decided before all watched kinds are known.
    pub async fn run(&self, reconciler: Arc<dyn Reconciler>, stop: CancellationToken) {
        let name = reconciler.name();
        let mut informers = Vec::new();
        for watch in reconciler.watches() {
            let informer = self.informers.of_kind(watch.kind);
            watch.indexes.iter().for_each(|index| informer.cache().add_index(*index));
            informers.push(informer);
        }
        for informer in &informers {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                synced = informer.synced() => if synced.is_err() { return },
            }
        }
        let caches = informers.iter().map(|informer| (informer.kind(), informer.cache().clone()));
        let run = Arc::new(Run {
            view: View::new(caches.collect()),
            queue: WorkQueue::new(self.env.clone(), self.backoff),
            carrier: Carrier {
                client: self.client.clone(),
                recorder: Recorder::start(&self.env, self.client.clone(), name, None),
                options: WriteOptions::manager(name),
            },
            env: self.env.clone(),
            failures: Mutex::default(),
            reconciler,
            stop,
        });
        let subscriptions: Vec<Subscription> = informers
            .iter()
            .map(|informer| {
                let run = run.clone();
                informer.subscribe(Arc::new(move |delta: &Delta| run.notice(delta)))
            })
            .collect();
        tracing::debug!(controller = name, "running");
        run.work(self.workers).await;
        drop(subscriptions);
    }
}

/// One reconciler, running.
struct Run {
    env: Environment,
    reconciler: Arc<dyn Reconciler>,
    view: View,
    queue: WorkQueue<ObjectRef>,
    carrier: Carrier,
    /// Why the last plan of a target failed; one entry at most for each target that is in back-off.
    failures: Mutex<BTreeMap<ObjectRef, Arc<Failure>>>,
    stop: CancellationToken,
}

/// Why a target comes again.
enum Setback {
    Undecided(ReconcileError),
    Failed(Failure),
}

impl Run {
    /// Queues up the targets that a change concerns.
    fn notice(&self, delta: &Delta) {
        match guarded(|| self.reconciler.targets(&self.view, delta)) {
            Ok(targets) => targets.into_iter().for_each(|target| self.queue.add(target)),
            Err(error) => {
                let (controller, object) = (self.reconciler.name(), delta.object());
                tracing::error!(
                    controller,
                    ?object,
                    error = &error as &dyn std::error::Error,
                    "change not understood"
                );
            }
        }
    }

    async fn work(self: &Arc<Self>, workers: usize) {
        let (permits, tasks) = (Arc::new(Semaphore::new(workers)), TaskTracker::new());
        loop {
            let next = async {
                // The semaphore is never closed.
                let permit = permits.clone().acquire_owned().await.ok()?;
                Some((permit, self.queue.next().await?))
            };
            let (permit, claim) = tokio::select! {
                biased;
                () = self.stop.cancelled() => break,
                next = next => match next {
                    Some(next) => next,
                    None => break,
                },
            };
            let run = self.clone();
            drop(self.env.spawn(tasks.track_future(async move {
                let mut written = Written::default();
                run.attempt(&claim, &mut written).await;
                // Waiting for the caches is not work; the claim keeps the target from everybody meanwhile.
                drop(permit);
                run.until_seen(written).await;
            })));
        }
        self.queue.shut_down();
        tasks.close();
        tasks.wait().await;
    }

    /// Decides about a target and carries the plan out, once.
    async fn attempt(&self, target: &Claim<ObjectRef>, written: &mut Written) {
        match self.decide_and_do(target, written).await {
            Ok(requeue_at) => {
                self.queue.forget(target);
                self.failures().remove(target.key());
                if let Some(at) = requeue_at {
                    let delay = at.duration_since(self.env.now());
                    self.queue.add_after(target.key().clone(), delay.try_into().unwrap_or_default());
                }
            }
            Err(setback) => {
                let delay = self.queue.retry(target.key().clone());
                self.report(target, setback, delay);
            }
        }
    }

    fn report(&self, target: &ObjectRef, setback: Setback, delay: std::time::Duration) {
        let controller = self.reconciler.name();
        match setback {
            Setback::Failed(failure) if failure.error.is_conflict() => {
                tracing::debug!(controller, %target, error = %failure.error, ?delay, "conflict");
            }
            Setback::Failed(failure) => {
                let Failure { verb, kind, error } = &failure;
                tracing::warn!(controller, %target, ?verb, %kind, %error, ?delay, "plan failed");
                self.failures().insert(target.clone(), Arc::new(failure));
            }
            Setback::Undecided(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::error!(controller, %target, error, ?delay, "no plan");
            }
        }
    }

    async fn decide_and_do(
        &self,
        target: &ObjectRef,
        written: &mut Written,
    ) -> Result<Option<Timestamp>, Setback> {
        let plan = self.decide(target).await.map_err(Setback::Undecided)?;
        if !plan.commands.is_empty() {
            let (controller, commands) = (self.reconciler.name(), plan.commands.len());
            tracing::debug!(controller, %target, commands, "carrying out a plan");
        }
        self.carrier.carry_out(&plan.commands, written).await.map_err(Setback::Failed)?;
        Ok(plan.requeue_at)
    }

    /// Asks the reconciler, with the live reads that it wants.
    async fn decide(&self, target: &ObjectRef) -> Result<Plan, ReconcileError> {
        let failure = self.failures().get(target).cloned();
        let mut view = self.view.after(failure);
        for _ in 0..LIVE_ROUNDS {
            let plan = guarded(|| self.reconciler.reconcile(&view, target, self.env.now()))?;
            if !plan.needs_reads() {
                return Ok(plan);
            }
            self.read(&mut view, plan).await.map_err(ReconcileError::Live)?;
        }
        Err(ReconcileError::Unsatisfied(LIVE_ROUNDS))
    }

    /// Reads what a plan wants read.
    async fn read(&self, view: &mut View, plan: Plan) -> Result<(), ApiError> {
        let client = &self.carrier.client;
        for object in plan.need_live {
            let state = match client.get(object.kind, &object.key).await {
                Ok(state) => Some(state),
                Err(error) if error.is_not_found() => None,
                Err(error) => return Err(error),
            };
            view.add_live(object, state);
        }
        for (kind, namespace) in plan.need_live_lists {
            let list = client.list(kind, &ListOptions::namespaced(&namespace)).await?;
            view.add_live_list((kind, namespace), list.items);
        }
        Ok(())
    }

    async fn until_seen(&self, written: Written) {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => {}
            seen = written.until_seen(&self.view, &*self.carrier.client, &self.env) => {
                if let Err(stopped) = seen {
                    tracing::debug!(controller = self.reconciler.name(), %stopped, "own writes not seen");
                }
            }
        }
    }

    fn failures(&self) -> MutexGuard<'_, BTreeMap<ObjectRef, Arc<Failure>>> {
        // Each use is one operation on the map.
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Calls into a reconciler; a panic there is an error here. The panic hook has reported it by then, and nothing
/// half-done is left behind: a reconciler keeps no state.
fn guarded<T>(call: impl FnOnce() -> Result<T, ReconcileError>) -> Result<T, ReconcileError> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or(Err(ReconcileError::Panicked))
}
