//! `portforward.k8s.io`: for each connection to a port the client opens a stream for its data and one for what
//! goes wrong, which say that they belong together by a number.

use std::collections::HashMap;

use bytes::Bytes;
use futures::stream::FuturesUnordered;
use futures::{SinkExt, StreamExt, TryStreamExt};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_util::io::{CopyToBytes, SinkWriter, StreamReader};

use super::{Forward, ToClient};
use crate::streaming::channels::web_socket;
use crate::streaming::spdy::{Gone, Stream, Writer, connection};

/// Forwards over a SPDY connection.
pub(super) async fn run(upgraded: Upgraded, forward: &Forward) {
    let (reader, writer) = tokio::io::split(TokioIo::new(upgraded));
    over(reader, writer, forward).await;
}

/// Forwards over a SPDY connection whose bytes are the messages of a WebSocket.
pub(super) async fn run_within_web_socket(upgraded: Upgraded, forward: &Forward) {
    let (sink, stream) = web_socket(upgraded, Role::Server).await.split();
    let bytes = stream.map_err(std::io::Error::other).try_filter_map(async |message| match message {
        Message::Binary(bytes) => Ok(Some(bytes)),
        Message::Text(text) => Ok(Some(Bytes::from(text))),
        _ => Ok(None),
    });
    let sink = sink.sink_map_err(std::io::Error::other);
    let sink = sink.with(async |bytes: Bytes| Ok::<_, std::io::Error>(Message::Binary(bytes)));
    let reader = StreamReader::new(Box::pin(bytes));
    let writer = SinkWriter::new(CopyToBytes::new(Box::pin(sink)));
    over(reader, writer, forward).await;
}

async fn over(
    reader: impl AsyncRead + Send + Unpin,
    writer: impl AsyncWrite + Send + Unpin,
    forward: &Forward,
) {
    let (mut connection, driver) = connection(reader, writer);
    let mut driver = std::pin::pin!(driver);
    let (mut pairs, mut running) = (Pairs::default(), FuturesUnordered::new());
    loop {
        tokio::select! {
            ended = &mut driver => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "the connection broke off");
                }
                return;
            }
            Some(stream) = connection.streams.recv() => {
                if let Some(pair) = pairs.add(stream) {
                    running.push(pair.run(forward));
                }
            }
            Some(ended) = running.next() => {
                if let Err(Gone) = ended {
                    tracing::debug!("the client left while a port was forwarded");
                }
            }
        }
    }
}

/// Streams whose other half has not come yet. There are no more than a connection may have.
#[derive(Default)]
struct Pairs(HashMap<String, Stream>);

/// What belongs to one connection to a port.
struct Pair {
    port: u16,
    data: Stream,
    error: Stream,
}

impl Pairs {
    /// The pair that a stream completes.
    fn add(&mut self, stream: Stream) -> Option<Pair> {
        let id = stream.headers.get("requestid").unwrap_or_default().to_owned();
        let Some(other) = self.0.remove(&id) else {
            self.0.insert(id, stream);
            return None;
        };
        let is = |stream: &Stream, kind| stream.headers.get("streamtype") == Some(kind);
        let (data, error) = if is(&other, "error") { (stream, other) } else { (other, stream) };
        let port = data.headers.get("port").and_then(|port| port.parse().ok());
        match port {
            Some(port) if is(&data, "data") && is(&error, "error") => Some(Pair { port, data, error }),
            _ => {
                tracing::debug!(id, "two streams that are no pair for a port");
                None
            }
        }
    }
}

impl Pair {
    async fn run(self, forward: &Forward) -> Result<(), Gone> {
        let Pair { port, data, error } = self;
        let Stream { input, reset, output, .. } = data;
        let outcome = tokio::select! {
            biased;
            () = reset.cancelled() => return Ok(()),
            outcome = forward.run(port, input, &output) => outcome?,
        };
        if let Err(message) = outcome {
            error.output.send(message.into()).await?;
        }
        error.output.finish().await?;
        output.finish().await
    }
}

