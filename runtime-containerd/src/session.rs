//! Exec and attach.

use std::path::{Path, PathBuf};

use bireme_core::runtime::{
    ContainerId, ContainerState, ExecSession, ExecSpec, Output, RuntimeError, Stdio, TerminalSize,
};
use bytes::Bytes;
use containerd_client::services::v1 as services;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _, future, stream};
use prost_types::Any;
use serde_json::Value;
use services::Container;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::unix::pipe;
use tokio::sync::{mpsc, oneshot};
use tonic::Status;
use tracing::debug;

use crate::engine::Engine;
use crate::error::{file, found};
use crate::labels::Made;
use crate::log::Start;
use crate::output;
use crate::{ContainerdRuntime, files, spec, status};

/// How many pieces of input or sizes wait for the engine before the sender does.
const WAITING: usize = 16;
/// How much of a process's output is read at once.
const PIECE: usize = 32 << 10;
/// What is done when a further command is run, as errors name it.
const RUNNING: &str = "running a command";
/// What containerd calls a process of the OCI runtime specification.
const PROCESS_TYPE: &str = "types.containerd.io/opencontainers/runtime-spec/1/Process";

pub(crate) fn no_container(id: &ContainerId) -> RuntimeError {
    RuntimeError::NotFound { what: "container", id: id.to_string() }
}

fn not_running(operation: &'static str, id: &ContainerId) -> RuntimeError {
    RuntimeError::State { operation, detail: format!("the container {id} is not running") }
}

/// The pipes of a further process in a container.
struct Pipes {
    folder: PathBuf,
    stdin: Option<pipe::Sender>,
    stdout: pipe::Receiver,
    stderr: Option<pipe::Receiver>,
}

impl Pipes {
    fn make(folder: PathBuf, stdio: Stdio) -> std::io::Result<Pipes> {
        std::fs::create_dir_all(&folder)?;
        let open = |name: &str| {
            let path = folder.join(name);
            files::make_pipe(&path)?;
            pipe::OpenOptions::new().open_receiver(path)
        };
        let stdout = open("stdout")?;
        let stderr = if stdio.tty { None } else { Some(open("stderr")?) };
        let stdin = match stdio.stdin {
            true => {
                let path = folder.join("stdin");
                files::make_pipe(&path)?;
                Some(open_input(path)?)
            }
            false => None,
        };
        Ok(Pipes { folder, stdin, stdout, stderr })
    }

    /// The engine's name for one of them; empty where there is none.
    fn path(&self, name: &str, is_there: bool) -> String {
        if is_there { self.folder.join(name).display().to_string() } else { String::new() }
    }

    /// What comes out of them, as far as it is wanted.
    fn output(self, stdio: Stdio) -> BoxStream<'static, Result<Output, RuntimeError>> {
        let stdout = stdio.stdout.then_some(Output::Stdout as fn(Bytes) -> Output);
        let stderr = stdio.stderr.then_some(Output::Stderr as fn(Bytes) -> Output);
        let outputs = [Some((self.stdout, stdout)), self.stderr.map(|pipe| (pipe, stderr))];
        stream::select_all(outputs.into_iter().flatten().map(|(pipe, wanted)| pieces(pipe, wanted))).boxed()
    }
}

/// The container, which has to run.
async fn running(
    runtime: &ContainerdRuntime,
    id: &ContainerId,
    operation: &'static str,
) -> Result<(Container, ContainerState), RuntimeError> {
    let container = status::own(runtime, &id.0).await?.ok_or_else(|| no_container(id))?;
    let state = status::state(runtime, &container).await?;
    match state {
        ContainerState::Running { .. } => Ok((container, state)),
        ContainerState::Created | ContainerState::Exited(_) => Err(not_running(operation, id)),
    }
}

