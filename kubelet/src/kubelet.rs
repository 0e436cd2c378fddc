//! The kubelet: a worker for each pod, and the news brought to them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bireme_core::Environment;
use bireme_core::cache::Stopped;
use bireme_core::client::Client;
use bireme_core::events::Recorder;
use bireme_core::network::PodNetwork;
use bireme_core::node_access::NodeAccess;
use bireme_core::object::Object;
use bireme_core::runtime::{Runtime, RuntimeEvent, RuntimeEvents, RuntimeVersion, SandboxId};
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use k8s_openapi::api::core::v1::Pod;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::access::LocalAccess;
use crate::agent::{Agent, PodTable};
use crate::config::KubeletConfig;
use crate::engine::{self, Found};
use crate::node::{self, Registration};
use crate::pod::admission;
use crate::pod::declared;
use crate::pod::memory::{Memory, Rejection};
use crate::pod::observed::Observed;
use crate::pod::plan::NodeFacts;
use crate::pod::probe::ProbeTable;
use crate::source::{Change, PodFeed, Sources};
use crate::worker::{Inbox, News, PodWorker};

/// A node's agent: runs the pods that are bound to the node, and tells the API how they are.
///
/// It keeps no state of its own: killed at any moment and started again, it finds its pods in the container
/// engine and goes on, and no container restarts because of it.
pub struct Kubelet {
    config: KubeletConfig,
    env: Environment,
    client: Arc<dyn Client>,
    sources: Sources,
    runtime: Arc<dyn Runtime>,
    network: Arc<dyn PodNetwork>,
    table: Arc<PodTable>,
}

