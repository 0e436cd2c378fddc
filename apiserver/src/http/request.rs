//! The bodies of requests: read within bounds, in any encoding, into JSON.

use bireme_core::Environment;
use bireme_core::error::{ApiError, Reason};
use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http_body::Body;

use super::{BoxError, yaml};
use crate::protobuf;

/// The most bytes that a body may have, as upstream has it.
pub(crate) const MAX_BODY: usize = 3 << 20;

/// How long a client may take to send a body.
const BODY_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(60);

/// The media type of Kubernetes' protobuf encoding.
const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";

/// Reads a whole body, or says clearly why not.
pub(crate) async fn read_body<B>(env: &Environment, headers: &HeaderMap, body: B) -> Result<Bytes, ApiError>
where
    B: Body<Data = Bytes, Error: Into<BoxError>>,
{
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > MAX_BODY) {
        return Err(too_large());
    }
    match env.timeout(BODY_TIMEOUT, collect(body)).await {
        Ok(read) => read,
        Err(_) => Err(ApiError::new(Reason::Timeout, "the request's body did not arrive in time")),
    }
}

async fn collect<B>(body: B) -> Result<Bytes, ApiError>
where
    B: Body<Data = Bytes, Error: Into<BoxError>>,
{
    let mut body = std::pin::pin!(body);
    let (mut first, mut rest) = (Bytes::new(), BytesMut::new());
    while let Some(frame) = std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        let frame = frame.map_err(|error| {
            let error: BoxError = error.into();
            ApiError::bad_request(format!("the request's body cannot be read: {error}"))
        })?;
        let Ok(data) = frame.into_data() else { continue };
        if first.len() + rest.len() + data.len() > MAX_BODY {
            return Err(too_large());
        }
        // Most bodies come in one piece, and are then not copied.
        if first.is_empty() && rest.is_empty() {
            first = data;
        } else {
            if rest.is_empty() {
                rest.extend_from_slice(&std::mem::take(&mut first));
            }
            rest.extend_from_slice(&data);
        }
    }
    Ok(if rest.is_empty() { first } else { rest.freeze() })
}

fn too_large() -> ApiError {
    let message = format!("Request entity too large: limit is {MAX_BODY}");
    ApiError::new(Reason::RequestEntityTooLarge, message)
}

/// The media type of a body without its parameters; JSON when none is given.
pub(crate) fn media_type(headers: &HeaderMap) -> &str {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match value.split(';').next().unwrap_or_default().trim() {
        "" => "application/json",
        media => media,
    }
}

/// The JSON of an object that was sent as JSON, YAML or protobuf.
pub(crate) fn to_json(media: &str, body: Bytes) -> Result<Bytes, ApiError> {
    let value = match media {
        "application/json" => return Ok(body),
        "application/yaml" | "application/x-yaml" | "text/yaml" => yaml::parse(&body)
            .map_err(|error| ApiError::bad_request(format!("error parsing YAML: {error}")))?,
        PROTOBUF => protobuf::transcode(&body)
            .map_err(|error| ApiError::bad_request(format!("error decoding protobuf: {error}")))?,
        other => {
            let offered = "application/json, application/yaml, application/vnd.kubernetes.protobuf";
            return Err(unsupported(other, offered));
        }
    };
    let json = serde_json::to_vec(&value)
        .map_err(|error| ApiError::internal("the body cannot be encoded", error))?;
    Ok(json.into())
}

/// The answer to a body of a media type that is not understood.
pub(crate) fn unsupported(media: &str, offered: &str) -> ApiError {
    let message = format!(
        "the body of the request was in an unknown format ({media:?}) - accepted media types include: {offered}"
    );
    ApiError::new(Reason::UnsupportedMediaType, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::ReplyBody;

    #[tokio::test]
    async fn bodies_are_read_whole_up_to_the_limit() {
        let env = Environment::simulated(1);
        let chunk = Bytes::from(vec![b'x'; 1 << 20]);
        let read = |count: usize| {
            let (env, body) = (env.clone(), ReplyBody::chunks(vec![chunk.clone(); count]));
            async move { read_body(&env, &HeaderMap::new(), body).await }
        };
        assert_eq!(read(0).await.unwrap().len(), 0);
        assert_eq!(read(3).await.unwrap().len(), MAX_BODY);
        assert_eq!(read(4).await.unwrap_err().reason(), Reason::RequestEntityTooLarge);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_come_is_given_up() {
        let env = Environment::simulated(1);
        let body = ReplyBody::stream(futures::stream::pending());
        assert_eq!(read_body(&env, &HeaderMap::new(), body).await.unwrap_err().reason(), Reason::Timeout);
    }

    #[test]
    fn what_is_not_understood_is_named() {
        assert_eq!(to_json("application/yaml", "a: 1".into()).unwrap(), r#"{"a":1}"#);
        assert_eq!(to_json("application/yaml", "a: [".into()).unwrap_err().reason(), Reason::BadRequest);
        assert_eq!(to_json("text/csv", "a".into()).unwrap_err().reason(), Reason::UnsupportedMediaType);
        assert_eq!(to_json(PROTOBUF, "k8s".into()).unwrap_err().reason(), Reason::BadRequest);
    }
}
