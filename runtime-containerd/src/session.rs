//! Logs, exec and attach.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bireme_core::runtime::{
    ContainerId, ContainerState, ExecSession, ExecSpec, LogChunk, LogOptions, LogStream, Output,
    RuntimeError, Stdio, TerminalSize,
};
use bytes::Bytes;
use containerd_client::services::v1 as services;
use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _, future, stream};
use prost_types::Any;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::unix::pipe;
use tokio::sync::{mpsc, oneshot};
use tonic::Status;
use tracing::{debug, warn};

use crate::engine::Engine;
use crate::error::{file, found};
use crate::labels::Made;
use crate::log::{Log, Reader, Start};
use crate::{ContainerdRuntime, files, spec, status, task};

/// How many pieces of input or sizes wait for the engine before the sender does.
const WAITING: usize = 16;
/// How much of a process's output is read at once.
const PIECE: usize = 32 << 10;
/// What containerd calls a process of the OCI runtime specification.
const PROCESS_TYPE: &str = "types.containerd.io/opencontainers/runtime-spec/1/Process";

fn no_container(id: &ContainerId) -> RuntimeError {
    RuntimeError::NotFound { what: "container", id: id.to_string() }
}

fn not_running(operation: &'static str, id: &ContainerId) -> RuntimeError {
    RuntimeError::State { operation, detail: format!("the container {id} is not running") }
}

/// What a container wrote, oldest first.
pub(crate) async fn logs(
    runtime: &ContainerdRuntime,
    id: &ContainerId,
    options: LogOptions,
) -> Result<LogStream, RuntimeError> {
    let status = status::container(runtime, id).await?.ok_or_else(|| no_container(id))?;
    let end = end_of_output(runtime, id, &status.state).await?;
    let log = runtime.recorder.log(&id.0).map_err(|error| file("opening a log", error))?;
    let end = if options.follow { end } else { future::ready(()).boxed() };
    read(log, Start::Lines(options), end).await
}

/// When nothing more will be written: now, when the container has ended; with its end, otherwise.
async fn end_of_output(
    runtime: &ContainerdRuntime,
    id: &ContainerId,
    state: &ContainerState,
) -> Result<BoxFuture<'static, ()>, RuntimeError> {
    match state {
        ContainerState::Exited(_) => {
            status::settle(runtime, &id.0).await?;
            Ok(future::ready(()).boxed())
        }
        ContainerState::Created | ContainerState::Running { .. } => {
            let (runtime, id) = (runtime.clone(), id.clone());
            Ok(async move { until_ended(&runtime, &id).await }.boxed())
        }
    }
}

/// Waits for the end of a container, and until what it wrote is complete.
async fn until_ended(runtime: &ContainerdRuntime, id: &ContainerId) {
    let ended = async {
        // One that was made and does not run has no process to wait for: its start is an event like its end.
        let mut events = crate::events::subscribe(runtime).await?;
        loop {
            match status::container(runtime, id).await?.map(|status| status.state) {
                None => return Ok(()),
                Some(ContainerState::Exited(_)) => return status::settle(runtime, &id.0).await,
                Some(ContainerState::Running { .. }) => task::wait(runtime, &id.0).await?,
                Some(ContainerState::Created) => drop(events.next().await),
            }
        }
    };
    let ended: Result<(), RuntimeError> = ended.await;
    if let Err(error) = ended {
        warn!(%error, "a container's end was not awaited");
    }
}

struct Reading {
    reader: Option<Reader>,
    end: BoxFuture<'static, ()>,
    is_over: bool,
}

async fn read(log: Arc<Log>, start: Start, end: BoxFuture<'static, ()>) -> Result<LogStream, RuntimeError> {
    let reading = |error| file("reading a log", error);
    let opened = tokio::task::spawn_blocking(move || Reader::open(log, start)).await;
    let (reader, first) = opened.map_err(|error| reading(error.into()))?.map_err(reading)?;
    let state = Reading { reader: Some(reader), end, is_over: false };
    let rest = stream::try_unfold(state, move |mut state| async move {
        Ok(state.next().await.map_err(reading)?.map(|chunks| (chunks, state)))
    });
    let chunks = stream::iter([Ok::<_, RuntimeError>(first)]).chain(rest);
    Ok(chunks.map_ok(|chunks| stream::iter(chunks.into_iter().map(Ok))).try_flatten().boxed())
}

impl Reading {
    /// The next part; `None` when all was read and nothing more will be written.
    async fn next(&mut self) -> std::io::Result<Option<Vec<LogChunk>>> {
        while let Some(mut reader) = self.reader.take() {
            let (mut reader, batch) = tokio::task::spawn_blocking(move || {
                let batch = reader.batch();
                (reader, batch)
            })
            .await?;
            let batch = batch?;
            if batch.is_empty() && self.is_over {
                let unfinished = reader.unfinished();
                return Ok((!unfinished.is_empty()).then_some(unfinished));
            }
            if batch.is_empty() {
                let changed = Box::pin(reader.changed.changed());
                if let future::Either::Right(_) = future::select(changed, &mut self.end).await {
                    self.is_over = true;
                }
            }
            self.reader = Some(reader);
            if !batch.is_empty() {
                return Ok(Some(batch));
            }
        }
        Ok(None)
    }
}

/// The pipes of a further process in a container.
struct Pipes {
    folder: PathBuf,
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
        if stdio.stdin {
            files::make_pipe(&folder.join("stdin"))?;
        }
        Ok(Pipes { stdout, stderr, folder })
    }
}

