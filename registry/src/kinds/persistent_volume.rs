//! PersistentVolume: storage that outlives pods.

mod sources;

use bireme_core::client::Part;
use bireme_core::error::Cause;
use bireme_core::quantity::Quantity;
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeSpec};

use super::check::{
    Amounts, Json, Path, canonical, default_text, dns_subdomain, immutable, one_of, or_unset,
    positive_quantity, quantities, text,
};
use super::pod_spec;
use crate::resource::{Column, Field, STORED_ONLY, Schema, Strategy, Subresource};

/// How a volume may be used, with the short forms of tables, in their order there.
const ACCESS_MODES: [(&str, &str); 4] = [
    ("ReadWriteOnce", "RWO"),
    ("ReadOnlyMany", "ROX"),
    ("ReadWriteMany", "RWX"),
    ("ReadWriteOncePod", "RWOP"),
];
pub(super) const STORAGE: &str = "storage";

const SPEC: Schema = Schema::of(&[
    Field::atomic("accessModes"),
    Field::object("cephfs", &SECRET),
    Field::object("cinder", &SECRET),
    Field::object("csi", &CSI),
    Field::object("flexVolume", &SECRET),
    Field::object("iscsi", &SECRET),
    Field::atomic("mountOptions"),
    Field::object("nodeAffinity", &Schema::of(&[Field::atomic("required")])),
    Field::object("rbd", &SECRET),
    Field::object("scaleIO", &SECRET),
]);

const SECRET: Schema = Schema::of(&[Field::atomic("secretRef")]);

const CSI: Schema = Schema::of(&[
    Field::atomic("controllerExpandSecretRef"),
    Field::atomic("controllerPublishSecretRef"),
    Field::atomic("nodeExpandSecretRef"),
    Field::atomic("nodePublishSecretRef"),
    Field::atomic("nodeStageSecretRef"),
]);

impl Strategy for PersistentVolume {
    const SINGULAR: &'static str = "persistentvolume";
    const SHORT_NAMES: &'static [&'static str] = &["pv"];
    const SUBRESOURCES: &'static [Subresource] = &[Subresource::Status];
    const UNATTENDED: Option<&'static str> = STORED_ONLY;
    const SCHEMA: &'static Schema = &Schema::of(&[Field::object("spec", &SPEC)]);
    const COLUMNS: &'static [Column<Self>] = &[
        Column::NAME,
        Column::text("Capacity", "How much fits.", |volume, _| {
            volume.spec.as_ref().map(|spec| storage(&spec.capacity)).unwrap_or_default().into()
        }),
        Column::text("Access Modes", "How the volume may be used.", |volume, _| {
            volume.spec.as_ref().map(|spec| access_modes(&spec.access_modes)).unwrap_or_default().into()
        }),
        Column::text("Reclaim Policy", "What becomes of the volume without its claim.", |volume, _| {
            volume.spec.as_ref().map_or("", |spec| text(&spec.persistent_volume_reclaim_policy)).into()
        }),
        Column::text("Status", "Whether the volume is claimed.", |volume, _| {
            let phase = volume.status.as_ref().map_or("", |status| text(&status.phase));
            if volume.metadata.deletion_timestamp.is_some() { "Terminating" } else { phase }.into()
        }),
        Column::text("Claim", "Who has claimed the volume.", |volume, _| {
            let claim = volume.spec.as_ref().and_then(|spec| spec.claim_ref.as_ref());
            claim
                .map(|claim| format!("{}/{}", text(&claim.namespace), text(&claim.name)))
                .unwrap_or_default()
                .into()
        }),
        Column::text("StorageClass", "The class of the volume.", |volume, _| {
            volume.spec.as_ref().map_or("", |spec| text(&spec.storage_class_name)).into()
        }),
        Column::text("VolumeAttributesClass", "The attributes of the volume.", |volume, _| {
            volume.spec.as_ref().map_or("<unset>", |spec| or_unset(&spec.volume_attributes_class_name)).into()
        }),
        Column::text("Reason", "Why the volume is in its state.", |volume, _| {
            volume.status.as_ref().map_or("", |status| text(&status.reason)).into()
        }),
        Column::AGE,
        Column::text("VolumeMode", "Whether it is a file system or a block device.", |volume: &Self, _| {
            volume.spec.as_ref().map_or("<unset>", |spec| or_unset(&spec.volume_mode)).into()
        })
        .wide(),
    ];

    fn prepare_create(&mut self) {
        self.status = Some(Default::default());
    }

    fn copy_status(&mut self, from: &Self) {
        self.status.clone_from(&from.status);
    }

    fn default(&mut self) {
        default_text(&mut self.status.get_or_insert_default().phase, "Pending");
        let Some(spec) = &mut self.spec else { return };
        default_text(&mut spec.persistent_volume_reclaim_policy, "Retain");
        default_text(&mut spec.volume_mode, "Filesystem");
        canonical(&mut spec.capacity);
        if let Some(path) = &mut spec.host_path {
            path.type_.get_or_insert_default();
        }
    }

    fn validate(&self, causes: &mut Vec<Cause>) {
        let path = Path::root("spec");
        match &self.spec {
            None => causes.push(Cause::required(path.child("accessModes"), "")),
            Some(spec) => check_spec(path, spec, causes),
        }
    }

    fn validate_update(&self, old: &Self, part: Part, causes: &mut Vec<Cause>) {
        let (Part::Main, Some(new), Some(old)) = (part, &self.spec, &old.spec) else { return };
        if sources::of(new) != sources::of(old) {
            let why = "spec.persistentvolumesource is immutable after creation";
            causes.push(Cause::forbidden("spec.persistentvolumesource", why));
        }
        immutable(Path::root("spec.volumeMode"), &new.volume_mode, &old.volume_mode, causes);
        if old.node_affinity.is_some() {
            immutable(Path::root("spec.nodeAffinity"), &new.node_affinity, &old.node_affinity, causes);
        }
    }
}

