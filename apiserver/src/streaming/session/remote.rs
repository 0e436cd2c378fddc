//! The other end of the channels: a process on another machine as a session of this one.

use bireme_core::Environment;
use bireme_core::runtime::{ExecSession, Output, RuntimeError, Stdio, TerminalSize};
use bytes::Bytes;
use futures::stream::{SplitSink, SplitStream};
use futures::{FutureExt, SinkExt, StreamExt, stream};
use hyper::upgrade::Upgraded;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use tokio::sync::{mpsc, oneshot};
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::web_socket::{CLOSE, ERROR, RESIZE, STDERR, STDIN, STDOUT};
use super::{FAILED, Size};
use crate::streaming::channels::{MAX_MESSAGE, Socket, message, split, web_socket};

/// How many chunks wait for whoever is slower.
const CHUNKS: usize = 8;

/// The session that a node carries over this connection, on which `v5.channel.k8s.io` was agreed. `peer` is the
/// node in words.
pub(crate) async fn session(
    env: &Environment,
    upgraded: Upgraded,
    stdio: Stdio,
    peer: String,
) -> ExecSession {
    let (sink, stream) = web_socket(upgraded, Role::Client).await.split();
    let (stdin, input) = mpsc::channel(CHUNKS);
    let (resize, sizes) = mpsc::channel(1);
    let (output, written) = mpsc::channel(CHUNKS);
    let (mut exit, exited) = oneshot::channel();
    let lost = peer.clone();
    let task = env.spawn(async move {
        let outcome = tokio::select! {
            biased;
            // Nobody waits any more: the connection goes with this task.
            () = exit.closed() => return,
            outcome = read(stream, &output, &peer) => outcome,
            error = write(sink, input, sizes) => Err(broken(&peer, error)),
        };
        // The exit comes after the end of the output.
        drop(output);
        if exit.send(outcome).is_err() {
            tracing::trace!("nobody waits for the exit");
        }
    });
    // It ends by itself: with the session or the connection.
    drop(task);
    let written = stream::unfold(written, |mut written| async { Some((written.recv().await?, written)) });
    ExecSession {
        stdin: stdio.stdin.then_some(stdin),
        output: written.map(Ok).boxed(),
        resize: stdio.tty.then_some(resize),
        exit: async move { exited.await.unwrap_or_else(|error| Err(broken(&lost, error))) }.boxed(),
    }
}

/// Hands on what the process writes, until the node says how it ended.
async fn read(
    mut stream: SplitStream<Socket>,
    output: &mpsc::Sender<Output>,
    peer: &str,
) -> Result<i32, RuntimeError> {
    loop {
        let bytes = match stream.next().await {
            Some(Ok(Message::Binary(bytes))) => bytes,
            Some(Ok(Message::Close(_))) | None => return Err(broken(peer, "it closed the connection")),
            Some(Ok(_)) => continue,
            Some(Err(error)) => return Err(broken(peer, error)),
        };
        let written = match split(bytes).filter(|(_, bytes)| !bytes.is_empty()) {
            Some((STDOUT, bytes)) => Output::Stdout(bytes),
            Some((STDERR, bytes)) => Output::Stderr(bytes),
            Some((ERROR, bytes)) => return exit_code(&bytes, peer),
            _ => continue,
        };
        if output.send(written).await.is_err() {
            tracing::trace!("the output is not read any more");
        }
    }
}

/// What the `Status` that ends a session says.
fn exit_code(status: &[u8], peer: &str) -> Result<i32, RuntimeError> {
    let status: Status = serde_json::from_slice(status).map_err(|error| broken(peer, error))?;
    if status.status.as_deref() == Some("Success") {
        return Ok(0);
    }
    let causes = status.details.and_then(|details| details.causes).unwrap_or_default();
    let code = causes.into_iter().find(|cause| cause.reason.as_deref() == Some("ExitCode"));
    let code = code.and_then(|cause| cause.message?.parse().ok());
    code.ok_or_else(|| {
        let message = status.message.unwrap_or_default();
        // The client will be told in the same words.
        let source = message.strip_prefix(FAILED).unwrap_or(&message).into();
        RuntimeError::Engine { operation: "on the node", source }
    })
}

/// Sends what is entered, and the terminal's sizes, until that fails.
async fn write(
    mut sink: SplitSink<Socket, Message>,
    mut stdin: mpsc::Receiver<Bytes>,
    mut resize: mpsc::Receiver<TerminalSize>,
) -> Error {
    let mut open = true;
    loop {
        let sent = tokio::select! {
            biased;
            Some(TerminalSize { width, height }) = resize.recv() => {
                let size = serde_json::to_vec(&Size { width, height }).unwrap_or_default();
                sink.send(message(RESIZE, &size)).await
            }
            input = stdin.recv(), if open => match input {
                Some(bytes) => send_input(&mut sink, &bytes).await,
                None => {
                    open = false;
                    sink.send(message(CLOSE, &[STDIN])).await
                }
            },
            // There is nothing more to send; the process may still write.
            else => std::future::pending().await,
        };
        if let Err(error) = sent {
            return error;
        }
    }
}

async fn send_input(sink: &mut SplitSink<Socket, Message>, bytes: &[u8]) -> Result<(), Error> {
    for piece in bytes.chunks(MAX_MESSAGE / 2) {
        sink.send(message(STDIN, piece)).await?;
    }
    Ok(())
}

fn broken(peer: &str, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> RuntimeError {
    RuntimeError::Unavailable { endpoint: peer.to_owned(), source: error.into() }
}
