//! delete and deletecollection.

use std::sync::Arc;

use bireme_core::client::{DeleteOptions, Deletion, ObjectList, Propagation};
use bireme_core::error::ApiError;
use bireme_core::object::Kind;
use bireme_core::store::Revision;
use http::StatusCode;
use k8s_openapi::apimachinery::pkg::apis::meta::v1 as meta;

use super::Target;
use crate::call::Call;
use crate::http::{Reply, reply};
use crate::present;
use crate::query::propagation;
use crate::server::Api;

pub(super) async fn delete(api: &Arc<Api>, mut target: Target) -> Result<Reply, ApiError> {
    let (presenter, mut context) = (target.presenter(api)?, target.context()?);
    let options = read_options(api, &mut target.call).await?;
    context.dry_run = options.dry_run;
    let key = target.key()?;
    match api.registry.delete(&context, target.kind, &key, &options).await? {
        Deletion::Marked(object) => presenter.reply(StatusCode::OK, &object),
        // Upstream tells the last state of a pod, and of other kinds only that they are gone.
        Deletion::Gone { last: Some(object), .. } if target.is_pod() => {
            presenter.reply(StatusCode::OK, &object)
        }
        Deletion::Gone { uid, .. } => reply::json(StatusCode::OK, &gone(target.kind, key.name(), uid)),
    }
}

pub(super) async fn delete_collection(api: &Arc<Api>, mut target: Target) -> Result<Reply, ApiError> {
    let (presenter, mut context) = (target.presenter(api)?, target.context()?);
    let list = target.call.query.list_options(target.path.namespace.as_deref())?;
    let options = read_options(api, &mut target.call).await?;
    context.dry_run = options.dry_run;
    let deletions = api.registry.delete_collection(&context, target.kind, &list, &options).await?;
    let mut revision = Revision::ZERO;
    let items = deletions.into_iter().filter_map(|deletion| match deletion {
        Deletion::Marked(object) => Some(object),
        Deletion::Gone { last, .. } => last,
    });
    let items: Vec<_> = items.inspect(|object| revision = revision.max(object.revision())).collect();
    present::list(presenter, ObjectList { items, revision, ..ObjectList::default() })
}

/// What the parameters say, and the body where it says something else.
async fn read_options(api: &Arc<Api>, call: &mut Call) -> Result<DeleteOptions, ApiError> {
    let mut options = call.query.delete_options()?;
    let body = call.read_json(&api.env).await?;
    if body.is_empty() {
        return Ok(options);
    }
    let sent: meta::DeleteOptions = serde_json::from_slice(&body).map_err(|error| {
        ApiError::bad_request(format!("the body cannot be handled as DeleteOptions: {error}"))
    })?;
    options.grace_period_seconds = sent.grace_period_seconds.or(options.grace_period_seconds);
    if sent.orphan_dependents == Some(true) {
        options.propagation = Some(Propagation::Orphan);
    }
    if let Some(policy) = sent.propagation_policy.as_deref().filter(|policy| !policy.is_empty()) {
        options.propagation = Some(propagation(policy)?);
    }
    match sent.dry_run.as_deref().unwrap_or_default() {
        [] => {}
        [all] if all == "All" => options.dry_run = true,
        other => {
            return Err(ApiError::bad_request(format!(
                "invalid dryRun: {other:?}: supported values: \"All\""
            )));
        }
    }
    if let Some(preconditions) = sent.preconditions {
        options.preconditions.uid = preconditions.uid;
        let version = preconditions.resource_version.filter(|version| !version.is_empty());
        let parse = |version: String| {
            let wrong = || {
                ApiError::bad_request(format!("invalid resource version {version:?}: not a decimal number"))
            };
            version.parse().map(Revision).map_err(|_| wrong())
        };
        options.preconditions.revision = version.map(parse).transpose()?;
    }
    Ok(options)
}

/// The `Status` that says that an object is gone.
fn gone(kind: Kind, name: &str, uid: String) -> meta::Status {
    meta::Status {
        details: Some(meta::StatusDetails {
            group: Some(kind.group().to_owned()).filter(|group| !group.is_empty()),
            kind: Some(kind.plural().to_owned()),
            name: Some(name.to_owned()),
            uid: Some(uid).filter(|uid| !uid.is_empty()),
            ..meta::StatusDetails::default()
        }),
        status: Some("Success".to_owned()),
        ..meta::Status::default()
    }
}
