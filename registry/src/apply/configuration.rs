//! An applied configuration on its way in.

use std::fmt;

use bireme_core::client::{FieldValidation, Part};
use bireme_core::error::ApiError;
use bireme_core::object::{Kind, ObjectKey};
use bireme_core::store::Revision;
use json_patch::merge;
use k8s_openapi::api::autoscaling::v1::Scale;
use serde_json::{Map, Value, json};

use crate::decode::{MAX_REPORTED, duplicates, revision_named};
use crate::table::KindEntry;

/// What a manager wants of an object: the fields that it cares for, and no others.
#[derive(Debug)]
pub(crate) struct Configuration {
    /// What it says about the part of the object that it is for.
    pub(crate) value: Value,
    /// The revision that its author read; zero when it names none.
    pub(crate) revision: Revision,
    /// What its author should be told: fields that occur twice.
    pub(crate) warnings: Vec<String>,
}

impl Configuration {
    /// Reads a configuration for a part of an object of this kind.
    ///
    /// # Errors
    ///
    /// `BadRequest` for what is not of the kind and version, has fields that the kind does not, or names managers.
    pub(crate) fn read(
        entry: &KindEntry,
        key: &ObjectKey,
        part: Part,
        body: &[u8],
        validation: FieldValidation,
    ) -> Result<Configuration, ApiError> {
        let kind = entry.kind;
        let (mut members, revision) = envelope(body, &kind.api_version(), kind.name())?;
        let mut unknown = Vec::new();
        let decoded = entry.strategy.decode(body, Some(&mut unknown));
        decoded.map_err(|error| unfit(kind, key, &error))?;
        unknown.truncate(MAX_REPORTED);
        match unknown.as_slice() {
            [] => {}
            [one] => return Err(unfit(kind, key, &format_args!(".{one}: field not declared in schema"))),
            many => {
                let each = many.iter().map(|path| format!("\n  .{path}: field not declared in schema"));
                return Err(unfit(kind, key, &format_args!("errors:{}", each.collect::<String>())));
            }
        }
        let mut warnings = Vec::new();
        if validation != FieldValidation::Ignore {
            warnings.extend(duplicates(body).iter().map(|path| format!("duplicate field \"{path}\"")));
        }
        if validation == FieldValidation::Strict && !warnings.is_empty() {
            return Err(unfit(kind, key, &format_args!("strict decoding error: {}", warnings.join(", "))));
        }
        if part == Part::Main {
            members.remove("status");
        } else {
            members.retain(|name, _| matches!(name.as_str(), "metadata" | "status"));
            reduce_to_identity(&mut members);
        }
        Ok(Configuration { value: Value::Object(members), revision, warnings })
    }

    /// Reads a configuration of a Scale: it says how many replicas an object has, which keeps that at this path.
    ///
    /// # Errors
    ///
    /// `BadRequest` for what is no Scale, or names managers.
    pub(crate) fn of_scale(body: &[u8], spec_replicas: &str) -> Result<Configuration, ApiError> {
        let (mut members, revision) = envelope(body, "autoscaling/v1", "Scale")?;
        let scale: Scale = serde_json::from_slice(body)
            .map_err(|error| ApiError::bad_request(format!("Scale cannot be handled as a Scale: {error}")))?;
        members.retain(|name, _| name == "metadata");
        reduce_to_identity(&mut members);
        let mut value = Value::Object(members);
        if let Some(replicas) = scale.spec.and_then(|spec| spec.replicas) {
            let names = spec_replicas.rsplit('.');
            merge(&mut value, &names.fold(replicas.into(), |inside, name| json!({name: inside})));
        }
        Ok(Configuration { value, revision, warnings: Vec::new() })
    }
}

/// The answer to a configuration that is none of an object of this kind.
pub(crate) fn unfit(kind: Kind, key: &ObjectKey, why: &dyn fmt::Display) -> ApiError {
    let (namespace, name) = (key.namespace().unwrap_or_default(), key.name());
    let version = format!("{}/{}, Kind={}", kind.group(), kind.version(), kind.name());
    ApiError::bad_request(format!(
        "failed to create typed patch object ({namespace}/{name}; {version}): {why}"
    ))
}

/// Leaves of the metadata only what says which object is meant.
fn reduce_to_identity(members: &mut Map<String, Value>) {
    if let Some(Value::Object(metadata)) = members.get_mut("metadata") {
        metadata.retain(|name, _| matches!(name.as_str(), "name" | "namespace" | "uid"));
    }
}

/// What every configuration must have, and what none may; with the revision that it names.
fn envelope(body: &[u8], api_version: &str, kind: &str) -> Result<(Map<String, Value>, Revision), ApiError> {
    let mut members: Map<String, Value> = serde_json::from_slice(body)
        .map_err(|error| ApiError::bad_request(format!("error decoding patch: {error}")))?;
    let text = |name: &str| members.get(name).and_then(Value::as_str).unwrap_or_default();
    if text("apiVersion") != api_version {
        return Err(ApiError::bad_request(format!(
            "Incorrect version specified in apply patch. Specified patch version: {}, expected: {api_version}",
            text("apiVersion")
        )));
    }
    if text("kind") != kind {
        return Err(ApiError::bad_request(format!(
            "Incorrect kind specified in apply patch. Specified patch kind: {}, expected: {kind}",
            text("kind")
        )));
    }
    let Some(Value::Object(metadata)) = members.get_mut("metadata") else {
        return Ok((members, Revision::ZERO));
    };
    if metadata.get("managedFields").is_some_and(|managers| !managers.is_null()) {
        return Err(ApiError::bad_request("metadata.managedFields must be nil"));
    }
    let version = metadata.remove("resourceVersion");
    let revision = revision_named(version.as_ref().and_then(Value::as_str).unwrap_or_default())?;
    Ok((members, revision))
}
