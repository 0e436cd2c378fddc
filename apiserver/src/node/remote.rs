//! The API server's side: a node of another process as if it were one of this.

use std::net::SocketAddr;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bireme_core::Environment;
use bireme_core::error::{ApiError, Reason};
use bireme_core::node_access::{ByteStream, ContainerRef, NodeAccess, PodRef};
use bireme_core::runtime::{ExecSession, ExecSpec, LogOptions, LogStream, RuntimeError, Stdio};
use futures::{StreamExt, stream};
use http::header::{
    CONNECTION, HOST, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION,
    UPGRADE,
};
use http::{HeaderValue, Request, Response, StatusCode, request};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::log_lines::Decoder;
use super::{TCP, path};
use crate::http::{BoxError, ReplyBody};
use crate::streaming::{self, Protocol as _, SessionProtocol};

/// How long a node may take to be connected to.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a node may take to answer; its engine is asked meanwhile.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// The longest refusal that is read.
const MAX_REFUSAL: usize = 64 << 10;

/// A node that is reached over its API. Each call has a connection of its own.
pub(super) struct RemoteNode {
    pub(super) name: String,
    pub(super) address: SocketAddr,
    pub(super) tls: TlsConnector,
    pub(super) env: Environment,
}

impl RemoteNode {
    async fn connect(&self) -> Result<TlsStream<TcpStream>, BoxError> {
        // The certificate is for the name, wherever the node is.
        let name = ServerName::try_from(self.name.clone())?;
        let socket = TcpStream::connect(self.address).await?;
        socket.set_nodelay(true)?;
        Ok(self.tls.connect(name, socket).await?)
    }

    /// The answer with this code; anything else is a refusal.
    async fn send(
        &self,
        request: request::Builder,
        expected: StatusCode,
    ) -> Result<Response<Incoming>, ApiError> {
        let request = request.header(HOST, &self.name).body(ReplyBody::empty());
        let request = request.map_err(|error| ApiError::internal("the request cannot be formed", error))?;
        let connected = self.env.timeout(CONNECT_TIMEOUT, self.connect()).await;
        let stream = match connected {
            Ok(connected) => connected.map_err(|error| self.unreachable(&*error))?,
            Err(elapsed) => return Err(self.unreachable(&elapsed)),
        };
        let exchange = async {
            let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
            // It ends by itself: with the body of the answer, or with what takes the connection over.
            drop(self.env.spawn(async move {
                if let Err(error) = connection.with_upgrades().await {
                    tracing::debug!(%error, "the connection to a node ended");
                }
            }));
            sender.send_request(request).await
        };
        match self.env.timeout(ANSWER_TIMEOUT, exchange).await {
            Ok(Ok(answer)) if answer.status() == expected => Ok(answer),
            Ok(Ok(answer)) => Err(self.refusal(answer).await),
            Ok(Err(error)) => Err(self.unreachable(&error)),
            Err(elapsed) => Err(self.unreachable(&elapsed)),
        }
    }

