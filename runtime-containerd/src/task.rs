//! The processes of containers, which containerd calls tasks: starting, ending, letting go.

use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use bireme_core::runtime::RuntimeError;
use containerd_client::services::v1 as services;
use containerd_client::types::Mount;
use containerd_client::types::v1::Process;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use tonic::{Code, Status};

use crate::ContainerdRuntime;
use crate::error::{file, found, made};
use crate::spec::signal::KILL;

/// How many are seen to at once.
const AT_ONCE: usize = 8;
/// How long a process that was killed may take to be gone.
const END_LIMIT: Duration = Duration::from_secs(120);

/// Does something to each, several at once; stops at the first failure.
pub(crate) async fn for_each_at_once<T, W>(items: Vec<T>, work: impl Fn(T) -> W) -> Result<(), RuntimeError>
where
    W: Future<Output = Result<(), RuntimeError>>,
{
    stream::iter(items.into_iter().map(work))
        .buffer_unordered(AT_ONCE)
        .try_for_each(|()| async { Ok(()) })
        .await
}

/// How long to wait for containerd to take back what an earlier call had made; doubles up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(10);
const LONGEST_WAIT: Duration = Duration::from_secs(3);
const REFUSAL_WAIT: Duration = Duration::from_millis(160);

/// Where a process's streams are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Streams {
    pub(crate) stdin: String,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) terminal: bool,
}

/// Carries a request out to its end, also when nobody waits for its answer any more: containerd takes back what a
/// request that is given up has made by then, and that would get in the way of the next one.
async fn whole<T: Send + 'static>(
    runtime: &ContainerdRuntime,
    request: impl Future<Output = Result<T, Status>> + Send + 'static,
) -> Result<T, Status> {
    runtime.env.spawn(request).await.unwrap_or_else(|error| Err(Status::internal(error.to_string())))
}

/// Makes a container's process, which does not run yet; one that is there is it.
pub(crate) async fn create(
    runtime: &ContainerdRuntime,
    id: &str,
    rootfs: Vec<Mount>,
    streams: Streams,
) -> Result<(), Status> {
    let Streams { stdin, stdout, stderr, terminal } = streams;
    let container_id = id.to_owned();
    let request = services::CreateTaskRequest {
        container_id,
        rootfs,
        stdin,
        stdout,
        stderr,
        terminal,
        ..Default::default()
    };
    let (engine, env) = (runtime.engine.clone(), runtime.env.clone());
    let made = async move {
        let mut wait = FIRST_WAIT;
        loop {
            match made(engine.tasks().create(request.clone()).await) {
                Err(status) if wait <= patience(&status) => {
                    env.sleep(wait).await;
                    wait *= 2;
                }
                other => return other.map(drop),
            }
        }
    };
    whole(runtime, made).await
}

/// How long a failure may be that of an earlier call, which is making the same or is being taken back since its agent
/// died: the two get in each other's way. What is wrong by itself is wrong again. Of these errors there is only the text.
fn patience(status: &Status) -> Duration {
    match status.code() {
        Code::Unavailable => Duration::ZERO,
        // What runc says is most often about the command itself.
        _ if status.message().contains("OCI runtime create failed") => REFUSAL_WAIT,
        _ => LONGEST_WAIT,
    }
}

/// Lets a container's process run; one that an earlier call has let run by now is it, also when it has ended since.
pub(crate) async fn start(runtime: &ContainerdRuntime, id: &str) -> Result<(), Status> {
    let request = services::StartRequest { container_id: id.to_owned(), ..Default::default() };
    let engine = runtime.engine.clone();
    match whole(runtime, async move { engine.tasks().start(request).await.map(drop) }).await {
        // The shim says so of a process that runs, and of one that has ended. It has only the text.
        Err(status) if status.message().contains("cannot start a") => Ok(()),
        started => started,
    }
}

/// What the engine knows of a container's process; `None` when there is none.
pub(crate) async fn look(runtime: &ContainerdRuntime, id: &str) -> Result<Option<Process>, RuntimeError> {
    let request = services::GetRequest { container_id: id.to_owned(), ..Default::default() };
    let answer = found(runtime.engine.tasks().get(request).await);
    let answer = answer.map_err(runtime.engine.failed("looking at a process"))?;
    Ok(answer.and_then(|answer| answer.into_inner().process))
}

/// Every process in the namespace, by the container's id.
pub(crate) async fn all(runtime: &ContainerdRuntime) -> Result<HashMap<String, Process>, RuntimeError> {
    let answer = runtime.engine.tasks().list(services::ListTasksRequest::default()).await;
    let tasks = answer.map_err(runtime.engine.failed("listing processes"))?.into_inner().tasks;
    Ok(tasks.into_iter().map(|task| (task.id.clone(), task)).collect())
}

/// Sends a signal to a container's first process, or to all of its processes. One that has ended gets none.
pub(crate) async fn signal(
    runtime: &ContainerdRuntime,
    id: &str,
    signal: u32,
    all: bool,
) -> Result<(), RuntimeError> {
    let request = services::KillRequest { container_id: id.to_owned(), signal, all, ..Default::default() };
    match runtime.engine.tasks().kill(request).await {
        Ok(_) => Ok(()),
        Err(status) if matches!(status.code(), Code::NotFound | Code::FailedPrecondition) => Ok(()),
        Err(status) => Err(runtime.engine.failed("sending a signal")(status)),
    }
}

/// Waits until a container's process has ended, or is not there.
pub(crate) async fn wait(runtime: &ContainerdRuntime, id: &str) -> Result<(), RuntimeError> {
    let request = services::WaitRequest { container_id: id.to_owned(), ..Default::default() };
    found(runtime.engine.tasks().wait(request).await)
        .map_err(runtime.engine.failed("waiting for a process"))?;
    Ok(())
}

/// Kills all processes of a container, and waits until the first one is gone.
pub(crate) async fn kill(runtime: &ContainerdRuntime, id: &str) -> Result<(), RuntimeError> {
    signal(runtime, id, KILL, true).await?;
    match runtime.env.timeout(END_LIMIT, wait(runtime, id)).await {
        Ok(waited) => waited,
        Err(_) => Err(RuntimeError::State {
            operation: "killing a process",
            detail: format!("it is still there after {} s", END_LIMIT.as_secs()),
        }),
    }
}

/// Lets go of a process that has ended: what it wrote is then complete, and its control group is gone.
pub(crate) async fn release(runtime: &ContainerdRuntime, id: &str) -> Result<(), RuntimeError> {
    let request = services::DeleteTaskRequest { container_id: id.to_owned() };
    let engine = runtime.engine.clone();
    whole(runtime, async move { found(engine.tasks().delete(request).await) })
        .await
        .map_err(runtime.engine.failed("letting a process go"))?;
    Ok(())
}

/// Removes a container, or a sandbox, with its process and its files. What lists it back goes last.
pub(crate) async fn remove(runtime: &ContainerdRuntime, id: String) -> Result<(), RuntimeError> {
    kill(runtime, &id).await?;
    release(runtime, &id).await?;
    runtime.engine.remove_snapshot(&id).await?;
    runtime.recorder.forget(&id);
    runtime.files.remove(&id).map_err(|error| file("removing a container's files", error))?;
    let request = services::DeleteContainerRequest { id };
    found(runtime.engine.containers().delete(request).await)
        .map_err(runtime.engine.failed("removing a container"))?;
    Ok(())
}
