//! Clusters, in process or over HTTPS.

use std::sync::Arc;
use std::time::Duration;

use bireme::core::runtime::{ContainerSpec, SimEngine, SimProcess, SimScript};
use bireme::{ApiAddress, Cluster, Environment, NodeSpec};
use kube::Client;
use kube::config::{Config, KubeConfigOptions, Kubeconfig};
use tempfile::TempDir;

/// Nothing that a test waits for takes longer.
const LIMIT: Duration = Duration::from_secs(30);

/// A cluster and a client of kube-rs.
pub struct Rig {
    pub cluster: Cluster,
    pub client: Client,
    _folder: Option<TempDir>,
}

impl Rig {
    /// A cluster that nothing listens for.
    pub async fn in_process() -> Rig {
        let cluster = Cluster::builder().node(node()).start().await.unwrap();
        Rig { client: cluster.kube_client(), cluster, _folder: None }
    }

    /// A cluster that is spoken to as its kubeconfig says.
    pub async fn over_https() -> Rig {
        let (cluster, folder) = listening().await;
        let kubeconfig = Kubeconfig::read_from(cluster.kubeconfig().unwrap()).unwrap();
        let options = KubeConfigOptions::default();
        let mut config = Config::from_custom_kubeconfig(kubeconfig, &options).await.unwrap();
        // What is refused for now is to be seen, not tried again.
        config.default_retry = false;
        Rig { client: Client::try_from(config).unwrap(), cluster, _folder: Some(folder) }
    }

    /// Runs a test within the limit of time, and stops the cluster.
    pub async fn run(self, test: impl AsyncFnOnce(Client)) {
        let Rig { cluster, client, _folder } = self;
        within(test(client)).await;
        cluster.stop().await;
    }
}

/// A cluster with an address on this machine.
pub async fn listening() -> (Cluster, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let api = ApiAddress {
        listen: vec![([127, 0, 0, 1], 0).into()],
        advertise: None,
        names: Vec::new(),
        folder: folder.path().join("pki"),
    };
    let cluster = Cluster::builder().api(api).node(node()).start().await.unwrap();
    (cluster, folder)
}

/// What happens in time.
pub async fn within<T>(work: impl Future<Output = T>) -> T {
    Environment::system().timeout(LIMIT, work).await.expect("it happens in time")
}

/// A node whose containers write three lines.
fn node() -> NodeSpec {
    let engine = SimEngine::with_script(Environment::system(), Talkative);
    NodeSpec { runtime: Arc::new(engine.runtime("node-1")), ..NodeSpec::simulated("node-1") }
}

struct Talkative;

impl SimScript for Talkative {
    fn process(&self, spec: &ContainerSpec) -> SimProcess {
        let output = ["one", "two", "three"].map(str::to_owned).to_vec();
        SimProcess { output, ..SimProcess::of_image(&spec.image) }
    }
}
