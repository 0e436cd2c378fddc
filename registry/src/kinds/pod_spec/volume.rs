//! The rules of volumes.

use std::collections::BTreeSet;

use bireme_core::error::Cause;
use bireme_core::quantity::Quantity;
use k8s_openapi::api::core::v1::{KeyToPath, Volume, VolumeProjection};

use crate::kinds::check::{Path, dns_label, relative_path, text};

const HOST_PATH_TYPES: &[&str] =
    &["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"];
/// The most that the permissions of a file can be.
const MAX_MODE: i32 = 0o777;
/// Tokens live for ten minutes at least.
const MIN_TOKEN_SECONDS: i64 = 600;

/// The fields of a volume that say what it is, with whether they are set.
fn sources(volume: &Volume) -> [(&'static str, bool); 30] {
    [
        ("emptyDir", volume.empty_dir.is_some()),
        ("hostPath", volume.host_path.is_some()),
        ("configMap", volume.config_map.is_some()),
        ("secret", volume.secret.is_some()),
        ("projected", volume.projected.is_some()),
        ("downwardAPI", volume.downward_api.is_some()),
        ("persistentVolumeClaim", volume.persistent_volume_claim.is_some()),
        ("awsElasticBlockStore", volume.aws_elastic_block_store.is_some()),
        ("azureDisk", volume.azure_disk.is_some()),
        ("azureFile", volume.azure_file.is_some()),
        ("cephfs", volume.cephfs.is_some()),
        ("cinder", volume.cinder.is_some()),
        ("csi", volume.csi.is_some()),
        ("ephemeral", volume.ephemeral.is_some()),
        ("fc", volume.fc.is_some()),
        ("flexVolume", volume.flex_volume.is_some()),
        ("flocker", volume.flocker.is_some()),
        ("gcePersistentDisk", volume.gce_persistent_disk.is_some()),
        ("gitRepo", volume.git_repo.is_some()),
        ("glusterfs", volume.glusterfs.is_some()),
        ("image", volume.image.is_some()),
        ("iscsi", volume.iscsi.is_some()),
        ("nfs", volume.nfs.is_some()),
        ("photonPersistentDisk", volume.photon_persistent_disk.is_some()),
        ("portworxVolume", volume.portworx_volume.is_some()),
        ("quobyte", volume.quobyte.is_some()),
        ("rbd", volume.rbd.is_some()),
        ("scaleIO", volume.scale_io.is_some()),
        ("storageos", volume.storageos.is_some()),
        ("vsphereVolume", volume.vsphere_volume.is_some()),
    ]
}

/// Whether a volume says what it is.
pub(super) fn has_source(volume: &Volume) -> bool {
    *volume != Volume { name: volume.name.clone(), ..Volume::default() }
}

/// What is wrong with the volumes of a pod; returns their names.
pub(super) fn validate<'a>(
    path: Path<'_>,
    volumes: &'a [Volume],
    causes: &mut Vec<Cause>,
) -> BTreeSet<&'a str> {
    let mut names = BTreeSet::new();
    for (index, volume) in volumes.iter().enumerate() {
        let path = path.index(index);
        let name = volume.name.as_str();
        if name.is_empty() {
            causes.push(Cause::required(path.child("name"), ""));
        } else {
            causes.extend(dns_label(name).map(|why| Cause::invalid(path.child("name"), name, why)));
            if !names.insert(name) {
                causes.push(Cause::duplicate(path.child("name"), name));
            }
        }
        let mut set = sources(volume).into_iter().filter(|(_, is_set)| *is_set);
        if set.next().is_none() && !has_source(volume) {
            causes.push(Cause::required(path, "must specify a volume type"));
        }
        for (source, _) in set {
            causes.push(Cause::forbidden(path.child(source), "may not specify more than 1 volume type"));
        }
        check_source(path, volume, causes);
    }
    names
}

