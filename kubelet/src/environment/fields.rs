//! What a pod can be told of itself: `fieldRef` and `resourceFieldRef`.

use std::collections::BTreeMap;
use std::net::IpAddr;

use bireme_core::quantity::Quantity;
use k8s_openapi::api::core::v1::{Container, Pod, ResourceFieldSelector};

use crate::pod::{declared, qos};

/// Why a reference to a field has no value.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FieldError {
    /// There is no such field that can be referred to.
    #[error("unsupported fieldPath: {0}")]
    Field(String),
    /// There is no such resource that can be referred to.
    #[error("unsupported container resource: {0}")]
    Resource(String),
    /// The resource of a container that the pod does not have.
    #[error("container {0} not found")]
    Container(String),
    /// The value would be divided by nothing.
    #[error("invalid divisor {0:?}")]
    Divisor(String),
}

/// The pod and what is known of it beyond its object.
pub(crate) struct PodFacts<'a> {
    pub(crate) pod: &'a Pod,
    /// The pod's own address.
    pub(crate) address: Option<IpAddr>,
    /// The node's addresses.
    pub(crate) host_addresses: &'a [IpAddr],
    /// What a container without a limit may use, by resource.
    pub(crate) allocatable: &'a BTreeMap<String, Quantity>,
}

/// The value of a field.
pub(crate) fn field(facts: &PodFacts<'_>, path: &str) -> Result<String, FieldError> {
    let (meta, spec) = (&facts.pod.metadata, declared::spec(facts.pod));
    let text = |text: &Option<String>| Ok(text.clone().unwrap_or_default());
    let list = |addresses: &[IpAddr]| addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    match path {
        "metadata.name" => text(&meta.name),
        "metadata.namespace" => text(&meta.namespace),
        "metadata.uid" => text(&meta.uid),
        "metadata.labels" => Ok(lines(meta.labels.as_ref())),
        "metadata.annotations" => Ok(lines(meta.annotations.as_ref())),
        "spec.nodeName" => text(&spec.node_name),
        "spec.serviceAccountName" => text(&spec.service_account_name),
        "status.hostIP" => Ok(list(facts.host_addresses.get(..1).unwrap_or_default())),
        "status.hostIPs" => Ok(list(facts.host_addresses)),
        "status.podIP" | "status.podIPs" => Ok(list(facts.address.as_slice())),
        _ => subscript(path, "metadata.labels", meta.labels.as_ref())
            .or_else(|| subscript(path, "metadata.annotations", meta.annotations.as_ref()))
            .ok_or_else(|| FieldError::Field(path.to_owned())),
    }
}

/// The value in `path['key']`; empty when there is none.
fn subscript(path: &str, map_path: &str, map: Option<&BTreeMap<String, String>>) -> Option<String> {
    let key = path.strip_prefix(map_path)?.strip_prefix("['")?.strip_suffix("']")?;
    Some(map.and_then(|map| map.get(key)).cloned().unwrap_or_default())
}

/// A map, one `key="value"` per line.
fn lines(map: Option<&BTreeMap<String, String>>) -> String {
    let line = |(key, value): (&String, &String)| format!("{key}={value:?}");
    map.into_iter().flatten().map(line).collect::<Vec<_>>().join("\n")
}

/// The request or limit of a container, divided and rounded up. Without a limit it is what the node has.
pub(crate) fn resource(
    facts: &PodFacts<'_>,
    selector: &ResourceFieldSelector,
    own: Option<&Container>,
) -> Result<String, FieldError> {
    let container = match &selector.container_name {
        Some(name) => {
            let found = declared::by_name(declared::spec(facts.pod), name);
            found.map(|declared| declared.spec).ok_or_else(|| FieldError::Container(name.clone()))?
        }
        None => own.ok_or_else(|| FieldError::Container(String::new()))?,
    };
    let unknown = || FieldError::Resource(selector.resource.clone());
    let (kind, name) = selector.resource.split_once('.').ok_or_else(unknown)?;
    let amount = match kind {
        "limits" => {
            let node = || facts.allocatable.get(name).copied();
            qos::limit(container, name).or_else(node)
        }
        "requests" => qos::request(container, name),
        _ => return Err(unknown()),
    };
    let divisor = selector.divisor.as_ref().map_or("1", |divisor| divisor.0.as_str());
    let amount = amount.unwrap_or(Quantity::ZERO).nanos();
    let invalid = |_| FieldError::Divisor(divisor.to_owned());
    let by = match divisor.parse::<Quantity>().map_err(invalid)?.nanos() {
        // What the API server fills in for an absent divisor.
        0 => Quantity::units(1).nanos(),
        by => by,
    };
    Ok((amount / by + i128::from(amount % by > 0)).to_string())
}
