//! patch.

use std::sync::Arc;

use bireme_core::client::{Part, Patch};
use bireme_core::error::ApiError;
use bireme_core::object::{Kind, Object, ObjectKey};
use serde_json::Value;

use super::update::{Proposal, Target, subresource_of};
use super::write::unencodable;
use crate::decode::{Received, receive};
use crate::patch;
use crate::registry::Registry;
use crate::request::{Body, RequestContext, Written};
use crate::resource::Draft;
use crate::table::KindEntry;

impl Registry {
    /// Changes a part of an object as the patch says, retrying when somebody else changes it meanwhile, unless
    /// the patch names a resource version. An apply creates an object that is not there.
    ///
    /// # Errors
    ///
    /// As for [`update`](Self::update); `BadRequest` and `Invalid` also for a patch that is wrong or does not fit;
    /// `Conflict` also for an apply to what others own, with the fields and their owners as causes.
    pub async fn patch(
        &self,
        context: &RequestContext,
        kind: Kind,
        key: &ObjectKey,
        part: Part,
        patch: &Patch,
    ) -> Result<Written, ApiError> {
        let entry = self.table.entry(kind)?;
        self.authorize_object(context, "patch", kind, key, subresource_of(part))?;
        let target = Target { entry, key, part, subresource: subresource_of(part), trusted: false };
        if let Patch::Apply { body, force } = patch {
            return self.apply(context, target, body, *force).await;
        }
        self.modify(context, target, |old, draft| propose(context, entry, patch, old, draft)).await
    }
}

/// Whether a patch can be about managed fields: it has their name in it, or escapes that it may hide behind.
fn may_name_managers(patch: &Patch) -> bool {
    let (Patch::Json(text) | Patch::Merge(text) | Patch::Strategic(text) | Patch::Apply { body: text, .. }) =
        patch;
    let has = |word: &[u8]| text.windows(word.len()).any(|part| part == word);
    has(b"managedFields") || has(b"\\u")
}

fn propose(
    context: &RequestContext,
    entry: &KindEntry,
    patch: &Patch,
    old: &Arc<Object>,
    draft: &mut Draft,
) -> Result<Proposal, ApiError> {
    // A patch that does not name them leaves them as they are.
    let document =
        if may_name_managers(patch) { draft.value() } else { draft.value_without_managed_fields() };
    let mut document = document.map_err(unencodable)?;
    let patched = match patch {
        Patch::Json(operations) => {
            // A JSON patch may test the resource version; the others name one only to insist on it.
            document["metadata"]["resourceVersion"] = Value::String(old.revision().to_string());
            patch::json(document, operations)?
        }
        Patch::Merge(merge) => patch::merge(document, merge)?,
        Patch::Strategic(merge) => patch::strategic(document, merge, entry.strategy.schema())?,
        // Is no change of what is there, and has gone its own way.
        Patch::Apply { .. } => document,
    };
    let mut json = patched;
    let names_version = !matches!(patch, Patch::Json(_));
    let version = json.get("metadata").and_then(|metadata| metadata.get("resourceVersion")).cloned();
    if !names_version
        && version.as_ref().and_then(Value::as_str) == Some(old.revision().to_string().as_str())
        && let Some(metadata) = json.get_mut("metadata").and_then(Value::as_object_mut)
    {
        metadata.remove("resourceVersion");
    }
    let body = Body::Json(serde_json::to_vec(&json).map_err(unencodable)?.into());
    let received = receive(entry, &body, context.validation)?;
    let Received { draft, revision, warnings } = received;
    Ok(Proposal { draft, revision, warnings, managers: None })
}
