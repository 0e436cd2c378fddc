//! What the machine is, has, and has left.

use std::io;
use std::path::{Path, PathBuf};

use async_trait::async_trait;

/// What a machine is and has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineInfo {
    /// Its CPUs.
    pub cpus: u32,
    /// Its memory, in bytes.
    pub memory: u64,
    /// The size of the file system that pods' files are on, in bytes.
    pub storage: u64,
    /// How many inodes that file system has; `u64::MAX` where they are not counted.
    pub inodes: u64,
    /// How many processes the kernel allows.
    pub processes: u64,
    /// The operating system's id of the installation.
    pub machine_id: String,
    /// The kernel's id of this boot.
    pub boot_id: String,
    /// The firmware's id of the machine.
    pub system_uuid: String,
}

/// What a machine has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Headroom {
    /// Memory that can be had without swapping, in bytes.
    pub memory: u64,
    /// Free bytes of the file system that pods' files are on.
    pub storage: u64,
    /// Free inodes there.
    pub inodes: u64,
    /// How many more processes the kernel allows.
    pub processes: u64,
}

/// A machine that can be measured.
#[async_trait]
pub trait Machine: Send + Sync + 'static {
    /// What it is and has.
    async fn info(&self) -> io::Result<MachineInfo>;

    /// What it has left.
    async fn headroom(&self) -> io::Result<Headroom>;
}

/// The machine that this process runs on, as the Linux kernel measures it.
#[derive(Clone, Debug)]
pub struct Measures {
    root: PathBuf,
}

impl Measures {
    /// Measures of the machine; storage is that of the file system of `root`, or of the closest folder above it
    /// that exists.
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Reads on a thread where waiting for a disk holds up nobody.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let root = self.root.clone();
        tokio::task::spawn_blocking(move || read(&root)).await.map_err(io::Error::other)?
    }
}

#[async_trait]
impl Machine for Measures {
    async fn info(&self) -> io::Result<MachineInfo> {
        self.read(info).await
    }

    async fn headroom(&self) -> io::Result<Headroom> {
        self.read(headroom).await
    }
}

fn info(root: &Path) -> io::Result<MachineInfo> {
    // Ids that the system does not have, as in a container, are empty.
    let id = |path: &str| std::fs::read_to_string(path).map(|id| id.trim().to_owned()).unwrap_or_default();
    let file_system = rustix::fs::statvfs(existing(root))?;
    Ok(MachineInfo {
        cpus: u32::try_from(std::thread::available_parallelism()?.get()).unwrap_or(u32::MAX),
        memory: memory_field("MemTotal")?,
        storage: file_system.f_frsize.saturating_mul(file_system.f_blocks),
        inodes: if file_system.f_files == 0 { u64::MAX } else { file_system.f_files },
        processes: process_limit()?,
        machine_id: id("/etc/machine-id"),
        boot_id: id("/proc/sys/kernel/random/boot_id"),
        system_uuid: id("/sys/class/dmi/id/product_uuid"),
    })
}

fn headroom(root: &Path) -> io::Result<Headroom> {
    let file_system = rustix::fs::statvfs(existing(root))?;
    Ok(Headroom {
        memory: memory_field("MemAvailable")?,
        storage: file_system.f_frsize.saturating_mul(file_system.f_bavail),
        // A file system that does not count inodes has enough.
        inodes: if file_system.f_files == 0 { u64::MAX } else { file_system.f_favail },
        processes: free_processes()?,
    })
}

/// The path itself, or the closest above it that exists.
fn existing(path: &Path) -> &Path {
    path.ancestors().find(|ancestor| ancestor.exists()).unwrap_or(Path::new("/"))
}

fn unreadable(path: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{path} is not as the kernel writes it"))
}

/// A line of `/proc/meminfo`, in bytes.
fn memory_field(name: &str) -> io::Result<u64> {
    let text = std::fs::read_to_string("/proc/meminfo")?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let kibibytes = line.and_then(|rest| rest.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kibibytes.map(|kibibytes| kibibytes * 1024).ok_or_else(|| unreadable("/proc/meminfo"))
}

fn process_limit() -> io::Result<u64> {
    let path = "/proc/sys/kernel/pid_max";
    std::fs::read_to_string(path)?.trim().parse().map_err(|_| unreadable(path))
}

/// What the limit leaves of the threads that exist; `/proc/loadavg` counts them.
fn free_processes() -> io::Result<u64> {
    let path = "/proc/loadavg";
    let load = std::fs::read_to_string(path)?;
    let threads = load.split_whitespace().nth(3).and_then(|field| field.split_once('/')?.1.parse().ok());
    threads.map_or_else(|| Err(unreadable(path)), |threads| Ok(process_limit()?.saturating_sub(threads)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_machine_has_something_and_has_less_left() {
        let machine = Measures::new("/nowhere/at/all".into());
        let (info, left) = (machine.info().await.unwrap(), machine.headroom().await.unwrap());
        assert!(info.cpus > 0 && info.storage > 0);
        assert!(left.memory > 0 && left.memory < info.memory);
        assert!(left.storage < info.storage && left.processes > 0);
    }
}
