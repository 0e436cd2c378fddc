//! What this machine lends to its nodes: a container engine, a network, and a share of what it has.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use bireme::core::network::{PodNetwork, SimNetwork};
use bireme::core::quantity::Quantity;
use bireme::core::runtime::{ImageImport, SimEngine};
use bireme::kubelet::KubeletConfig;
use bireme::kubelet::host::Host;
use bireme::{Environment, HostNetwork, HostNetworkConfig, NodeSpec};

use crate::arguments::{MachineOptions, Runtime};
use crate::data::Data;
use crate::engine::{Engine, Place};

/// The machine, made ready for nodes.
pub(crate) struct Machine {
    env: Environment,
    options: MachineOptions,
    cluster: String,
    kind: Kind,
}

enum Kind {
    Real(HostNetwork),
    Sim(SimEngine),
}

impl Machine {
    /// Reaches the engine and sets the network up, or pretends to.
    pub(crate) async fn open(
        options: &MachineOptions,
        data: &Data,
        env: &Environment,
    ) -> anyhow::Result<Machine> {
        let cluster = data.cluster_id(env)?;
        let kind = match options.runtime {
            Runtime::Sim => Kind::Sim(SimEngine::new(env.clone())),
            Runtime::Docker | Runtime::Containerd => {
                // Before anything is changed on the machine.
                let engine = Engine::connect(&Place { options, data, cluster: &cluster }, "", env).await?;
                for import in &options.import {
                    let import = layer(import)?;
                    let imported = engine.runtime().import_image(&import).await;
                    imported.with_context(|| format!("importing {}", import.reference))?;
                }
                let config = HostNetworkConfig {
                    name: options.name.clone(),
                    pods: options.pod_range,
                    services: options.service_range,
                    nodes: options.node_range,
                };
                Kind::Real(HostNetwork::open(config, env).await.context("setting up the network")?)
            }
        };
        Ok(Machine { env: env.clone(), options: options.clone(), cluster, kind })
    }

    /// The network, where there is a real one.
    pub(crate) fn network(&self) -> Option<&HostNetwork> {
        match &self.kind {
            Kind::Real(network) => Some(network),
            Kind::Sim(_) => None,
        }
    }

    /// A node of this machine, one of `count` that share what it has.
    pub(crate) async fn node(
        &self,
        name: &str,
        index: u32,
        count: u32,
        data: &Data,
    ) -> anyhow::Result<NodeSpec> {
        match &self.kind {
            Kind::Real(network) => self.real_node(network, name, index, count, data).await,
            Kind::Sim(engine) => self.simulated_node(engine, name, index),
        }
    }

    async fn real_node(
        &self,
        network: &HostNetwork,
        name: &str,
        index: u32,
        count: u32,
        data: &Data,
    ) -> anyhow::Result<NodeSpec> {
        let place = network.place(index).await.with_context(|| format!("making a place for {name}"))?;
        let host = Host::machine(data.node_folder(name));
        let mut config = KubeletConfig::new(name, host);
        config.addresses = vec![place.address.into()];
        config.pod_cidr = Some(place.pods);
        config.cluster_dns = network.dns_address().into_iter().collect();
        config.capacity = share_of_machine(count);
        config.thresholds = self.options.eviction_hard;
        self.set_heartbeat(&mut config);
        let engine = self.engine(name, data).await?;
        Ok(NodeSpec { config, runtime: engine.runtime(), network: place.network })
    }

    async fn engine(&self, node: &str, data: &Data) -> anyhow::Result<Engine> {
        let place = Place { options: &self.options, data, cluster: &self.cluster };
        Engine::connect(&place, node, &self.env).await
    }

    fn simulated_node(&self, engine: &SimEngine, name: &str, index: u32) -> anyhow::Result<NodeSpec> {
        let exhausted = || format!("there is no place for node {index} in the ranges");
        let pods = self.options.pod_range.subnet(24, index.into()).with_context(exhausted)?;
        let address = self.options.node_range.nth(u128::from(index) + 1).with_context(exhausted)?;
        let mut config = KubeletConfig::new(name, Host::simulated(32, 128 << 30));
        config.addresses = vec![address];
        config.pod_cidr = Some(pods);
        self.set_heartbeat(&mut config);
        let network: Arc<dyn PodNetwork> = Arc::new(SimNetwork::new(pods));
        Ok(NodeSpec { config, runtime: Arc::new(engine.runtime(name)), network })
    }

    fn set_heartbeat(&self, config: &mut KubeletConfig) {
        let heartbeat = Duration::from_secs(self.options.heartbeat);
        config.timings.lease_renewal = heartbeat;
        config.timings.lease_duration = heartbeat * 4;
    }

    /// Removes the cluster's containers and network, unless they are to be kept.
    pub(crate) async fn clean_up(self, data: &Data) -> anyhow::Result<()> {
        let Kind::Real(network) = &self.kind else { return Ok(()) };
        if self.options.keep {
            return Ok(());
        }
        self.remove_containers(data).await?;
        network.teardown().await.context("removing the cluster's network")
    }

    /// Removes one node's containers and links, unless they are to be kept. What the machine's other nodes use
    /// stays.
    pub(crate) async fn leave(self, pods: &dyn PodNetwork, data: &Data) -> anyhow::Result<()> {
        if self.options.keep || self.network().is_none() {
            return Ok(());
        }
        self.remove_containers(data).await?;
        for attachment in pods.attachments().await? {
            pods.detach(&attachment.sandbox).await?;
        }
        Ok(())
    }

    async fn remove_containers(&self, data: &Data) -> anyhow::Result<()> {
        let engine = self.engine("", data).await?;
        engine.remove_cluster().await.context("removing the cluster's containers")
    }
}

/// `NAME=LAYER.tar`
fn layer(import: &str) -> anyhow::Result<ImageImport> {
    let (reference, file) = import.split_once('=').with_context(|| format!("--import {import}: no ="))?;
    let layer = std::fs::read(Path::new(file)).with_context(|| format!("--import {import}"))?;
    Ok(ImageImport {
        reference: reference.to_owned(),
        layer: layer.into(),
        entrypoint: Vec::new(),
        command: vec!["/bin/sh".to_owned()],
        env: vec![("PATH".to_owned(), "/bin:/usr/bin:/sbin:/usr/sbin".to_owned())],
    })
}

/// An equal part of the machine's CPUs and memory for each of its nodes; all of it for a single one.
fn share_of_machine(count: u32) -> Option<BTreeMap<String, Quantity>> {
    if count <= 1 {
        return None;
    }
    let cpus = std::thread::available_parallelism().map_or(1, usize::from) as i64;
    let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kibibytes = total.and_then(|total| total.trim().trim_end_matches("kB").trim().parse::<i64>().ok())?;
    let share = i64::from(count);
    Some(BTreeMap::from([
        ("cpu".to_owned(), Quantity::from_millis(cpus * 1000 / share)),
        ("memory".to_owned(), Quantity::bytes(kibibytes * 1024 / share)),
    ]))
}
