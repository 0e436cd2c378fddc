//! What a volume is made of.

use bireme_core::error::Cause;
use k8s_openapi::api::core::v1::PersistentVolumeSpec;

use crate::kinds::check::{Path, required};

/// What a spec says about where its volume comes from: the spec without all else.
pub(super) fn of(spec: &PersistentVolumeSpec) -> PersistentVolumeSpec {
    PersistentVolumeSpec {
        access_modes: None,
        capacity: None,
        claim_ref: None,
        mount_options: None,
        node_affinity: None,
        persistent_volume_reclaim_policy: None,
        storage_class_name: None,
        volume_attributes_class_name: None,
        volume_mode: None,
        ..spec.clone()
    }
}

/// The fields that say what a volume is, with whether they are set.
fn sources(spec: &PersistentVolumeSpec) -> [(&'static str, bool); 22] {
    [
        ("awsElasticBlockStore", spec.aws_elastic_block_store.is_some()),
        ("azureDisk", spec.azure_disk.is_some()),
        ("azureFile", spec.azure_file.is_some()),
        ("cephfs", spec.cephfs.is_some()),
        ("cinder", spec.cinder.is_some()),
        ("csi", spec.csi.is_some()),
        ("fc", spec.fc.is_some()),
        ("flexVolume", spec.flex_volume.is_some()),
        ("flocker", spec.flocker.is_some()),
        ("gcePersistentDisk", spec.gce_persistent_disk.is_some()),
        ("glusterfs", spec.glusterfs.is_some()),
        ("hostPath", spec.host_path.is_some()),
        ("iscsi", spec.iscsi.is_some()),
        ("local", spec.local.is_some()),
        ("nfs", spec.nfs.is_some()),
        ("photonPersistentDisk", spec.photon_persistent_disk.is_some()),
        ("portworxVolume", spec.portworx_volume.is_some()),
        ("quobyte", spec.quobyte.is_some()),
        ("rbd", spec.rbd.is_some()),
        ("scaleIO", spec.scale_io.is_some()),
        ("storageos", spec.storageos.is_some()),
        ("vsphereVolume", spec.vsphere_volume.is_some()),
    ]
}

/// There must be one source, and that must make sense.
pub(super) fn validate(path: Path<'_>, spec: &PersistentVolumeSpec, causes: &mut Vec<Cause>) {
    let mut set = sources(spec).into_iter().filter(|(_, is_set)| *is_set);
    if set.next().is_none() {
        causes.push(Cause::required(path, "must specify a volume type"));
    }
    for (source, _) in set {
        causes.push(Cause::forbidden(path.child(source), "may not specify more than 1 volume type"));
    }
    if let Some(host) = &spec.host_path {
        required(path.child("hostPath.path"), &host.path, causes);
        if host.path.split('/').any(|part| part == "..") {
            causes.push(Cause::invalid(path.child("hostPath.path"), &host.path, "must not contain '..'"));
        }
        if host.path == "/" && spec.persistent_volume_reclaim_policy.as_deref() == Some("Recycle") {
            let why = "may not be 'recycle' for a hostPath mount of '/'";
            causes.push(Cause::forbidden(path.child("persistentVolumeReclaimPolicy"), why));
        }
    }
    if let Some(local) = &spec.local {
        required(path.child("local.path"), &local.path, causes);
    }
    if let Some(nfs) = &spec.nfs {
        required(path.child("nfs.server"), &nfs.server, causes);
        required(path.child("nfs.path"), &nfs.path, causes);
        if !nfs.path.is_empty() && !nfs.path.starts_with('/') {
            causes.push(Cause::invalid(path.child("nfs.path"), &nfs.path, "must be an absolute path"));
        }
    }
    if let Some(csi) = &spec.csi {
        required(path.child("csi.driver"), &csi.driver, causes);
        required(path.child("csi.volumeHandle"), &csi.volume_handle, causes);
    }
}