    fn unreachable(&self, error: &(dyn std::error::Error + 'static)) -> ApiError {
        let mut message = format!("node \"{}\" cannot be reached at {}: {error}", self.name, self.address);
        // What broke off a connection is often told only by the cause.
        if let Some(cause) = error.source() {
            message.push_str(&format!(": {cause}"));
        }
        ApiError::new(Reason::ServiceUnavailable, message)
    }

    /// What the node says, in its own words.
    async fn refusal(&self, answer: Response<Incoming>) -> ApiError {
        let code = answer.status();
        let body = Limited::new(answer.into_body(), MAX_REFUSAL).collect();
        let body = match self.env.timeout(ANSWER_TIMEOUT, body).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(error)) => return self.unreachable(&*error),
            Err(elapsed) => return self.unreachable(&elapsed),
        };
        match serde_json::from_slice::<Status>(&body).map(ApiError::from) {
            // It is not the user who is unknown there.
            Ok(error) if matches!(error.reason(), Reason::Unauthorized | Reason::Forbidden) => ApiError::new(
                Reason::ServiceUnavailable,
                format!("node \"{}\" does not accept the API server: {}", self.name, error.message()),
            ),
            Ok(error) => error,
            Err(_) => {
                ApiError::new(Reason::ServiceUnavailable, format!("node \"{}\" answers {code}", self.name))
            }
        }
    }

    /// A session with a process that the node starts or finds.
    async fn session(&self, uri: String, stdio: Stdio) -> Result<ExecSession, ApiError> {
        let key = STANDARD.encode(self.env.random_bytes::<16>());
        let request = upgrading(uri, "websocket")
            .header(SEC_WEBSOCKET_KEY, &key)
            .header(SEC_WEBSOCKET_VERSION, "13")
            .header(SEC_WEBSOCKET_PROTOCOL, SessionProtocol::Channels5.name());
        let answer = self.send(request, StatusCode::SWITCHING_PROTOCOLS).await?;
        let expected = [
            (SEC_WEBSOCKET_ACCEPT, derive_accept_key(key.as_bytes())),
            (SEC_WEBSOCKET_PROTOCOL, SessionProtocol::Channels5.name().to_owned()),
        ];
        if expected.iter().any(|(name, value)| header(&answer, name) != Some(value)) {
            let message = format!("node \"{}\" speaks another protocol", self.name);
            return Err(ApiError::new(Reason::ServiceUnavailable, message));
        }
        let upgraded = hyper::upgrade::on(answer).await.map_err(|error| self.unreachable(&error))?;
        Ok(streaming::remote_session(&self.env, upgraded, stdio, format!("node {}", self.name)).await)
    }
}

fn upgrading(uri: String, protocol: &'static str) -> request::Builder {
    Request::get(uri).header(CONNECTION, "Upgrade").header(UPGRADE, HeaderValue::from_static(protocol))
}

fn header<'a>(answer: &'a Response<Incoming>, name: &http::HeaderName) -> Option<&'a str> {
    answer.headers().get(name)?.to_str().ok()
}

#[async_trait]
impl NodeAccess for RemoteNode {
    async fn logs(
        &self,
        container: &ContainerRef,
        previous: bool,
        options: &LogOptions,
    ) -> Result<LogStream, ApiError> {
        let request = Request::get(path::logs(container, previous, options));
        let answer = self.send(request, StatusCode::OK).await?;
        Ok(chunks(answer.into_body(), format!("node {}", self.name)))
    }

    async fn exec(&self, container: &ContainerRef, spec: &ExecSpec) -> Result<ExecSession, ApiError> {
        self.session(path::exec(container, &spec.command, spec.stdio), spec.stdio).await
    }

    async fn attach(&self, container: &ContainerRef, stdio: Stdio) -> Result<ExecSession, ApiError> {
        self.session(path::attach(container, stdio), stdio).await
    }

    async fn port_forward(&self, pod: &PodRef, port: u16) -> Result<Box<dyn ByteStream>, ApiError> {
        let request = upgrading(path::port_forward(pod, port), TCP);
        let answer = self.send(request, StatusCode::SWITCHING_PROTOCOLS).await?;
        let upgraded = hyper::upgrade::on(answer).await.map_err(|error| self.unreachable(&error))?;
        Ok(Box::new(TokioIo::new(upgraded)))
    }
}

/// The log that a node sends.
fn chunks(body: Incoming, peer: String) -> LogStream {
    let broken = move |source: BoxError| RuntimeError::Unavailable { endpoint: peer.clone(), source };
    let next = move |(mut body, mut decoder): (Incoming, Decoder)| {
        let broken = broken.clone();
        async move {
            loop {
                if let Some(chunk) = decoder.next().map_err(|error| broken(error.into()))? {
                    return Ok(Some((chunk, (body, decoder))));
                }
                match body.frame().await {
                    Some(Ok(frame)) => {
                        if let Some(data) = frame.data_ref() {
                            decoder.push(data);
                        }
                    }
                    Some(Err(error)) => return Err(broken(error.into())),
                    None => {
                        decoder.finish().map_err(|error| broken(error.into()))?;
                        return Ok(None);
                    }
                }
            }
        }
    };
    stream::try_unfold((body, Decoder::default()), next).boxed()
}
