//! One node's pod network.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use async_trait::async_trait;
use bireme_core::network::{
    AddressPool, AttachRequest, Attachment, Cidr, HostPort, NetworkError, PodNetwork,
};
use tokio::sync::Mutex;

use crate::host_ports::HostPorts;
use crate::kernel::{Kernel, Link};
use crate::machine::{ConfigError, Machine};
use crate::namespace::Namespace;
use crate::naming::{GATEWAY, HOST_MAC, Label, POD_LINK, host_link, pod_mac};
use crate::refusal::Refusal as _;

/// What is a node's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeConfig {
    /// The addresses of the node's pods: a part of the cluster's range that no other node has.
    pub pod_range: Cidr,
    /// Where packets from the machine itself to the node's pods come from, such as probes: an address that
    /// [`Machine::ensure_address`] has made the machine's. `None` leaves the choice to the kernel.
    pub source: Option<Ipv4Addr>,
}

/// A node's [`PodNetwork`] of veth pairs and /32 routes.
///
/// Clones are the same network. Two values for one range, as of two agents, are safe one after another, not at
/// the same time.
#[derive(Clone)]
pub struct RoutedNetwork {
    machine: Machine,
    node: NodeConfig,
    /// Whose turn an address is. Held while links are made or removed, which the kernel does one at a time anyway.
    pool: Arc<Mutex<AddressPool>>,
    ports: Arc<Mutex<HostPorts>>,
}

impl RoutedNetwork {
    /// The network of a node on `machine`, which must have been [prepared](Machine::prepare). Has the kernel answer
    /// "unreachable" at once for addresses of the range that no pod has. Idempotent.
    ///
    /// # Errors
    /// [`NetworkError::Refused`].
    pub async fn start(machine: &Machine, node: NodeConfig) -> Result<Self, NetworkError> {
        let range = node.pod_range;
        let cluster = machine.config().cluster_range;
        if !cluster.contains_range(&range) {
            return Err(ConfigError::Outside(cluster)).refused("use the range", range);
        }
        machine.kernel().ensure_unreachable(range).await.refused("add the route", range)?;
        let pool = Arc::new(Mutex::new(AddressPool::new(range)));
        let ports = Arc::new(Mutex::new(HostPorts::read(machine.firewall().table().to_owned()).await?));
        Ok(Self { machine: machine.clone(), node, pool, ports })
    }

    /// The links of this node's pods.
    async fn labelled(&self) -> Result<Vec<(Link, Label)>, NetworkError> {
        let mut links = self.machine.labelled().await?;
        links.retain(|(_, label)| self.node.pod_range.contains(label.address.into()));
        Ok(links)
    }

    async fn attach_inside(
        &self,
        request: &AttachRequest,
        pod: &Namespace,
    ) -> Result<Ipv4Addr, NetworkError> {
        let mut pool = self.pool.lock().await;
        let links = self.labelled().await?;
        let label = match links.iter().find(|(_, label)| label.sandbox == request.sandbox) {
            Some((_, label)) => label.clone(),
            None => self.allocate(&mut pool, &links, &request.sandbox).await?,
        };
        let connected = match self.connect(&label, pod).await {
            Ok(()) => self.lead(label.address, &request.host_ports).await,
            error => error,
        };
        if connected.is_err() {
            // The error that is on its way out says more than one of this attempt to leave nothing behind.
            if let Err(error) = self.remove(&request.sandbox).await {
                tracing::warn!(pod = request.pod, %error, "what was made of a pod's link stays behind");
            }
        }
        connected.map(|()| label.address)
    }

    async fn allocate(
        &self,
        pool: &mut AddressPool,
        links: &[(Link, Label)],
        sandbox: &str,
    ) -> Result<Label, NetworkError> {
        let range = self.node.pod_range;
        let routed = self.machine.kernel().routed_addresses(range).await.refused("list", "routes")?;
        pool.hold_exactly(links.iter().map(|(_, label)| label.address.into()).chain(routed));
        let Some(IpAddr::V4(address)) = pool.allocate() else {
            return Err(NetworkError::Exhausted { range });
        };
        let machine = self.machine.config().name.clone();
        Ok(Label { machine, address, sandbox: sandbox.to_owned() })
    }

