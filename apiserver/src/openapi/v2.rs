//! `/openapi/v2`: a document without schemas.
//!
//! Clients since 1.27 read version 3. Older ones ask for this one before they apply anything, and also newer ones
//! when they meet a kind that they do not know; both take a document that does not have the kind as leave to go on
//! with what they know by themselves. So there is one, as JSON and as protobuf, that has none.

use bireme_core::error::ApiError;
use http::header::{ACCEPT, HeaderValue};
use http::{HeaderMap, StatusCode};
use serde_json::json;

use crate::http::{Reply, ReplyBody, reply};
use crate::negotiate;

/// What clients ask for.
const PROTOBUF: &str = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";

/// What they are told that they got: a media type cannot have an `@`, and Go's parser says so.
const PROTOBUF_ANSWER: HeaderValue =
    HeaderValue::from_static("application/com.github.proto-openapi.spec.v2.v1.0+protobuf");

pub(crate) fn document(headers: &HeaderMap) -> Result<Reply, ApiError> {
    let version = crate::version::git_version();
    let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    if accepted.flat_map(|value| value.split(',')).any(|range| range.trim().starts_with(PROTOBUF)) {
        let body = ReplyBody::full(encode("Kubernetes", &version));
        return Ok(reply::with_type(StatusCode::OK, PROTOBUF_ANSWER, body));
    }
    negotiate::requires_json(headers)?;
    let info = json!({"title": "Kubernetes", "version": version});
    reply::json(StatusCode::OK, &json!({"swagger": "2.0", "info": info, "paths": {}, "definitions": {}}))
}

/// The document as the message `openapi.v2.Document`: `swagger` is its field 1, `info` 2, `paths` 8, `definitions` 9.
fn encode(title: &str, version: &str) -> Vec<u8> {
    let info = [field(1, title.as_bytes()), field(2, version.as_bytes())].concat();
    [field(1, b"2.0"), field(2, &info), field(8, b""), field(9, b"")].concat()
}

/// A field of bytes, which are fewer than 128.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let length = u8::try_from(bytes.len()).unwrap_or(u8::MAX).min(127);
    let mut field = vec![number << 3 | 2, length];
    field.extend_from_slice(&bytes[..usize::from(length)]);
    field
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_has_its_fields_in_place() {
        let expected =
            [&b"\x0a\x032.0"[..], b"\x12\x06\x0a\x01T\x12\x01V", b"\x42\x00", b"\x4a\x00"].concat();
        assert_eq!(encode("T", "V"), expected);
    }
}
