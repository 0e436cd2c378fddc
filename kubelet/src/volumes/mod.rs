//! A pod's volumes: what is in them, where they are on the node, and where containers see them.

mod content;
mod etc;
mod mounts;
#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};

use bireme_core::quantity::Quantity;
use k8s_openapi::api::core::v1::{EmptyDirVolumeSource, HostPathVolumeSource, Pod, Volume};

use crate::environment::{FieldError, PodFacts};
use crate::host::{Files, HostPathKind};
use crate::objects::{Fetched, ObjectError};
use crate::pod::declared;

pub(crate) use etc::{Dns, hostname, write_etc};
pub(crate) use mounts::{mounts, termination_log};

/// Why a volume could not be made.
#[derive(Debug, thiserror::Error)]
#[error("MountVolume.SetUp failed for volume \"{volume}\" : {cause}")]
pub(crate) struct VolumeError {
    /// The volume's name in the pod.
    pub(crate) volume: String,
    /// Why.
    #[source]
    pub(crate) cause: VolumeCause,
}

/// What was wrong with a volume.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VolumeCause {
    /// An object that it is made from is missing or lacks a key.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// A field that it shows cannot be referred to.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// The node does not know volumes of this sort.
    #[error("volumes of type {0} are not supported by this node")]
    Unsupported(&'static str),
    /// A path in it leads out of it.
    #[error("path {0:?} must stay inside the volume")]
    Path(String),
    /// The node's files.
    #[error(transparent)]
    Files(#[from] io::Error),
}

/// Where a pod's files are, below the node's root.
pub(crate) fn pod_folder(uid: &str) -> PathBuf {
    Path::new("pods").join(uid)
}

/// How a volume is kept.
enum Sort<'a> {
    Folder,
    /// A folder in memory, of so many bytes at most.
    Memory(Option<u64>),
    Host(&'a HostPathVolumeSource),
    /// Files made from the API's objects.
    Written(&'static str),
    Unsupported(&'static str),
}

fn sort(volume: &Volume) -> Sort<'_> {
    if let Some(empty) = &volume.empty_dir {
        match empty.medium.as_deref() {
            Some("Memory") => Sort::Memory(size_limit(empty)),
            _ => Sort::Folder,
        }
    } else if let Some(host) = &volume.host_path {
        Sort::Host(host)
    } else if volume.config_map.is_some() {
        Sort::Written("config-map")
    } else if volume.secret.is_some() {
        Sort::Written("secret")
    } else if volume.downward_api.is_some() {
        Sort::Written("downward-api")
    } else if volume.projected.is_some() {
        Sort::Written("projected")
    } else {
        Sort::Unsupported(unsupported_name(volume))
    }
}

/// How much may be written to an empty folder. The API lets nobody write a limit that is no quantity.
fn size_limit(empty: &EmptyDirVolumeSource) -> Option<u64> {
    let limit = empty.size_limit.as_ref()?.0.parse::<Quantity>().ok()?;
    u64::try_from(limit.value()).ok().filter(|limit| *limit > 0)
}

fn unsupported_name(volume: &Volume) -> &'static str {
    match () {
        () if volume.persistent_volume_claim.is_some() => "persistentVolumeClaim",
        () if volume.ephemeral.is_some() => "ephemeral",
        () if volume.csi.is_some() => "csi",
        () if volume.nfs.is_some() => "nfs",
        () if volume.iscsi.is_some() => "iscsi",
        () if volume.image.is_some() => "image",
        () => "other than emptyDir, hostPath, configMap, secret, downwardAPI and projected",
    }
}

/// Where a volume is: absolute for host paths, else below the node's root.
fn place(uid: &str, volume: &Volume) -> PathBuf {
    let own = |sort: &str| pod_folder(uid).join("volumes").join(sort).join(&volume.name);
    match sort(volume) {
        Sort::Host(host) => PathBuf::from(&host.path),
        Sort::Folder | Sort::Memory(_) => own("empty-dir"),
        Sort::Written(sort) => own(sort),
        Sort::Unsupported(_) => own("unsupported"),
    }
}

/// The group that a pod's volumes belong to, if it names one.
fn group(pod: &Pod) -> Option<i64> {
    declared::spec(pod).security_context.as_ref()?.fs_group
}

/// Makes all volumes of a pod, or brings them up to date. Idempotent.
pub(crate) async fn prepare(
    uid: &str,
    facts: &PodFacts<'_>,
    objects: &Fetched,
    files: &dyn Files,
) -> Result<(), VolumeError> {
    for volume in declared::spec(facts.pod).volumes.iter().flatten() {
        let failed = |cause| VolumeError { volume: volume.name.clone(), cause };
        prepare_one(uid, volume, facts, objects, files).await.map_err(failed)?;
    }
    Ok(())
}

async fn prepare_one(
    uid: &str,
    volume: &Volume,
    facts: &PodFacts<'_>,
    objects: &Fetched,
    files: &dyn Files,
) -> Result<(), VolumeCause> {
    let (path, group) = (place(uid, volume), group(facts.pod));
    match sort(volume) {
        Sort::Folder => files.make_folder(&path, 0o777, group).await?,
        Sort::Memory(limit) => files.make_memory_folder(&path, 0o777, group, limit).await?,
        Sort::Host(host) => files.check_host_path(&path, host_path_kind(host)?).await?,
        Sort::Written(_) => {
            files.write_volume(&path, content::files(volume, facts, objects)?, group).await?;
        }
        Sort::Unsupported(sort) => return Err(VolumeCause::Unsupported(sort)),
    }
    Ok(())
}

fn host_path_kind(host: &HostPathVolumeSource) -> Result<HostPathKind, VolumeCause> {
    Ok(match host.type_.as_deref().unwrap_or_default() {
        "" => HostPathKind::Any,
        "DirectoryOrCreate" => HostPathKind::DirectoryOrCreate,
        "Directory" => HostPathKind::Directory,
        "FileOrCreate" => HostPathKind::FileOrCreate,
        "File" => HostPathKind::File,
        "Socket" => HostPathKind::Socket,
        "CharDevice" => HostPathKind::CharDevice,
        "BlockDevice" => HostPathKind::BlockDevice,
        _ => return Err(VolumeCause::Unsupported("hostPath of that type")),
    })
}
