//! Turning a request into a connection that carries streams.

use bireme_core::error::ApiError;
use http::header::{
    CONNECTION, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, Response, StatusCode};
use hyper::upgrade::OnUpgrade;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::http::{Reply, ReplyBody};

/// Where a client that asks for SPDY says which protocols it speaks over it.
const STREAM_PROTOCOL: HeaderName = HeaderName::from_static("x-stream-protocol-version");

/// What a connection is upgraded to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    WebSocket,
    Spdy,
}

impl Transport {
    /// Its name in the header `Upgrade`.
    const fn name(self) -> &'static str {
        match self {
            Transport::WebSocket => "websocket",
            Transport::Spdy => "SPDY/3.1",
        }
    }

    /// Where the protocols spoken over it are listed.
    const fn protocols(self) -> HeaderName {
        match self {
            Transport::WebSocket => SEC_WEBSOCKET_PROTOCOL,
            Transport::Spdy => STREAM_PROTOCOL,
        }
    }
}

/// What client and server agree on.
pub(crate) trait Protocol: Copy + 'static {
    /// All that are known, the better ones first.
    const ALL: &'static [Self];

    /// Its name.
    fn name(self) -> &'static str;

    /// What it is spoken over.
    fn transport(self) -> Transport;
}

/// A connection that becomes the client's once the answer has been sent.
pub(crate) struct Accepted<P> {
    pub(crate) answer: Reply,
    pub(crate) protocol: P,
    pub(crate) connection: OnUpgrade,
}

/// Agrees on a protocol with a client that asks for one, or says clearly why not.
pub(crate) fn accept<P: Protocol>(
    headers: &HeaderMap,
    upgrade: Option<OnUpgrade>,
) -> Result<Accepted<P>, ApiError> {
    let asks_for = |transport: &Transport| {
        names(headers, UPGRADE).any(|name| name.eq_ignore_ascii_case(transport.name()))
    };
    let transport = [Transport::WebSocket, Transport::Spdy].into_iter().find(asks_for);
    let transport = transport.ok_or_else(|| ApiError::bad_request("Upgrade request required"))?;
    let protocol = choose::<P>(headers, transport)?;
    let mut answer = Response::new(ReplyBody::empty());
    if transport == Transport::WebSocket {
        answer.headers_mut().insert(SEC_WEBSOCKET_ACCEPT, handshake(headers)?);
    }
    let connection = upgrade.ok_or_else(cannot_upgrade)?;
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    answer.headers_mut().insert(UPGRADE, HeaderValue::from_static(transport.name()));
    answer.headers_mut().insert(transport.protocols(), HeaderValue::from_static(protocol.name()));
    Ok(Accepted { answer, protocol, connection })
}

/// The best protocol that the client has offered.
fn choose<P: Protocol>(headers: &HeaderMap, transport: Transport) -> Result<P, ApiError> {
    let offered: Vec<&str> = names(headers, transport.protocols()).collect();
    let known = P::ALL.iter().filter(|known| known.transport() == transport);
    known.clone().find(|known| offered.contains(&known.name())).copied().ok_or_else(|| {
        let known: Vec<&str> = known.map(|known| known.name()).collect();
        ApiError::bad_request(format!(
            "none of the protocols offered for {} is known: {offered:?}; {known:?} are",
            transport.name()
        ))
    })
}

/// What proves to a client that it has met a WebSocket server.
fn handshake(headers: &HeaderMap) -> Result<HeaderValue, ApiError> {
    if names(headers, SEC_WEBSOCKET_VERSION).next() != Some("13") {
        return Err(ApiError::bad_request("WebSocket version 13 required"));
    }
    let key = headers
        .get(SEC_WEBSOCKET_KEY)
        .ok_or_else(|| ApiError::bad_request("the header Sec-WebSocket-Key is missing"))?;
    HeaderValue::from_str(&derive_accept_key(key.as_bytes()))
        .map_err(|_| ApiError::bad_request("the header Sec-WebSocket-Key is not valid"))
}

/// The answer to somebody who wants to take over a connection that carries other requests too.
pub(crate) fn cannot_upgrade() -> ApiError {
    ApiError::bad_request("this connection cannot be upgraded: use HTTP/1.1")
}

/// The names in a header that lists them.
pub(crate) fn names(headers: &HeaderMap, header: HeaderName) -> impl Iterator<Item = &str> {
    let values = headers.get_all(header).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim).filter(|name| !name.is_empty())
}
