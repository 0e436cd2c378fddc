//! Connections: TLS, then HTTP/1.1 or HTTP/2, until the server stops.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bireme_core::Environment;
use bireme_core::client::Identity;
use http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tower_service::Service;

use crate::activity::activity;
use crate::http::Reply;
use crate::limits::Limits;
use crate::pki::identity_of;
use crate::server::ApiServer;

/// After what time of silence an HTTP/2 client is asked whether it is still there, and how long it may take.
const PING: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(15));

/// How long requests may go on when the server stops.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// How long to wait before connections are taken again, when the system has no room for one.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

impl ApiServer {
    /// Serves connections until `stop` is cancelled: then no more are taken, streams end, and requests under way
    /// are finished within ten seconds.
    pub async fn serve(&self, listener: TcpListener, tls: Arc<ServerConfig>, stop: CancellationToken) {
        let front = Front {
            service: self.service(),
            env: self.api.env.clone(),
            limits: self.api.config.limits,
            closing: self.api.closing.clone(),
        };
        front.serve(listener, tls, stop).await;
    }
}

/// A service of HTTP requests, as it is put on a socket.
pub(crate) struct Front<S> {
    pub(crate) service: S,
    pub(crate) env: Environment,
    /// What clients may use up.
    pub(crate) limits: Limits,
    /// Cancelled when the service stops, to end its streams.
    pub(crate) closing: CancellationToken,
}

impl<S> Front<S>
where
    S: Service<Request<Incoming>, Response = Reply, Error = Infallible, Future: Send>
        + Clone
        + Send
        + 'static,
{
    /// Serves connections until `stop` is cancelled; then ends streams and waits for requests. The service finds
    /// the [`Identity`] of a client that has shown a certificate in the extensions of its requests.
    pub(crate) async fn serve(self, listener: TcpListener, tls: Arc<ServerConfig>, stop: CancellationToken) {
        let (acceptor, graceful) = (TlsAcceptor::from(tls), GracefulShutdown::new());
        let places = Arc::new(Semaphore::new(self.limits.connections));
        let env = &self.env;
        loop {
            let accepted = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                accepted = accept(&listener, &places) => accepted,
            };
            let (socket, place) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, or the client went: others may do better in a moment.
                    tracing::warn!(%error, "a connection cannot be accepted");
                    env.sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let way = Way { env: env.clone(), limits: self.limits, stop: stop.clone() };
            let connection =
                way.connection(self.service.clone(), acceptor.clone(), socket, graceful.watcher());
            let task = env.spawn(async move {
                connection.await;
                drop(place);
            });
            // The connection ends by itself: with the client, or with the server, which waits for it below.
            drop(task);
        }
        drop(listener);
        self.closing.cancel();
        if env.timeout(DRAIN_TIMEOUT, graceful.shutdown()).await.is_err() {
            tracing::warn!("requests were still under way when the server stopped");
        }
    }
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await.map_err(std::io::Error::other)?;
    let (socket, _) = listener.accept().await?;
    Ok((socket, place))
}

/// What a connection needs on its way.
struct Way {
    env: Environment,
    limits: Limits,
    stop: CancellationToken,
}

impl Way {
    /// Serves a connection until it ends, or the client has let it lie idle for too long.
    async fn connection<S>(self, service: S, acceptor: TlsAcceptor, socket: TcpStream, watcher: Watcher)
    where
        S: Service<Request<Incoming>, Response = Reply, Error = Infallible, Future: Send>
            + Clone
            + Send
            + 'static,
    {
        let Some(stream) = self.handshake(acceptor, socket).await else { return };
        let (identity, builder) = (peer(&stream), self.builder(&stream));
        let (activity, idle) = activity(&self.env, self.limits);
        let handler = hyper::service::service_fn(move |mut request: Request<Incoming>| {
            let running = activity.begin();
            if let Some(identity) = identity.clone() {
                request.extensions_mut().insert(identity);
            }
            // HTTP/1 upgrades are found in the request by the service.
            let mut service = service.clone();
            async move {
                let reply = Service::call(&mut service, request).await.map_err(|never: Infallible| never)?;
                Ok::<_, Infallible>(reply.map(|body| body.watched(running)))
            }
        });
        let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), handler);
        let connection = watcher.watch(connection);
        tokio::select! {
            biased;
            ended = connection => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "connection ended");
                }
            }
            () = idle.over(&self.env) => tracing::debug!("a connection was idle, or its client took no answer, for too long"),
        }
    }

    async fn handshake(&self, acceptor: TlsAcceptor, socket: TcpStream) -> Option<TlsStream<TcpStream>> {
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY cannot be set");
        }
        let handshake = tokio::select! {
            biased;
            () = self.stop.cancelled() => return None,
            handshake = self.env.timeout(self.limits.handshake, acceptor.accept(socket)) => handshake,
        };
        match handshake {
            Ok(Ok(stream)) => return Some(stream),
            Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
            Err(elapsed) => tracing::debug!(%elapsed, "TLS handshake"),
        }
        None
    }

    /// How to speak the version of HTTP that the client has chosen; the one of one that has not is found out.
    fn builder(&self, stream: &TlsStream<TcpStream>) -> auto::Builder<Executor> {
        let limits = &self.limits;
        let mut builder = auto::Builder::new(Executor(self.env.clone()));
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head)
            // Request line and headers must fit into the buffer; hyper wants this much at least.
            .max_buf_size(limits.head_size.max(8 << 10))
            .keep_alive(true);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(limits.streams_per_connection)
            .initial_stream_window_size(1 << 20)
            .initial_connection_window_size(2 << 20)
            .max_header_list_size(u32::try_from(limits.head_size).unwrap_or(u32::MAX))
            .keep_alive_interval(PING.0)
            .keep_alive_timeout(PING.1);
        match stream.get_ref().1.alpn_protocol() {
            Some(b"h2") => builder.http2_only(),
            Some(_) => builder.http1_only(),
            None => builder,
        }
    }
}

/// Who the client's certificate says that it is; nobody, when it has shown none.
fn peer(stream: &TlsStream<TcpStream>) -> Option<Identity> {
    let certificate = stream.get_ref().1.peer_certificates()?.first()?;
    match identity_of(certificate) {
        Ok(identity) => Some(identity),
        Err(error) => {
            tracing::debug!(%error, "a client's certificate names nobody");
            None
        }
    }
}

/// Starts hyper's tasks where all tasks are started.
#[derive(Clone)]
struct Executor(Environment);

impl<F> hyper::rt::Executor<F> for Executor
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    fn execute(&self, task: F) {
        drop(self.0.spawn(task));
    }
}
