//! A running cluster.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bireme_apiserver::authenticate::BootstrapTokens;
use bireme_apiserver::node::RemoteNodes;
use bireme_apiserver::pki::{Pki, kubeconfig, write_private};
use bireme_apiserver::{ApiServer, Config};
use bireme_core::Environment;
use bireme_core::cache::Informers;
use bireme_core::client::{Client, Identity};
use bireme_core::election::Candidate;
use bireme_core::node_access::{LocalNodes, Nodes};
use bireme_kubelet::Sources;
use bireme_registry::{BootstrapOptions, DirectClient, Registry, RegistryOptions, ServiceRanges};
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::StartError;
use crate::builder::{ApiAddress, ClusterBuilder};
use crate::control::ControlPlane;
use crate::node::{Node, NodeSpec};
use crate::tasks::Tasks;

/// The name of cluster, user and context in the kubeconfig.
const NAME: &str = "bireme";

/// A cluster that runs in this process. Dropping it ends it without waiting; [`stop`](Cluster::stop) waits.
pub struct Cluster {
    env: Environment,
    registry: Arc<Registry>,
    server: ApiServer,
    endpoint: Option<Endpoint>,
    informers: Informers,
    sources: Sources,
    local: LocalNodes,
    nodes: Mutex<BTreeMap<String, Node>>,
    serving: Tasks,
    control: Tasks,
    /// Cancelled when the lead is lost.
    leadership_lost: CancellationToken,
    #[cfg(feature = "network")]
    host: Option<crate::HostServices>,
}

/// Where the API is served.
struct Endpoint {
    pki: Pki,
    url: String,
    kubeconfig: PathBuf,
}

impl Cluster {
    /// A cluster to be put together.
    pub fn builder() -> ClusterBuilder {
        ClusterBuilder::new()
    }

    pub(crate) async fn start(mut builder: ClusterBuilder) -> Result<Cluster, StartError> {
        let env = builder.env.clone();
        // What can be refused comes before anything is made.
        let listening = match &builder.api {
            Some(api) => Some(Listening::open(api, &env).await?),
            None => None,
        };
        let services = ServiceRanges { addresses: builder.service_range, ..ServiceRanges::default() };
        let options = RegistryOptions { services, ..RegistryOptions::default() };
        let registry = Registry::open(builder.take_store(), env.clone(), options).await;
        let registry = registry.map_err(StartError::Registry)?;
        let bootstrap = BootstrapOptions {
            certificate_authority: listening
                .as_ref()
                .map(|listening| listening.pki.authority_pem().to_owned()),
            advertise: builder.api.as_ref().and_then(|api| api.advertise),
        };
        registry.bootstrap(&bootstrap).await.map_err(StartError::Registry)?;

        let local = LocalNodes::default();
        let nodes: Arc<dyn Nodes> = match &listening {
            Some(listening) => listening.nodes(&local, &registry, &env)?,
            None => Arc::new(local.clone()),
        };
        let server = api_server(&mut builder, &registry, nodes);
        let mut serving = Tasks::new(&env);
        let endpoint = match listening {
            Some(listening) => Some(listening.serve(&server, &mut serving)?),
            None => None,
        };
        let component = |name: &str| -> Arc<dyn Client> {
            Arc::new(DirectClient::new(registry.clone(), Identity::component(name)))
        };
        let informers = Informers::new(env.clone(), component("kube-controller-manager"));
        let mut cluster = Cluster {
            sources: Sources::shared(&informers),
            control: Tasks::new(&env),
            leadership_lost: CancellationToken::new(),
            env,
            registry,
            server,
            endpoint,
            informers,
            local,
            nodes: Mutex::default(),
            serving,
            #[cfg(feature = "network")]
            host: None,
        };
        cluster.start_control_plane(&mut builder);
        #[cfg(feature = "network")]
        if let Some(host) = builder.host.take() {
            cluster.host = Some(host.serve(&cluster.env, &cluster.informers).await?);
        }
        for node in builder.nodes {
            cluster.start_node(node).await?;
        }
        Ok(cluster)
    }

