//! Connections within the process, for those requests that take one over (exec, attach, port-forward): a caller
//! without a socket has none to give, so each such request gets a pipe of its own.

use std::convert::Infallible;

use bireme_core::error::ApiError;
use bytes::Bytes;
use futures::{FutureExt, TryStreamExt};
use http::header::UPGRADE;
use http::request::Parts;
use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper::{client, server};
use hyper_util::rt::TokioIo;

use crate::http::{Reply, ReplyBody, reply};
use crate::service::ApiService;

/// How many bytes may be under way in each direction.
const CAPACITY: usize = 64 << 10;

/// Whether a request wants a connection for itself, and comes with none.
pub(crate) fn is_wanted(request: &Parts) -> bool {
    request.headers.contains_key(UPGRADE) && request.extensions.get::<OnUpgrade>().is_none()
}

/// Answers a request, which has no body, over a pipe of its own: the answer carries its end if it switches
/// protocols. The pipe goes when the caller drops that, or the server ends the session.
pub(crate) async fn call(service: ApiService, request: Parts) -> Reply {
    match send(service, request).await {
        Ok(answer) => {
            answer.map(|body| ReplyBody::stream(body.into_data_stream().map_err(|error| error.into())))
        }
        Err(error) => reply::error(&ApiError::internal("the connection within the process failed", error)),
    }
}

async fn send(service: ApiService, request: Parts) -> hyper::Result<Response<Incoming>> {
    let env = service.api.env.clone();
    let (near, far) = tokio::io::duplex(CAPACITY);
    let answer = service_fn(move |request| service.answer(request).map(Ok::<_, Infallible>));
    let serving = server::conn::http1::Builder::new().serve_connection(TokioIo::new(far), answer);
    let (mut sender, sending) = client::conn::http1::handshake(TokioIo::new(near)).await?;
    // Both end with the pipe, and what goes wrong on it the caller hears from its request.
    drop(env.spawn(serving.with_upgrades()));
    drop(env.spawn(sending.with_upgrades()));
    sender.send_request(Request::from_parts(request, Empty::<Bytes>::new())).await
}
