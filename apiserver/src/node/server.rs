//! The node's side: its pods, for the API server.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use bireme_core::Environment;
use bireme_core::client::Identity;
use bireme_core::error::{ApiError, Reason};
use bireme_core::node_access::{ContainerRef, NodeAccess, PodRef};
use bireme_core::runtime::ExecSpec;
use futures::future::BoxFuture;
use futures::{StreamExt, TryStreamExt};
use http::header::{CONNECTION, HeaderValue, UPGRADE};
use http::{Method, Request, Response, StatusCode, request::Parts};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_service::Service;

use super::path::NodePath;
use super::{TCP, log_lines};
use crate::http::{BoxError, Reply, ReplyBody, reply};
use crate::kinds::no_such_path;
use crate::limits::Limits;
use crate::listen::Front;
use crate::query::Query;
use crate::resource::{exec, log};
use crate::streaming;

/// How many connections may be open at once; more wait. Each log and session has one of its own.
const MAX_CONNECTIONS: usize = 1024;

/// Serves a node's own API: what the API server needs to reach into the node's pods.
///
/// Only a client whose certificate names an administrator gets in. Cheap to clone.
#[derive(Clone)]
pub struct NodeServer(Arc<Shared>);

struct Shared {
    access: Arc<dyn NodeAccess>,
    env: Environment,
    /// Ends the streams when the server stops.
    closing: CancellationToken,
}

impl NodeServer {
    /// A server for a node. It listens nowhere until [`serve`](NodeServer::serve) is called.
    pub fn new(access: Arc<dyn NodeAccess>, env: Environment) -> Self {
        Self(Arc::new(Shared { access, env, closing: CancellationToken::new() }))
    }

    /// Serves connections until `stop` is cancelled: then no more are taken, and logs and sessions end.
    ///
    /// `tls` should be of [`NodeCredential`](crate::pki::NodeCredential), so that the API server knows the node.
    pub async fn serve(&self, listener: TcpListener, tls: Arc<ServerConfig>, stop: CancellationToken) {
        let front = Front {
            service: NodeService(self.0.clone()),
            env: self.0.env.clone(),
            limits: Limits { connections: MAX_CONNECTIONS, ..Limits::default() },
            closing: self.0.closing.clone(),
        };
        front.serve(listener, tls, stop).await;
    }
}

#[derive(Clone)]
struct NodeService(Arc<Shared>);

impl Service<Request<Incoming>> for NodeService {
    type Response = Reply;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Reply, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Incoming>) -> Self::Future {
        let shared = self.0.clone();
        // None of the requests has a body.
        let (parts, _) = request.into_parts();
        Box::pin(async move {
            let (method, path) = (parts.method.clone(), parts.uri.path().to_owned());
            let answer = shared.answer(parts).await.unwrap_or_else(|error| reply::error(&error));
            tracing::debug!(%method, path, code = answer.status().as_u16(), "request to the node");
            Ok(answer)
        })
    }
}

impl Shared {
    async fn answer(&self, mut parts: Parts) -> Result<Reply, ApiError> {
        authorize(parts.extensions.get::<Identity>())?;
        let query = Query::parse(parts.uri.query());
        let path = NodePath::parse(parts.uri.path(), &query).ok_or_else(no_such_path)?;
        if parts.method != Method::GET && parts.method != Method::POST {
            return Err(ApiError::new(Reason::MethodNotAllowed, "a node is asked by GET or POST"));
        }
        let upgrade = parts.extensions.remove::<OnUpgrade>();
        match path {
            NodePath::Logs(container) => self.logs(&container, &query).await,
            NodePath::PortForward(pod) => self.port_forward(&pod, &query, &parts, upgrade).await,
            NodePath::Exec(container) => {
                let (stdio, command) = (exec::stdio(&query)?, query.all("command").map(str::to_owned));
                let spec = ExecSpec { command: command.collect(), stdio };
                let accepted = streaming::accept(&parts.headers, upgrade)?;
                let session = self.access.exec(&container, &spec).await?;
                Ok(streaming::carry(&self.env, accepted, stdio, session, self.closing.clone(), ()))
            }
            NodePath::Attach(container) => {
                let stdio = exec::stdio(&query)?;
                let accepted = streaming::accept(&parts.headers, upgrade)?;
                let session = self.access.attach(&container, stdio).await?;
                Ok(streaming::carry(&self.env, accepted, stdio, session, self.closing.clone(), ()))
            }
        }
    }

    async fn logs(&self, container: &ContainerRef, query: &Query) -> Result<Reply, ApiError> {
        let options = log::options(query, self.env.now())?;
        let chunks = self.access.logs(container, query.flag("previous")?, &options).await?;
        let lines = chunks.map_ok(|chunk| log_lines::encode(&chunk)).map_err(BoxError::from);
        let body = ReplyBody::stream(lines.take_until(self.closing.clone().cancelled_owned()));
        Ok(reply::with_type(StatusCode::OK, HeaderValue::from_static("text/plain; charset=utf-8"), body))
    }

    /// Gives the connection to a port of the pod. The bytes are the port's own from the answer on.
    async fn port_forward(
        &self,
        pod: &PodRef,
        query: &Query,
        parts: &Parts,
        upgrade: Option<OnUpgrade>,
    ) -> Result<Reply, ApiError> {
        let port: u16 =
            query.number("port")?.ok_or_else(|| ApiError::bad_request("the parameter port is missing"))?;
        if !streaming::names(&parts.headers, UPGRADE).any(|name| name == TCP) {
            return Err(ApiError::bad_request(format!("an upgrade to {TCP:?} is required")));
        }
        let connection = upgrade.ok_or_else(streaming::cannot_upgrade)?;
        let mut target = self.access.port_forward(pod, port).await?;
        let closing = self.closing.clone();
        let task = self.env.spawn(async move {
            let mut client = match connection.await {
                Ok(upgraded) => TokioIo::new(upgraded),
                Err(error) => return tracing::debug!(%error, "the connection was not upgraded"),
            };
            let copied = tokio::select! {
                biased;
                () = closing.cancelled() => return,
                copied = tokio::io::copy_bidirectional(&mut client, &mut target) => copied,
            };
            if let Err(error) = copied {
                tracing::debug!(%error, "a forwarded connection broke off");
            }
        });
        // It ends by itself: with one of the two connections, or the server.
        drop(task);
        let mut answer = Response::new(ReplyBody::empty());
        *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        answer.headers_mut().insert(UPGRADE, HeaderValue::from_static(TCP));
        Ok(answer)
    }
}

/// Only the API server, which has authorized the user, may ask; and administrators, who may do everything.
fn authorize(identity: Option<&Identity>) -> Result<(), ApiError> {
    let Some(identity) = identity else {
        return Err(ApiError::new(Reason::Unauthorized, "Unauthorized"));
    };
    if identity.groups.iter().any(|group| group == Identity::ADMIN_GROUP) {
        return Ok(());
    }
    let message = format!("user {:?} may not reach into the node: the API server may", identity.user);
    Err(ApiError::new(Reason::Forbidden, message))
}
