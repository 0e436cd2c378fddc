//! Where a container sees what of the node.

use std::path::{Path, PathBuf};

use bireme_core::runtime::Mount;
use k8s_openapi::api::core::v1::{Container, Pod, VolumeMount};

use super::{Sort, place, pod_folder, sort};
use crate::environment::{ConfigError, expand};
use crate::host::Files;
use crate::pod::declared;

/// Where a container leaves its last word, unless it says otherwise.
const TERMINATION_LOG: &str = "/dev/termination-log";

/// The file behind a container's termination log, below the node's root.
pub(crate) fn termination_log(uid: &str, container: &str, attempt: u32) -> PathBuf {
    pod_folder(uid).join("containers").join(container).join(attempt.to_string())
}

/// All mounts of a container: its volumes, the pod's files in `/etc`, and its termination log, which is made.
pub(crate) async fn mounts(
    uid: &str,
    pod: &Pod,
    container: &Container,
    attempt: u32,
    variables: &[(String, String)],
    files: &dyn Files,
) -> Result<Vec<Mount>, ConfigError> {
    let mut mounts = Vec::new();
    for mount in container.volume_mounts.iter().flatten() {
        mounts.extend(of_volume(uid, pod, container, mount, variables, files).await?);
    }
    for (file, target) in
        [("etc-hosts", "/etc/hosts"), ("hostname", "/etc/hostname"), ("resolv.conf", "/etc/resolv.conf")]
    {
        mounts.extend(own(&pod_folder(uid).join(file), target, &mounts, files));
    }
    let log = termination_log(uid, &container.name, attempt);
    let target = container.termination_message_path.as_deref().unwrap_or(TERMINATION_LOG);
    let failed = |source| ConfigError::SubPath {
        volume: "termination-log".to_owned(),
        container: container.name.clone(),
        source,
    };
    files.write(&log, Vec::new(), 0o666).await.map_err(failed)?;
    mounts.extend(own(&log, target, &mounts, files));
    Ok(mounts)
}

/// A file of the pod at its usual place, unless the container mounts something there itself.
fn own(file: &Path, target: &str, mounts: &[Mount], files: &dyn Files) -> Option<Mount> {
    let taken = mounts.iter().any(|mount| mount.target == target);
    let source = files.locate(file).filter(|_| !taken)?;
    Some(Mount { source, target: target.to_owned(), read_only: false })
}

async fn of_volume(
    uid: &str,
    pod: &Pod,
    container: &Container,
    mount: &VolumeMount,
    variables: &[(String, String)],
    files: &dyn Files,
) -> Result<Option<Mount>, ConfigError> {
    let volumes = declared::spec(pod).volumes.iter().flatten();
    let volume = volumes.into_iter().find(|volume| volume.name == mount.name);
    let volume = volume.ok_or_else(|| ConfigError::NoVolume(mount.name.clone()))?;
    let path = place(uid, volume);
    let Some(mut source) = files.locate(&path) else { return Ok(None) };
    if let Some(sub_path) = sub_path(mount, variables) {
        let failed = |source| ConfigError::SubPath {
            volume: mount.name.clone(),
            container: container.name.clone(),
            source,
        };
        files.make_sub_path(&path, Path::new(&sub_path)).await.map_err(failed)?;
        source.push(sub_path);
    }
    let read_only = mount.read_only == Some(true) || matches!(sort(volume), Sort::Written(_));
    Ok(Some(Mount { source, target: absolute(&mount.mount_path), read_only }))
}

/// The part of the volume that is mounted, with variables expanded where the pod asks for that.
fn sub_path(mount: &VolumeMount, variables: &[(String, String)]) -> Option<String> {
    let value =
        |name: &str| variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    let expanded = mount.sub_path_expr.as_deref().map(|text| expand(text, value));
    mount.sub_path.clone().or(expanded).filter(|path| !path.is_empty())
}

/// A mount path that does not begin with a slash counts from the root.
fn absolute(path: &str) -> String {
    if path.starts_with('/') { path.to_owned() } else { format!("/{path}") }
}
