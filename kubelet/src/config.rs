//! What a node is told when it starts.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use bireme_core::network::Cidr;
use bireme_core::quantity::Quantity;
use k8s_openapi::api::core::v1::Taint;

use crate::host::Host;
use crate::node::Thresholds;
use crate::pod::backoff::BackOff;

/// How a node introduces itself, and what it gives its pods.
#[derive(Clone)]
pub struct KubeletConfig {
    /// The node's name.
    pub node: String,
    /// The addresses at which other nodes reach it, the preferred one first.
    pub addresses: Vec<IpAddr>,
    /// The range that its pods' addresses come from.
    pub pod_cidr: Option<Cidr>,
    /// Labels beside those that every node has (`kubernetes.io/hostname`, `…/os`, `…/arch`).
    pub labels: BTreeMap<String, String>,
    /// Taints of a node that registers for the first time.
    pub taints: Vec<Taint>,
    /// What the node has, in place of what the machine has: for several nodes on one machine. By resource name.
    pub capacity: Option<BTreeMap<String, Quantity>>,
    /// What of it is kept for the system, by resource name.
    pub reserved: BTreeMap<String, Quantity>,
    /// How little it may have left before it gets no more pods.
    pub thresholds: Thresholds,
    /// How many pods it takes at most.
    pub max_pods: u32,
    /// Where files, connections and the machine's measures come from.
    pub host: Host,
    /// The name servers of pods with `dnsPolicy: ClusterFirst`; those of the node when empty.
    pub cluster_dns: Vec<IpAddr>,
    /// The domain that the cluster's services are in.
    pub cluster_domain: String,
    /// The port at which the node's own API can be reached, for the node's status.
    pub port: Option<u16>,
    /// Waits and periods.
    pub timings: Timings,
    /// How many images are pulled at once.
    pub parallel_pulls: usize,
}

impl KubeletConfig {
    /// A node with the usual settings.
    pub fn new(node: &str, host: Host) -> Self {
        Self {
            node: node.to_owned(),
            addresses: Vec::new(),
            pod_cidr: None,
            labels: BTreeMap::new(),
            taints: Vec::new(),
            capacity: None,
            reserved: BTreeMap::new(),
            thresholds: Thresholds::default(),
            max_pods: 110,
            host,
            cluster_dns: Vec::new(),
            cluster_domain: "cluster.local".to_owned(),
            port: None,
            timings: Timings::default(),
            parallel_pulls: 4,
        }
    }
}

/// How long a node waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timings {
    /// Between two renewals of the node's Lease.
    pub lease_renewal: Duration,
    /// How long the Lease is good for: longer without a renewal, and the node counts as lost.
    pub lease_duration: Duration,
    /// Between two reports of a node status that has not changed.
    pub status_report: Duration,
    /// Between two looks at whether it has changed.
    pub status_check: Duration,
    /// Between starts of a container that ends again and again.
    pub crash: BackOff,
    /// How long a container must run for its earlier ends to be forgotten.
    pub crash_reset: Duration,
    /// Between attempts to pull an image.
    pub image: BackOff,
    /// Between attempts of every other step, and of calls to an API or engine that cannot be reached.
    pub step: BackOff,
}

impl Default for Timings {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        let slow = BackOff { initial: seconds(10), max: seconds(300) };
        Self {
            lease_renewal: seconds(10),
            lease_duration: seconds(40),
            status_report: seconds(300),
            status_check: seconds(10),
            crash: slow,
            crash_reset: seconds(600),
            image: slow,
            step: BackOff { initial: seconds(1), max: seconds(60) },
        }
    }
}
