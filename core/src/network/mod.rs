//! How a pod's sandbox gets its address: the [`PodNetwork`] contract, address arithmetic, and a network
//! that exists only in memory.
//!
//! A runtime starts a sandbox whose network namespace has nothing but a loopback device; the node then has
//! its `PodNetwork` connect that namespace. The same network serves every runtime.

mod cidr;
mod pool;
mod sim;

use std::net::IpAddr;
use std::path::PathBuf;

use async_trait::async_trait;

pub use cidr::{Cidr, CidrError};
pub use pool::{AddressPool, ClaimError};
pub use sim::SimNetwork;

/// Connects the sandboxes of one node, each with an address of its own from the node's pod range.
///
/// What a network has attached is read back from where it lives (the kernel, for a real one), never from a
/// file or from memory alone: after a restart of the agent, a new value for the same node answers
/// [`attachments`](PodNetwork::attachments) as the old one did.
///
/// All calls may run concurrently. Calls for one sandbox take effect one after another; calls for two
/// sandboxes never hand out the same address. A dropped call may have taken effect or not; calling again, or
/// `detach`, brings the sandbox to a known state.
#[async_trait]
pub trait PodNetwork: Send + Sync + 'static {
    /// Connects a sandbox and answers its address.
    ///
    /// When this returns, the address is reachable from every pod and node of the cluster that routes to
    /// this node, without translation, and the pod reaches them.
    ///
    /// Idempotent: a sandbox that is attached already keeps the address that it has, and what is missing of
    /// its connection (after a call that was cut short) is completed.
    ///
    /// # Errors
    /// [`NetworkError::Exhausted`] when the range has no free address; [`NetworkError::Namespace`] when the
    /// network namespace cannot be entered, as when the sandbox has stopped;
    /// [`NetworkError::SandboxName`] for an identifier that [`AttachRequest::check`] refuses. After an error the sandbox has
    /// no address: nothing is held until `detach` is called.
    async fn attach(&self, request: &AttachRequest) -> Result<IpAddr, NetworkError>;

    /// Disconnects a sandbox and frees its address. The network namespace need not exist any more.
    ///
    /// Idempotent: a sandbox that is not attached is `Ok`.
    async fn detach(&self, sandbox: &str) -> Result<(), NetworkError>;

    /// Everything that this node's network has attached, in order of sandbox, so that what no longer
    /// belongs to a sandbox can be detached.
    async fn attachments(&self) -> Result<Vec<Attachment>, NetworkError>;
}

/// What [`PodNetwork::attach`] needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachRequest {
    /// The runtime's identifier of the sandbox: unique among all sandboxes of the machine, at most 128
    /// bytes, printable ASCII without spaces.
    pub sandbox: String,
    /// The sandbox's network namespace, such as `/proc/4711/ns/net`.
    pub netns: PathBuf,
    /// `namespace/name` of the pod; appears in errors and traces only.
    pub pod: String,
    /// Ports of the node that lead to the pod, from outside the cluster too.
    pub host_ports: Vec<HostPort>,
}

/// A port of the node that leads to one of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// The address of the node; any that the node has where none is given.
    pub address: Option<IpAddr>,
    /// The transport protocol.
    pub protocol: Transport,
    /// The port of the node.
    pub port: u16,
    /// The port of the pod.
    pub pod_port: u16,
}

/// A transport protocol that ports belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl Transport {
    /// The name in lower case, as the kernel's tools write it.
    pub fn name(self) -> &'static str {
        match self {
            Transport::Tcp => "tcp",
            Transport::Udp => "udp",
            Transport::Sctp => "sctp",
        }
    }
}

impl AttachRequest {
    /// Refuses an identifier that a network need not be able to keep.
    ///
    /// # Errors
    /// [`NetworkError::SandboxName`].
    pub fn check(&self) -> Result<(), NetworkError> {
        let printable = self.sandbox.bytes().all(|byte| byte.is_ascii_graphic());
        if printable && (1..=128).contains(&self.sandbox.len()) {
            return Ok(());
        }
        Err(NetworkError::SandboxName { sandbox: self.sandbox.clone() })
    }
}

/// One connected sandbox.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attachment {
    /// The runtime's identifier of the sandbox.
    pub sandbox: String,
    /// Its address.
    pub address: IpAddr,
}

/// Why a sandbox could not be connected, disconnected or listed.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// Every address of the node's range belongs to a sandbox.
    #[error("no free address in {range}")]
    Exhausted {
        /// The node's pod range.
        range: Cidr,
    },
    /// The sandbox's identifier cannot be kept by this network.
    #[error("sandbox identifier {sandbox:?} is empty, longer than 128 bytes or not printable ASCII")]
    SandboxName {
        /// The refused identifier.
        sandbox: String,
    },
    /// The sandbox's network namespace cannot be opened or entered.
    #[error("network namespace {} of pod {pod} cannot be entered", netns.display())]
    Namespace {
        /// `namespace/name` of the pod.
        pod: String,
        /// The namespace's path.
        netns: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The network below refused an operation.
    #[error("cannot {operation} {subject}")]
    Refused {
        /// What was attempted, such as `create the link`.
        operation: &'static str,
        /// What it was attempted on: a link, route, address or rule.
        subject: String,
        /// What the network below answered.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
