//! The machine below a node: its files, its connections and its measures, or a pretence of them.
//!
//! Everything that touches the machine itself is behind these traits, so that thousands of simulated nodes
//! need neither a disk nor a network.

mod answering;
mod disk;
mod measure;
mod network;
mod simulated;
mod tls;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bireme_core::node_access::ByteStream;

pub use disk::Disk;
pub use measure::{Headroom, Machine, MachineInfo, Measures};
pub use network::MachineNetwork;

/// What a node stands on. Cheap to clone.
#[derive(Clone)]
pub struct Host {
    /// Where pods' files are.
    pub files: Arc<dyn Files>,
    /// How probes, hooks and port-forwards reach pods.
    pub dialer: Arc<dyn Dialer>,
    /// What the machine is and has.
    pub machine: Arc<dyn Machine>,
}

impl Host {
    /// The machine that this process runs on; pods' files are kept under `root`.
    pub fn machine(root: PathBuf) -> Self {
        Self {
            files: Arc::new(Disk::new(root.clone())),
            dialer: Arc::new(MachineNetwork),
            machine: Arc::new(Measures::new(root)),
        }
    }

    /// No machine: no file is written, every connection is answered with success, and the node has `cpus` CPUs
    /// and `memory` bytes.
    pub fn simulated(cpus: u32, memory: u64) -> Self {
        Self {
            files: Arc::new(simulated::NoFiles),
            dialer: Arc::new(answering::Answering),
            machine: Arc::new(simulated::Promised { cpus, memory }),
        }
    }
}

/// One file of a volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeFile {
    /// Where it is in the volume, without a leading slash or `..`.
    pub path: String,
    /// What is in it.
    pub content: Vec<u8>,
    /// Its mode, such as `0o644`.
    pub mode: u32,
}

/// What a `hostPath` volume expects at its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostPathKind {
    /// Nothing in particular.
    Any,
    /// A folder, made if there is none.
    DirectoryOrCreate,
    /// A folder.
    Directory,
    /// A file, made if there is none.
    FileOrCreate,
    /// A file.
    File,
    /// A Unix socket.
    Socket,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
}

/// The node's files. Paths are absolute or, for what belongs to pods, relative to the node's root.
///
/// All calls are idempotent.
#[async_trait]
pub trait Files: Send + Sync + 'static {
    /// The absolute path of something under the node's root; `None` where there are no files.
    fn locate(&self, path: &Path) -> Option<PathBuf>;

    /// Makes a folder, and those above it; `mode` and `group` are those of the folder itself.
    async fn make_folder(&self, path: &Path, mode: u32, group: Option<i64>) -> io::Result<()>;

    /// Makes a folder whose content is kept in memory, where the process may mount one, else a plain one. It takes at
    /// most `limit` bytes, half of the memory where none is given.
    async fn make_memory_folder(
        &self,
        path: &Path,
        mode: u32,
        group: Option<i64>,
        limit: Option<u64>,
    ) -> io::Result<()>;

    /// Writes the files of a volume so that a reader sees either all of the old or all of the new ones.
    async fn write_volume(&self, path: &Path, files: Vec<VolumeFile>, group: Option<i64>) -> io::Result<()>;

    /// Writes a file, in place if it exists (it may be mounted into a container).
    async fn write(&self, path: &Path, content: Vec<u8>, mode: u32) -> io::Result<()>;

    /// The last `limit` bytes of a file; nothing when it does not exist.
    async fn read_end(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>>;

    /// Removes a folder with all that is in it.
    async fn remove(&self, path: &Path) -> io::Result<()>;

    /// The names in a folder; none when it does not exist.
    async fn list(&self, path: &Path) -> io::Result<Vec<String>>;

    /// Sees to it that a path of the node is what a `hostPath` volume expects.
    async fn check_host_path(&self, path: &Path, kind: HostPathKind) -> io::Result<()>;

    /// Makes a path below a volume that a container mounts by `subPath`: it is a folder, unless it exists.
    async fn make_sub_path(&self, volume: &Path, sub_path: &Path) -> io::Result<()>;
}

/// How the node connects to pods and their ports.
#[async_trait]
pub trait Dialer: Send + Sync + 'static {
    /// A TCP connection to a host, by address or name.
    async fn connect(&self, host: &str, port: u16) -> io::Result<Box<dyn ByteStream>>;

    /// The same with TLS, in which any certificate is believed.
    async fn connect_securely(&self, host: &str, port: u16) -> io::Result<Box<dyn ByteStream>> {
        tls::wrap(self.connect(host, port).await?, host).await
    }
}
