//! `v4.channel.k8s.io` over SPDY: a stream for each of a process's, which the client opens.

use std::time::Duration;

use bireme_core::Environment;
use bireme_core::runtime::{ExecSession, Output, Stdio, TerminalSize};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;

use super::{Exit, Outputs, Size, outcome};
use crate::streaming::CLOSE_TIMEOUT;
use crate::streaming::spdy::{Connection, Gone, Stream, Writer, connection};

/// How long a client may take to open its streams, as upstream has it.
const OPEN_TIMEOUT: Duration = Duration::from_secs(30);

/// How long the text of a terminal's size may be.
const MAX_SIZE: usize = 1 << 10;

/// Carries a session until it is over or the client has gone.
pub(super) async fn run(env: &Environment, upgraded: Upgraded, stdio: Stdio, session: ExecSession) {
    over(env, TokioIo::new(upgraded), stdio, session).await;
}

async fn over(
    env: &Environment,
    stream: impl AsyncRead + AsyncWrite + Send,
    stdio: Stdio,
    session: ExecSession,
) {
    let (reader, writer) = tokio::io::split(stream);
    let (connection, driver) = connection(reader, writer);
    let mut driver = std::pin::pin!(driver);
    let ended = tokio::select! {
        biased;
        served = serve(env, connection, stdio, session) => match served {
            // What the client has not read yet must reach it before the connection is dropped.
            Ok(()) => env.timeout(CLOSE_TIMEOUT, driver).await,
            Err(Gone) => return tracing::debug!("the client left its session"),
        },
        ended = &mut driver => Ok(ended),
    };
    match ended {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "the connection broke off"),
        Err(elapsed) => tracing::debug!(%elapsed, "the client did not close the connection"),
    }
}

async fn serve(
    env: &Environment,
    mut connection: Connection,
    stdio: Stdio,
    session: ExecSession,
) -> Result<(), Gone> {
    let opened = env.timeout(OPEN_TIMEOUT, Streams::opened(&mut connection, stdio)).await;
    let Ok(Some(Streams { error: Some(status), stdin, stdout, stderr, resize })) = opened else {
        tracing::debug!("the client has not opened the streams of its session");
        return Err(Gone);
    };
    let ExecSession { stdin: input, output, resize: sizes, exit } = session;
    let (stdout, stderr) = (stdout.map(|stream| stream.output), stderr.map(|stream| stream.output));
    let written = write(output, exit, [stdout, stderr], status.output);
    let fed = async {
        futures::join!(feed(stdin, input), follow_size(resize, sizes));
        // The process goes on without.
        std::future::pending::<()>().await;
    };
    tokio::select! {
        biased;
        written = written => written?,
        () = fed => {}
    }
    connection.go_away().await;
    Ok(())
}

/// The streams of a session.
#[derive(Default)]
struct Streams {
    error: Option<Stream>,
    stdin: Option<Stream>,
    stdout: Option<Stream>,
    stderr: Option<Stream>,
    resize: Option<Stream>,
}

impl Streams {
    /// Those that the client opens, once they are what it has announced; none when it goes before that.
    async fn opened(connection: &mut Connection, stdio: Stdio) -> Option<Streams> {
        let mut streams = Streams::default();
        while !streams.are_those_of(stdio) {
            let stream = connection.streams.recv().await?;
            let place = match stream.headers.get("streamtype") {
                Some("error") => &mut streams.error,
                Some("stdin") => &mut streams.stdin,
                Some("stdout") => &mut streams.stdout,
                Some("stderr") => &mut streams.stderr,
                Some("resize") => &mut streams.resize,
                unknown => {
                    tracing::debug!(?unknown, "a stream that no session has");
                    continue;
                }
            };
            *place = Some(stream);
        }
        connection.streams.close();
        Some(streams)
    }

    fn are_those_of(&self, stdio: Stdio) -> bool {
        let Stdio { stdin, stdout, stderr, tty } = stdio;
        self.error.is_some()
            && [(stdin, &self.stdin), (stdout, &self.stdout), (stderr, &self.stderr), (tty, &self.resize)]
                .into_iter()
                .all(|(wanted, stream)| stream.is_some() || !wanted)
    }
}

/// Hands the input on until its end.
async fn feed(stdin: Option<Stream>, input: Option<mpsc::Sender<Bytes>>) {
    let (Some(mut stdin), Some(input)) = (stdin, input) else { return };
    while let Some(bytes) = stdin.input.recv().await {
        // A process that reads no more is no reason to stop listening to what it writes.
        if input.send(bytes).await.is_err() {
            return;
        }
    }
}

