//! Ports of a pod over one connection of a client.

mod spdy;
mod web_socket;

use std::sync::Arc;

use bireme_core::Environment;
use bireme_core::node_access::{ByteStream, NodeAccess, PodRef};
use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt, WriteHalf};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::spdy::{Gone, MAX_PIECE};
use super::upgrade::{Accepted, Protocol, Transport};
use crate::http::Reply;

/// How the ports are carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PortForwardProtocol {
    /// Channels over a WebSocket, for ports that the request names.
    Channels,
    /// A SPDY connection within a WebSocket: proxies let that through.
    Tunnel,
    /// Pairs of streams of a SPDY connection, for each connection to a port.
    Spdy,
}

impl Protocol for PortForwardProtocol {
    const ALL: &'static [Self] = &[Self::Tunnel, Self::Channels, Self::Spdy];

    fn name(self) -> &'static str {
        match self {
            Self::Channels => "v4.channel.k8s.io",
            Self::Tunnel => "SPDY/3.1+portforward.k8s.io",
            Self::Spdy => "portforward.k8s.io",
        }
    }

    fn transport(self) -> Transport {
        match self {
            Self::Channels | Self::Tunnel => Transport::WebSocket,
            Self::Spdy => Transport::Spdy,
        }
    }
}

/// What is forwarded.
pub(crate) struct Forward {
    /// The pod.
    pub(crate) pod: PodRef,
    /// Its node.
    pub(crate) node: Arc<dyn NodeAccess>,
    /// The ports that the request names; what other protocols than channels forward is said on the connection.
    pub(crate) ports: Vec<u16>,
}

impl Forward {
    /// The most ports that a request may name: each has two of the channels that a byte can number.
    pub(crate) const MAX_PORTS: usize = 127;

    /// Answers an accepted request, and forwards over its connection until the client goes or the server closes.
    /// `place` is held as long.
    pub(crate) fn carry(
        self,
        env: &Environment,
        accepted: Accepted<PortForwardProtocol>,
        closing: CancellationToken,
        place: impl Send + 'static,
    ) -> Reply {
        let Accepted { answer, protocol, connection } = accepted;
        let own = env.clone();
        let handle = env.spawn(async move {
            let forwarded = async {
                let upgraded = match connection.await {
                    Ok(upgraded) => upgraded,
                    Err(error) => return tracing::debug!(%error, "the connection was not upgraded"),
                };
                match protocol {
                    PortForwardProtocol::Channels => web_socket::run(&own, upgraded, &self).await,
                    PortForwardProtocol::Tunnel => spdy::run_within_web_socket(upgraded, &self).await,
                    PortForwardProtocol::Spdy => spdy::run(upgraded, &self).await,
                }
            };
            tokio::select! {
                biased;
                () = closing.cancelled() => {}
                () = forwarded => {}
            }
            drop(place);
        });
        // It ends by itself: with the client or the server.
        drop(handle);
        answer
    }

    /// Opens a connection to a port and carries its bytes until the pod closes it; what goes wrong with it is in
    /// words for the client.
    async fn run(
        &self,
        port: u16,
        input: mpsc::Receiver<Bytes>,
        output: &impl ToClient,
    ) -> Result<Result<(), String>, Gone> {
        let failed = |error: &dyn std::fmt::Display| {
            let PodRef { key, uid } = &self.pod;
            Ok(Err(format!("error forwarding port {port} to pod {}, uid {uid}: {error}", key.name())))
        };
        let connection = match self.node.port_forward(&self.pod, port).await {
            Ok(connection) => connection,
            Err(error) => return failed(&error),
        };
        let (mut from_pod, to_pod) = tokio::io::split(connection);
        let fed = async {
            if let Err(error) = feed(input, to_pod).await {
                tracing::debug!(%error, "a forwarded port takes no more");
            }
            // The pod may still have something to say.
            std::future::pending().await
        };
        let taken = async {
            loop {
                let mut bytes = BytesMut::with_capacity(MAX_PIECE);
                match from_pod.read_buf(&mut bytes).await {
                    Ok(0) => return Ok(Ok(())),
                    Ok(_) => output.send(bytes.freeze()).await?,
                    Err(error) => return failed(&error),
                }
            }
        };
        tokio::select! {
            outcome = taken => outcome,
            never = fed => never,
        }
    }
}

/// Hands on what the client sends, and its end.
async fn feed(
    mut input: mpsc::Receiver<Bytes>,
    mut to_pod: WriteHalf<Box<dyn ByteStream>>,
) -> std::io::Result<()> {
    while let Some(bytes) = input.recv().await {
        to_pod.write_all(&bytes).await?;
        to_pod.flush().await?;
    }
    to_pod.shutdown().await
}

/// Where a port's bytes go.
trait ToClient: Sync {
    /// Waits until the client takes more.
    fn send(&self, bytes: Bytes) -> impl Future<Output = Result<(), Gone>> + Send;
}
