//! get and list.

use std::sync::Arc;

use bireme_core::error::ApiError;
use http::StatusCode;

use super::Target;
use crate::http::Reply;
use crate::present;
use crate::server::Api;

pub(super) async fn get(api: &Arc<Api>, target: &Target) -> Result<Reply, ApiError> {
    let presenter = target.presenter(api)?;
    let object = api.registry.get(&target.context()?, target.kind, &target.key()?).await?;
    presenter.reply(StatusCode::OK, &object)
}

pub(super) async fn list(api: &Arc<Api>, target: &Target) -> Result<Reply, ApiError> {
    let presenter = target.presenter(api)?;
    let options = target.call.query.list_options(target.path.namespace.as_deref())?;
    let list = api.registry.list(&target.context()?, target.kind, &options).await?;
    present::list(presenter, list)
}
