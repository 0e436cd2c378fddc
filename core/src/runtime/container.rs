//! Containers.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use super::{PodIdentity, SandboxId};

/// The engine's id of a container.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContainerId(pub Arc<str>);

impl fmt::Display for ContainerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ContainerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A container to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerSpec {
    /// The container's name in its pod.
    pub name: String,
    /// How many containers of this name the sandbox's pod has had before.
    pub attempt: u32,
    /// The image, as the pod names it.
    pub image: String,
    /// What to run instead of the image's entrypoint; empty for the image's own.
    pub command: Vec<String>,
    /// Its arguments, instead of the image's; empty for the image's own (none, when `command` is set).
    pub args: Vec<String>,
    /// Environment variables, on top of the image's.
    pub env: Vec<(String, String)>,
    /// Where it starts; the image's own when unset.
    pub working_dir: Option<String>,
    /// What of the node's files it sees.
    pub mounts: Vec<Mount>,
    /// What it may use.
    pub resources: ContainerResources,
    /// As whom it runs; the image's own when unset.
    pub user: Option<ContainerUser>,
    /// What it may do.
    pub privileges: Privileges,
    /// Whether it gets a terminal.
    pub tty: bool,
    /// Whether its standard input stays open.
    pub stdin: bool,
    /// Whether the end of the first attached input is the end of its standard input; else it stays open for the next.
    pub stdin_once: bool,
    /// The signal that asks it to end, such as `SIGQUIT`; the image's own when unset.
    pub stop_signal: Option<String>,
    /// Labels for people who look at the engine; the implementation's own marks come on top.
    pub labels: BTreeMap<String, String>,
}

/// A file or folder of the node inside a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Where it is on the node; must exist.
    pub source: PathBuf,
    /// Where it appears in the container.
    pub target: String,
    /// Whether it cannot be written.
    pub read_only: bool,
}

/// What a container may use; unset is without limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ContainerResources {
    /// The weight of its CPU time against others', 1024 for one CPU.
    pub cpu_shares: Option<u64>,
    /// Its CPU time, in thousandths of a CPU.
    pub cpu_limit_millis: Option<u64>,
    /// Its memory, in bytes.
    pub memory_limit_bytes: Option<u64>,
    /// How readily the kernel kills it when memory runs out, from -1000 to 1000.
    pub oom_score_adj: Option<i32>,
}

/// As whom a container runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerUser {
    /// The user's number; the image's own when unset.
    pub uid: Option<i64>,
    /// The group's number; the image's own when unset.
    pub gid: Option<i64>,
    /// Further groups.
    pub supplementary_groups: Vec<i64>,
}

/// What a container may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Privileges {
    /// Everything that root on the node may.
    pub privileged: bool,
    /// Whether its root file system cannot be written.
    pub read_only_root: bool,
    /// Whether its processes can gain no privilege by setuid files.
    pub no_new_privileges: bool,
    /// Capabilities to add, such as `NET_ADMIN`; `ALL` is all.
    pub add_capabilities: Vec<String>,
    /// Capabilities to take away; `ALL` is all.
    pub drop_capabilities: Vec<String>,
    /// Which system calls it may make.
    pub seccomp: Seccomp,
}

/// Which system calls a container may make.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Seccomp {
    /// Those that the engine lets containers make which ask for nothing else.
    #[default]
    RuntimeDefault,
    /// All.
    Unconfined,
    /// Those of a profile in Docker's JSON form.
    Profile(String),
}

/// How a container ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exit {
    /// The exit code; 128 + signal for one that a signal ended.
    pub code: i32,
    /// Whether the kernel killed it because memory ran out.
    pub oom_killed: bool,
    /// When it started, never after its end; `None` when it never did.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Timestamp,
    /// What the engine says about it, when it could not be started.
    pub message: Option<String>,
}

/// Where a container is in its life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContainerState {
    /// Made, and not started.
    Created,
    /// Running.
    Running {
        /// Since when.
        started_at: Timestamp,
    },
    /// Ended, or failed to start.
    Exited(Exit),
}

/// A container that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerStatus {
    /// Its id.
    pub id: ContainerId,
    /// The sandbox that it belongs to.
    pub sandbox: SandboxId,
    /// The pod.
    pub pod: PodIdentity,
    /// Its name in the pod.
    pub name: String,
    /// How many containers of this name the pod had before.
    pub attempt: u32,
    /// The image, as the pod names it.
    pub image: String,
    /// The image's id.
    pub image_id: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Where it is in its life.
    pub state: ContainerState,
    /// The labels that its specification gave it.
    pub labels: BTreeMap<String, String>,
}
