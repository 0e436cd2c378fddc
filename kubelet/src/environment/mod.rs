//! The environment variables of a container.

mod expand;
pub(crate) mod fields;
mod services;

use std::collections::BTreeMap;

use bireme_core::object::ObjectKey;
use k8s_openapi::api::core::v1::{Container, EnvFromSource, EnvVar, EnvVarSource, Pod, Service};

pub(crate) use expand::expand;
pub(crate) use fields::{FieldError, PodFacts};

use crate::objects::{Fetched, ObjectError};

/// Why a container's environment or volumes cannot be made from what the pod says.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// An object is missing or lacks a key.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// A field of the pod cannot be referred to.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// The pod asks for an unprivileged user, and the container would run as root.
    #[error("container has runAsNonRoot and image will run as root (pod: \"{pod}\", container: {container})")]
    RunsAsRoot {
        /// The pod.
        pod: ObjectKey,
        /// The container.
        container: String,
    },
    /// The profile of system calls is not on the node.
    #[error("cannot load seccomp profile {name:?} of the node: {source}")]
    SeccompProfile {
        /// Its name, below the node's folder of them.
        name: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A volume that a container mounts is not one of the pod's, or is of a sort that it cannot mount.
    #[error("volume {0:?} cannot be mounted: the pod has none of this name")]
    NoVolume(String),
    /// A path below a volume could not be made.
    #[error("failed to prepare subPath for volumeMount {volume:?} of container {container:?}: {source}")]
    SubPath {
        /// The volume.
        volume: String,
        /// The container.
        container: String,
        /// What the system said.
        source: std::io::Error,
    },
}

/// All that a container's environment is made from.
pub(crate) struct EnvironmentInputs<'a> {
    pub(crate) facts: &'a PodFacts<'a>,
    pub(crate) objects: &'a Fetched,
    /// The services that the pod is told of.
    pub(crate) services: &'a [std::sync::Arc<Service>],
}

/// The variables of a container, in the order in which they are set. Later sources override earlier ones:
/// services, `envFrom` in its order, `env` in its order.
pub(crate) fn variables(
    container: &Container,
    inputs: &EnvironmentInputs<'_>,
) -> Result<Vec<(String, String)>, ConfigError> {
    let pod = inputs.facts.pod;
    let links = crate::pod::declared::spec(pod).enable_service_links.unwrap_or(true);
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    let services = services::variables(inputs.services, namespace, links);
    let mut variables = Variables::default();
    services.iter().for_each(|(name, value)| variables.set(name, value.clone()));
    for source in container.env_from.iter().flatten() {
        from_source(source, inputs, &mut variables)?;
    }
    for variable in container.env.iter().flatten() {
        if let Some(value) = value(variable, container, inputs, &variables)? {
            variables.set(&variable.name, value);
        }
    }
    Ok(variables.list)
}

/// Variables in the order of their first setting.
#[derive(Default)]
struct Variables {
    list: Vec<(String, String)>,
    positions: BTreeMap<String, usize>,
}

impl Variables {
    fn set(&mut self, name: &str, value: String) {
        match self.positions.get(name) {
            Some(position) => self.list[*position].1 = value,
            None => {
                self.positions.insert(name.to_owned(), self.list.len());
                self.list.push((name.to_owned(), value));
            }
        }
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.positions.get(name).map(|position| self.list[*position].1.as_str())
    }
}

fn from_source(
    source: &EnvFromSource,
    inputs: &EnvironmentInputs<'_>,
    variables: &mut Variables,
) -> Result<(), ConfigError> {
    let prefix = source.prefix.as_deref().unwrap_or_default();
    let mut set = |key: &str, value: String| variables.set(&format!("{prefix}{key}"), value);
    if let Some(reference) = &source.config_map_ref {
        let optional = reference.optional == Some(true);
        if let Some(map) = inputs.objects.config_map(inputs.facts.pod, &reference.name, optional)? {
            map.data.iter().flatten().for_each(|(key, value)| set(key, value.clone()));
        }
    }
    if let Some(reference) = &source.secret_ref {
        let optional = reference.optional == Some(true);
        if let Some(secret) = inputs.objects.secret(inputs.facts.pod, &reference.name, optional)? {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            secret.data.iter().flatten().for_each(|(key, value)| set(key, text(&value.0)));
        }
    }
    Ok(())
}

/// The value of one variable; `None` when what it refers to is absent and optional.
fn value(
    variable: &EnvVar,
    container: &Container,
    inputs: &EnvironmentInputs<'_>,
    so_far: &Variables,
) -> Result<Option<String>, ConfigError> {
    if let Some(source) = &variable.value_from {
        return referred(source, container, inputs);
    }
    let text = variable.value.as_deref().unwrap_or_default();
    Ok(Some(expand(text, |name| so_far.value(name).map(str::to_owned))))
}

fn referred(
    source: &EnvVarSource,
    container: &Container,
    inputs: &EnvironmentInputs<'_>,
) -> Result<Option<String>, ConfigError> {
    let (objects, facts) = (inputs.objects, inputs.facts);
    if let Some(field) = &source.field_ref {
        return Ok(Some(fields::field(facts, &field.field_path)?));
    }
    if let Some(resource) = &source.resource_field_ref {
        return Ok(Some(fields::resource(facts, resource, Some(container))?));
    }
    if let Some(key) = &source.config_map_key_ref {
        let optional = key.optional == Some(true);
        let found = objects.config_map_key(facts.pod, &key.name, &key.key, optional)?;
        return Ok(found.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()));
    }
    if let Some(key) = &source.secret_key_ref {
        let optional = key.optional == Some(true);
        let found = objects.secret_key(facts.pod, &key.name, &key.key, optional)?;
        return Ok(found.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()));
    }
    Ok(Some(String::new()))
}

/// The command and arguments of a container with `$(VAR)` expanded.
pub(crate) fn expand_all(texts: Option<&Vec<String>>, variables: &[(String, String)]) -> Vec<String> {
    let value =
        |name: &str| variables.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    texts.into_iter().flatten().map(|text| expand(text, value)).collect()
}

/// The pod's key.
pub(crate) fn key_of(pod: &Pod) -> ObjectKey {
    let namespace = pod.metadata.namespace.as_deref();
    ObjectKey::new(namespace, pod.metadata.name.as_deref().unwrap_or_default())
}

#[cfg(test)]
mod tests;
