//! The files of sandboxes and containers: `<root>/<id>/`.
//!
//! A sandbox has the host name and the shared memory of its containers there, a container what it wrote ([`crate::log`])
//! and the pipe of its input. Nothing here is needed to know what exists: the engine lists that.

use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode};
use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags};

/// How much memory a pod's containers may share, as with Docker and containerd's own tools.
const SHARED_MEMORY: &str = "mode=1777,size=65536k";

/// The folder of all files.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    root: PathBuf,
}

impl Files {
    pub(crate) fn new(root: PathBuf) -> Files {
        Files { root }
    }

    /// The folder of one sandbox or container.
    pub(crate) fn of(&self, id: &str) -> PathBuf {
        self.root.join(id)
    }

    /// Makes the files of a sandbox; those that are there stay.
    pub(crate) fn make_sandbox(&self, id: &str, host_name: &str, host_ipc: bool) -> io::Result<()> {
        let folder = self.of(id);
        let shared = folder.join("shm");
        std::fs::create_dir_all(&shared)?;
        std::fs::write(folder.join("hostname"), format!("{host_name}\n"))?;
        if is_mount(&shared)? {
            return Ok(());
        }
        if host_ipc {
            rustix::mount::mount_bind("/dev/shm", &shared)?;
        } else {
            let flags = MountFlags::NOSUID | MountFlags::NOEXEC | MountFlags::NODEV;
            let options = std::ffi::CString::new(SHARED_MEMORY)?;
            rustix::mount::mount("shm", &shared, "tmpfs", flags, options.as_c_str())?;
        }
        Ok(())
    }

    /// Removes the files of a sandbox or container, if there are any.
    pub(crate) fn remove(&self, id: &str) -> io::Result<()> {
        let folder = self.of(id);
        let shared = folder.join("shm");
        while is_mount(&shared)? {
            rustix::mount::unmount(&shared, UnmountFlags::DETACH)?;
        }
        gone(std::fs::remove_dir_all(folder))
    }

    /// The ids of which there are files and that begin so.
    pub(crate) fn ids(&self, prefix: &str) -> io::Result<Vec<String>> {
        let mut ids = Vec::new();
        for entry in std::fs::read_dir(&self.root)? {
            ids.extend(entry?.file_name().into_string().ok().filter(|id| id.starts_with(prefix)));
        }
        Ok(ids)
    }
}

/// Success where it was not there to begin with.
fn gone(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Whether something is mounted at a folder: it is on another device than the folder it is in, or the same bound here.
fn is_mount(folder: &Path) -> io::Result<bool> {
    let mounts = std::fs::read_to_string("/proc/self/mounts")?;
    let folder = folder.display().to_string();
    Ok(mounts.lines().any(|line| line.split(' ').nth(1) == Some(folder.as_str())))
}

/// Makes a pipe with a name, which only root uses; one that is there is as good.
pub(crate) fn make_pipe(path: &Path) -> io::Result<()> {
    match rustix::fs::mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0) {
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
