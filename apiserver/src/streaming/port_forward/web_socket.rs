//! `v4.channel.k8s.io` over a WebSocket: for each port that the request names a channel for its data and one for
//! what goes wrong. Each begins with the port's number, by which the client knows that it is there.

use bireme_core::Environment;
use bytes::Bytes;
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt, StreamExt};
use hyper::upgrade::Upgraded;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::{Forward, ToClient};
use crate::streaming::CLOSE_TIMEOUT;
use crate::streaming::channels::{Socket, close, message, split, web_socket};
use crate::streaming::spdy::Gone;

/// How many messages wait for whoever is slower.
const MESSAGES: usize = 4;

/// A channel of the connection.
struct Channel {
    number: u8,
    messages: mpsc::Sender<Message>,
}

impl ToClient for Channel {
    async fn send(&self, bytes: Bytes) -> Result<(), Gone> {
        self.messages.send(message(self.number, &bytes)).await.map_err(|_| Gone)
    }
}

/// Forwards until all ports have been closed by the pod, or the client has gone.
pub(super) async fn run(env: &Environment, upgraded: Upgraded, forward: &Forward) {
    let (sink, stream) = web_socket(upgraded, Role::Server).await.split();
    let (messages, outgoing) = mpsc::channel(MESSAGES);
    let (mut inputs, mut ports) = (Vec::new(), Vec::new());
    for (index, port) in forward.ports.iter().enumerate().take(Forward::MAX_PORTS) {
        let (sender, input) = mpsc::channel(MESSAGES);
        let channel = |offset| Channel { number: index as u8 * 2 + offset, messages: messages.clone() };
        inputs.push(sender);
        ports.push(run_port(forward, *port, input, channel(0), channel(1)));
    }
    // Once no port has anything to say, it is over.
    drop(messages);
    let forwarded = async {
        let (sent, _) = futures::join!(write(sink, outgoing), futures::future::join_all(ports));
        sent
    };
    let mut reading = std::pin::pin!(read(stream, inputs));
    tokio::select! {
        biased;
        sent = forwarded => {
            if let Err(error) = sent {
                return tracing::debug!(%error, "the client cannot be written to");
            }
        }
        () = &mut reading => return,
    }
    // A connection dropped before the client has answered the close may cost it what it has not read yet.
    if let Err(elapsed) = env.timeout(CLOSE_TIMEOUT, reading).await {
        tracing::debug!(%elapsed, "the client did not answer the close");
    }
}

async fn run_port(
    forward: &Forward,
    port: u16,
    input: mpsc::Receiver<Bytes>,
    data: Channel,
    error: Channel,
) -> Result<(), Gone> {
    for channel in [&data, &error] {
        channel.send(Bytes::copy_from_slice(&port.to_le_bytes())).await?;
    }
    if let Err(text) = forward.run(port, input, &data).await? {
        error.send(text.into()).await?;
    }
    Ok(())
}

/// Sends what the ports say, then that it is over.
async fn write(
    mut sink: SplitSink<Socket, Message>,
    mut outgoing: mpsc::Receiver<Message>,
) -> Result<(), Error> {
    while let Some(message) = outgoing.recv().await {
        sink.send(message).await?;
    }
    sink.send(close()).await?;
    sink.close().await
}

/// Hands on what the client sends, until it goes.
async fn read(mut stream: SplitStream<Socket>, inputs: Vec<mpsc::Sender<Bytes>>) {
    while let Some(Ok(message)) = stream.next().await {
        let bytes = match message {
            Message::Binary(bytes) => bytes,
            Message::Text(text) => Bytes::from(text),
            Message::Close(_) => return,
            _ => continue,
        };
        // What is sent on the channels for errors means nothing.
        let Some((channel, bytes)) = split(bytes).filter(|(channel, _)| channel % 2 == 0) else { continue };
        let Some(input) = inputs.get(usize::from(channel / 2)) else { continue };
        if !bytes.is_empty() && input.send(bytes).await.is_err() {
            tracing::trace!(channel, "the port takes no more");
        }
    }
}