/// Why a kubelet ended before it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum KubeletError {
    /// The machine cannot be measured.
    #[error("the machine cannot be measured")]
    Machine(#[source] std::io::Error),
    /// Nobody follows the API any more.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

impl Kubelet {
    /// An agent for the node that `config` describes. `client` speaks for the node (`system:node:<name>`).
    pub fn new(
        config: KubeletConfig,
        env: Environment,
        client: Arc<dyn Client>,
        sources: Sources,
        runtime: Arc<dyn Runtime>,
        network: Arc<dyn PodNetwork>,
    ) -> Self {
        Self { config, env, client, sources, runtime, network, table: Arc::default() }
    }

    /// The way to the node's pods for logs, exec, attach and port-forward; good as long as the kubelet runs.
    pub fn node_access(&self) -> Arc<dyn NodeAccess> {
        let dialer = self.config.host.dialer.clone();
        Arc::new(LocalAccess::new(self.config.node.clone(), self.runtime.clone(), dialer, self.table.clone()))
    }

    /// Registers the node and works until `stop`: then it lets go of everything and leaves the pods running.
    ///
    /// While the container engine or the API cannot be reached, it waits and tries again.
    ///
    /// # Errors
    ///
    /// When the machine cannot be measured, or the informers were stopped before the kubelet.
    pub async fn run(self, stop: CancellationToken) -> Result<(), KubeletError> {
        // What ends the kubelet's own tasks must not end those of whoever runs it.
        let stop = stop.child_token();
        match stop.clone().run_until_cancelled(self.begin(stop)).await {
            Some(pods) => pods?.work().await,
            None => Ok(()),
        }
    }

    /// Has the node registered, and learns what pods can be run on.
    async fn begin(self, stop: CancellationToken) -> Result<Pods, KubeletError> {
        let machine = self.config.host.machine.info().await.map_err(KubeletError::Machine)?;
        let capacity = node::capacity(&self.config, &machine);
        let allocatable = node::allocatable(&self.config, &capacity);
        let recorder = Recorder::start(&self.env, self.client.clone(), "kubelet", Some(&self.config.node));
        let registration = Registration {
            env: self.env.clone(),
            client: self.client.clone(),
            runtime: self.runtime.clone(),
            configs: self.sources.configs.clone(),
            config: self.config.clone(),
            machine: machine.clone(),
            capacity,
            allocatable: allocatable.clone(),
            recorder: recorder.clone(),
        };
        // Both end with `stop`.
        drop(self.env.spawn(registration.keep(stop.clone())));
        let version = self.reach_engine().await;
        let agent = Arc::new(Agent {
            facts: facts(&self.config, &version),
            memory: machine.memory,
            pulls: Semaphore::new(self.config.parallel_pulls.max(1)),
            allocatable,
            recorder,
            env: self.env,
            client: self.client,
            runtime: self.runtime,
            network: self.network,
            sources: self.sources,
            config: self.config,
            table: self.table,
        });
        Ok(Pods::new(agent, stop))
    }

    /// Waits until the container engine answers.
    async fn reach_engine(&self) -> RuntimeVersion {
        let mut failures = 0;
        loop {
            match self.runtime.version().await {
                Ok(version) => return version,
                Err(error) => {
                    failures += 1;
                    warn!(node = %self.config.node, %error, "waiting for the container engine");
                    self.env.sleep(self.config.timings.step.after(failures)).await;
                }
            }
        }
    }
}

fn facts(config: &KubeletConfig, version: &RuntimeVersion) -> NodeFacts {
    NodeFacts {
        runtime: version.name.clone(),
        addresses: config.addresses.clone(),
        crash: config.timings.crash,
        crash_reset: config.timings.crash_reset,
    }
}

/// How long a kubelet that stops waits for workers that are asking the engine something.
const PATIENCE: Duration = Duration::from_secs(10);

/// A pod that has a worker.
struct Employed {
    inbox: Arc<Inbox>,
    /// The pod as it was last seen, for the admission of others; none for one that only the engine knows.
    pod: Option<Arc<Pod>>,
    admitted: bool,
}

/// The node's pods and their workers.
struct Pods {
    agent: Arc<Agent>,
    stop: CancellationToken,
    employed: BTreeMap<String, Employed>,
    workers: FuturesUnordered<BoxFuture<'static, String>>,
}

impl Pods {
    fn new(agent: Arc<Agent>, stop: CancellationToken) -> Self {
        Self { agent, stop, employed: BTreeMap::new(), workers: FuturesUnordered::new() }
    }

    /// Works until `stop`, and then until the workers have put down what they hold.
    async fn work(mut self) -> Result<(), KubeletError> {
        let stop = self.stop.clone();
        let result = stop.run_until_cancelled(self.serve()).await.unwrap_or(Ok(()));
        stop.cancel();
        let workers = async { while self.workers.next().await.is_some() {} };
        if self.agent.env.timeout(PATIENCE, workers).await.is_err() {
            warn!(node = %self.agent.config.node, "some pods' workers do not end: the container engine hangs");
        }
        result
    }

    async fn serve(&mut self) -> Result<(), KubeletError> {
        // Listen first, list after: what happens in between is heard.
        let mut events = engine::events(&self.agent).await;
        self.agent.sources.pods.synced().await?;
        let mut feed = self.agent.sources.pods.feed(&self.agent.config.node);
        self.adopt(&mut feed).await;
        info!(node = %self.agent.config.node, pods = self.employed.len(), "the kubelet is at work");
        loop {
            tokio::select! {
                biased;
                Some(uid) = self.workers.next(), if !self.workers.is_empty() => {
                    self.employed.remove(&uid);
                }
                event = events.next() => self.route(event, &mut events).await,
                changes = feed.changes() => {
                    for change in changes {
                        self.change(change);
                    }
                }
            }
        }
    }

    /// Takes over what an earlier agent left: pods that the API still has go on, of the others nothing stays.
    async fn adopt(&mut self, feed: &mut PodFeed) {
        let mut found = engine::list(&self.agent).await;
        // The feed of a node without pods has nothing to say; the first change is awaited later.
        let mut pods: Vec<Arc<Object>> = feed.take().into_iter().filter_map(Change::present).collect();
        let known: BTreeSet<String> = pods.iter().map(|pod| pod.uid().to_owned()).collect();
        // What runs already is not refused because of what does not yet.
        pods.sort_by_key(|pod| !found.pods.contains_key(pod.uid()));
        for object in pods {
            let (observed, address) = found.take(object.uid());
            self.employ(object, observed, address);
        }
        for (uid, orphan) in found.orphans(&known) {
            warn!(pod = %orphan.key(), uid, "the pod is gone from the API; what is left of it is removed");
            let (observed, address) = found.take(&uid);
            self.bury(orphan, observed, address);
        }
        engine::remove_strays(&self.agent, &found, &known).await;
    }

    /// Something happened in the engine.
    async fn route(&mut self, event: Option<RuntimeEvent>, events: &mut RuntimeEvents) {
        match event {
            Some(RuntimeEvent::Container { id, sandbox }) => {
                self.tell(&sandbox, |news| {
                    news.containers.insert(id.clone());
                });
            }
            Some(RuntimeEvent::Sandbox(sandbox)) => self.tell(&sandbox, |news| {
                news.sandboxes.insert(sandbox.clone());
            }),
            Some(RuntimeEvent::Resync) => self.tell_all(),
            None => {
                *events = engine::events(&self.agent).await;
                self.tell_all();
            }
        }
    }

    fn tell(&self, sandbox: &SandboxId, news: impl FnOnce(&mut News)) {
        let owner = self.agent.table.owner(sandbox).and_then(|uid| self.employed.get(&uid));
        if let Some(owner) = owner {
            owner.inbox.put(news);
        }
    }

    fn tell_all(&self) {
        self.employed.values().for_each(|employed| employed.inbox.put(|news| news.everything = true));
    }

    /// A pod is new, has changed or is gone.
    fn change(&mut self, change: Change) {
        match change {
            Change::Present(object) => match self.employed.get_mut(object.uid()) {
                Some(employed) => {
                    // What is not a readable pod keeps the last state that was.
                    employed.pod = object.typed::<Pod>().ok().or(employed.pod.take());
                    employed.inbox.put(|news| news.pod = Some(object));
                }
                None => self.employ(object, Observed::default(), None),
            },
            Change::Gone(object) => {
                if let Some(employed) = self.employed.get(object.uid()) {
                    employed.inbox.put(|news| news.gone = true);
                }
            }
        }
    }

    fn employ(&mut self, object: Arc<Object>, observed: Observed, address: Option<Address>) {
        let pod = match object.typed::<Pod>() {
            Ok(pod) => pod,
            Err(error) => {
                return warn!(pod = %object.key(), %error, "the API shows something that is not a pod");
            }
        };
        let begun = !observed.is_empty() || declared::status(&pod).start_time.is_some();
        let settled = declared::is_terminal(&pod) || declared::is_being_deleted(&pod);
        let rejected = if begun || settled { None } else { self.admit(&pod).err() };
        let admitted = rejected.is_none();
        let memory = Memory { rejected, address, probes: ProbeTable::seeded(&pod), ..Memory::default() };
        self.start(object, pod, observed, memory, admitted);
    }

    fn admit(&self, pod: &Pod) -> Result<(), Rejection> {
        let counts = |employed: &&Employed| employed.admitted;
        let pods = self.employed.values().filter(counts).filter_map(|employed| employed.pod.as_deref());
        let taken: Vec<&Pod> = pods.filter(|pod| !declared::is_terminal(pod)).collect();
        admission::admit(pod, &taken, &self.agent.allocatable)
    }

    /// Removes what is left of a pod that the API does not know any more.
    fn bury(&mut self, orphan: Found, observed: Observed, address: Option<Address>) {
        match orphan.into_object() {
            Ok((object, pod)) => {
                let memory = Memory { gone: true, address, ..Memory::default() };
                self.start(object, pod, observed, memory, true);
            }
            Err(error) => warn!(%error, "a pod of the engine cannot be named"),
        }
    }

    fn start(
        &mut self,
        object: Arc<Object>,
        pod: Arc<Pod>,
        observed: Observed,
        memory: Memory,
        admitted: bool,
    ) {
        let (uid, inbox) = (object.uid().to_owned(), Arc::new(Inbox::default()));
        let employed = Employed { inbox: inbox.clone(), pod: Some(pod.clone()), admitted };
        self.employed.insert(uid.clone(), employed);
        let worker = PodWorker::new(self.agent.clone(), inbox, object, pod, observed, memory);
        let task = self.agent.env.spawn(worker.run(self.stop.clone()));
        self.workers.push(Box::pin(async move {
            if let Err(error) = task.await {
                warn!(uid, %error, "a pod's worker has failed");
            }
            uid
        }));
    }
}

/// A connected sandbox.
type Address = (SandboxId, IpAddr);
