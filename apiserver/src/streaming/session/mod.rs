//! Sessions with a process: exec and attach.

mod remote;
mod spdy;
mod web_socket;

pub(crate) use remote::session as remote_session;

use bireme_core::Environment;
use bireme_core::runtime::{ExecSession, Output, RuntimeError, Stdio};
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use hyper::upgrade::OnUpgrade;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::upgrade::{Accepted, Protocol, Transport};
use crate::http::Reply;

/// How a session is carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SessionProtocol {
    /// Channels over a WebSocket.
    Channels4,
    /// The same with a signal for the end of the input.
    Channels5,
    /// Streams of a SPDY connection.
    Spdy4,
}

impl Protocol for SessionProtocol {
    const ALL: &'static [Self] = &[Self::Channels5, Self::Channels4, Self::Spdy4];

    fn name(self) -> &'static str {
        match self {
            Self::Channels5 => "v5.channel.k8s.io",
            Self::Channels4 | Self::Spdy4 => "v4.channel.k8s.io",
        }
    }

    fn transport(self) -> Transport {
        match self {
            Self::Channels4 | Self::Channels5 => Transport::WebSocket,
            Self::Spdy4 => Transport::Spdy,
        }
    }
}

/// Answers an accepted request, and carries the session over its connection until the process ends, the client
/// goes, or the server closes. `place` is held as long.
pub(crate) fn carry(
    env: &Environment,
    accepted: Accepted<SessionProtocol>,
    stdio: Stdio,
    session: ExecSession,
    closing: CancellationToken,
    place: impl Send + 'static,
) -> Reply {
    let Accepted { answer, protocol, connection } = accepted;
    let own = env.clone();
    let handle = env.spawn(async move {
        tokio::select! {
            biased;
            () = closing.cancelled() => {}
            () = run(&own, connection, protocol, stdio, session) => {}
        }
        drop(place);
    });
    // The session ends by itself: with the process, the client, or the server.
    drop(handle);
    answer
}

async fn run(
    env: &Environment,
    connection: OnUpgrade,
    protocol: SessionProtocol,
    stdio: Stdio,
    session: ExecSession,
) {
    let upgraded = match connection.await {
        Ok(upgraded) => upgraded,
        Err(error) => return tracing::debug!(%error, "the connection was not upgraded"),
    };
    match protocol.transport() {
        Transport::WebSocket => web_socket::run(env, upgraded, protocol, session).await,
        Transport::Spdy => spdy::run(env, upgraded, stdio, session).await,
    }
}

type Outputs = BoxStream<'static, Result<Output, RuntimeError>>;
type Exit = BoxFuture<'static, Result<i32, RuntimeError>>;

/// The size of a terminal on the wire.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Size {
    width: u16,
    height: u16,
}

/// How the message begins when a command was not run to its end.
const FAILED: &str = "error executing command in container: ";

/// The `Status` that ends a session.
fn outcome(exit: Result<i32, RuntimeError>) -> Vec<u8> {
    let status = match exit {
        Ok(0) => json!({"metadata": {}, "status": "Success"}),
        Ok(code) => json!({
            "metadata": {},
            "status": "Failure",
            "reason": "NonZeroExitCode",
            "message": format!("command terminated with non-zero exit code: command terminated with exit code {code}"),
            "details": {"causes": [{"reason": "ExitCode", "message": code.to_string()}]},
        }),
        Err(error) => json!({
            "metadata": {},
            "status": "Failure",
            "reason": "InternalError",
            "message": format!("{FAILED}{error}"),
            "code": 500,
        }),
    };
    status.to_string().into_bytes()
}
