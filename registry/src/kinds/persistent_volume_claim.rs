//! PersistentVolumeClaim: the wish of a pod for a volume.

mod validation;

use bireme_core::client::Part;
use bireme_core::error::Cause;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, PersistentVolumeClaimStatus};

use super::check::{Path, canonical, default_text, or_unset, text};
use super::persistent_volume::{access_modes, storage};
use crate::resource::{Column, Field, STORED_ONLY, Schema, Strategy, Subresource};

const SPEC: Schema = Schema::of(&[
    Field::atomic("accessModes"),
    Field::atomic("dataSource"),
    Field::object("resources", &Schema::EMPTY).inherent(),
    Field::atomic("selector"),
]);

const STATUS: Schema =
    Schema::of(&[Field::atomic("accessModes"), Field::map("conditions", &["type"], &Schema::EMPTY)]);

/// The status, once a volume has been found.
fn bound(claim: &PersistentVolumeClaim) -> Option<&PersistentVolumeClaimStatus> {
    let volume = claim.spec.as_ref().map_or("", |spec| text(&spec.volume_name));
    claim.status.as_ref().filter(|_| !volume.is_empty())
}

impl Strategy for PersistentVolumeClaim {
    const SINGULAR: &'static str = "persistentvolumeclaim";
    const SHORT_NAMES: &'static [&'static str] = &["pvc"];
    const SUBRESOURCES: &'static [Subresource] = &[Subresource::Status];
    const UNATTENDED: Option<&'static str> = STORED_ONLY;
    const SCHEMA: &'static Schema =
        &Schema::of(&[Field::object("spec", &SPEC), Field::object("status", &STATUS)]);
    const COLUMNS: &'static [Column<Self>] = &[
        Column::NAME,
        Column::text("Status", "Whether a volume has been found.", |claim, _| {
            let phase = claim.status.as_ref().map_or("", |status| text(&status.phase));
            if claim.metadata.deletion_timestamp.is_some() { "Terminating" } else { phase }.into()
        }),
        Column::text("Volume", "The volume.", |claim, _| {
            claim.spec.as_ref().map_or("", |spec| text(&spec.volume_name)).into()
        }),
        Column::text("Capacity", "How much fits.", |claim, _| {
            bound(claim).map(|status| storage(&status.capacity)).unwrap_or_default().into()
        }),
        Column::text("Access Modes", "How the volume may be used.", |claim, _| {
            bound(claim).map(|status| access_modes(&status.access_modes)).unwrap_or_default().into()
        }),
        Column::text("StorageClass", "The class of volumes asked for.", |claim, _| {
            claim.spec.as_ref().map_or("", |spec| text(&spec.storage_class_name)).into()
        }),
        Column::text("VolumeAttributesClass", "The attributes asked for.", |claim, _| {
            claim.spec.as_ref().map_or("<unset>", |spec| or_unset(&spec.volume_attributes_class_name)).into()
        }),
        Column::AGE,
        Column::text("VolumeMode", "Whether it is a file system or a block device.", |claim: &Self, _| {
            claim.spec.as_ref().map_or("<unset>", |spec| or_unset(&spec.volume_mode)).into()
        })
        .wide(),
    ];

    fn prepare_create(&mut self) {
        self.status = Some(Default::default());
    }

    fn copy_status(&mut self, from: &Self) {
        self.status.clone_from(&from.status);
    }

    /// The newer of the two fields for where the data comes from includes the older one, and the other way round
    /// where that can be said in it.
    fn default(&mut self) {
        default_text(&mut self.status.get_or_insert_default().phase, "Pending");
        let Some(spec) = &mut self.spec else { return };
        default_text(&mut spec.volume_mode, "Filesystem");
        let resources = spec.resources.get_or_insert_default();
        canonical(&mut resources.requests);
        canonical(&mut resources.limits);
        validation::reconcile_sources(spec);
    }

    fn validate(&self, causes: &mut Vec<Cause>) {
        let path = Path::root("spec");
        match &self.spec {
            None => {
                causes.push(Cause::required(path.child("accessModes"), "at least 1 access mode is required"))
            }
            Some(spec) => validation::spec(path, spec, causes),
        }
    }

    fn validate_update(&self, old: &Self, part: Part, causes: &mut Vec<Cause>) {
        if part == Part::Main {
            validation::change(self, old, causes);
        }
    }
}

#[cfg(test)]
mod tests;
