//! A host that is none.

use std::io;
use std::path::{Path, PathBuf};

use async_trait::async_trait;

use super::measure::{Headroom, Machine, MachineInfo};
use super::{Files, HostPathKind, VolumeFile};

/// Keeps no file, and says of everything that it is done.
pub(super) struct NoFiles;

#[async_trait]
impl Files for NoFiles {
    fn locate(&self, _path: &Path) -> Option<PathBuf> {
        None
    }

    async fn make_folder(&self, _path: &Path, _mode: u32, _group: Option<i64>) -> io::Result<()> {
        Ok(())
    }

    async fn make_memory_folder(
        &self,
        _path: &Path,
        _mode: u32,
        _group: Option<i64>,
        _limit: Option<u64>,
    ) -> io::Result<()> {
        Ok(())
    }

    async fn write_volume(
        &self,
        _path: &Path,
        _files: Vec<VolumeFile>,
        _group: Option<i64>,
    ) -> io::Result<()> {
        Ok(())
    }

    async fn write(&self, _path: &Path, _content: Vec<u8>, _mode: u32) -> io::Result<()> {
        Ok(())
    }

    async fn read_end(&self, _path: &Path, _limit: u64) -> io::Result<Vec<u8>> {
        Ok(Vec::new())
    }

    async fn remove(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }

    async fn list(&self, _path: &Path) -> io::Result<Vec<String>> {
        Ok(Vec::new())
    }

    async fn check_host_path(&self, _path: &Path, _kind: HostPathKind) -> io::Result<()> {
        Ok(())
    }

    async fn make_sub_path(&self, _volume: &Path, _sub_path: &Path) -> io::Result<()> {
        Ok(())
    }
}

/// A machine that has what it was promised to have, and is never short of anything.
pub(super) struct Promised {
    pub(super) cpus: u32,
    pub(super) memory: u64,
}

#[async_trait]
impl Machine for Promised {
    async fn info(&self) -> io::Result<MachineInfo> {
        Ok(MachineInfo {
            cpus: self.cpus,
            memory: self.memory,
            storage: 100 << 30,
            inodes: u64::MAX,
            processes: u64::MAX,
            machine_id: "simulated".to_owned(),
            boot_id: "simulated".to_owned(),
            system_uuid: "simulated".to_owned(),
        })
    }

    async fn headroom(&self) -> io::Result<Headroom> {
        Ok(Headroom { memory: self.memory, storage: 100 << 30, inodes: u64::MAX, processes: u64::MAX })
    }
}
