//! Exec and attach.

use std::path::PathBuf;
use std::pin::Pin;

use bireme_core::Environment;
use bireme_core::runtime::{ContainerId, ExecSession, ExecSpec, Output, RuntimeError, Stdio, TerminalSize};
use bollard::Docker;
use bollard::container::LogOutput;
use bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, InspectContainerOptions, ResizeContainerTTYOptionsBuilder,
    ResizeExecOptionsBuilder,
};
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{FutureExt as _, StreamExt as _};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tracing::debug;

use crate::error::{engine, is_not_found, message_of, status_of};
use crate::{DockerRuntime, status};

/// How many pieces of input or sizes wait for the engine before the sender does.
const WAITING: usize = 16;

/// What the exit code is read from, once the output has ended.
#[derive(Clone)]
enum Process {
    Exec(String),
    Main(String),
}

/// Runs a further command in a running container.
pub(crate) async fn exec(
    runtime: &DockerRuntime,
    id: &ContainerId,
    spec: &ExecSpec,
) -> Result<ExecSession, RuntimeError> {
    let stdio = spec.stdio;
    let options = CreateExecOptions {
        attach_stdin: Some(stdio.stdin),
        attach_stdout: Some(stdio.stdout),
        attach_stderr: Some(stdio.stderr && !stdio.tty),
        tty: Some(stdio.tty),
        cmd: Some(spec.command.clone()),
        ..CreateExecOptions::default()
    };
    require(runtime, id).await?;
    let created =
        runtime.docker.create_exec(&id.0, options).await.map_err(|error| refused(runtime, id, error))?;
    let start = StartExecOptions { detach: false, tty: stdio.tty, output_capacity: None };
    match runtime.docker.start_exec(&created.id, Some(start)).await {
        Ok(StartExecResults::Attached { output, input }) => {
            Ok(session(runtime, Process::Exec(created.id), stdio, output, input))
        }
        // Only a detached start answers so, and this one is not.
        Ok(StartExecResults::Detached) => Err(RuntimeError::State {
            operation: "running a command",
            detail: "the engine did not connect to it".to_owned(),
        }),
        Err(error) => Err(refused(runtime, id, error)),
    }
}

/// Connects to the main process of a running container.
pub(crate) async fn attach(
    runtime: &DockerRuntime,
    id: &ContainerId,
    stdio: Stdio,
) -> Result<ExecSession, RuntimeError> {
    require(runtime, id).await?;
    let options = AttachContainerOptionsBuilder::new()
        .stream(true)
        .stdin(stdio.stdin)
        .stdout(stdio.stdout)
        .stderr(stdio.stderr)
        .build();
    let attached = runtime.docker.attach_container(&id.0, Some(options)).await;
    let attached = attached.map_err(|error| refused(runtime, id, error))?;
    Ok(session(runtime, Process::Main(id.to_string()), stdio, attached.output, attached.input))
}

async fn require(runtime: &DockerRuntime, id: &ContainerId) -> Result<(), RuntimeError> {
    match status::inspect(runtime, &id.0).await? {
        Some(_) => Ok(()),
        None => Err(RuntimeError::NotFound { what: "container", id: id.to_string() }),
    }
}

fn refused(runtime: &DockerRuntime, id: &ContainerId, error: bollard::errors::Error) -> RuntimeError {
    if is_not_found(&error) {
        RuntimeError::NotFound { what: "container", id: id.to_string() }
    } else if status_of(&error) == Some(409) {
        RuntimeError::State { operation: "connecting to a process", detail: message_of(&error) }
    } else {
        runtime.failed("connecting to a process")(error)
    }
}

fn session(
    runtime: &DockerRuntime,
    process: Process,
    stdio: Stdio,
    output: impl futures::Stream<Item = Result<LogOutput, bollard::errors::Error>> + Send + 'static,
    input: Pin<Box<dyn AsyncWrite + Send>>,
) -> ExecSession {
    let socket = runtime.socket.clone();
    let output: BoxStream<'static, _> = output
        .map(move |item| match item {
            Ok(LogOutput::StdErr { message }) => Ok(Output::Stderr(message)),
            Ok(other) => Ok(Output::Stdout(other.into_bytes())),
            Err(error) => Err(engine("reading a process's output", &socket, error)),
        })
        .boxed();
    let stdin = if stdio.stdin { Some(feed(&runtime.env, input)) } else { None };
    let resize = stdio.tty.then(|| follow_size(&runtime.env, runtime.docker.clone(), process.clone()));
    let exit = exit_code(runtime.docker.clone(), runtime.socket.clone(), process).boxed();
    ExecSession { stdin, output, resize, exit }
}

/// Writes what is sent, and closes the input when the sender is gone.
fn feed(env: &Environment, mut input: Pin<Box<dyn AsyncWrite + Send>>) -> mpsc::Sender<Bytes> {
    let (sender, mut receiver) = mpsc::channel::<Bytes>(WAITING);
    env.spawn(async move {
        while let Some(bytes) = receiver.recv().await {
            let written = async {
                input.write_all(&bytes).await?;
                input.flush().await
            };
            if let Err(error) = written.await {
                debug!(%error, "a process no longer takes input");
                return;
            }
        }
        if let Err(error) = input.shutdown().await {
            debug!(%error, "a process's input was closed already");
        }
    });
    sender
}

fn follow_size(env: &Environment, docker: Docker, process: Process) -> mpsc::Sender<TerminalSize> {
    let (sender, mut receiver) = mpsc::channel::<TerminalSize>(WAITING);
    env.spawn(async move {
        while let Some(TerminalSize { width, height }) = receiver.recv().await {
            let (width, height) = (i32::from(width), i32::from(height));
            let resized = match &process {
                Process::Exec(id) => {
                    docker.resize_exec(id, ResizeExecOptionsBuilder::new().w(width).h(height).build()).await
                }
                Process::Main(id) => {
                    let options = ResizeContainerTTYOptionsBuilder::new().w(width).h(height).build();
                    docker.resize_container_tty(id, options).await
                }
            };
            if let Err(error) = resized {
                debug!(%error, "a terminal was not resized");
            }
        }
    });
    sender
}

async fn exit_code(docker: Docker, socket: PathBuf, process: Process) -> Result<i32, RuntimeError> {
    let failed = |error| engine("asking for an exit code", &socket, error);
    let code = match process {
        Process::Exec(id) => docker.inspect_exec(&id).await.map_err(failed)?.exit_code,
        Process::Main(id) => {
            let found =
                docker.inspect_container(&id, None::<InspectContainerOptions>).await.map_err(failed)?;
            let state = found.state.unwrap_or_default();
            if state.running == Some(true) { Some(0) } else { state.exit_code }
        }
    };
    Ok(code.and_then(|code| i32::try_from(code).ok()).unwrap_or(-1))
}
