//! The ConfigMaps and Secrets that a pod names.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bireme_core::error::ApiError;
use bireme_core::object::{DecodeError, Kind, Object, ObjectKey};
use k8s_openapi::api::core::v1::{ConfigMap, Container, Pod, Secret, Volume};

use crate::pod::declared;
use crate::source::Configs;

/// An object by kind and key.
pub(crate) type Reference = (Kind, ObjectKey);

/// Why an object that a pod names is of no use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ObjectError {
    /// There is none.
    #[error("{} \"{name}\" not found", kind.name().to_lowercase())]
    Missing {
        /// What it is.
        kind: Kind,
        /// Its name.
        name: String,
    },
    /// It does not have the key.
    #[error("couldn't find key {key} in {kind} {object}")]
    MissingKey {
        /// What it is.
        kind: Kind,
        /// Its namespace and name.
        object: ObjectKey,
        /// The key.
        key: String,
    },
    /// It is not what it should be.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The API cannot be asked.
    #[error(transparent)]
    Api(#[from] ApiError),
}

/// The objects that a pod names, as they were at one time.
#[derive(Default)]
pub(crate) struct Fetched(BTreeMap<Reference, Option<Arc<Object>>>);

/// Every ConfigMap and Secret that a pod's containers and volumes are made from.
pub(crate) fn references(pod: &Pod) -> BTreeSet<Reference> {
    let namespace = pod.metadata.namespace.as_deref();
    let mut names = Names::default();
    let spec = declared::spec(pod);
    declared::all(spec).for_each(|declared| names.of_container(declared.spec));
    spec.volumes.iter().flatten().for_each(|volume| names.of_volume(volume));
    let keyed = |kind: Kind, names: BTreeSet<String>| {
        names.into_iter().map(move |name| (kind, ObjectKey::new(namespace, &name)))
    };
    keyed(Kind::of::<ConfigMap>(), names.config_maps)
        .chain(keyed(Kind::of::<Secret>(), names.secrets))
        .collect()
}

#[derive(Default)]
struct Names {
    config_maps: BTreeSet<String>,
    secrets: BTreeSet<String>,
}

impl Names {
    fn of_container(&mut self, container: &Container) {
        for source in container.env_from.iter().flatten() {
            self.config_maps.extend(source.config_map_ref.iter().map(|reference| reference.name.clone()));
            self.secrets.extend(source.secret_ref.iter().map(|reference| reference.name.clone()));
        }
        for source in container.env.iter().flatten().filter_map(|variable| variable.value_from.as_ref()) {
            self.config_maps.extend(source.config_map_key_ref.iter().map(|reference| reference.name.clone()));
            self.secrets.extend(source.secret_key_ref.iter().map(|reference| reference.name.clone()));
        }
    }

    fn of_volume(&mut self, volume: &Volume) {
        self.config_maps.extend(volume.config_map.iter().map(|source| source.name.clone()));
        self.secrets.extend(volume.secret.iter().filter_map(|source| source.secret_name.clone()));
        for source in volume.projected.iter().flat_map(|projected| projected.sources.iter().flatten()) {
            self.config_maps.extend(source.config_map.iter().map(|source| source.name.clone()));
            self.secrets.extend(source.secret.iter().map(|source| source.name.clone()));
        }
    }
}

impl Fetched {
    /// Reads all that the pod names. An object that does not exist is no error yet: it may be optional.
    pub(crate) async fn of_pod(pod: &Pod, configs: &dyn Configs) -> Result<Self, ApiError> {
        let mut fetched = BTreeMap::new();
        for (kind, key) in references(pod) {
            let object = configs.fetch(kind, &key).await?;
            fetched.insert((kind, key), object);
        }
        Ok(Self(fetched))
    }

    /// These objects, and no others.
    #[cfg(test)]
    pub(crate) fn of_objects(objects: impl IntoIterator<Item = Object>) -> Self {
        let entry = |object: Object| ((object.kind(), object.key().clone()), Some(Arc::new(object)));
        Self(objects.into_iter().map(entry).collect())
    }

    fn object<K: bireme_core::object::Resource>(
        &self,
        pod: &Pod,
        name: &str,
        optional: bool,
    ) -> Result<Option<Arc<K>>, ObjectError> {
        let kind = Kind::of::<K>();
        let key = ObjectKey::new(pod.metadata.namespace.as_deref(), name);
        match self.0.get(&(kind, key)) {
            Some(Some(object)) => Ok(Some(object.typed()?)),
            _ if optional => Ok(None),
            _ => Err(ObjectError::Missing { kind, name: name.to_owned() }),
        }
    }

    /// A ConfigMap of the pod's namespace; `None` when it is absent and may be.
    pub(crate) fn config_map(
        &self,
        pod: &Pod,
        name: &str,
        optional: bool,
    ) -> Result<Option<Arc<ConfigMap>>, ObjectError> {
        self.object(pod, name, optional)
    }

    /// A Secret of the pod's namespace; `None` when it is absent and may be.
    pub(crate) fn secret(
        &self,
        pod: &Pod,
        name: &str,
        optional: bool,
    ) -> Result<Option<Arc<Secret>>, ObjectError> {
        self.object(pod, name, optional)
    }

    /// The value of a key of a ConfigMap; `None` when it or the key is absent and may be.
    pub(crate) fn config_map_key(
        &self,
        pod: &Pod,
        name: &str,
        key: &str,
        optional: bool,
    ) -> Result<Option<Vec<u8>>, ObjectError> {
        let Some(map) = self.config_map(pod, name, optional)? else { return Ok(None) };
        let value = config_map_entries(&map).find(|(known, _)| known.as_str() == key);
        self.key(Kind::of::<ConfigMap>(), pod, name, key, optional, value.map(|(_, bytes)| bytes))
    }

    /// The value of a key of a Secret; `None` when it or the key is absent and may be.
    pub(crate) fn secret_key(
        &self,
        pod: &Pod,
        name: &str,
        key: &str,
        optional: bool,
    ) -> Result<Option<Vec<u8>>, ObjectError> {
        let Some(secret) = self.secret(pod, name, optional)? else { return Ok(None) };
        let value = secret.data.as_ref().and_then(|data| data.get(key)).map(|value| value.0.clone());
        self.key(Kind::of::<Secret>(), pod, name, key, optional, value)
    }

    fn key(
        &self,
        kind: Kind,
        pod: &Pod,
        name: &str,
        key: &str,
        optional: bool,
        value: Option<Vec<u8>>,
    ) -> Result<Option<Vec<u8>>, ObjectError> {
        if value.is_some() || optional {
            return Ok(value);
        }
        let object = ObjectKey::new(pod.metadata.namespace.as_deref(), name);
        Err(ObjectError::MissingKey { kind, object, key: key.to_owned() })
    }
}

/// The entries of a ConfigMap, text and binary.
pub(crate) fn config_map_entries(map: &ConfigMap) -> impl Iterator<Item = (&String, Vec<u8>)> {
    let text = map.data.iter().flatten().map(|(key, value)| (key, value.clone().into_bytes()));
    text.chain(map.binary_data.iter().flatten().map(|(key, value)| (key, value.0.clone())))
}