/// Runs a further command in a running container.
pub(crate) async fn exec(
    runtime: &ContainerdRuntime,
    id: &ContainerId,
    wanted: &ExecSpec,
) -> Result<ExecSession, RuntimeError> {
    let (container, _) = running(runtime, id, RUNNING).await?;
    let stdio = wanted.stdio;
    let name = format!("exec-{}", runtime.random_name());
    let folder = runtime.files.of(&id.0).join(&name);
    let mut pipes = Pipes::make(folder, stdio).map_err(|error| file(RUNNING, error))?;
    let command = spec::process(&status::specification(&container)?, &wanted.command, stdio.tty);
    let process = Process { engine: runtime.engine.clone(), container: id.clone(), exec: name };
    if let Err(error) = process.start(command, &pipes, stdio).await {
        process.forget(&pipes.folder).await;
        return Err(match error.code() {
            tonic::Code::NotFound | tonic::Code::FailedPrecondition => not_running(RUNNING, id),
            tonic::Code::Unavailable => runtime.engine.failed(RUNNING)(error),
            _ => RuntimeError::State { operation: RUNNING, detail: error.message().to_owned() },
        });
    }
    let stdin = pipes.stdin.take().map(|input| feed(runtime, input, process.clone(), true));
    let resize = stdio.tty.then(|| follow_size(runtime, process.clone()));
    let exit = see_to_the_end(runtime, process, pipes.folder.clone());
    Ok(ExecSession { stdin, output: pipes.output(stdio), resize, exit })
}

/// Waits for a further process and lets it go, also when nobody waits for its exit code any more.
fn see_to_the_end(
    runtime: &ContainerdRuntime,
    process: Process,
    folder: PathBuf,
) -> BoxFuture<'static, Result<i32, RuntimeError>> {
    let (done, exit) = oneshot::channel();
    drop(runtime.env.spawn(async move {
        let code = process.wait().await;
        process.forget(&folder).await;
        // The only error is that nobody is there who wants to know.
        drop(done.send(code));
    }));
    let gone = || RuntimeError::State { operation: RUNNING, detail: "the agent is ending".to_owned() };
    async move { exit.await.map_err(|_| gone())? }.boxed()
}

/// What comes out of a pipe; what is not wanted is read all the same, so that the process does not wait.
fn pieces(
    pipe: pipe::Receiver,
    wanted: Option<fn(Bytes) -> Output>,
) -> BoxStream<'static, Result<Output, RuntimeError>> {
    let read = stream::try_unfold(pipe, |mut pipe| async move {
        let mut bytes = Vec::with_capacity(PIECE);
        let read = pipe.read_buf(&mut bytes).await;
        let length = read.map_err(|error| file("reading a process's output", error))?;
        Ok((length > 0).then(|| (Bytes::from(bytes), pipe)))
    });
    read.try_filter_map(move |bytes| future::ok(wanted.map(|wanted| wanted(bytes)))).boxed()
}

/// A process in a container: a further one, or, without a name, the container's own.
#[derive(Clone)]
struct Process {
    engine: Engine,
    container: ContainerId,
    exec: String,
}

impl Process {
    /// Has a further process run.
    async fn start(&self, command: Value, pipes: &Pipes, stdio: Stdio) -> Result<(), Status> {
        let value = command.to_string().into_bytes();
        let request = services::ExecProcessRequest {
            container_id: self.container.to_string(),
            stdin: pipes.path("stdin", stdio.stdin),
            stdout: pipes.path("stdout", true),
            stderr: pipes.path("stderr", !stdio.tty),
            terminal: stdio.tty,
            spec: Some(Any { type_url: PROCESS_TYPE.to_owned(), value }),
            exec_id: self.exec.clone(),
        };
        self.engine.tasks().exec(request).await?;
        let request =
            services::StartRequest { container_id: self.container.to_string(), exec_id: self.exec.clone() };
        self.engine.tasks().start(request).await.map(drop)
    }

    async fn wait(&self) -> Result<i32, RuntimeError> {
        let request =
            services::WaitRequest { container_id: self.container.to_string(), exec_id: self.exec.clone() };
        let answer = self.engine.tasks().wait(request).await;
        let code = answer.map_err(self.engine.failed("waiting for a process"))?.into_inner().exit_status;
        Ok(i32::try_from(code).unwrap_or(-1))
    }

    async fn close_input(&self) -> Result<(), Status> {
        let request = services::CloseIoRequest {
            container_id: self.container.to_string(),
            exec_id: self.exec.clone(),
            stdin: true,
        };
        found(self.engine.tasks().close_io(request).await).map(drop)
    }