fn check_spec(path: Path<'_>, spec: &PersistentVolumeSpec, causes: &mut Vec<Cause>) {
    if spec.access_modes.as_ref().is_none_or(Vec::is_empty) {
        causes.push(Cause::required(path.child("accessModes"), ""));
    }
    check_access_modes(path.child("accessModes"), &spec.access_modes, causes);
    let capacity = path.child("capacity");
    match spec.capacity.as_ref().filter(|amounts| !amounts.is_empty()) {
        None => causes.push(Cause::required(capacity, "")),
        Some(amounts) if amounts.len() > 1 || !amounts.contains_key(STORAGE) => {
            causes.push(Cause::not_supported(capacity, Json(amounts), &[STORAGE]));
        }
        Some(amounts) => positive_quantity(capacity.key(STORAGE), &amounts[STORAGE], causes),
    }
    quantities(capacity, &spec.capacity, causes);
    let policy = text(&spec.persistent_volume_reclaim_policy);
    let policies = ["Delete", "Recycle", "Retain"];
    one_of(path.child("persistentVolumeReclaimPolicy"), policy, &policies, causes);
    let required = spec.node_affinity.as_ref().map(|affinity| affinity.required.as_ref());
    match required {
        Some(Some(selector)) => {
            let path = path.child("nodeAffinity");
            pod_spec::validate_node_selector(path.child("required"), selector, causes);
        }
        Some(None) => {
            let why = "must specify required node constraints";
            causes.push(Cause::required(path.child("nodeAffinity.required"), why));
        }
        None if spec.local.is_some() => {
            let why = "Local volume requires node affinity";
            causes.push(Cause::required(path.child("nodeAffinity"), why));
        }
        None => {}
    }
    sources::validate(path, spec, causes);
    check_class(path, &spec.storage_class_name, causes);
    check_mode(path.child("volumeMode"), &spec.volume_mode, causes);
}

/// The modes must be known, and one that excludes others must be alone.
pub(super) fn check_access_modes(path: Path<'_>, modes: &Option<Vec<String>>, causes: &mut Vec<Cause>) {
    let modes = modes.as_deref().unwrap_or_default();
    for mode in modes {
        if !ACCESS_MODES.iter().any(|(known, _)| known == mode) {
            let known = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];
            causes.push(Cause::not_supported(path, mode, &known));
        }
    }
    let exclusive = |mode: &String| mode == "ReadWriteOncePod";
    if modes.iter().any(exclusive) && !modes.iter().all(exclusive) {
        causes.push(Cause::forbidden(path, "may not use ReadWriteOncePod with other access modes"));
    }
}

/// A class is named as objects are; the empty name means none.
pub(super) fn check_class(path: Path<'_>, class: &Option<String>, causes: &mut Vec<Cause>) {
    let (path, class) = (path.child("storageClassName"), text(class));
    let wrong = if class.is_empty() { None } else { dns_subdomain(class) };
    causes.extend(wrong.map(|why| Cause::invalid(path, class, why)));
}

/// A volume has files or is a block device.
pub(super) fn check_mode(path: Path<'_>, mode: &Option<String>, causes: &mut Vec<Cause>) {
    if let Some(mode) = mode {
        one_of(path, mode, &["Block", "Filesystem"], causes);
    }
}

/// Access modes as tables show them: `RWO,ROX`.
pub(super) fn access_modes(modes: &Option<Vec<String>>) -> String {
    let modes = modes.as_deref().unwrap_or_default();
    let has = |mode: &&(&str, &str)| modes.iter().any(|own| own == mode.0);
    ACCESS_MODES.iter().filter(has).map(|(_, short)| *short).collect::<Vec<_>>().join(",")
}

/// The amount of storage as tables show it.
pub(super) fn storage(amounts: &Amounts) -> String {
    let amount = amounts.as_ref().and_then(|amounts| amounts.get(STORAGE));
    let parsed =
        amount.map(|amount| Quantity::try_from(amount).map_or(amount.0.clone(), |it| it.to_string()));
    parsed.unwrap_or_default()
}

#[cfg(test)]
mod tests;