/// Hands on the terminal's sizes, each a line of JSON.
async fn follow_size(resize: Option<Stream>, sizes: Option<mpsc::Sender<TerminalSize>>) {
    let (Some(mut resize), Some(sizes)) = (resize, sizes) else { return };
    let mut text = BytesMut::new();
    while let Some(bytes) = resize.input.recv().await {
        text.extend_from_slice(&bytes);
        while let Some(end) = text.iter().position(|byte| *byte == b'\n') {
            let line = text.split_to(end + 1);
            if let Ok(Size { width, height }) = serde_json::from_slice(&line)
                && sizes.send(TerminalSize { width, height }).await.is_err()
            {
                return;
            }
        }
        if text.len() > MAX_SIZE {
            return tracing::debug!("a size without an end");
        }
    }
}

/// Sends what the process writes, then how it ended.
async fn write(
    mut output: Outputs,
    exit: Exit,
    [stdout, stderr]: [Option<Writer>; 2],
    status: Writer,
) -> Result<(), Gone> {
    while let Some(chunk) = output.next().await {
        let (stream, bytes) = match chunk {
            Ok(Output::Stdout(bytes)) => (&stdout, bytes),
            Ok(Output::Stderr(bytes)) => (&stderr, bytes),
            Err(error) => {
                tracing::debug!(%error, "the output of the process broke off");
                break;
            }
        };
        if let Some(stream) = stream {
            stream.send(bytes).await?;
        }
    }
    for stream in [stdout, stderr].into_iter().flatten() {
        stream.finish().await?;
    }
    status.send(outcome(exit.await).into()).await?;
    status.finish().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::streaming::spdy::client::Client;
    use futures::{FutureExt, stream};

    const STDIO: Stdio = Stdio { stdin: false, stdout: true, stderr: true, tty: false };

    fn session(output: Vec<Output>, code: i32) -> ExecSession {
        let output = stream::iter(output.into_iter().map(Ok)).boxed();
        ExecSession { stdin: None, output, resize: None, exit: async move { Ok(code) }.boxed() }
    }

    async fn open<const N: usize>(client: &mut Client, names: [&str; N]) -> [u32; N] {
        let mut ids = [0; N];
        for (id, name) in ids.iter_mut().zip(names) {
            *id = client.open(&[("streamtype", name)]).await.unwrap();
        }
        ids
    }

    #[tokio::test]
    async fn a_process_writes_on_its_streams_and_ends_with_its_code() {
        let (ours, theirs) = tokio::io::duplex(4096);
        let output = vec![Output::Stdout("out".into())];
        let carried = async { over(&Environment::system(), ours, STDIO, session(output, 3)).await };
        let read = async {
            let mut client = Client::new(theirs);
            let [error, stdout, stderr] = open(&mut client, ["error", "stdout", "stderr"]).await;
            assert_eq!(client.rest(stdout).await, "out");
            assert_eq!(client.rest(stderr).await, "");
            assert!(client.rest(error).await.contains("exit code 3"));
            assert!(client.is_told_to_go().await);
        };
        futures::join!(carried, read);
    }

    #[tokio::test]
    async fn input_and_sizes_reach_the_process() {
        let (ours, theirs) = tokio::io::duplex(4096);
        let (stdin, mut input) = mpsc::channel(1);
        let (resize, mut sizes) = mpsc::channel(1);
        let (end, ended) = tokio::sync::oneshot::channel::<()>();
        let session = ExecSession {
            stdin: Some(stdin),
            resize: Some(resize),
            output: stream::once(ended).filter_map(async |_| None).boxed(),
            ..session(Vec::new(), 0)
        };
        let stdio = Stdio { stdin: true, stdout: true, stderr: false, tty: true };
        let carried = async { over(&Environment::system(), ours, stdio, session).await };
        let used = async {
            let mut client = Client::new(theirs);
            let [error, stdin, stdout, resize] =
                open(&mut client, ["error", "stdin", "stdout", "resize"]).await;
            client.data(resize, b"{\"Width\":80,\"Hei", false).await;
            client.data(resize, b"ght\":24}\nnonsense\n", false).await;
            assert_eq!(sizes.recv().await, Some(TerminalSize { width: 80, height: 24 }));
            client.data(stdin, b"hello", true).await;
            assert_eq!(input.recv().await.unwrap(), "hello");
            assert_eq!(input.recv().await, None);
            end.send(()).unwrap();
            assert_eq!(client.rest(stdout).await, "");
            assert!(client.rest(error).await.contains("Success"));
        };
        futures::join!(carried, used);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_opens_no_streams_is_given_up() {
        let (ours, theirs) = tokio::io::duplex(4096);
        over(&Environment::system(), ours, STDIO, session(Vec::new(), 0)).await;
        drop(theirs);
    }
}
