//! A watch's frames as events.

use std::sync::Arc;

use bireme_core::client::{ApiEvent, EventStream};
use bireme_core::error::ApiError;
use bireme_core::object::{Kind, Object};
use futures::{AsyncBufRead, AsyncBufReadExt as _, StreamExt as _, stream};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use serde::Deserialize;
use serde_json::Value;

use crate::decode;

/// The annotation of the bookmark that ends the initial events.
const INITIAL_EVENTS_END: &str = "k8s.io/initial-events-end";

#[derive(Deserialize)]
struct Frame {
    #[serde(rename = "type")]
    kind: String,
    object: Value,
}

/// One event a line, until the stream ends; an error is the last item.
pub(crate) fn events(kind: Kind, body: impl AsyncBufRead + Send + 'static) -> EventStream {
    let lines = Box::pin(body).lines();
    stream::unfold(Some(lines), move |lines| async move {
        let mut lines = lines?;
        let line = match lines.next().await? {
            Ok(line) => line,
            Err(error) => return Some((Err(ApiError::internal("the watch broke off", error)), None)),
        };
        let event = event(kind, &line);
        let rest = event.is_ok().then_some(lines);
        Some((event, rest))
    })
    .boxed()
}

fn event(kind: Kind, line: &str) -> Result<ApiEvent, ApiError> {
    let frame: Frame = serde_json::from_str(line)
        .map_err(|error| ApiError::internal("a watch's frame cannot be read", error))?;
    let object = |value: Value| -> Result<Arc<Object>, ApiError> { decode::object(kind, value) };
    match frame.kind.as_str() {
        "ADDED" => Ok(ApiEvent::Added(object(frame.object)?)),
        "MODIFIED" => Ok(ApiEvent::Modified(object(frame.object)?)),
        "DELETED" => Ok(ApiEvent::Deleted(object(frame.object)?)),
        "BOOKMARK" => bookmark(&frame.object),
        "ERROR" => {
            let status: Status = serde_json::from_value(frame.object)
                .map_err(|error| ApiError::internal("a watch's error cannot be read", error))?;
            Err(ApiError::from(status))
        }
        other => Err(ApiError::bad_request(format!("a watch's frame is of the unknown type {other:?}"))),
    }
}

fn bookmark(object: &Value) -> Result<ApiEvent, ApiError> {
    let meta = &object["metadata"];
    let revision = decode::revision(meta["resourceVersion"].as_str())?;
    let initial_events_end = meta["annotations"][INITIAL_EVENTS_END] == "true";
    Ok(ApiEvent::Bookmark { revision, initial_events_end })
}

#[cfg(test)]
mod tests {
    use super::*;
    use bireme_core::store::Revision;
    use futures::executor::block_on;
    use k8s_openapi::api::core::v1::ConfigMap;

    fn read(text: &'static str) -> Vec<Result<ApiEvent, ApiError>> {
        block_on(events(Kind::of::<ConfigMap>(), futures::io::Cursor::new(text)).collect())
    }

    #[test]
    fn frames_become_events_and_an_error_is_the_last() {
        let seen = read(concat!(
            r#"{"type":"ADDED","object":{"metadata":{"name":"a","resourceVersion":"3"}}}"#,
            "\n",
            r#"{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"4","annotations":{"k8s.io/initial-events-end":"true"}}}}"#,
            "\n",
            r#"{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}}"#,
            "\n",
            r#"{"type":"ADDED","object":{"metadata":{"name":"b","resourceVersion":"5"}}}"#,
        ));
        assert_eq!(seen.len(), 3);
        assert!(matches!(&seen[0], Ok(ApiEvent::Added(object)) if object.revision() == Revision(3)));
        assert!(matches!(
            &seen[1],
            Ok(ApiEvent::Bookmark { revision: Revision(4), initial_events_end: true })
        ));
        assert!(seen[2].as_ref().unwrap_err().is_expired());
    }

    #[test]
    fn a_broken_frame_ends_the_watch_with_an_error() {
        let seen = read("{\"type\":\n");
        assert!(matches!(seen.as_slice(), [Err(_)]));
    }
}
