//! How the API server finds the kubelets of other processes.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use bireme_core::Environment;
use bireme_core::client::Client;
use bireme_core::error::{ApiError, Reason};
use bireme_core::node_access::{LocalNodes, NodeAccess, Nodes};
use bireme_core::object::{Kind, ObjectKey};
use k8s_openapi::api::core::v1::{Node, NodeStatus};
use rustls::ClientConfig;
use tokio_rustls::TlsConnector;

use super::remote::RemoteNode;

/// The nodes of this process, and those that say in their status where their API is.
#[derive(Clone)]
pub struct RemoteNodes {
    local: LocalNodes,
    client: Arc<dyn Client>,
    tls: TlsConnector,
    env: Environment,
}

impl RemoteNodes {
    /// `local` are reached directly; `client` reads where the others are; `tls` is of
    /// [`Pki::node_client_config`](crate::pki::Pki::node_client_config).
    pub fn new(
        local: LocalNodes,
        client: Arc<dyn Client>,
        tls: Arc<ClientConfig>,
        env: Environment,
    ) -> RemoteNodes {
        Self { local, client, tls: TlsConnector::from(tls), env }
    }
}

#[async_trait]
impl Nodes for RemoteNodes {
    async fn access(&self, node: &str) -> Result<Arc<dyn NodeAccess>, ApiError> {
        if let Ok(access) = self.local.access(node).await {
            return Ok(access);
        }
        let object = self.client.get(Kind::of::<Node>(), &ObjectKey::cluster(node)).await;
        let object = object.map_err(|error| match error.is_not_found() {
            true => ApiError::new(Reason::ServiceUnavailable, format!("node \"{node}\" does not exist")),
            false => error,
        })?;
        let typed = object.typed::<Node>()?;
        let address = typed.status.as_ref().and_then(api_address).ok_or_else(|| {
            let message = format!("node \"{node}\" does not say at which address it can be reached");
            ApiError::new(Reason::ServiceUnavailable, message)
        })?;
        Ok(Arc::new(RemoteNode {
            name: node.to_owned(),
            address,
            tls: self.tls.clone(),
            env: self.env.clone(),
        }))
    }
}

/// Where a node says that its API is.
fn api_address(status: &NodeStatus) -> Option<SocketAddr> {
    let port = status.daemon_endpoints.as_ref()?.kubelet_endpoint.as_ref()?.port;
    let port = u16::try_from(port).ok().filter(|port| *port != 0)?;
    let addresses = status.addresses.iter().flatten().filter(|address| address.type_ == "InternalIP");
    let address = addresses.filter_map(|address| address.address.parse::<IpAddr>().ok()).next()?;
    Some(SocketAddr::new(address, port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_node_is_found_at_its_internal_address_and_port() {
        let at = |status: serde_json::Value| api_address(&serde_json::from_value(status).unwrap());
        let addresses = json!([
            {"type": "Hostname", "address": "n1"}, {"type": "InternalIP", "address": "192.0.2.7"},
        ]);
        let port = |port: u32| json!({"kubeletEndpoint": {"Port": port}});
        assert_eq!(
            at(json!({"addresses": addresses, "daemonEndpoints": port(10250)})),
            Some("192.0.2.7:10250".parse().unwrap())
        );
        assert_eq!(at(json!({"addresses": addresses, "daemonEndpoints": port(0)})), None);
        assert_eq!(at(json!({"addresses": addresses})), None);
        assert_eq!(at(json!({"daemonEndpoints": port(10250)})), None);
    }
}
