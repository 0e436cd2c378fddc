//! Nodes of a cluster.

use std::sync::Arc;

use bireme_apiserver::node::NodeServer;
use bireme_apiserver::pki::{NodeCredential, PkiError};
use bireme_core::Environment;
use bireme_core::client::Client;
use bireme_core::network::PodNetwork;
use bireme_core::node_access::NodeAccess;
use bireme_core::runtime::Runtime;
use bireme_kubelet::{Kubelet, KubeletConfig, Sources};
use tokio::net::TcpListener;
use tracing::error;

use crate::tasks::Tasks;

/// A node to be: what its kubelet is told, the engine that runs its containers, and its pods' network.
pub struct NodeSpec {
    /// What the kubelet is told.
    pub config: KubeletConfig,
    /// What runs its containers.
    pub runtime: Arc<dyn Runtime>,
    /// What gives its pods addresses.
    pub network: Arc<dyn PodNetwork>,
}

impl NodeSpec {
    /// A node without a machine: 32 CPUs, 128 GiB, containers that are only remembered. For tests, for operators
    /// under development, and for trying a scheduler.
    pub fn simulated(name: &str) -> Self {
        use bireme_core::network::{Cidr, SimNetwork};
        use bireme_core::runtime::SimEngine;
        use bireme_kubelet::host::Host;

        let pods = Cidr::new([10, 244, 0, 0].into(), 16).expect("no bit is set behind the prefix");
        let config = KubeletConfig::new(name, Host::simulated(32, 128 << 30));
        let engine = SimEngine::new(Environment::system());
        Self { config, runtime: Arc::new(engine.runtime(name)), network: Arc::new(SimNetwork::new(pods)) }
    }
}

/// A running node agent.
pub struct Node {
    env: Environment,
    access: Arc<dyn NodeAccess>,
    tasks: Tasks,
}

impl Node {
    /// Starts a node's agent. `client` should carry the node's own identity.
    pub fn start(env: &Environment, client: Arc<dyn Client>, sources: Sources, spec: NodeSpec) -> Self {
        let kubelet = Kubelet::new(spec.config, env.clone(), client, sources, spec.runtime, spec.network);
        let access = kubelet.node_access();
        let mut tasks = Tasks::new(env);
        tasks.start("kubelet", |stop| async move {
            if let Err(failure) = kubelet.run(stop).await {
                error!(%failure, "a node's agent has ended: nobody looks after its pods");
            }
        });
        Self { env: env.clone(), access, tasks }
    }

    /// How to reach into the node's containers.
    pub fn access(&self) -> Arc<dyn NodeAccess> {
        self.access.clone()
    }

    /// Serves the node's own API, through which an API server of another process reaches its containers. The
    /// node's status says where that is by the first of its `addresses` and its `port`, which are for the caller
    /// to set.
    ///
    /// # Errors
    ///
    /// When the certificates of the credential do not fit together.
    pub fn serve(&mut self, listener: TcpListener, credential: &NodeCredential) -> Result<(), PkiError> {
        let tls = Arc::new(credential.server_config()?);
        let server = NodeServer::new(self.access(), self.env.clone());
        self.tasks.start("node API", |stop| async move { server.serve(listener, tls, stop).await });
        Ok(())
    }

    /// Stops the agent. What runs on the node goes on running.
    pub async fn stop(mut self) {
        self.tasks.stop().await;
    }
}