    fn start_control_plane(&mut self, builder: &mut ClusterBuilder) {
        let mut reconcilers = bireme_controllers::all(&self.controllers_config(builder));
        reconcilers.append(&mut builder.reconcilers);
        let control = ControlPlane {
            env: self.env.clone(),
            registry: self.registry.clone(),
            informers: self.informers.clone(),
            reconcilers,
            schedulers: builder.take_schedulers(),
        };
        let Some(election) = builder.election.take() else {
            control.start(&mut self.control);
            return;
        };
        let client = self.client_as(Identity::component("kube-controller-manager"));
        let candidate = Candidate::new(self.env.clone(), client, election);
        let lost = self.leadership_lost.clone();
        self.control.start("leader election", |stop| control.lead(candidate, stop, lost));
    }

    fn controllers_config(&self, builder: &ClusterBuilder) -> bireme_controllers::Config {
        bireme_controllers::Config {
            root_certificates: self.endpoint.as_ref().map(|endpoint| endpoint.pki.authority_pem().to_owned()),
            node_timings: builder.node_timings,
            terminated_pods: builder.terminated_pods,
            ..bireme_controllers::Config::new(self.env.now())
        }
    }

    /// A client with an administrator's rights, without any transport.
    pub fn client(&self) -> Arc<dyn Client> {
        self.client_as(Identity::admin("kubernetes-admin"))
    }

    /// A client of another identity, without any transport.
    pub fn client_as(&self, identity: Identity) -> Arc<dyn Client> {
        Arc::new(DirectClient::new(self.registry.clone(), identity))
    }

    /// The API server, for clients that speak HTTP without a socket.
    pub fn server(&self) -> &ApiServer {
        &self.server
    }

    /// The caches that the cluster's own controllers read.
    pub fn informers(&self) -> &Informers {
        &self.informers
    }

    /// The API's URL, when it is served.
    pub fn url(&self) -> Option<&str> {
        self.endpoint.as_ref().map(|endpoint| endpoint.url.as_str())
    }

    /// The administrator's kubeconfig, when the API is served.
    pub fn kubeconfig(&self) -> Option<&Path> {
        self.endpoint.as_ref().map(|endpoint| endpoint.kubeconfig.as_path())
    }

    /// The text of a kubeconfig for a node's agent on another machine, when the API is served.
    ///
    /// # Errors
    ///
    /// When the name is not one of a node.
    pub fn node_kubeconfig(&self, node: &str) -> Option<Result<String, bireme_apiserver::pki::PkiError>> {
        let endpoint = self.endpoint.as_ref()?;
        let text = |credential| kubeconfig(NAME, &endpoint.url, endpoint.pki.authority_pem(), &credential);
        Some(endpoint.pki.node(node).map(text))
    }

    /// Starts a further node.
    ///
    /// # Errors
    ///
    /// When a node of that name runs already.
    pub async fn start_node(&self, spec: NodeSpec) -> Result<(), StartError> {
        let name = spec.config.node.clone();
        let mut nodes = self.nodes.lock().await;
        if nodes.contains_key(&name) {
            return Err(StartError::NodeExists(name));
        }
        let client = self.client_as(Identity::node(&name));
        let node = Node::start(&self.env, client, self.sources.clone(), spec);
        self.local.insert(&name, node.access());
        nodes.insert(name, node);
        Ok(())
    }

    /// Stops a node's agent, as if its machine had gone: its containers run on, and the cluster will miss it.
    /// Whether there was one.
    pub async fn stop_node(&self, name: &str) -> bool {
        let node = self.nodes.lock().await.remove(name);
        self.local.remove(name);
        match node {
            Some(node) => {
                node.stop().await;
                true
            }
            None => false,
        }
    }

