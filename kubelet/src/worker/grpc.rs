//! The gRPC health checking protocol: the one call that a probe makes, of the service `grpc.health.v1.Health`.

use bireme_core::node_access::ByteStream;
use bytes::{BufMut as _, Bytes, BytesMut};
use http::{HeaderMap, Request, Response};

/// The most that is read of an answer, in bytes; a sound one has less than ten.
const LIMIT: usize = 4 << 10;
/// The prefix of a gRPC message: whether it is compressed, and its length.
const PREFIX: usize = 5;

/// What a server says of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Health {
    Unknown,
    Serving,
    NotServing,
    ServiceUnknown,
}

impl Health {
    /// Its name in the protocol.
    pub(super) fn name(self) -> &'static str {
        match self {
            Health::Unknown => "UNKNOWN",
            Health::Serving => "SERVING",
            Health::NotServing => "NOT_SERVING",
            Health::ServiceUnknown => "SERVICE_UNKNOWN",
        }
    }
}

/// Why there is no word of a service's health.
#[derive(Debug, thiserror::Error)]
pub(super) enum CheckError {
    #[error(transparent)]
    Http2(#[from] h2::Error),
    #[error("the server answered {0}")]
    Status(http::StatusCode),
    #[error("this server does not implement the grpc health protocol (grpc.health.v1.Health)")]
    Unimplemented,
    #[error("rpc error: code = {code} desc = {message}")]
    Call { code: String, message: String },
    #[error("the answer is malformed")]
    Malformed,
}

/// Asks for the health of a service; of the server as a whole, with an empty name.
pub(super) async fn check(
    stream: Box<dyn ByteStream>,
    authority: &str,
    service: &str,
    agent: &str,
) -> Result<Health, CheckError> {
    let (requests, connection) = h2::client::handshake(stream).await?;
    let call = call(requests, authority, service, agent);
    tokio::pin!(call);
    // The connection makes progress only while it is polled. A server may end it right behind its answer; whether that
    // is there, or why not, the call knows.
    tokio::select! {
        biased;
        answer = &mut call => answer,
        _ = connection => call.await,
    }
}

async fn call(
    requests: h2::client::SendRequest<Bytes>,
    authority: &str,
    service: &str,
    agent: &str,
) -> Result<Health, CheckError> {
    let request = Request::post(format!("http://{authority}/grpc.health.v1.Health/Check"))
        .version(http::Version::HTTP_2)
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("user-agent", agent)
        .body(())
        .map_err(|_| CheckError::Malformed)?;
    let (answer, mut body) = requests.ready().await?.send_request(request, false)?;
    body.send_data(question(service), true)?;
    let answer = answer.await?;
    if answer.status() != http::StatusCode::OK {
        return Err(CheckError::Status(answer.status()));
    }
    read(answer).await
}

async fn read(answer: Response<h2::RecvStream>) -> Result<Health, CheckError> {
    // An answer that is nothing but an error has its status among the first headers.
    refused(answer.headers())?;
    let mut body = answer.into_body();
    let mut message = BytesMut::new();
    while let Some(chunk) = body.data().await {
        let chunk = chunk?;
        body.flow_control().release_capacity(chunk.len())?;
        if message.len() + chunk.len() > LIMIT {
            return Err(CheckError::Malformed);
        }
        message.put(chunk);
    }
    refused(&body.trailers().await?.unwrap_or_default())?;
    health(&message).ok_or(CheckError::Malformed)
}

/// The status of a call, if it is one of failure.
fn refused(headers: &HeaderMap) -> Result<(), CheckError> {
    let text =
        |name: &str| headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    match text("grpc-status").as_deref() {
        None | Some("0") => Ok(()),
        Some("12") => Err(CheckError::Unimplemented),
        Some(code) => {
            Err(CheckError::Call { code: code.to_owned(), message: text("grpc-message").unwrap_or_default() })
        }
    }
}

/// The framed message `HealthCheckRequest`, whose first field is the service.
fn question(service: &str) -> Bytes {
    let mut message = BytesMut::new();
    if !service.is_empty() {
        message.put_u8(0x0a);
        put_length(&mut message, service.len());
        message.put_slice(service.as_bytes());
    }
    let mut framed = BytesMut::with_capacity(PREFIX + message.len());
    framed.put_u8(0);
    framed.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    framed.put(message);
    framed.freeze()
}

fn put_length(message: &mut BytesMut, mut length: usize) {
    while length >= 0x80 {
        message.put_u8((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    message.put_u8(length as u8);
}

/// What a framed `HealthCheckResponse` says; its first field is the status, which is zero where it is left out.
fn health(framed: &[u8]) -> Option<Health> {
    let (prefix, message) = framed.split_first_chunk::<PREFIX>()?;
    let [compressed, length @ ..] = *prefix;
    if compressed != 0 || usize::try_from(u32::from_be_bytes(length)).ok()? != message.len() {
        return None;
    }
    match message {
        [] | [0x08, 0] => Some(Health::Unknown),
        [0x08, 1] => Some(Health::Serving),
        [0x08, 2] => Some(Health::NotServing),
        [0x08, 3] => Some(Health::ServiceUnknown),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    /// What a server does with the one call.
    enum Reply {
        Message(&'static [u8]),
        Refusal(&'static str, &'static str),
        Page,
    }

    /// The answer to a check, and the path and message that the server has seen.
    async fn checked(service: &str, reply: Reply) -> (Result<Health, String>, String, Vec<u8>) {
        let (near, far) = tokio::io::duplex(4096);
        let serve = async {
            let mut connection = h2::server::handshake(far).await.unwrap();
            let (request, mut respond) = connection.accept().await.unwrap().unwrap();
            let path = request.uri().path().to_owned();
            assert_eq!(request.headers()["content-type"], "application/grpc");
            assert_eq!(request.headers()["te"], "trailers");
            let mut body = request.into_body();
            let serving = async {
                let mut message = Vec::new();
                while let Some(chunk) = body.data().await {
                    message.extend_from_slice(&chunk.unwrap());
                }
                let (code, trailers) = match &reply {
                    Reply::Page => (404, None),
                    Reply::Message(_) => (200, None),
                    Reply::Refusal(code, why) => (200, Some((*code, *why))),
                };
                let mut answer = Response::builder().status(code);
                if let Some((code, why)) = trailers {
                    answer = answer.header("grpc-status", code).header("grpc-message", why);
                }
                let ends = !matches!(reply, Reply::Message(_));
                let mut stream = respond.send_response(answer.body(()).unwrap(), ends).unwrap();
                if let Reply::Message(message) = reply {
                    stream.send_data(Bytes::from_static(message), false).unwrap();
                    let trailers =
                        [(http::HeaderName::from_static("grpc-status"), HeaderValue::from_static("0"))];
                    stream.send_trailers(trailers.into_iter().collect()).unwrap();
                }
                message
            };
            let driving = async { while connection.accept().await.is_some() {} };
            let (message, ()) = futures::future::join(serving, driving).await;
            (path, message)
        };
        let check = async { check(Box::new(near), "10.0.0.1:80", service, "probe").await };
        let (answer, (path, message)) = futures::future::join(check, serve).await;
        (answer.map_err(|error| error.to_string()), path, message)
    }

    #[tokio::test]
    async fn a_service_is_asked_for_by_name() {
        let (answer, path, message) = checked("shop", Reply::Message(&[0, 0, 0, 0, 2, 8, 1])).await;
        assert_eq!(answer, Ok(Health::Serving));
        assert_eq!(path, "/grpc.health.v1.Health/Check");
        assert_eq!(message, b"\0\0\0\0\x06\x0a\x04shop");
        let (_, _, message) = checked("", Reply::Message(&[0, 0, 0, 0, 2, 8, 1])).await;
        assert_eq!(message, b"\0\0\0\0\0", "the server as a whole has no name");
        let (_, _, message) = checked(&"x".repeat(200), Reply::Message(&[0, 0, 0, 0, 2, 8, 1])).await;
        assert_eq!(message[5..8], [0x0a, 0xc8, 0x01], "a length of two bytes");
    }

    #[tokio::test]
    async fn what_is_not_serving_says_so() {
        for (message, health) in [
            (&[0, 0, 0, 0, 2, 8, 2][..], Health::NotServing),
            (&[0, 0, 0, 0, 2, 8, 3], Health::ServiceUnknown),
            (&[0, 0, 0, 0, 0], Health::Unknown),
        ] {
            assert_eq!(checked("", Reply::Message(message)).await.0, Ok(health));
        }
    }

    #[tokio::test]
    async fn whatever_else_comes_is_an_error() {
        for nonsense in
            [&b""[..], b"hello", &[1, 0, 0, 0, 2, 8, 1], &[0, 0, 0, 0, 9, 8, 1], &[0, 0, 0, 0, 1, 9]]
        {
            assert_eq!(
                checked("", Reply::Message(nonsense)).await.0,
                Err("the answer is malformed".to_owned())
            );
        }
        let unimplemented = checked("", Reply::Refusal("12", "")).await.0.unwrap_err();
        assert!(unimplemented.contains("does not implement"), "{unimplemented}");
        let (unknown, ..) = checked("x", Reply::Refusal("5", "unknown service")).await;
        assert_eq!(unknown, Err("rpc error: code = 5 desc = unknown service".to_owned()));
        assert_eq!(checked("", Reply::Page).await.0, Err("the server answered 404 Not Found".to_owned()));
    }

    #[tokio::test]
    async fn a_server_of_something_else_is_no_panic() {
        let (near, mut far) = tokio::io::duplex(4096);
        let shout = async {
            use tokio::io::AsyncWriteExt as _;
            far.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
            far.shutdown().await.unwrap();
        };
        let (answer, ()) = futures::future::join(check(Box::new(near), "a:1", "", "probe"), shout).await;
        assert!(answer.is_err());
    }
}
