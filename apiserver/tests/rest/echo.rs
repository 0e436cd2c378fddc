//! A node that is made up: what it is sent comes back.

use async_trait::async_trait;
use bireme_core::Environment;
use bireme_core::error::{ApiError, Reason};
use bireme_core::node_access::{ByteStream, ContainerRef, NodeAccess, PodRef};
use bireme_core::runtime::{
    ExecSession, ExecSpec, LogChunk, LogOptions, LogStream, Output, Stdio, TerminalSize,
};
use bytes::Bytes;
use futures::{FutureExt, StreamExt, stream};
use jiff::Timestamp;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;

/// A node on which every command writes back what it is sent, and ends with the code that it is named after.
pub struct EchoNode;

fn chunk(second: i64, text: &'static str) -> LogChunk {
    LogChunk {
        time: Timestamp::from_second(second).unwrap(),
        output: Output::Stdout(Bytes::from_static(text.as_bytes())),
    }
}

#[async_trait]
impl NodeAccess for EchoNode {
    async fn logs(
        &self,
        at: &ContainerRef,
        previous: bool,
        options: &LogOptions,
    ) -> Result<LogStream, ApiError> {
        if previous {
            return Err(ApiError::bad_request(format!(
                "previous terminated container {:?} not found",
                at.container
            )));
        }
        let all = vec![chunk(1, "one\n"), chunk(2, "tw"), chunk(2, "o\n"), chunk(3, "three\n")];
        let skip = options.tail.map_or(0, |tail| 4 - tail as usize);
        let written = stream::iter(all.into_iter().skip(skip).map(Ok));
        Ok(if options.follow { written.chain(stream::pending()).boxed() } else { written.boxed() })
    }

    async fn exec(&self, _: &ContainerRef, spec: &ExecSpec) -> Result<ExecSession, ApiError> {
        let code =
            spec.command[0].parse().map_err(|_| ApiError::new(Reason::BadRequest, "no such command"))?;
        Ok(echo(spec.stdio, code))
    }

    async fn attach(&self, _: &ContainerRef, stdio: Stdio) -> Result<ExecSession, ApiError> {
        Ok(echo(stdio, 0))
    }

    async fn port_forward(&self, _: &PodRef, port: u16) -> Result<Box<dyn ByteStream>, ApiError> {
        if port != 7 {
            return Err(ApiError::bad_request("nobody listens there"));
        }
        let (client, server) = tokio::io::duplex(64);
        drop(Environment::system().spawn(async move {
            let (mut input, mut output) = tokio::io::split(server);
            tokio::io::copy(&mut input, &mut output).await.unwrap();
            output.shutdown().await.unwrap();
        }));
        Ok(Box::new(client))
    }
}

fn echo(stdio: Stdio, code: i32) -> ExecSession {
    let (stdin, input) = mpsc::channel(4);
    let (resize, sizes) = mpsc::channel::<TerminalSize>(4);
    let input = stream::unfold(input, |mut input| async { Some((input.recv().await?, input)) });
    let sizes = stream::unfold(sizes, |mut sizes| async { Some((sizes.recv().await?, sizes)) });
    let sizes = sizes.map(|size| Output::Stderr(format!("{}x{}", size.width, size.height).into()));
    let output = if stdio.stdin {
        let input = input.map(Output::Stdout);
        // The end of the input ends the process, whatever its terminal does.
        if stdio.tty { stream::select(input, sizes).boxed() } else { input.boxed() }
    } else {
        stream::iter([Output::Stdout("out".into()), Output::Stderr("err".into())]).boxed()
    };
    ExecSession {
        stdin: stdio.stdin.then_some(stdin),
        output: output.map(Ok).boxed(),
        resize: stdio.tty.then_some(resize),
        exit: async move { Ok(code) }.boxed(),
    }
}
