//! Pod sandboxes.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use crate::object::ObjectKey;

/// The engine's id of a sandbox.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SandboxId(pub Arc<str>);

impl fmt::Display for SandboxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SandboxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which pod a sandbox is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PodIdentity {
    /// The pod's namespace and name.
    pub key: ObjectKey,
    /// The pod's uid.
    pub uid: String,
}

/// A sandbox to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SandboxSpec {
    /// The pod.
    pub pod: PodIdentity,
    /// How many sandboxes this pod has had before.
    pub attempt: u32,
    /// The host name inside.
    pub hostname: String,
    /// Whether the pod uses the node's network.
    pub host_network: bool,
    /// Whether the pod sees the node's processes.
    pub host_pid: bool,
    /// Whether the pod uses the node's IPC namespace.
    pub host_ipc: bool,
    /// Whether the pod's containers see each other's processes.
    pub share_process_namespace: bool,
    /// Settings of the kernel, such as `net.ipv4.tcp_syncookies`, for the namespaces that the pod has of its own.
    pub sysctls: BTreeMap<String, String>,
    /// Labels for people who look at the engine; the implementation's own marks come on top.
    pub labels: BTreeMap<String, String>,
}

/// Whether a sandbox holds its namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SandboxState {
    /// It does.
    Ready,
    /// It has been made and not started, or has stopped.
    NotReady,
}

/// A sandbox that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SandboxStatus {
    /// Its id.
    pub id: SandboxId,
    /// The pod.
    pub pod: PodIdentity,
    /// How many sandboxes the pod had before.
    pub attempt: u32,
    /// Whether it holds its namespaces.
    pub state: SandboxState,
    /// When it was made.
    pub created_at: Timestamp,
    /// Where its network namespace can be opened while it is ready; `None` when the pod uses the node's network.
    pub netns: Option<PathBuf>,
}
