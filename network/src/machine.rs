//! What the nodes of one machine share.

use std::net::Ipv4Addr;

use bireme_core::Environment;
use bireme_core::network::{Cidr, NetworkError};

use crate::firewall::Firewall;
use crate::kernel::{Kernel, Link};
use crate::naming::Label;
use crate::refusal::Refusal as _;

/// Where addresses of the machine itself need no other device.
const LOOPBACK: &str = "lo";
const FORWARDING: &str = "/proc/sys/net/ipv4/ip_forward";

/// How a cluster appears on a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineConfig {
    /// Tells the cluster's links and rules from everybody else's on the machine: one to twelve letters, digits and
    /// dashes.
    pub name: String,
    /// The range of all pods of the cluster. Packets from it to the rest of the world are translated.
    pub cluster_range: Cidr,
    /// The addresses of services. The machine has a route to them, without which its own processes could not even
    /// begin to speak to one before the packet is translated, where there is no default route.
    pub service_range: Cidr,
}

impl Default for MachineConfig {
    /// `bireme`, with pods in 10.244.0.0/16 and services in 10.96.0.0/16.
    fn default() -> Self {
        let range =
            |second| Cidr::new([10, second, 0, 0].into(), 16).expect("no bit is set behind the prefix");
        Self { name: "bireme".to_owned(), cluster_range: range(244), service_range: range(96) }
    }
}

/// The part of the network that all nodes of one cluster on one machine share: forwarding, translation, the
/// firewall, and the addresses of nodes and of cluster DNS, which are kept on the loopback device.
///
/// Nothing of it goes away with the value: connections outlive the agent. [`teardown`](Self::teardown) removes it.
#[derive(Clone)]
pub struct Machine {
    config: MachineConfig,
    kernel: Kernel,
    env: Environment,
}

impl Machine {
    /// Connects to the kernel, and changes nothing yet. The pods' namespaces will be spoken to from tasks of `env`, on a
    /// tokio runtime with I/O.
    ///
    /// # Errors
    /// [`NetworkError::Refused`] when there is no such connection, or the configuration cannot be used.
    pub fn open(config: MachineConfig, env: &Environment) -> Result<Self, NetworkError> {
        check(&config)?;
        let kernel = Kernel::connect().refused("open a connection to", "the kernel's routing tables")?;
        Ok(Self { config, kernel, env: env.clone() })
    }

    /// Turns forwarding on and puts the rules in place. Idempotent.
    ///
    /// Where Docker's chain `DOCKER-USER` exists, forwarded packets of pods are accepted there, else in `FORWARD`.
    ///
    /// # Errors
    /// [`NetworkError::Refused`] names what failed, as when the process is not privileged.
    pub async fn prepare(&self) -> Result<(), NetworkError> {
        let forwarding = std::fs::read_to_string(FORWARDING).refused("read", FORWARDING)?;
        // Not written when it is on already: the system's files may be read-only.
        if forwarding.trim() != "1" {
            std::fs::write(FORWARDING, "1").refused("turn on", FORWARDING)?;
        }
        self.firewall().ensure().await?;
        let loopback = self.kernel.existing_link(LOOPBACK).await?.index;
        let services = self.config.service_range;
        self.kernel.ensure_range_route(services, loopback).await.refused("add the route", services)
    }

    /// Makes `address` one of this machine's own, for a node or for cluster DNS. Idempotent.
    ///
    /// # Errors
    /// [`NetworkError::Refused`].
    pub async fn ensure_address(&self, address: Ipv4Addr) -> Result<(), NetworkError> {
        let loopback = self.kernel.existing_link(LOOPBACK).await?.index;
        let added = self.kernel.ensure_address(loopback, address, Some(&self.address_label())).await;
        added.refused("add the address", address)
    }

    /// Takes `address` from this machine. Idempotent.
    ///
    /// # Errors
    /// [`NetworkError::Refused`].
    pub async fn remove_address(&self, address: Ipv4Addr) -> Result<(), NetworkError> {
        let removed = self.kernel.remove_addresses(&self.address_label(), Some(address)).await;
        removed.refused("remove the address", address)
    }

    /// Removes everything that the cluster made on this machine, by this value or any before it: pods' links,
    /// routes, addresses, rules. Forwarding stays on, since others may have come to rely on it. Idempotent.
    ///
    /// # Errors
    /// [`NetworkError::Refused`] names what could not be removed; the rest may still be there.
    pub async fn teardown(&self) -> Result<(), NetworkError> {
        for (link, _) in self.labelled().await? {
            self.kernel.delete_link(link.index).await.refused("delete the link", &link.name)?;
        }
        for range in [self.config.cluster_range, self.config.service_range] {
            self.kernel.remove_our_routes(range).await.refused("remove the routes to", range)?;
        }
        let label = self.address_label();
        self.kernel.remove_addresses(&label, None).await.refused("remove the addresses labelled", &label)?;
        self.firewall().remove().await
    }

    /// The links of this cluster's pods on this machine, of all nodes.
    pub(crate) async fn labelled(&self) -> Result<Vec<(Link, Label)>, NetworkError> {
        let links = self.kernel.links().await.refused("list", "links")?;
        let ours = |link: Link| {
            let label = Label::parse(link.alias.as_deref()?)?;
            (label.machine == self.config.name).then_some((link, label))
        };
        Ok(links.into_iter().filter_map(ours).collect())
    }

    pub(crate) fn config(&self) -> &MachineConfig {
        &self.config
    }

    pub(crate) fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    pub(crate) fn env(&self) -> &Environment {
        &self.env
    }

    pub(crate) fn firewall(&self) -> Firewall {
        Firewall::new(&self.config.name, self.config.cluster_range)
    }

    /// What the kernel lists the machine's addresses with; it must begin with the device's name and a colon.
    fn address_label(&self) -> String {
        format!("{LOOPBACK}:{}", self.config.name)
    }
}

/// Why a [`MachineConfig`] or a node's range cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("the name is not one to twelve letters, digits and dashes")]
    Name,
    #[error("this network carries IPv4 only")]
    Family,
    #[error("it is not a part of the cluster's range {0}")]
    Outside(Cidr),
}

fn check(config: &MachineConfig) -> Result<(), NetworkError> {
    let name = &config.name;
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if !plain || !(1..=12).contains(&name.len()) || name.starts_with('-') {
        return Err(ConfigError::Name).refused("use the name", format!("{name:?}"));
    }
    for range in [config.cluster_range, config.service_range] {
        if !range.is_ipv4() {
            return Err(ConfigError::Family).refused("use the range", range);
        }
    }
    Ok(())
}
