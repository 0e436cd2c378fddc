//! The network of the pods and Services on this machine.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use bireme_core::Environment;
use bireme_core::cache::Informers;
use bireme_core::network::{Cidr, NetworkError, PodNetwork};
use bireme_network::{Machine, MachineConfig, NodeConfig, RoutedNetwork};
use bireme_proxy::dns::{Dns, DnsConfig, upstreams_of};
use bireme_proxy::nft::Nft;
use bireme_proxy::{Proxy, ProxyConfig};
use tracing::error;

use crate::StartError;
use crate::tasks::Tasks;

/// How many bits of an address are fixed in one node's range of pods.
const PODS_OF_NODE: u8 = 24;
/// Who answers for names outside the cluster.
const RESOLV_CONF: &str = "/etc/resolv.conf";

/// The ranges of a cluster on one machine.
#[derive(Clone, Debug)]
pub struct HostNetworkConfig {
    /// Tells the cluster's links and rules from others' on the machine.
    pub name: String,
    /// All pods.
    pub pods: Cidr,
    /// All Services.
    pub services: Cidr,
    /// The nodes of this machine: the first gets the first address.
    pub nodes: Cidr,
}

impl Default for HostNetworkConfig {
    /// `bireme`; pods in 10.244.0.0/16, Services in 10.96.0.0/16, nodes in 10.245.0.0/24.
    fn default() -> Self {
        let range = |second, prefix| {
            Cidr::new([10, second, 0, 0].into(), prefix).expect("no bit is set behind the prefix")
        };
        Self {
            name: "bireme".to_owned(),
            pods: range(244, 16),
            services: range(96, 16),
            nodes: range(245, 24),
        }
    }
}

/// Links, routes, rules and names for the pods and Services of this machine (Linux, root).
///
/// Nothing of it goes away when a cluster stops, for connections outlive the agent; [`teardown`](Self::teardown)
/// removes it.
#[derive(Clone)]
pub struct HostNetwork {
    config: HostNetworkConfig,
    machine: Machine,
}

/// A place for one node on the machine.
pub struct NodePlace {
    /// The node's own address.
    pub address: Ipv4Addr,
    /// The range of its pods.
    pub pods: Cidr,
    /// What gives its pods addresses.
    pub network: Arc<dyn PodNetwork>,
}

impl HostNetwork {
    /// Prepares the machine: forwarding, translation, firewall, routes. Idempotent.
    ///
    /// # Errors
    ///
    /// When the process may not, or a range is taken.
    pub async fn open(config: HostNetworkConfig, env: &Environment) -> Result<Self, NetworkError> {
        let machine = MachineConfig {
            name: config.name.clone(),
            cluster_range: config.pods,
            service_range: config.services,
        };
        let machine = Machine::open(machine, env)?;
        machine.prepare().await?;
        Ok(Self { config, machine })
    }

    /// The ranges.
    pub fn config(&self) -> &HostNetworkConfig {
        &self.config
    }

    /// Where pods find cluster DNS: the tenth address of the Services.
    pub fn dns_address(&self) -> Option<IpAddr> {
        self.config.services.nth(10)
    }

    /// The place of the machine's node number `index`, which counts from zero.
    ///
    /// # Errors
    ///
    /// When the ranges have no such place, or the kernel refuses.
    pub async fn place(&self, index: u32) -> Result<NodePlace, NetworkError> {
        let exhausted = |range: Cidr| NetworkError::Exhausted { range };
        let Some(IpAddr::V4(address)) = self.config.nodes.nth(u128::from(index) + 1) else {
            return Err(exhausted(self.config.nodes));
        };
        let pods =
            self.config.pods.subnet(PODS_OF_NODE, index.into()).ok_or_else(|| exhausted(self.config.pods))?;
        self.machine.ensure_address(address).await?;
        let node = NodeConfig { pod_range: pods, source: Some(address) };
        let network = Arc::new(RoutedNetwork::start(&self.machine, node).await?);
        Ok(NodePlace { address, pods, network })
    }

    /// Starts the service proxy and cluster DNS. One of them does for all nodes of the machine.
    ///
    /// # Errors
    ///
    /// When cluster DNS cannot listen on its address.
    pub async fn serve(&self, env: &Environment, informers: &Informers) -> Result<HostServices, StartError> {
        let mut tasks = Tasks::new(env);
        let proxy = ProxyConfig { table: self.config.name.clone(), service_range: self.config.services };
        let proxy = Proxy::new(proxy, env, informers);
        tasks.start("service proxy", |stop| async move {
            if let Err(failure) = proxy.run(stop).await {
                error!(%failure, "the service proxy has ended: Services are as they were last");
            }
        });
        if let Some(IpAddr::V4(address)) = self.dns_address() {
            self.machine.ensure_address(address).await?;
            let upstreams = std::fs::read_to_string(RESOLV_CONF).map(|text| upstreams_of(&text));
            let config = DnsConfig {
                listen: (address, 53).into(),
                upstreams: upstreams.unwrap_or_default(),
                ..DnsConfig::default()
            };
            let dns = Dns::bind(config, env, informers).await?;
            tasks.start("cluster DNS", |stop| async move {
                if let Err(failure) = dns.run(stop).await {
                    error!(%failure, "cluster DNS has ended: names are no longer answered");
                }
            });
        }
        Ok(HostServices { tasks })
    }

    /// Removes everything that the cluster made on this machine: links, routes, addresses, rules. Idempotent.
    ///
    /// # Errors
    ///
    /// Names what could not be removed; the rest may still be there.
    pub async fn teardown(&self) -> Result<(), StartError> {
        Nft::new(&self.config.name, self.config.services).remove().await?;
        Ok(self.machine.teardown().await?)
    }
}

/// The service proxy and cluster DNS of a machine, running.
pub struct HostServices {
    tasks: Tasks,
}

impl HostServices {
    /// Stops them. The Services' rules stay as they are.
    pub async fn stop(mut self) {
        self.tasks.stop().await;
    }
}