fn check_source(path: Path<'_>, volume: &Volume, causes: &mut Vec<Cause>) {
    if let Some(limit) = volume.empty_dir.as_ref().and_then(|empty| empty.size_limit.as_ref()) {
        let path = path.child("emptyDir.sizeLimit");
        match Quantity::try_from(limit) {
            Err(error) => causes.push(Cause::invalid(path, &limit.0, error)),
            Ok(limit) if limit.is_negative() => {
                causes.push(Cause::forbidden(path, "SizeLimit field must be a valid resource quantity"));
            }
            Ok(_) => {}
        }
    }
    if let Some(host) = &volume.host_path {
        let path = path.child("hostPath");
        require(path.child("path"), &host.path, causes);
        if host.path.split('/').any(|part| part == "..") {
            causes.push(Cause::invalid(path.child("path"), &host.path, "must not contain '..'"));
        }
        if !HOST_PATH_TYPES.contains(&text(&host.type_)) {
            causes.push(Cause::not_supported(path.child("type"), text(&host.type_), HOST_PATH_TYPES));
        }
    }
    if let Some(map) = &volume.config_map {
        let path = path.child("configMap");
        require(path.child("name"), &map.name, causes);
        check_files(path, map.default_mode, map.items.as_deref(), causes);
    }
    if let Some(secret) = &volume.secret {
        let path = path.child("secret");
        require(path.child("secretName"), text(&secret.secret_name), causes);
        check_files(path, secret.default_mode, secret.items.as_deref(), causes);
    }
    if let Some(claim) = &volume.persistent_volume_claim {
        require(path.child("persistentVolumeClaim.claimName"), &claim.claim_name, causes);
    }
    check_composed(path, volume, causes);
}

/// What is wrong with a volume whose files come from several places.
fn check_composed(path: Path<'_>, volume: &Volume, causes: &mut Vec<Cause>) {
    if let Some(downward) = &volume.downward_api {
        let path = path.child("downwardAPI");
        check_mode(path.child("defaultMode"), downward.default_mode, causes);
        for (index, file) in downward.items.iter().flatten().enumerate() {
            let list = path.child("items");
            check_path(list.index(index).child("path"), &file.path, causes);
        }
    }
    if let Some(projected) = &volume.projected {
        let path = path.child("projected");
        check_mode(path.child("defaultMode"), projected.default_mode, causes);
        let list = path.child("sources");
        for (index, source) in projected.sources.iter().flatten().enumerate() {
            check_projection(list.index(index), source, causes);
        }
    }
}

fn check_projection(path: Path<'_>, source: &VolumeProjection, causes: &mut Vec<Cause>) {
    let mut set = [
        ("configMap", source.config_map.is_some()),
        ("secret", source.secret.is_some()),
        ("downwardAPI", source.downward_api.is_some()),
        ("serviceAccountToken", source.service_account_token.is_some()),
        ("clusterTrustBundle", source.cluster_trust_bundle.is_some()),
    ]
    .into_iter()
    .filter(|(_, is_set)| *is_set);
    // Newer versions of the API have further sources, which the types of this one may not know.
    if set.next().is_none() && *source == VolumeProjection::default() {
        causes.push(Cause::required(path, "must specify a volume projection type"));
    }
    for (name, _) in set {
        causes.push(Cause::forbidden(path.child(name), "may not specify more than 1 volume type"));
    }
    if let Some(map) = &source.config_map {
        require(path.child("configMap.name"), &map.name, causes);
        check_files(path.child("configMap"), None, map.items.as_deref(), causes);
    }
    if let Some(secret) = &source.secret {
        require(path.child("secret.name"), &secret.name, causes);
        check_files(path.child("secret"), None, secret.items.as_deref(), causes);
    }
    if let Some(token) = &source.service_account_token {
        let path = path.child("serviceAccountToken");
        check_path(path.child("path"), &token.path, causes);
        if let Some(seconds) = token.expiration_seconds.filter(|seconds| *seconds < MIN_TOKEN_SECONDS) {
            let why = "may not specify a duration less than 10 minutes";
            causes.push(Cause::invalid(path.child("expirationSeconds"), seconds, why));
        }
    }
}

fn check_files(path: Path<'_>, mode: Option<i32>, items: Option<&[KeyToPath]>, causes: &mut Vec<Cause>) {
    check_mode(path.child("defaultMode"), mode, causes);
    let list = path.child("items");
    for (index, item) in items.unwrap_or_default().iter().enumerate() {
        let path = list.index(index);
        require(path.child("key"), &item.key, causes);
        check_path(path.child("path"), &item.path, causes);
        check_mode(path.child("mode"), item.mode, causes);
    }
}

fn check_mode(path: Path<'_>, mode: Option<i32>, causes: &mut Vec<Cause>) {
    if let Some(mode) = mode.filter(|mode| !(0..=MAX_MODE).contains(mode)) {
        let why = "must be a number between 0 and 0777 (octal), both inclusive";
        causes.push(Cause::invalid(path, mode, why));
    }
}

fn check_path(path: Path<'_>, value: &str, causes: &mut Vec<Cause>) {
    require(path, value, causes);
    causes.extend(relative_path(value).map(|why| Cause::invalid(path, value, why)));
}

fn require(path: Path<'_>, value: &str, causes: &mut Vec<Cause>) {
    if value.is_empty() {
        causes.push(Cause::required(path, ""));
    }
}