impl ToClient for Writer {
    async fn send(&self, bytes: Bytes) -> Result<(), Gone> {
        Writer::send(self, bytes).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::streaming::spdy::client::Client;
    use async_trait::async_trait;
    use bireme_core::error::ApiError;
    use bireme_core::node_access::{ByteStream, ContainerRef, NodeAccess, PodRef};
    use bireme_core::object::ObjectKey;
    use bireme_core::runtime::{ExecSession, ExecSpec, LogOptions, LogStream, Stdio};
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
    use tokio::sync::Mutex;

    /// A node on one of whose ports somebody has called.
    struct Port(Mutex<Option<DuplexStream>>);

    fn nothing<T>() -> Result<T, ApiError> {
        Err(ApiError::bad_request("nothing there"))
    }

    #[async_trait]
    impl NodeAccess for Port {
        async fn logs(&self, _: &ContainerRef, _: bool, _: &LogOptions) -> Result<LogStream, ApiError> {
            nothing()
        }

        async fn exec(&self, _: &ContainerRef, _: &ExecSpec) -> Result<ExecSession, ApiError> {
            nothing()
        }

        async fn attach(&self, _: &ContainerRef, _: Stdio) -> Result<ExecSession, ApiError> {
            nothing()
        }

        async fn port_forward(&self, _: &PodRef, _: u16) -> Result<Box<dyn ByteStream>, ApiError> {
            self.0
                .lock()
                .await
                .take()
                .map_or_else(nothing, |stream| Ok(Box::new(stream) as Box<dyn ByteStream>))
        }
    }

    /// A client, what carries its connection, and the pod's end of the only port.
    fn forwarded() -> (Client, impl Future<Output = ()>, DuplexStream) {
        let (ours, theirs) = tokio::io::duplex(4096);
        let (port, pod) = tokio::io::duplex(4096);
        let forward = Forward {
            pod: PodRef { key: ObjectKey::namespaced("default", "web"), uid: "u".to_owned() },
            node: Arc::new(Port(Mutex::new(Some(port)))),
            ports: Vec::new(),
        };
        let (reader, writer) = tokio::io::split(ours);
        (Client::new(theirs), async move { over(reader, writer, &forward).await }, pod)
    }

    async fn pair(client: &mut Client, id: &str) -> [u32; 2] {
        let [mut error, mut data] = [0, 0];
        for (kind, stream) in [("error", &mut error), ("data", &mut data)] {
            let headers = [("streamtype", kind), ("port", "80"), ("requestid", id)];
            *stream = client.open(&headers).await.unwrap();
        }
        client.data(error, b"", true).await;
        [error, data]
    }

    #[tokio::test]
    async fn a_pair_of_streams_is_a_connection_until_the_pod_closes_it() {
        let (mut client, carried, mut pod) = forwarded();
        let used = async {
            let [error, data] = pair(&mut client, "0").await;
            client.data(data, b"ping", true).await;
            let mut received = String::new();
            pod.read_to_string(&mut received).await.unwrap();
            assert_eq!(received, "ping");
            pod.write_all(b"pong").await.unwrap();
            drop(pod);
            assert_eq!(client.next_data().await, (data, "pong".to_owned()));
            assert_eq!(client.rest(error).await, "");
            assert_eq!(client.rest(data).await, "");
            // The connection is there for more, if the pod is.
            let [error, data] = pair(&mut client, "1").await;
            let told = client.rest(error).await;
            assert_eq!(told, "error forwarding port 80 to pod web, uid u: nothing there");
            assert_eq!(client.rest(data).await, "");
            drop(client);
        };
        futures::join!(carried, used);
    }

    #[tokio::test]
    async fn a_stream_that_is_reset_lets_go_of_the_port() {
        let (mut client, carried, mut pod) = forwarded();
        let used = async {
            let [_, data] = pair(&mut client, "0").await;
            // Once this has come, the port is connected to.
            client.data(data, b"x", false).await;
            assert_eq!(pod.read_u8().await.unwrap(), b'x');
            client.reset(data).await;
            assert_eq!(pod.read_to_end(&mut Vec::new()).await.unwrap(), 0);
            drop(client);
        };
        futures::join!(carried, used);
    }
}