    /// Makes the link as `label` says, or whatever of it is missing.
    async fn connect(&self, label: &Label, pod: &Namespace) -> Result<(), NetworkError> {
        let host = self.machine.kernel();
        let link = self.ensure_pair(host, label, pod).await?;
        // The pod's end first: the host's end then comes up with its other end there, and the link works at once.
        configure_pod(pod.kernel(), label.address).await?;
        host.set_up(link.index).await.refused("bring up the link", &link.name)?;
        let mac = pod_mac(label.address);
        host.ensure_neighbour(link.index, label.address, mac)
            .await
            .refused("add the neighbour", label.address)?;
        let routed = host.ensure_host_route(label.address, link.index, self.node.source).await;
        routed.refused("add the route", label.address)
    }

    async fn ensure_pair(&self, host: &Kernel, label: &Label, pod: &Namespace) -> Result<Link, NetworkError> {
        let name = host_link(&label.sandbox);
        let find = "find the link";
        if let Some(link) = host.link(&name).await.refused(find, &name)? {
            let inside = pod.kernel().link(POD_LINK).await.refused(find, POD_LINK)?;
            let whole = link.alias.as_deref() == Some(&label.to_string());
            if whole && inside.is_some_and(|inside| inside.peer == Some(link.index)) {
                return Ok(link);
            }
            // Unlabelled, so cut short, or its other end is in the namespace of a sandbox's earlier life.
            host.delete_link(link.index).await.refused("delete the link", &name)?;
        }
        host.add_pair(&name, pod, label.address).await.refused("create the link", &name)?;
        let link = host.existing_link(&name).await?;
        host.set_alias(link.index, label.to_string()).await.refused("label the link", &name)?;
        Ok(link)
    }

    async fn lead(&self, pod: Ipv4Addr, ports: &[HostPort]) -> Result<(), NetworkError> {
        self.ports.lock().await.lead(pod, self.node.source, ports).await
    }

    /// The link goes last, so that it still shows what else may be there.
    async fn remove(&self, sandbox: &str) -> Result<(), NetworkError> {
        let (host, name) = (self.machine.kernel(), host_link(sandbox));
        let Some(link) = host.link(&name).await.refused("find the link", &name)? else { return Ok(()) };
        if let Some(label) = link.alias.as_deref().and_then(Label::parse) {
            self.lead(label.address, &[]).await?;
        }
        host.delete_link(link.index).await.refused("delete the link", &name)
    }
}

/// Brings up loopback and the pod's end, with its address and its default route.
async fn configure_pod(pod: &Kernel, address: Ipv4Addr) -> Result<(), NetworkError> {
    let loopback = pod.existing_link("lo").await?.index;
    pod.set_up(loopback).await.refused("bring up the pod's link", "lo")?;
    let link = pod.existing_link(POD_LINK).await?.index;
    pod.set_up(link).await.refused("bring up the pod's link", POD_LINK)?;
    pod.ensure_address(link, address, None).await.refused("add the pod's address", address)?;
    pod.ensure_neighbour(link, GATEWAY, HOST_MAC).await.refused("add the pod's neighbour", GATEWAY)?;
    pod.ensure_host_route(GATEWAY, link, None).await.refused("add the pod's route", GATEWAY)?;
    let routed = pod.ensure_default_route(GATEWAY, link).await;
    routed.refused("add the pod's default route through", GATEWAY)
}

#[async_trait]
impl PodNetwork for RoutedNetwork {
    async fn attach(&self, request: &AttachRequest) -> Result<IpAddr, NetworkError> {
        request.check()?;
        let pod = Namespace::open(&request.netns, self.machine.env()).await.map_err(|source| {
            NetworkError::Namespace { pod: request.pod.clone(), netns: request.netns.clone(), source }
        })?;
        self.attach_inside(request, &pod).await.map(IpAddr::V4)
    }

    async fn detach(&self, sandbox: &str) -> Result<(), NetworkError> {
        let _turn = self.pool.lock().await;
        self.remove(sandbox).await
    }

    async fn attachments(&self) -> Result<Vec<Attachment>, NetworkError> {
        let links = self.labelled().await?.into_iter();
        let mut attached: Vec<_> = links
            .map(|(_, label)| Attachment { sandbox: label.sandbox, address: label.address.into() })
            .collect();
        attached.sort();
        Ok(attached)
    }
}
