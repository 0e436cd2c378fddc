//! The scale subresource.

use std::sync::Arc;

use bireme_core::error::{ApiError, Reason};
use http::StatusCode;
use k8s_openapi::api::autoscaling::v1::Scale;

use super::Target;
use super::write::read_patch;
use crate::http::{Reply, reply};
use crate::negotiate;
use crate::route::Verb;
use crate::server::Api;

pub(super) async fn handle(api: &Arc<Api>, mut target: Target, verb: Verb) -> Result<Reply, ApiError> {
    negotiate::requires_json(&target.call.headers)?;
    let (context, key, kind) = (target.context()?, target.key()?, target.kind);
    let scale = match verb {
        Verb::Get => api.registry.scale(&context, kind, &key).await?,
        Verb::Update => {
            let body = target.call.read_json(&api.env).await?;
            let scale: Scale = serde_json::from_slice(&body).map_err(|error| {
                ApiError::bad_request(format!("the body cannot be handled as a Scale: {error}"))
            })?;
            api.registry.update_scale(&context, kind, &key, &scale).await?
        }
        Verb::Patch => {
            let patch = read_patch(api, &mut target.call).await?;
            api.registry.patch_scale(&context, kind, &key, &patch).await?
        }
        _ => {
            let message = "the server does not allow this method on the requested resource";
            return Err(ApiError::new(Reason::MethodNotAllowed, message));
        }
    };
    reply::json(StatusCode::OK, &scale)
}
