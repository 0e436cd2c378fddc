//! create, update and patch.

use std::sync::Arc;

use bireme_core::client::{Part, Patch};
use bireme_core::error::{ApiError, Cause, Reason};
use bireme_registry::{Body, Written};
use bytes::Bytes;
use http::StatusCode;
use serde::de::IgnoredAny;

use super::Target;
use crate::call::Call;
use crate::http::{Reply, reply, request};
use crate::present::Presenter;
use crate::server::Api;

pub(super) async fn create(api: &Arc<Api>, mut target: Target) -> Result<Reply, ApiError> {
    let (presenter, context) = (target.presenter(api)?, target.context()?);
    let body = Body::Json(target.call.read_json(&api.env).await?);
    let namespace = target.path.namespace.as_deref();
    let written = api.registry.create(&context, target.kind, namespace, body).await?;
    answer(&presenter, &written)
}

pub(super) async fn update(api: &Arc<Api>, mut target: Target, part: Part) -> Result<Reply, ApiError> {
    let (presenter, context) = (target.presenter(api)?, target.context()?);
    let body = Body::Json(target.call.read_json(&api.env).await?);
    let written = api.registry.update(&context, target.kind, &target.key()?, part, body).await?;
    answer(&presenter, &written)
}

pub(super) async fn patch(api: &Arc<Api>, mut target: Target, part: Part) -> Result<Reply, ApiError> {
    let (presenter, context) = (target.presenter(api)?, target.context()?);
    let patch = read_patch(api, &mut target.call).await?;
    let written = api.registry.patch(&context, target.kind, &target.key()?, part, &patch).await?;
    answer(&presenter, &written)
}

fn answer(presenter: &Presenter, written: &Written) -> Result<Reply, ApiError> {
    let code = if written.created { StatusCode::CREATED } else { StatusCode::OK };
    let mut answer = presenter.reply(code, &written.object)?;
    reply::warn(&mut answer, &written.warnings);
    Ok(answer)
}

/// The media type of server-side apply.
const APPLY: &str = "application/apply-patch+yaml";

/// The patch that a request carries; its media type alone says of which kind.
pub(super) async fn read_patch(api: &Arc<Api>, call: &mut Call) -> Result<Patch, ApiError> {
    let media = request::media_type(&call.headers).to_owned();
    let wrap: fn(Bytes) -> Patch = match media.as_str() {
        "application/json-patch+json" => Patch::Json,
        "application/merge-patch+json" => Patch::Merge,
        "application/strategic-merge-patch+json" => Patch::Strategic,
        APPLY => return read_apply(api, call).await,
        other => {
            let offered = "application/json-patch+json, application/merge-patch+json, \
                application/strategic-merge-patch+json, application/apply-patch+yaml";
            return Err(request::unsupported(other, offered));
        }
    };
    if call.query.text("force").is_some() {
        return Err(bad_option(Cause::forbidden("force", "may not be specified for non-apply patch")));
    }
    Ok(wrap(call.read_body(&api.env).await?))
}

/// The configuration that a request applies.
async fn read_apply(api: &Arc<Api>, call: &mut Call) -> Result<Patch, ApiError> {
    let force = call.query.flag("force")?;
    if call.query.text("fieldManager").is_none() {
        return Err(bad_option(Cause::required("fieldManager", "is required for apply patch")));
    }
    let body = call.read_body(&api.env).await?;
    // Most clients send JSON. It is YAML, too, but for some ways to write what YAML forbids.
    let is_json = serde_json::from_slice::<IgnoredAny>(&body).is_ok();
    let media = if is_json { "application/json" } else { "application/yaml" };
    Ok(Patch::Apply { body: request::to_json(media, body)?, force })
}

/// Upstream's answer to a wrong option of a patch.
fn bad_option(cause: Cause) -> ApiError {
    let message = format!("PatchOptions.meta.k8s.io \"\" is invalid: {cause}");
    ApiError::new(Reason::Invalid, message).with_causes([cause])
}
