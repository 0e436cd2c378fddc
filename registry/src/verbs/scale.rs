//! The scale subresource: a number of replicas, whatever the kind.

use std::sync::Arc;

use bireme_core::client::{Part, Patch};
use bireme_core::error::{ApiError, Cause, Reason};
use bireme_core::object::{Kind, Object, ObjectKey};
use bireme_core::selector::LabelSelector;
use k8s_openapi::api::autoscaling::v1::{Scale, ScaleSpec, ScaleStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{self as meta, ObjectMeta};
use serde_json::Value;

use super::update::{Proposal, Target};
use super::write::unencodable;
use crate::apply::Configuration;
use crate::decode::revision_named;
use crate::patch;
use crate::registry::Registry;
use crate::request::RequestContext;
use crate::resource::{ScalePaths, Subresource};
use crate::table::KindEntry;

impl Registry {
    /// The scale of an object.
    ///
    /// # Errors
    ///
    /// `NotFound`, also for kinds without a scale; `Forbidden`.
    pub async fn scale(
        &self,
        context: &RequestContext,
        kind: Kind,
        key: &ObjectKey,
    ) -> Result<Scale, ApiError> {
        let (entry, paths) = self.scalable(kind)?;
        self.authorize_object(context, "get", kind, key, Some("scale"))?;
        scale_of(&*self.read(entry, key).await?, paths)
    }

    /// Sets the number of replicas of an object. A resource version in the scale must be the object's.
    ///
    /// # Errors
    ///
    /// As for [`update`](Self::update).
    pub async fn update_scale(
        &self,
        context: &RequestContext,
        kind: Kind,
        key: &ObjectKey,
        scale: &Scale,
    ) -> Result<Scale, ApiError> {
        self.authorize_object(context, "update", kind, key, Some("scale"))?;
        self.modify_scale(context, kind, key, |_| Ok(scale.clone())).await
    }

    /// Changes the scale of an object as the patch says.
    ///
    /// # Errors
    ///
    /// As for [`patch`](Self::patch).
    pub async fn patch_scale(
        &self,
        context: &RequestContext,
        kind: Kind,
        key: &ObjectKey,
        patch: &Patch,
    ) -> Result<Scale, ApiError> {
        self.authorize_object(context, "patch", kind, key, Some("scale"))?;
        if let Patch::Apply { body, force } = patch {
            return self.apply_scale(context, kind, key, body, *force).await;
        }
        self.modify_scale(context, kind, key, |present| {
            let mut document = serde_json::to_value(present).map_err(unencodable)?;
            let version = document["metadata"]["resourceVersion"].take();
            let patched = match patch {
                Patch::Json(operations) => {
                    document["metadata"]["resourceVersion"] = version;
                    patch::json(document, operations)?
                }
                // A scale has no lists, so that strategic merge is plain merge.
                Patch::Merge(merge) | Patch::Strategic(merge) => patch::merge(document, merge)?,
                // Is no change of what is there, and has gone its own way.
                Patch::Apply { .. } => document,
            };
            let bad = |error| ApiError::bad_request(format!("Scale cannot be handled as a Scale: {error}"));
            serde_json::from_value(patched).map_err(bad)
        })
        .await
    }

    /// Applies a number of replicas: a configuration of the object itself that says nothing else.
    async fn apply_scale(
        &self,
        context: &RequestContext,
        kind: Kind,
        key: &ObjectKey,
        body: &[u8],
        force: bool,
    ) -> Result<Scale, ApiError> {
        let (entry, paths) = self.scalable(kind)?;
        let configuration = Configuration::of_scale(body, paths.spec_replicas)?;
        let target = Target { entry, key, part: Part::Main, subresource: Some("scale"), trusted: false };
        let written = self.apply_to_present(context, target, &configuration, force).await?;
        scale_of(&written.ok_or_else(|| ApiError::not_found(kind, key.name()))?.object, paths)
    }

    fn scalable(&self, kind: Kind) -> Result<(&Arc<KindEntry>, ScalePaths), ApiError> {
        let entry = self.table.entry(kind)?;
        let paths = entry.strategy.subresources().iter().find_map(|subresource| match subresource {
            Subresource::Scale(paths) => Some(*paths),
            _ => None,
        });
        let missing = || ApiError::new(Reason::NotFound, "the server could not find the requested resource");
        Ok((entry, paths.ok_or_else(missing)?))
    }

    async fn modify_scale(
        &self,
        context: &RequestContext,
        kind: Kind,
        key: &ObjectKey,
        change: impl Fn(&Scale) -> Result<Scale, ApiError>,
    ) -> Result<Scale, ApiError> {
        let (entry, paths) = self.scalable(kind)?;
        let target = Target { entry, key, part: Part::Main, subresource: Some("scale"), trusted: false };
        let written = self
            .modify(context, target, |old, draft| {
                let scale = change(&scale_of(old, paths)?)?;
                let replicas = scale.spec.and_then(|spec| spec.replicas).unwrap_or(0);
                if replicas < 0 {
                    let cause =
                        Cause::invalid("spec.replicas", replicas, "must be greater than or equal to 0");
                    return Err(ApiError::invalid(entry.kind, key.name(), vec![cause]));
                }
                let mut value = draft.value_without_managed_fields().map_err(unencodable)?;
                set(&mut value, paths.spec_replicas, replicas.into());
                let json = serde_json::to_vec(&value).map_err(unencodable)?;
                let draft = entry.strategy.decode(&json, None);
                let draft = draft.map_err(|error| ApiError::bad_request(error.to_string()))?;
                let revision =
                    revision_named(scale.metadata.resource_version.as_deref().unwrap_or_default())?;
                Ok(Proposal { draft, revision, warnings: Vec::new(), managers: None })
            })
            .await?;
        scale_of(&written.object, paths)
    }
}

fn scale_of(object: &Object, paths: ScalePaths) -> Result<Scale, ApiError> {
    let value = object.value()?;
    let number =
        |path| at(&value, path).and_then(Value::as_i64).and_then(|number| i32::try_from(number).ok());
    let metadata = object.metadata();
    Ok(Scale {
        metadata: ObjectMeta {
            name: Some(object.name().to_owned()),
            namespace: object.namespace().map(str::to_owned),
            uid: Some(object.uid().to_owned()),
            resource_version: Some(object.revision().to_string()),
            creation_timestamp: metadata.creation_timestamp.clone(),
            ..ObjectMeta::default()
        },
        spec: Some(ScaleSpec { replicas: Some(number(paths.spec_replicas).unwrap_or(0)) }),
        status: Some(ScaleStatus {
            replicas: number(paths.status_replicas).unwrap_or(0),
            selector: at(&value, paths.selector).and_then(selector_text),
        }),
    })
}

/// A selector in any of the forms that kinds keep it in, as text.
fn selector_text(selector: &Value) -> Option<String> {
    if let Some(text) = selector.as_str() {
        return Some(text.to_owned());
    }
    let members = selector.as_object()?;
    let structured = members.keys().any(|key| key == "matchLabels" || key == "matchExpressions");
    let selector = if structured {
        let selector: meta::LabelSelector = serde_json::from_value(selector.clone()).ok()?;
        LabelSelector::try_from(&selector).ok()?
    } else {
        let labels: std::collections::BTreeMap<String, String> =
            serde_json::from_value(selector.clone()).ok()?;
        LabelSelector::equals(&labels)
    };
    Some(selector.to_string())
}

fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |value, name| value.get(name))
}

fn set(value: &mut Value, path: &str, new: Value) {
    let place = path.split('.').fold(value, |value, name| {
        if !value.is_object() {
            *value = Value::Object(serde_json::Map::new());
        }
        &mut value[name]
    });
    *place = new;
}
