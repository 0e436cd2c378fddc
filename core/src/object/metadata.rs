//! The part of an object's metadata that everything generic needs.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference, Time};
use serde::Deserialize;

/// The metadata that selectors, caches, owners and deletion go by.
///
/// It leaves out what only the object's author reads (`managedFields` above all), so that it is cheap to
/// decode for every event; the typed object has everything.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Metadata {
    /// The name; empty only on the way into a create with `generateName`.
    #[serde(deserialize_with = "null_is_default")]
    pub name: String,
    /// The prefix that the API server makes a name from.
    pub generate_name: Option<String>,
    /// The namespace, for kinds that have one.
    pub namespace: Option<String>,
    /// The identity of this incarnation of the name; empty until created.
    #[serde(deserialize_with = "null_is_default")]
    pub uid: String,
    /// How often the desired state changed.
    pub generation: Option<i64>,
    /// When the object was created.
    pub creation_timestamp: Option<Time>,
    /// When the object is (or was) due to go; set while finalizers or a grace period hold it.
    pub deletion_timestamp: Option<Time>,
    /// The seconds of grace that the deletion was given.
    pub deletion_grace_period_seconds: Option<i64>,
    /// The labels.
    #[serde(deserialize_with = "null_is_default")]
    pub labels: BTreeMap<String, String>,
    /// The annotations.
    #[serde(deserialize_with = "null_is_default")]
    pub annotations: BTreeMap<String, String>,
    /// What must happen before the object may go.
    #[serde(deserialize_with = "null_is_default")]
    pub finalizers: Vec<String>,
    /// The objects that this one goes with.
    #[serde(deserialize_with = "null_is_default")]
    pub owner_references: Vec<OwnerReference>,
}

impl Metadata {
    /// The owner that manages this object, if any.
    pub fn controller(&self) -> Option<&OwnerReference> {
        self.owner_references.iter().find(|owner| owner.controller == Some(true))
    }

    /// Whether the object is on its way out.
    pub fn is_being_deleted(&self) -> bool {
        self.deletion_timestamp.is_some()
    }
}

impl From<&ObjectMeta> for Metadata {
    fn from(meta: &ObjectMeta) -> Self {
        let meta = meta.clone();
        Self {
            name: meta.name.unwrap_or_default(),
            generate_name: meta.generate_name,
            namespace: meta.namespace,
            uid: meta.uid.unwrap_or_default(),
            generation: meta.generation,
            creation_timestamp: meta.creation_timestamp,
            deletion_timestamp: meta.deletion_timestamp,
            deletion_grace_period_seconds: meta.deletion_grace_period_seconds,
            labels: meta.labels.unwrap_or_default(),
            annotations: meta.annotations.unwrap_or_default(),
            finalizers: meta.finalizers.unwrap_or_default(),
            owner_references: meta.owner_references.unwrap_or_default(),
        }
    }
}

/// In Kubernetes' JSON, `null` means the zero value.
fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
