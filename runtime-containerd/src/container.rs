//! Containers: making, starting, stopping.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use bireme_core::runtime::{
    ContainerId, ContainerSpec, ContainerState, Exit, Marks, Role, RuntimeError, SandboxId,
};
use containerd_client::services::v1 as services;
use containerd_client::types::Mount;
use containerd_client::types::v1::Status as Phase;
use prost_types::Any;
use serde_json::Value;
use tonic::Status;

use crate::error::{file, made};
use crate::labels::Made;
use crate::log::Log;
use crate::spec::signal;
use crate::spec::{Accounts, Place};
use crate::{ContainerdRuntime, cgroup, files, ids, image, labels, spec, status, task};

/// The shim that runs containers with runc.
const SHIM: &str = "io.containerd.runc.v2";
/// What containerd calls a specification of the OCI runtime specification.
const SPEC_TYPE: &str = "types.containerd.io/opencontainers/runtime-spec/1/Spec";

/// The exit codes of a command that cannot be run: it is not there, it is no program, and any other reason.
const NOT_THERE: i32 = 127;
const NO_PROGRAM: i32 = 126;
const NOT_STARTED: i32 = 128;

/// Makes the container, or finds the one that is there.
pub(crate) async fn create(
    runtime: &ContainerdRuntime,
    sandbox: &SandboxId,
    wanted: &ContainerSpec,
) -> Result<ContainerId, RuntimeError> {
    let no_sandbox = || RuntimeError::NotFound { what: "sandbox", id: sandbox.to_string() };
    let host = status::own(runtime, &sandbox.0).await?.ok_or_else(no_sandbox)?;
    let of_host =
        Marks::read(&host.labels).filter(|marks| marks.role == Role::Sandbox).ok_or_else(no_sandbox)?;
    let marks = of_host.of_container(sandbox, wanted);
    let id = ids::id(&runtime.scope, &marks);
    if status::own(runtime, &id).await?.is_some() {
        return Ok(ContainerId(id.into()));
    }
    let no_image = || RuntimeError::NotFound { what: "image", id: wanted.image.clone() };
    let image = image::open(&runtime.engine, &wanted.image).await?.ok_or_else(no_image)?;
    let pid = status::ready_process(runtime, sandbox).await?;
    let rootfs = runtime.engine.prepare(&id, &image.chain).await?;
    let user = accounts(&rootfs)
        .resolve(image.settings.user.as_deref().unwrap_or_default(), wanted.user.as_ref())?;
    let host_name = status::host_name(&host);
    let place = Place {
        pid,
        processes: marks.processes,
        files: &runtime.files.of(&sandbox.0),
        cgroup: cgroup::path(&id),
        host_name: &host_name,
    };
    let whole = spec::container(wanted, &image.settings, &user, &place)?;
    make_files(&runtime.files.of(&id), wanted).map_err(|error| file("making a container's files", error))?;
    let stop_signal = wanted.stop_signal.as_deref().or(image.settings.stop_signal.as_deref());
    let made = Made {
        image: wanted.image.clone(),
        image_id: image.id,
        stop_signal: match stop_signal {
            Some(name) => signal::number(name)
                .ok_or_else(|| RuntimeError::Unsupported(format!("no such signal: {name}")))?,
            None => signal::TERM,
        },
        stdin_once: wanted.stdin_once,
    };
    let mut marked: HashMap<_, _> = runtime.scope.mark(&marks, &wanted.labels);
    marked.extend(made.labels());
    keep(runtime, &id, &image::full_name(&wanted.image), marked, &whole).await?;
    Ok(ContainerId(id.into()))
}

fn make_files(folder: &Path, wanted: &ContainerSpec) -> std::io::Result<()> {
    Log::make(folder)?;
    if wanted.stdin {
        files::make_pipe(&folder.join("stdin"))?;
    }
    Ok(())
}

/// The accounts in a file system that is not mounted: its topmost layer that has them.
fn accounts(rootfs: &[Mount]) -> Accounts {
    let layers = |mount: &Mount| -> Vec<String> {
        let of =
            |key: &str| mount.options.iter().find_map(|option| option.strip_prefix(key).map(str::to_owned));
        let lower = of("lowerdir=").unwrap_or_default();
        let lower = lower.split(':').filter(|layer| !layer.is_empty()).map(str::to_owned);
        let all: Vec<_> = of("upperdir=").into_iter().chain(lower).collect();
        if all.is_empty() { vec![mount.source.clone()] } else { all }
    };
    let layers: Vec<_> = rootfs.iter().flat_map(layers).collect();
    let read = |name: &str| {
        let found = layers.iter().find_map(|layer| std::fs::read_to_string(Path::new(layer).join(name)).ok());
        found.unwrap_or_default()
    };
    Accounts { passwd: read("etc/passwd"), group: read("etc/group") }
}

