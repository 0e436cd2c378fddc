//! Whole clusters, and each way to their API.

use std::any::Any;
use std::sync::Arc;

use async_trait::async_trait;
use bireme::client::RemoteClient;
use bireme::core::conformance::client;
use bireme::core::store::Store;
use bireme::{ApiAddress, Client, Cluster};
use tempfile::TempDir;

/// How a client reaches the API.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// By calls that pass `Arc`s.
    Direct,
    /// By HTTP without a socket.
    InProcess,
    /// By HTTPS, as the kubeconfig says.
    Https,
}

/// A cluster without nodes, with all its controllers.
pub struct Rig {
    cluster: Cluster,
    way: Way,
    _folder: TempDir,
    _store: Box<dyn Any + Send + Sync>,
}

impl Rig {
    /// Starts a cluster on a store, and keeps what the store needs.
    pub async fn start(way: Way, store: impl Store, needs: impl Any + Send + Sync) -> Rig {
        let folder = tempfile::tempdir().unwrap();
        let mut builder = Cluster::builder().store(store);
        if way == Way::Https {
            builder = builder.api(ApiAddress {
                listen: vec![([127, 0, 0, 1], 0).into()],
                advertise: None,
                names: Vec::new(),
                folder: folder.path().join("pki"),
            });
        }
        Rig { cluster: builder.start().await.unwrap(), way, _folder: folder, _store: Box::new(needs) }
    }
}

#[async_trait]
impl client::Rig for Rig {
    async fn client(&self) -> Arc<dyn Client> {
        match self.way {
            Way::Direct => self.cluster.client(),
            Way::InProcess => Arc::new(RemoteClient::new(self.cluster.kube_client(), "conformance")),
            Way::Https => {
                let kubeconfig = self.cluster.kubeconfig().unwrap();
                Arc::new(RemoteClient::from_kubeconfig(kubeconfig, "conformance").await.unwrap())
            }
        }
    }
}