/// Runs a further command in a running container.
pub(crate) async fn exec(
    runtime: &ContainerdRuntime,
    id: &ContainerId,
    wanted: &ExecSpec,
) -> Result<ExecSession, RuntimeError> {
    const OPERATION: &str = "running a command";
    let container = status::own(runtime, &id.0).await?.ok_or_else(|| no_container(id))?;
    let state = status::container(runtime, id).await?.ok_or_else(|| no_container(id))?.state;
    if !matches!(state, ContainerState::Running { .. }) {
        return Err(not_running(OPERATION, id));
    }
    let stdio = wanted.stdio;
    let name = format!("exec-{}", runtime.random_name());
    let folder = runtime.files.of(&id.0).join(&name);
    let pipes = Pipes::make(folder, stdio).map_err(|error| file(OPERATION, error))?;
    let process = spec::process(&status::specification(&container)?, &wanted.command, stdio.tty);
    let path = |name: &str, wanted: bool| {
        if wanted { pipes.folder.join(name).display().to_string() } else { String::new() }
    };
    let request = services::ExecProcessRequest {
        container_id: id.to_string(),
        stdin: path("stdin", stdio.stdin),
        stdout: path("stdout", true),
        stderr: path("stderr", !stdio.tty),
        terminal: stdio.tty,
        spec: Some(Any { type_url: PROCESS_TYPE.to_owned(), value: process.to_string().into_bytes() }),
        exec_id: name.clone(),
    };
    let process = Process { engine: runtime.engine.clone(), container: id.clone(), exec: name };
    let started = async {
        runtime.engine.tasks().exec(request).await?;
        let request = services::StartRequest { container_id: id.to_string(), exec_id: process.exec.clone() };
        runtime.engine.tasks().start(request).await
    };
    if let Err(error) = started.await {
        process.forget(&pipes.folder).await;
        return Err(match error.code() {
            tonic::Code::NotFound | tonic::Code::FailedPrecondition => not_running(OPERATION, id),
            tonic::Code::Unavailable => runtime.engine.failed(OPERATION)(error),
            _ => RuntimeError::State { operation: OPERATION, detail: error.message().to_owned() },
        });
    }
    let stdin = if stdio.stdin {
        let input = pipe::OpenOptions::new().open_sender(pipes.folder.join("stdin"));
        let input = input.map_err(|error| file("opening a process's input", error))?;
        let process = process.clone();
        Some(feed(runtime, input, Some(process)))
    } else {
        None
    };
    let resize = stdio.tty.then(|| follow_size(runtime, process.clone()));
    let (done, exit) = oneshot::channel();
    let folder = pipes.folder.clone();
    // Sees to the process's end, also when nobody waits for it any more.
    drop(runtime.env.spawn(async move {
        let code = process.wait().await;
        process.forget(&folder).await;
        // Nobody is there who wants to know.
        drop(done.send(code));
    }));
    let stdout = stdio.stdout.then_some(Output::Stdout as fn(Bytes) -> Output);
    let stderr = stdio.stderr.then_some(Output::Stderr as fn(Bytes) -> Output);
    let outputs = [Some((pipes.stdout, stdout)), pipes.stderr.map(|pipe| (pipe, stderr))];
    let outputs = outputs.into_iter().flatten().map(|(pipe, wanted)| pieces(pipe, wanted));
    let exit = async move {
        let gone = || RuntimeError::State { operation: OPERATION, detail: "the agent is ending".to_owned() };
        exit.await.map_err(|_| gone())?
    };
    Ok(ExecSession { stdin, output: stream::select_all(outputs).boxed(), resize, exit: exit.boxed() })
}

/// What comes out of a pipe; what is not wanted is read all the same, so that the process does not wait.
fn pieces(
    pipe: pipe::Receiver,
    wanted: Option<fn(Bytes) -> Output>,
) -> stream::BoxStream<'static, Result<Output, RuntimeError>> {
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

/// Writes what is sent; with its end, `closes` has no more input.
fn feed(
    runtime: &ContainerdRuntime,
    mut input: pipe::Sender,
    closes: Option<Process>,
) -> mpsc::Sender<Bytes> {
    let (sender, mut receiver) = mpsc::channel::<Bytes>(WAITING);
    drop(runtime.env.spawn(async move {
        while let Some(bytes) = receiver.recv().await {
            if let Err(error) = input.write_all(&bytes).await {
                debug!(%error, "a process no longer takes input");
                return;
            }
        }
        drop(input);
        if let Some(process) = closes
            && let Err(error) = process.close_input().await
        {
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
    const OPERATION: &str = "connecting to a process";
    let container = status::own(runtime, &id.0).await?.ok_or_else(|| no_container(id))?;
    let state = status::container(runtime, id).await?.ok_or_else(|| no_container(id))?.state;
    if !matches!(state, ContainerState::Running { .. }) {
        return Err(not_running(OPERATION, id));
    }
    let process = Process { engine: runtime.engine.clone(), container: id.clone(), exec: String::new() };
    let input = runtime.files.of(&id.0).join("stdin");
    let stdin = if stdio.stdin && input.exists() {
        let input = pipe::OpenOptions::new().open_sender(input);
        let input = input.map_err(|error| file("opening a container's input", error))?;
        let once = Made::read(&container.labels).is_some_and(|made| made.stdin_once);
        Some(feed(runtime, input, once.then(|| process.clone())))
    } else {
        None
    };
    let log = runtime.recorder.log(&id.0).map_err(|error| file("opening a log", error))?;
    let end = end_of_output(runtime, id, &state).await?;
    let output = read(log, Start::Now, end).await?;
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