/// Has the engine keep a container; one that is there stays as it is.
pub(crate) async fn keep(
    runtime: &ContainerdRuntime,
    id: &str,
    image: &str,
    labels: HashMap<String, String>,
    whole: &Value,
) -> Result<(), RuntimeError> {
    let container = services::Container {
        id: id.to_owned(),
        labels,
        image: image.to_owned(),
        runtime: Some(services::container::Runtime { name: SHIM.to_owned(), options: None }),
        spec: Some(Any { type_url: SPEC_TYPE.to_owned(), value: whole.to_string().into_bytes() }),
        snapshotter: runtime.engine.snapshotter.clone(),
        snapshot_key: id.to_owned(),
        ..Default::default()
    };
    let request = services::CreateContainerRequest { container: Some(container) };
    made(runtime.engine.containers().create(request).await)
        .map_err(runtime.engine.failed("making a container"))?;
    Ok(())
}

/// The engine's own words for a command that could not be run.
pub(crate) fn refused(status: Status) -> RuntimeError {
    RuntimeError::Start { detail: status.message().to_owned() }
}

/// Starts what was created; a failure to run its command is its end.
pub(crate) async fn start(runtime: &ContainerdRuntime, id: &ContainerId) -> Result<(), RuntimeError> {
    let found = status::own(runtime, &id.0).await?;
    let found = found.ok_or_else(|| RuntimeError::NotFound { what: "container", id: id.to_string() })?;
    let process = task::look(runtime, &id.0).await?;
    match process.as_ref().map(|process| process.status()) {
        Some(Phase::Running | Phase::Paused | Phase::Pausing) => return Ok(()),
        Some(Phase::Created) => {}
        None if labels::exit(&found.labels).is_none() && labels::started_at(&found.labels).is_none() => {
            let created = create_process(runtime, &found).await?;
            if let Err(status) = created {
                return Err(cannot_start(runtime, id, status).await?);
            }
        }
        _ => {
            return Err(RuntimeError::State {
                operation: "starting a container",
                detail: "it has ended".to_owned(),
            });
        }
    }
    // Noted first, so that no end is without its beginning.
    let started = HashMap::from([labels::started(runtime.env.now())]);
    status::relabel(runtime, &id.0, started).await?;
    match task::start(runtime, &id.0).await {
        Ok(()) => Ok(()),
        Err(status) => Err(cannot_start(runtime, id, status).await?),
    }
}

async fn create_process(
    runtime: &ContainerdRuntime,
    found: &services::Container,
) -> Result<Result<(), Status>, RuntimeError> {
    let id = found.id.as_str();
    let folder = runtime.files.of(id);
    // From now on what it writes is noted.
    runtime.recorder.log(id).map_err(|error| file("opening a log", error))?;
    let rootfs = runtime.engine.mounts(id).await?;
    let whole = status::specification(found)?;
    let terminal = whole["process"]["terminal"] == true;
    let stdin = folder.join("stdin");
    let path = |path: &Path| path.display().to_string();
    let streams = task::Streams {
        stdin: if stdin.exists() { path(&stdin) } else { String::new() },
        stdout: path(&Log::file(&folder, 0)),
        // A terminal has one stream.
        stderr: if terminal { String::new() } else { path(&Log::file(&folder, 1)) },
        terminal,
    };
    Ok(task::create(runtime, id, rootfs, streams).await)
}

/// Notes that a container has ended before it began.
async fn cannot_start(
    runtime: &ContainerdRuntime,
    id: &ContainerId,
    status: Status,
) -> Result<RuntimeError, RuntimeError> {
    if status.code() == tonic::Code::Unavailable {
        return Ok(runtime.engine.failed("starting a container")(status));
    }
    let detail = status.message().to_owned();
    // containerd hands on what runc says, which is text.
    let code = if detail.contains("no such file or directory") || detail.contains("executable file not found")
    {
        NOT_THERE
    } else if detail.contains("permission denied") || detail.contains("exec format error") {
        NO_PROGRAM
    } else {
        NOT_STARTED
    };
    let exit = Exit {
        code,
        oom_killed: false,
        started_at: None,
        finished_at: runtime.env.now(),
        message: Some(detail.clone()),
    };
    status::relabel(runtime, &id.0, labels::ended(&exit)).await?;
    task::kill(runtime, &id.0).await?;
    task::release(runtime, &id.0).await?;
    Ok(RuntimeError::Start { detail })
}

/// Asks the container to end, and kills it after `grace`; returns when it has ended.
pub(crate) async fn stop(
    runtime: &ContainerdRuntime,
    id: &ContainerId,
    grace: Duration,
) -> Result<(), RuntimeError> {
    let Some(found) = status::own(runtime, &id.0).await? else { return Ok(()) };
    let signal = Made::read(&found.labels).map_or(signal::TERM, |made| made.stop_signal);
    if !matches!(status::state(runtime, &found).await?, ContainerState::Running { .. }) {
        return Ok(());
    }
    if !grace.is_zero() {
        task::signal(runtime, &id.0, signal, false).await?;
        // What is still there then was asked for long enough.
        if let Ok(waited) = runtime.env.timeout(grace, task::wait(runtime, &id.0)).await {
            waited?;
            return status::note_end(runtime, &id.0).await;
        }
    }
    task::kill(runtime, &id.0).await?;
    status::note_end(runtime, &id.0).await
}