    async fn resize(&self, size: TerminalSize) -> Result<(), Status> {
        let request = services::ResizePtyRequest {
            container_id: self.container.to_string(),
            exec_id: self.exec.clone(),
            width: size.width.into(),
            height: size.height.into(),
        };
        found(self.engine.tasks().resize_pty(request).await).map(drop)
    }

    /// Lets go of a further process and its pipes; who has them open still reads what is in them.
    async fn forget(&self, folder: &Path) {
        let request = services::DeleteProcessRequest {
            container_id: self.container.to_string(),
            exec_id: self.exec.clone(),
        };
        if let Err(error) = found(self.engine.tasks().delete_process(request).await) {
            debug!(%error, "a process was not let go");
        }
        if let Err(error) = std::fs::remove_dir_all(folder) {
            // They went with their container.
            debug!(%error, "a process's pipes were not removed");
        }
    }
}

/// The end of a pipe that input is written to. It is opened for reading too: the shim, whose part that is, may not have
/// got there yet, and a process that is over has nobody who reads.
fn open_input(path: PathBuf) -> std::io::Result<pipe::Sender> {
    pipe::OpenOptions::new().read_write(true).open_sender(path)
}

/// Writes what is sent to a process, for as long as there is one. The end of what is sent is the end of its input, or is
/// not, when others may send more.
fn feed(
    runtime: &ContainerdRuntime,
    mut input: pipe::Sender,
    process: Process,
    is_the_end: bool,
) -> mpsc::Sender<Bytes> {
    let (sender, mut receiver) = mpsc::channel::<Bytes>(WAITING);
    drop(runtime.env.spawn(async move {
        let written = async move {
            while let Some(bytes) = receiver.recv().await {
                input.write_all(&bytes).await?;
            }
            std::io::Result::Ok(())
        };
        match future::select(Box::pin(written), Box::pin(process.wait())).await {
            future::Either::Left((Ok(()), _)) => {}
            future::Either::Left((Err(error), _)) => {
                debug!(%error, "a process no longer takes input");
                return;
            }
            // What it has not read by now, nobody will.
            future::Either::Right(_) => return,
        }
        if is_the_end && let Err(error) = process.close_input().await {
            debug!(%error, "a process's input was closed already");
        }
    }));
    sender
}

fn follow_size(runtime: &ContainerdRuntime, process: Process) -> mpsc::Sender<TerminalSize> {
    let (sender, mut receiver) = mpsc::channel::<TerminalSize>(WAITING);
    drop(runtime.env.spawn(async move {
        while let Some(size) = receiver.recv().await {
            if let Err(error) = process.resize(size).await {
                debug!(%error, "a terminal was not resized");
            }
        }
    }));
    sender
}

/// Connects to the main process of a running container.
pub(crate) async fn attach(
    runtime: &ContainerdRuntime,
    id: &ContainerId,
    stdio: Stdio,
) -> Result<ExecSession, RuntimeError> {
    let (container, state) = running(runtime, id, "connecting to a process").await?;
    let process = Process { engine: runtime.engine.clone(), container: id.clone(), exec: String::new() };
    let input = runtime.files.of(&id.0).join("stdin");
    let stdin = if stdio.stdin && input.exists() {
        let input = open_input(input).map_err(|error| file("opening a container's input", error))?;
        let once = Made::read(&container.labels).is_some_and(|made| made.stdin_once);
        Some(feed(runtime, input, process.clone(), once))
    } else {
        None
    };
    let log = runtime.recorder.log(&id.0).map_err(|error| file("opening a log", error))?;
    let end = output::end_of_output(runtime, id, &state).await?;
    let output = output::read(log, Start::Now, end).await?;
    let wanted = move |output: Output| match &output {
        Output::Stdout(_) => stdio.stdout.then_some(output),
        Output::Stderr(_) => stdio.stderr.then_some(output),
    };
    let output = output.try_filter_map(move |chunk| future::ok(wanted(chunk.output))).boxed();
    let resize = stdio.tty.then(|| follow_size(runtime, process.clone()));
    let (runtime, id) = (runtime.clone(), id.clone());
    let exit = async move {
        Ok(match status::container(&runtime, &id).await?.map(|status| status.state) {
            Some(ContainerState::Exited(exit)) => exit.code,
            _ => 0,
        })
    };
    Ok(ExecSession { stdin, output, resize, exit: exit.boxed() })
}
