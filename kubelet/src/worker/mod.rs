//! One worker for each pod: it looks, plans and acts, and nothing else touches the pod's containers.

mod carry_out;
mod container;
mod flights;
mod grpc;
mod hooks;
mod http;
mod image;
mod inbox;
mod last_word;
mod look;
mod outcome;
mod probes;
mod registry_auth;
mod report;
mod sandbox;
mod settle;

use std::any::Any;
use std::collections::BTreeSet;
use std::sync::Arc;

use bireme_core::object::{Object, ObjectKey};
use bireme_core::runtime::{ContainerId, SandboxId};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use tokio_util::sync::CancellationToken;
use tracing::debug;

pub(crate) use inbox::{Inbox, News};

use crate::agent::Agent;
use crate::objects;
use crate::pod::action::remaining;
use crate::pod::declared;
use crate::pod::memory::{Memory, Slot, Volumes};
use crate::pod::observed::Observed;
use crate::pod::plan::{Plan, Situation, Stage, plan, stage};
use flights::Flights;
use outcome::Outcome;

/// The worker of one pod.
pub(crate) struct PodWorker {
    agent: Arc<Agent>,
    inbox: Arc<Inbox>,
    key: ObjectKey,
    uid: String,
    object: Arc<Object>,
    pod: Arc<Pod>,
    observed: Observed,
    memory: Memory,
    flights: Flights<Outcome>,
    unseen: Unseen,
    /// What the volumes are made from changed while they were being written.
    volumes_outdated: bool,
    /// Keeps the pod's ConfigMaps and Secrets followed.
    following: Vec<Box<dyn Any + Send + Sync>>,
}

/// What the worker has to look at in the engine.
#[derive(Default)]
struct Unseen {
    containers: BTreeSet<ContainerId>,
    sandboxes: BTreeSet<SandboxId>,
    everything: bool,
    /// The engine could not be asked; when to try again.
    retry_at: Option<Timestamp>,
    failures: u32,
}

impl PodWorker {
    /// A worker for a pod of which the engine holds `observed`; `memory` says what the node knows beyond that.
    pub(crate) fn new(
        agent: Arc<Agent>,
        inbox: Arc<Inbox>,
        object: Arc<Object>,
        pod: Arc<Pod>,
        observed: Observed,
        memory: Memory,
    ) -> Self {
        let following = follow(&agent, &inbox, &pod);
        Self {
            key: object.key().clone(),
            uid: object.uid().to_owned(),
            agent,
            inbox,
            object,
            pod,
            observed,
            memory,
            flights: Flights::new(),
            unseen: Unseen::default(),
            volumes_outdated: false,
            following,
        }
    }

    /// Works until nothing is left of the pod, or until the agent stops: then everything stays as it is.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        self.own_sandboxes();
        loop {
            self.read_inbox();
            self.look().await;
            let plan = self.plan();
            self.report(&plan.status);
            for action in &plan.actions {
                self.carry_out(action);
            }
            if self.is_over() {
                break;
            }
            let wake = self.wake_at(&plan);
            let asleep = async {
                match wake {
                    Some(wake) => self.agent.env.sleep(remaining(self.agent.env.now(), wake)).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                (slot, outcome) = self.flights.landing() => self.settle(slot, outcome),
                () = self.inbox.arrival() => {}
                () = asleep => {}
            }
        }
        debug!(pod = %self.key, uid = %self.uid, "nothing is left of the pod");
        self.agent.table.remove_pod(&self.key, &self.uid);
    }

    fn situation(&self) -> Situation<'_> {
        Situation {
            pod: &self.pod,
            observed: &self.observed,
            memory: &self.memory,
            node: &self.agent.facts,
            now: self.agent.env.now(),
        }
    }

    fn plan(&mut self) -> Plan {
        if stage(&self.situation()) == Stage::Deleted && self.memory.ending_since.is_none() {
            self.memory.ending_since = Some(self.agent.env.now());
        }
        if matches!(stage(&self.situation()), Stage::Deleted | Stage::Finished | Stage::Rejected) {
            self.following.clear();
        }
        plan(&self.situation())
    }

    /// Whether nothing of the pod is left anywhere.
    fn is_over(&self) -> bool {
        self.memory.gone
            && self.observed.is_empty()
            && self.memory.volumes == Volumes::Removed
            && self.memory.busy.is_empty()
            && self.unseen.is_empty()
    }

    fn wake_at(&self, plan: &Plan) -> Option<Timestamp> {
        let api = self.memory.api_failure.as_ref().map(|failure| failure.retry_at);
        let api = api.filter(|_| !self.memory.is_busy(&Slot::Api));
        [plan.wake, self.unseen.retry_at, api].into_iter().flatten().min()
    }

    fn read_inbox(&mut self) {
        let news = self.inbox.take();
        if let Some(object) = news.pod {
            self.adopt(object);
        }
        self.memory.gone |= news.gone;
        self.unseen.containers.extend(news.containers);
        self.unseen.sandboxes.extend(news.sandboxes);
        self.unseen.everything |= news.everything;
        if news.configs {
            self.configs_changed();
        }
    }

    /// Takes a state of the pod in, if it is newer than the one known.
    fn adopt(&mut self, object: Arc<Object>) {
        if object.uid() != self.uid || object.revision() < self.object.revision() {
            return;
        }
        match object.typed::<Pod>() {
            Ok(pod) => {
                let told = |pod: &Pod| (pod.metadata.labels.clone(), pod.metadata.annotations.clone());
                if told(&pod) != told(&self.pod) {
                    self.configs_changed();
                }
                if declared::status(&pod) != declared::status(&self.pod) {
                    self.memory.told = None;
                }
                (self.pod, self.object) = (pod, object);
            }
            Err(error) => debug!(pod = %self.key, %error, "the API shows something that is not a pod"),
        }
    }

    /// Volumes are to be written again, and what failed for want of an object need not wait.
    fn configs_changed(&mut self) {
        let now = self.agent.env.now();
        match &mut self.memory.volumes {
            Volumes::Ready => self.memory.volumes = Volumes::Stale,
            Volumes::Failed(failure) => failure.retry_at = now,
            Volumes::Unknown | Volumes::Stale | Volumes::Removed => {}
        }
        self.volumes_outdated |= self.memory.is_busy(&Slot::Volumes);
        self.memory.failures.values_mut().for_each(|failure| failure.retry_at = now);
    }
}

/// Has the worker told when an object changes that the pod is made from.
fn follow(agent: &Agent, inbox: &Arc<Inbox>, pod: &Pod) -> Vec<Box<dyn Any + Send + Sync>> {
    let follow = |(kind, key): objects::Reference| {
        let inbox = Arc::downgrade(inbox);
        let notice = Arc::new(move || {
            if let Some(inbox) = inbox.upgrade() {
                inbox.put(|news| news.configs = true);
            }
        });
        agent.sources.configs.follow(kind, &key, notice)
    };
    objects::references(pod).into_iter().map(follow).collect()
}
