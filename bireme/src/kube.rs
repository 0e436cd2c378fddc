//! kube-rs' client, without a socket.

use bireme_core::client::Identity;

use crate::Cluster;

/// The namespace of those who name none.
const NAMESPACE: &str = "default";

impl Cluster {
    /// A client of kube-rs with an administrator's rights, on the same API that is served over HTTPS, without a
    /// socket: what a test of an operator needs. Sessions in containers work like all else.
    ///
    /// It may outlive the cluster: then its watches have ended, and new ones are refused.
    ///
    /// # Panics
    ///
    /// Outside of a Tokio runtime, which kube-rs starts a task on.
    pub fn kube_client(&self) -> kube::Client {
        self.kube_client_as(Identity::admin("kubernetes-admin"))
    }

    /// The same with another identity, so that what it may do is tested, too.
    ///
    /// # Panics
    ///
    /// Outside of a Tokio runtime.
    pub fn kube_client_as(&self, identity: Identity) -> kube::Client {
        kube::Client::new(self.server().service_as(identity), NAMESPACE)
    }
}
