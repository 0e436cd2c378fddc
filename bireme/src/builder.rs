//! What a cluster is made of.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use bireme_apiserver::Limits;
use bireme_apiserver::authenticate::{Authenticator, ClientCertificates};
use bireme_controllers::nodes::NodeTimings;
use bireme_core::Environment;
use bireme_core::election::ElectionConfig;
use bireme_core::network::Cidr;
use bireme_core::reconciler::Reconciler;
use bireme_core::scheduler::Scheduler;
use bireme_core::store::{MemoryStore, Store};
use bireme_scheduler::{DefaultScheduler, SchedulerConfig};

#[cfg(feature = "network")]
use crate::host::HostNetwork;
use crate::{Cluster, NodeSpec, StartError};

/// Where the API is served over HTTPS, and how clients find it.
#[derive(Clone, Debug)]
pub struct ApiAddress {
    /// Where it listens; the first is the one that the kubeconfig names.
    pub listen: Vec<SocketAddr>,
    /// Where pods reach it, as the endpoint of the `kubernetes` Service.
    pub advertise: Option<SocketAddr>,
    /// Host names and addresses beside those of `listen` by which clients may reach it.
    pub names: Vec<String>,
    /// The folder of the certificates and the administrator's `kubeconfig`; only its owner may enter it.
    pub folder: PathBuf,
}

/// Puts a [`Cluster`] together. What is not set is in memory, in process and simulated.
pub struct ClusterBuilder {
    pub(crate) env: Environment,
    pub(crate) store: Option<Arc<dyn Store>>,
    pub(crate) api: Option<ApiAddress>,
    pub(crate) limits: Limits,
    pub(crate) authenticators: Vec<Arc<dyn Authenticator>>,
    pub(crate) service_range: Cidr,
    pub(crate) node_timings: NodeTimings,
    pub(crate) terminated_pods: Option<usize>,
    pub(crate) reconcilers: Vec<Arc<dyn Reconciler>>,
    pub(crate) schedulers: Vec<(SchedulerConfig, Box<dyn Scheduler>)>,
    pub(crate) election: Option<ElectionConfig>,
    pub(crate) nodes: Vec<NodeSpec>,
    #[cfg(feature = "network")]
    pub(crate) host: Option<HostNetwork>,
}

impl ClusterBuilder {
    pub(crate) fn new() -> Self {
        Self {
            env: Environment::system(),
            store: None,
            api: None,
            limits: Limits::default(),
            authenticators: vec![Arc::new(ClientCertificates)],
            service_range: Cidr::new([10, 96, 0, 0].into(), 16).expect("no bit is set behind the prefix"),
            node_timings: NodeTimings::default(),
            terminated_pods: Some(bireme_controllers::terminated::DEFAULT_THRESHOLD),
            reconcilers: Vec::new(),
            schedulers: Vec::new(),
            election: None,
            nodes: Vec::new(),
            #[cfg(feature = "network")]
            host: None,
        }
    }

    /// Takes time, randomness and tasks from here instead of the system.
    pub fn environment(mut self, env: Environment) -> Self {
        self.env = env;
        self
    }

    /// Keeps the cluster's state here instead of in memory.
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// Serves the API over HTTPS.
    pub fn api(mut self, api: ApiAddress) -> Self {
        self.api = Some(api);
        self
    }

    /// What clients of the API may use up.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Knows clients of the API by this too, beside client certificates and bootstrap tokens.
    pub fn authenticator(mut self, authenticator: impl Authenticator) -> Self {
        self.authenticators.push(Arc::new(authenticator));
        self
    }

    /// The range that Services get their addresses from; 10.96.0.0/16 unless set.
    pub fn service_range(mut self, range: Cidr) -> Self {
        self.service_range = range;
        self
    }

    /// How patient the control plane is with nodes that say nothing.
    pub fn node_timings(mut self, timings: NodeTimings) -> Self {
        self.node_timings = timings;
        self
    }

    /// How many pods that have ended are kept, 12,500 unless said otherwise; all of them with `None`. The oldest above
    /// that are deleted.
    pub fn terminated_pods(mut self, kept: Option<usize>) -> Self {
        self.terminated_pods = kept;
        self
    }

    /// Runs a reconciler of your own beside the built-in ones.
    pub fn reconciler(mut self, reconciler: impl Reconciler) -> Self {
        self.reconcilers.push(Arc::new(reconciler));
        self
    }

    /// Runs this scheduler; the default one only if none is given. Each has a name of its own, by which pods
    /// choose it.
    pub fn scheduler(mut self, config: SchedulerConfig, scheduler: impl Scheduler) -> Self {
        self.schedulers.push((config, Box::new(scheduler)));
        self
    }

    /// Runs controllers and schedulers only while this process leads, for stores that several processes share. See
    /// [`Cluster::leadership_lost`].
    pub fn leader_election(mut self, election: ElectionConfig) -> Self {
        self.election = Some(election);
        self
    }

    /// Runs a node in this process.
    pub fn node(mut self, node: NodeSpec) -> Self {
        self.nodes.push(node);
        self
    }

    /// Gives the pods and Services of this machine their network.
    #[cfg(feature = "network")]
    pub fn host_network(mut self, host: HostNetwork) -> Self {
        self.host = Some(host);
        self
    }

    /// Starts everything. The cluster is ready for requests when this returns; its nodes register meanwhile.
    ///
    /// # Errors
    ///
    /// When a part cannot start; those that had started are stopped again.
    pub async fn start(self) -> Result<Cluster, StartError> {
        Cluster::start(self).await
    }

    pub(crate) fn take_store(&mut self) -> Arc<dyn Store> {
        self.store.take().unwrap_or_else(|| Arc::new(MemoryStore::new()))
    }

    pub(crate) fn take_schedulers(&mut self) -> Vec<(SchedulerConfig, Box<dyn Scheduler>)> {
        let mut schedulers = std::mem::take(&mut self.schedulers);
        if schedulers.is_empty() {
            let seed = u64::from_le_bytes(self.env.random_bytes());
            schedulers.push((SchedulerConfig::default(), Box::new(DefaultScheduler::new(seed))));
        }
        schedulers
    }
}
