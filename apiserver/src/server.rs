//! The server as a whole: what it is made of, and how it is started.

use std::sync::Arc;

use bireme_core::Environment;
use bireme_core::client::Identity;
use bireme_core::node_access::{LocalNodes, Nodes};
use bireme_registry::Registry;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::authenticate::{Authenticator, ClientCertificates};
use crate::discovery::Discovery;
use crate::kinds::KindIndex;
use crate::limits::{InFlight, Limits};
use crate::metrics::Metrics;
use crate::openapi::OpenApi;
use crate::service::ApiService;

/// How an [`ApiServer`] behaves.
#[derive(Clone)]
pub struct Config {
    /// What clients may use up.
    pub limits: Limits,
    /// Who says who sends a request; the first that knows.
    pub authenticators: Vec<Arc<dyn Authenticator>>,
    /// Where the kubelets are found.
    pub nodes: Arc<dyn Nodes>,
}

impl Default for Config {
    /// The usual limits, clients that show a certificate, and no nodes.
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            authenticators: vec![Arc::new(ClientCertificates)],
            nodes: Arc::new(LocalNodes::default()),
        }
    }
}

/// The Kubernetes API over HTTP, for a [`Registry`].
///
/// Cheap to clone; clones are the same server.
#[derive(Clone)]
pub struct ApiServer {
    pub(crate) api: Arc<Api>,
}

/// What all requests share.
pub(crate) struct Api {
    pub(crate) registry: Arc<Registry>,
    pub(crate) config: Config,
    pub(crate) env: Environment,
    pub(crate) kinds: KindIndex,
    pub(crate) discovery: Discovery,
    pub(crate) openapi: OpenApi,
    pub(crate) metrics: Metrics,
    pub(crate) in_flight: InFlight,
    pub(crate) streams: Arc<Semaphore>,
    /// Ends the streams when the server stops.
    pub(crate) closing: CancellationToken,
}

impl ApiServer {
    /// A server for a registry. It listens nowhere until [`serve`](ApiServer::serve) is called.
    pub fn new(registry: Arc<Registry>, config: Config, env: Environment) -> Self {
        let kinds = KindIndex::new(registry.kinds().cloned().collect());
        let api = Api {
            discovery: Discovery::new(&kinds),
            openapi: OpenApi::new(&kinds),
            kinds,
            metrics: Metrics::default(),
            in_flight: InFlight::new(config.limits),
            streams: Arc::new(Semaphore::new(config.limits.streams)),
            closing: CancellationToken::new(),
            registry,
            config,
            env,
        };
        Self { api: Arc::new(api) }
    }

    /// The server as a service. Whom a client's certificate names is an [`Identity`] in the extensions of each
    /// request, which the authenticators find there; who sends a request that none of them knows is refused (401),
    /// but for the health endpoints and `/version`.
    pub fn service(&self) -> ApiService {
        ApiService { api: self.api.clone(), identity: None }
    }

    /// The server as a service for one user of the same process, who is not authenticated: a client can be put on
    /// it with no socket and no certificates between. Requests that take over their connection get one within the
    /// process; like those of sockets, it is served by tasks of their own.
    pub fn service_as(&self, identity: Identity) -> ApiService {
        ApiService { api: self.api.clone(), identity: Some(identity) }
    }

    /// Ends all streams, such as watches and sessions in containers; further ones end at once. What listens does
    /// this by itself when it stops.
    pub fn close(&self) {
        self.api.closing.cancel();
    }
}
