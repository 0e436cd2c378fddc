//! Answers.

use bireme_core::error::{ApiError, Reason};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WARNING};
use http::{Response, StatusCode};
use serde::Serialize;

use super::ReplyBody;

/// An answer of the API server.
pub type Reply = Response<ReplyBody>;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// An answer with a JSON body that is already encoded.
pub(crate) fn json_chunks(code: StatusCode, chunks: impl IntoIterator<Item = Bytes>) -> Reply {
    with_type(code, JSON, ReplyBody::chunks(chunks))
}

/// An answer whose JSON is encoded here.
pub(crate) fn json(code: StatusCode, body: &impl Serialize) -> Result<Reply, ApiError> {
    let bytes = serde_json::to_vec(body)
        .map_err(|error| ApiError::internal("the answer cannot be encoded", error))?;
    Ok(json_chunks(code, [Bytes::from(bytes)]))
}

/// An answer in plain text.
pub(crate) fn text(code: StatusCode, body: impl Into<Bytes>) -> Reply {
    with_type(code, HeaderValue::from_static("text/plain; charset=utf-8"), ReplyBody::full(body))
}

/// An answer with a media type and any body.
pub(crate) fn with_type(code: StatusCode, media: HeaderValue, body: ReplyBody) -> Reply {
    let mut reply = Response::new(body);
    *reply.status_mut() = code;
    reply.headers_mut().insert(CONTENT_TYPE, media);
    // Answers depend on who asks and on the moment.
    reply.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    reply
}

/// The answer that an error becomes: a `Status` with its code.
pub(crate) fn error(error: &ApiError) -> Reply {
    let mut reply = match json(code_of(error.reason()), &error.status()) {
        Ok(reply) => reply,
        Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, "the error cannot be encoded"),
    };
    if let Some(seconds) = error.retry_after_seconds() {
        reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    reply
}

pub(crate) fn code_of(reason: Reason) -> StatusCode {
    StatusCode::from_u16(reason.code()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Adds what the writer should be told, as `Warning` headers (RFC 7234) of bounded size.
pub(crate) fn warn(reply: &mut Reply, warnings: &[String]) {
    const MAX_LENGTH: usize = 4096;
    let mut total = 0;
    for warning in warnings {
        let quoted: String = warning.chars().filter(|c| !c.is_control()).flat_map(escaped).collect();
        total += quoted.len();
        if total > MAX_LENGTH {
            break;
        }
        if let Ok(value) = HeaderValue::from_str(&format!("299 - \"{quoted}\"")) {
            reply.headers_mut().append(WARNING, value);
        }
    }
}

/// A character as it stands in a quoted string.
fn escaped(c: char) -> impl Iterator<Item = char> {
    matches!(c, '"' | '\\').then_some('\\').into_iter().chain(std::iter::once(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_quoted_and_bounded() {
        let mut reply = text(StatusCode::OK, "");
        let huge = "x".repeat(5000);
        warn(&mut reply, &["unknown field \"spec.foo\"".into(), "a\nb".into(), huge]);
        let values: Vec<_> = reply.headers().get_all(WARNING).iter().map(|v| v.to_str().unwrap()).collect();
        assert_eq!(values, [r#"299 - "unknown field \"spec.foo\"""#, r#"299 - "ab""#]);
    }

    #[test]
    fn errors_carry_their_code_and_retry_after() {
        let reply = error(&ApiError::new(Reason::TooManyRequests, "later").retry_after(3));
        assert_eq!(reply.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(reply.headers()[RETRY_AFTER], "3");
    }
}