    /// Waits until the lead is lost that the cluster competes for with
    /// [`leader_election`](ClusterBuilder::leader_election): the control plane has stopped then, and does not start
    /// again. The API, the nodes and the network go on. Does not return otherwise.
    pub async fn leadership_lost(&self) {
        self.leadership_lost.cancelled().await;
    }

    /// Stops everything, from the nodes up to the API. Containers run on, to be found by the next start.
    pub async fn stop(mut self) {
        for (name, node) in std::mem::take(&mut *self.nodes.lock().await) {
            self.local.remove(&name);
            node.stop().await;
        }
        #[cfg(feature = "network")]
        if let Some(host) = self.host.take() {
            host.stop().await;
        }
        self.control.stop().await;
        self.informers.stop().await;
        self.serving.stop().await;
        info!("the cluster has stopped");
    }
}

impl Drop for Cluster {
    /// Clients in this process may outlive the cluster: their streams do not.
    fn drop(&mut self) {
        self.server.close();
        self.registry.close();
    }
}

fn api_server(builder: &mut ClusterBuilder, registry: &Arc<Registry>, nodes: Arc<dyn Nodes>) -> ApiServer {
    let env = builder.env.clone();
    let mut authenticators = std::mem::take(&mut builder.authenticators);
    authenticators.push(Arc::new(BootstrapTokens::new(api_server_client(registry), env.clone())));
    ApiServer::new(registry.clone(), Config { limits: builder.limits, authenticators, nodes }, env)
}

/// What the API server itself reads with.
fn api_server_client(registry: &Arc<Registry>) -> Arc<dyn Client> {
    Arc::new(DirectClient::new(registry.clone(), Identity::component("kube-apiserver")))
}

/// Sockets that are open, and certificates that fit them.
struct Listening {
    pki: Pki,
    listeners: Vec<TcpListener>,
    url: String,
    folder: PathBuf,
}

impl Listening {
    async fn open(api: &ApiAddress, env: &Environment) -> Result<Listening, StartError> {
        let mut listeners = Vec::new();
        for address in &api.listen {
            let refused = |source| StartError::Listen { address: *address, source };
            listeners.push(TcpListener::bind(address).await.map_err(refused)?);
        }
        let bound: Vec<SocketAddr> =
            listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect();
        let mut names = api.names.clone();
        names.extend(bound.iter().chain(&api.advertise).map(|address| address.ip().to_string()));
        let unusable = |source| StartError::Certificates { folder: api.folder.clone(), source };
        let pki = Pki::open(&api.folder, env, &names).map_err(unusable)?;
        let url = bound.first().map(|address| format!("https://{address}")).unwrap_or_default();
        Ok(Listening { pki, listeners, url, folder: api.folder.clone() })
    }

    /// The nodes of this process, and those that have joined.
    fn nodes(
        &self,
        local: &LocalNodes,
        registry: &Arc<Registry>,
        env: &Environment,
    ) -> Result<Arc<dyn Nodes>, StartError> {
        let unusable = |source| StartError::Certificates { folder: self.folder.clone(), source };
        let tls = Arc::new(self.pki.node_client_config().map_err(unusable)?);
        Ok(Arc::new(RemoteNodes::new(local.clone(), api_server_client(registry), tls, env.clone())))
    }

    fn serve(self, server: &ApiServer, tasks: &mut Tasks) -> Result<Endpoint, StartError> {
        let Listening { pki, listeners, url, folder } = self;
        let unusable = |source| StartError::Certificates { folder: folder.clone(), source };
        let tls = Arc::new(pki.server_config().map_err(unusable)?);
        let text = kubeconfig(NAME, &url, pki.authority_pem(), pki.admin());
        let kubeconfig = folder.join("kubeconfig");
        write_private(&kubeconfig, &text).map_err(unusable)?;
        for listener in listeners {
            let (server, tls) = (server.clone(), tls.clone());
            tasks.start("API server", |stop| async move { server.serve(listener, tls, stop).await });
        }
        Ok(Endpoint { pki, url, kubeconfig })
    }
}
