//! The rules of environment variables.

use bireme_core::error::Cause;
use k8s_openapi::api::core::v1::{EnvFromSource, EnvVar, EnvVarSource};

use crate::kinds::check::{Path, text};

const NAME: &str =
    "a valid environment variable name must consist only of printable ASCII characters other than '='";

/// The fields of a pod that a variable can have the value of.
const FIELDS: &[&str] = &[
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];

/// What is wrong with the variables of a container.
pub(super) fn validate(
    path: Path<'_>,
    env: Option<&[EnvVar]>,
    from: Option<&[EnvFromSource]>,
    causes: &mut Vec<Cause>,
) {
    let list = path.child("env");
    for (index, variable) in env.unwrap_or_default().iter().enumerate() {
        let path = list.index(index);
        check_name(path.child("name"), &variable.name, causes);
        if let Some(source) = &variable.value_from {
            if !text(&variable.value).is_empty() {
                let why = "may not be specified when `value` is not empty";
                causes.push(Cause::invalid(path.child("valueFrom"), "", why));
            }
            check_source(path.child("valueFrom"), source, causes);
        }
    }
    let list = path.child("envFrom");
    for (index, source) in from.unwrap_or_default().iter().enumerate() {
        check_from(list.index(index), source, causes);
    }
}

fn check_name(path: Path<'_>, name: &str, causes: &mut Vec<Cause>) {
    if name.is_empty() {
        causes.push(Cause::required(path, ""));
    } else if !name.bytes().all(|b| (b' '..=b'~').contains(&b) && b != b'=') {
        causes.push(Cause::invalid(path, name, NAME));
    }
}

fn check_source(path: Path<'_>, source: &EnvVarSource, causes: &mut Vec<Cause>) {
    let mut count = 0;
    if let Some(field) = &source.field_ref {
        count += 1;
        let path = path.child("fieldRef.fieldPath");
        let name = field.field_path.as_str();
        let of_map = ["metadata.labels['", "metadata.annotations['"];
        if name.is_empty() {
            causes.push(Cause::required(path, ""));
        } else if !FIELDS.contains(&name)
            && !of_map.iter().any(|prefix| name.starts_with(prefix) && name.ends_with("']"))
        {
            causes.push(Cause::not_supported(path, name, FIELDS));
        }
    }
    if let Some(resource) = &source.resource_field_ref {
        count += 1;
        if resource.resource.is_empty() {
            causes.push(Cause::required(path.child("resourceFieldRef.resource"), ""));
        }
    }
    let maps = source.config_map_key_ref.as_ref().map(|map| ("configMapKeyRef", &map.name, &map.key));
    let secrets = source.secret_key_ref.as_ref().map(|secret| ("secretKeyRef", &secret.name, &secret.key));
    for (kind, name, key) in maps.into_iter().chain(secrets) {
        count += 1;
        let path = path.child(kind);
        for (field, value) in [("name", name), ("key", key)] {
            if value.is_empty() {
                causes.push(Cause::required(path.child(field), ""));
            }
        }
    }
    let why = match count {
        // Newer versions of the API have further sources, which the types of this one may not know.
        0 if *source != EnvVarSource::default() => return,
        0 => "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`",
        1 => return,
        _ => "may not have more than one field specified at a time",
    };
    causes.push(Cause::invalid(path, "", why));
}

fn check_from(path: Path<'_>, source: &EnvFromSource, causes: &mut Vec<Cause>) {
    if let Some(prefix) = source.prefix.as_deref().filter(|prefix| !prefix.is_empty()) {
        check_name(path.child("prefix"), prefix, causes);
    }
    let maps = source.config_map_ref.as_ref().map(|map| ("configMapRef", &map.name));
    let secrets = source.secret_ref.as_ref().map(|secret| ("secretRef", &secret.name));
    let mut count = 0;
    for (kind, name) in maps.into_iter().chain(secrets) {
        count += 1;
        if name.is_empty() {
            causes.push(Cause::required(path.child(kind).child("name"), ""));
        }
    }
    let why = match count {
        0 => "must specify one of: `configMapRef` or `secretRef`",
        1 => return,
        _ => "may not have more than one field specified at a time",
    };
    causes.push(Cause::invalid(path, "", why));
}
