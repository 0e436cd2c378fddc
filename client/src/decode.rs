//! What the server sends, as objects.

use std::sync::Arc;

use bireme_core::client::{Deletion, ObjectList};
use bireme_core::error::ApiError;
use bireme_core::object::{Kind, Object};
use bireme_core::store::Revision;
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use serde::Deserialize;
use serde_json::{Value, json};

/// One object.
pub(crate) fn object(kind: Kind, mut value: Value) -> Result<Arc<Object>, ApiError> {
    // The items of a list say neither, for they are all alike.
    if let Some(fields) = value.as_object_mut() {
        fields.entry("apiVersion").or_insert_with(|| json!(kind.api_version()));
        fields.entry("kind").or_insert_with(|| json!(kind.name()));
    }
    Ok(Arc::new(Object::from_value(kind, value)?))
}

/// One object, from a whole body.
pub(crate) fn object_body(kind: Kind, body: &[u8]) -> Result<Arc<Object>, ApiError> {
    object(kind, value(body)?)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct List {
    metadata: ListMeta,
    /// A server may send null for none.
    items: Option<Vec<Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListMeta {
    resource_version: Option<String>,
    #[serde(rename = "continue")]
    continue_token: Option<String>,
    remaining_item_count: Option<u64>,
}

/// A list.
pub(crate) fn list(kind: Kind, body: &[u8]) -> Result<ObjectList, ApiError> {
    let List { metadata, items } = serde_json::from_slice(body)
        .map_err(|error| ApiError::internal("the server's list cannot be read", error))?;
    let items =
        items.unwrap_or_default().into_iter().map(|item| object(kind, item)).collect::<Result<_, _>>()?;
    Ok(ObjectList {
        items,
        revision: revision(metadata.resource_version.as_deref())?,
        continue_token: metadata.continue_token.filter(|token| !token.is_empty()),
        remaining: metadata.remaining_item_count,
    })
}

/// What a delete did: a `Status` when the object is gone, the object itself while something holds it.
pub(crate) fn deletion(kind: Kind, body: Value) -> Result<Deletion, ApiError> {
    if body["kind"] == "Status" {
        let uid = body["details"]["uid"].as_str().unwrap_or_default().to_owned();
        return Ok(Deletion::Gone { uid, last: None });
    }
    // A namespace is held by what is in it, for which its spec has finalizers of its own.
    let finalizers = body["spec"]["finalizers"].as_array();
    let holds_content =
        kind == Kind::of::<Namespace>() && finalizers.is_some_and(|finalizers| !finalizers.is_empty());
    let object = object(kind, body)?;
    let meta = object.metadata();
    let is_held = holds_content
        || !meta.finalizers.is_empty()
        || meta.deletion_grace_period_seconds.is_some_and(|grace| grace > 0);
    if meta.is_being_deleted() && is_held {
        Ok(Deletion::Marked(object))
    } else {
        Ok(Deletion::Gone { uid: object.uid().to_owned(), last: Some(object) })
    }
}

/// Any JSON.
pub(crate) fn value(body: &[u8]) -> Result<Value, ApiError> {
    serde_json::from_slice(body).map_err(|error| ApiError::internal("the server's answer is not JSON", error))
}

/// The error that a refusal carries; one without a `Status` speaks by its code.
pub(crate) fn refusal(code: http::StatusCode, body: &[u8]) -> ApiError {
    let plain = || Status {
        code: Some(code.as_u16().into()),
        message: Some(String::from_utf8_lossy(body).trim().to_owned()),
        ..Status::default()
    };
    ApiError::from(serde_json::from_slice::<Status>(body).unwrap_or_else(|_| plain()))
}

/// The revision that a resource version is.
pub(crate) fn revision(version: Option<&str>) -> Result<Revision, ApiError> {
    let version = version.unwrap_or_default();
    if version.is_empty() {
        return Ok(Revision::ZERO);
    }
    let number = version.parse().map_err(|error| {
        ApiError::internal(format!("the server's resource version {version:?} is not a number"), error)
    })?;
    Ok(Revision(number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bireme_core::error::Reason;
    use k8s_openapi::api::core::v1::Pod;

    #[test]
    fn list_items_get_their_kind_and_revision() {
        let body = json!({"metadata": {"resourceVersion": "12", "continue": ""},
            "items": [{"metadata": {"name": "a", "namespace": "b", "resourceVersion": "7"}}]});
        let list = list(Kind::of::<Pod>(), body.to_string().as_bytes()).unwrap();
        assert_eq!((list.revision, list.continue_token.is_none()), (Revision(12), true));
        assert_eq!(list.items[0].revision(), Revision(7));
        assert_eq!(list.items[0].value().unwrap()["kind"], "Pod");
    }

    #[test]
    fn a_refusal_keeps_reason_and_message() {
        let status = json!({"kind": "Status", "code": 409, "reason": "AlreadyExists", "message": "pods \"a\" already exists"});
        let error = refusal(http::StatusCode::CONFLICT, status.to_string().as_bytes());
        assert!(error.is_already_exists());
        let error = refusal(http::StatusCode::BAD_GATEWAY, b"proxy says no");
        assert_eq!((error.reason(), error.message()), (Reason::InternalError, "proxy says no"));
    }

    #[test]
    fn a_deletion_is_marked_only_while_something_holds_the_object() {
        let pod = |grace: i64| json!({"metadata": {"name": "a", "uid": "u", "deletionTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": grace}});
        assert!(matches!(deletion(Kind::of::<Pod>(), pod(30)).unwrap(), Deletion::Marked(_)));
        assert!(matches!(deletion(Kind::of::<Pod>(), pod(0)).unwrap(), Deletion::Gone { last: Some(_), .. }));
        let namespace = |finalizers: Value| json!({"metadata": {"name": "a", "uid": "u", "deletionTimestamp": "2026-01-01T00:00:00Z"}, "spec": {"finalizers": finalizers}});
        let kind = Kind::of::<Namespace>();
        assert!(matches!(deletion(kind, namespace(json!(["kubernetes"]))).unwrap(), Deletion::Marked(_)));
        assert!(matches!(
            deletion(kind, namespace(json!([]))).unwrap(),
            Deletion::Gone { last: Some(_), .. }
        ));
        let status = json!({"kind": "Status", "details": {"uid": "u"}});
        assert!(
            matches!(deletion(Kind::of::<Pod>(), status).unwrap(), Deletion::Gone { last: None, uid } if uid == "u")
        );
    }
}
