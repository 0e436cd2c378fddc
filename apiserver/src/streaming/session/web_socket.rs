//! `v4.channel.k8s.io` and `v5.channel.k8s.io`: a channel for each of a process's streams.

use bireme_core::Environment;
use bireme_core::runtime::{ExecSession, Output, TerminalSize};
use bytes::Bytes;
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt, StreamExt};
use hyper::upgrade::Upgraded;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::{Exit, Outputs, SessionProtocol, Size, outcome};
use crate::streaming::CLOSE_TIMEOUT;
use crate::streaming::channels::{MAX_MESSAGE, Socket, close, message, split, web_socket};

pub(super) const STDIN: u8 = 0;
pub(super) const STDOUT: u8 = 1;
pub(super) const STDERR: u8 = 2;
pub(super) const ERROR: u8 = 3;
pub(super) const RESIZE: u8 = 4;
/// Followed by the number of the channel that the client has closed.
pub(super) const CLOSE: u8 = 255;

/// What a message of a client says.
#[derive(Debug, PartialEq, Eq)]
enum FromClient {
    Stdin(Bytes),
    EndOfStdin,
    Resize(TerminalSize),
    /// Nothing that matters here: pings, other channels, the empty messages that open channels.
    Other,
}

/// Carries a session until it is over or the client has gone.
pub(super) async fn run(
    env: &Environment,
    upgraded: Upgraded,
    protocol: SessionProtocol,
    session: ExecSession,
) {
    let (sink, stream) = web_socket(upgraded, Role::Server).await.split();
    let ExecSession { stdin, output, resize, exit } = session;
    let mut reading = std::pin::pin!(read(stream, protocol, stdin, resize));
    tokio::select! {
        biased;
        sent = write(sink, output, exit) => {
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

/// Hands on what the client sends, until it goes.
async fn read(
    mut stream: SplitStream<Socket>,
    protocol: SessionProtocol,
    mut stdin: Option<mpsc::Sender<Bytes>>,
    resize: Option<mpsc::Sender<TerminalSize>>,
) {
    while let Some(Ok(message)) = stream.next().await {
        let bytes = match message {
            Message::Binary(bytes) => bytes,
            Message::Text(text) => Bytes::from(text),
            Message::Close(_) => return,
            _ => continue,
        };
        match decode(protocol, bytes) {
            FromClient::Stdin(bytes) => {
                // A process that reads no more is no reason to stop listening to what it writes.
                if let Some(input) = &stdin
                    && input.send(bytes).await.is_err()
                {
                    stdin = None;
                }
            }
            FromClient::EndOfStdin => stdin = None,
            FromClient::Resize(size) => {
                if let Some(resize) = &resize
                    && resize.send(size).await.is_err()
                {
                    tracing::trace!("the terminal is gone");
                }
            }
            FromClient::Other => {}
        }
    }
}

fn decode(protocol: SessionProtocol, message: Bytes) -> FromClient {
    match split(message) {
        Some((STDIN, input)) if !input.is_empty() => FromClient::Stdin(input),
        Some((RESIZE, size)) => match serde_json::from_slice::<Size>(&size) {
            Ok(Size { width, height }) => FromClient::Resize(TerminalSize { width, height }),
            Err(_) => FromClient::Other,
        },
        Some((CLOSE, channel)) if protocol == SessionProtocol::Channels5 && *channel == [STDIN] => {
            FromClient::EndOfStdin
        }
        _ => FromClient::Other,
    }
}

/// Sends what the process writes, then how it ended, and closes.
async fn write(mut sink: SplitSink<Socket, Message>, mut output: Outputs, exit: Exit) -> Result<(), Error> {
    while let Some(chunk) = output.next().await {
        let (channel, bytes) = match chunk {
            Ok(Output::Stdout(bytes)) => (STDOUT, bytes),
            Ok(Output::Stderr(bytes)) => (STDERR, bytes),
            Err(error) => {
                tracing::debug!(%error, "the output of the process broke off");
                break;
            }
        };
        for piece in bytes.chunks(MAX_MESSAGE / 2) {
            sink.send(message(channel, piece)).await?;
        }
    }
    sink.send(message(ERROR, &outcome(exit.await))).await?;
    sink.send(close()).await?;
    sink.close().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_clients_are_told_apart() {
        let v5 = |bytes: &'static [u8]| decode(SessionProtocol::Channels5, Bytes::from_static(bytes));
        assert_eq!(v5(b"\0hello"), FromClient::Stdin(Bytes::from_static(b"hello")));
        assert_eq!(v5(&[255, 0]), FromClient::EndOfStdin);
        assert_eq!(decode(SessionProtocol::Channels4, Bytes::from_static(&[255, 0])), FromClient::Other);
        let size = FromClient::Resize(TerminalSize { width: 80, height: 24 });
        assert_eq!(v5(b"\x04{\"Width\":80,\"Height\":24}"), size);
        for other in [&b""[..], b"\0", b"\x04nonsense", b"\x09x"] {
            assert_eq!(v5(other), FromClient::Other);
        }
    }
}
