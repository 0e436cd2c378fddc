//! What there is in the engine.

use std::collections::HashMap;
use std::path::PathBuf;

use bireme_core::runtime::{
    ContainerId, ContainerState, ContainerStatus, Exit, Marks, Role, RuntimeError, SandboxId, SandboxState,
    SandboxStatus,
};
use containerd_client::services::v1 as services;
use containerd_client::types::v1::{Process, Status as Phase};
use jiff::Timestamp;
use prost_types::FieldMask;
use serde_json::Value;
use services::Container;

use crate::error::{file, found};
use crate::labels::Made;
use crate::{ContainerdRuntime, cgroup, labels, task};

/// The exit code of what ended and nobody knows how: with the machine, or by somebody else's hand.
const UNKNOWN_END: i32 = 255;

/// The containers that a filter selects.
pub(crate) async fn list(
    runtime: &ContainerdRuntime,
    filter: String,
) -> Result<Vec<Container>, RuntimeError> {
    let request = services::ListContainersRequest { filters: vec![filter] };
    let answer = runtime.engine.containers().list(request).await;
    Ok(answer.map_err(runtime.engine.failed("listing containers"))?.into_inner().containers)
}

/// What of this node has this id.
pub(crate) async fn own(runtime: &ContainerdRuntime, id: &str) -> Result<Option<Container>, RuntimeError> {
    let request = services::GetContainerRequest { id: id.to_owned() };
    let answer = found(runtime.engine.containers().get(request).await);
    let answer = answer.map_err(runtime.engine.failed("looking for a container"))?;
    let container = answer.and_then(|answer| answer.into_inner().container);
    Ok(container.filter(|container| runtime.scope.owns(&container.labels)))
}

/// Goes on where an earlier runtime of this node ended: what containers wrote since is noted, and so are their ends.
pub(crate) async fn take_over(runtime: &ContainerdRuntime, node: &str) -> Result<(), RuntimeError> {
    let noting = |error| file("reading containers' files", error);
    let known = containers(runtime).await?;
    for status in &known {
        if matches!(status.state, ContainerState::Running { .. }) {
            runtime.recorder.log(&status.id.0).map_err(noting)?;
        }
    }
    // Files of what is gone: the runtime ended between them and what they belong to, or before it was made.
    let everything = list(runtime, labels::filter(runtime.scope.of_node(None))).await?;
    for id in runtime.files.ids(node).map_err(noting)? {
        if !everything.iter().any(|container| container.id == id) {
            runtime.files.remove(&id).map_err(noting)?;
            runtime.engine.remove_snapshot(&id).await?;
        }
    }
    Ok(())
}

/// The node's sandboxes.
pub(crate) async fn sandboxes(runtime: &ContainerdRuntime) -> Result<Vec<SandboxStatus>, RuntimeError> {
    let found = list(runtime, labels::filter(runtime.scope.of_node(Some(Role::Sandbox)))).await?;
    let processes = task::all(runtime).await?;
    Ok(found.into_iter().filter_map(|found| sandbox_status(&found, processes.get(&found.id))).collect())
}

/// One sandbox of the node.
pub(crate) async fn sandbox(
    runtime: &ContainerdRuntime,
    id: &SandboxId,
) -> Result<Option<SandboxStatus>, RuntimeError> {
    let Some(found) = own(runtime, &id.0).await? else { return Ok(None) };
    let process = task::look(runtime, &id.0).await?;
    Ok(sandbox_status(&found, process.as_ref()))
}

/// The process that holds a sandbox's namespaces.
pub(crate) async fn ready_process(runtime: &ContainerdRuntime, id: &SandboxId) -> Result<u32, RuntimeError> {
    let process = task::look(runtime, &id.0).await?.filter(is_running);
    let not_ready = || RuntimeError::State {
        operation: "making a container",
        detail: format!("the sandbox {id} is not ready"),
    };
    Ok(process.ok_or_else(not_ready)?.pid)
}

/// The host name of a sandbox's containers.
pub(crate) fn host_name(sandbox: &Container) -> String {
    let own = specification(sandbox).ok().and_then(|whole| whole["hostname"].as_str().map(str::to_owned));
    own.unwrap_or_else(|| rustix::system::uname().nodename().to_string_lossy().into_owned())
}

/// What a container was made with.
pub(crate) fn specification(container: &Container) -> Result<Value, RuntimeError> {
    let bytes = container.spec.as_ref().map_or(&[][..], |spec| &spec.value);
    serde_json::from_slice(bytes).map_err(|error| RuntimeError::Engine {
        operation: "reading a container's specification",
        source: Box::new(error),
    })
}

/// The node's containers.
pub(crate) async fn containers(runtime: &ContainerdRuntime) -> Result<Vec<ContainerStatus>, RuntimeError> {
    let found = list(runtime, labels::filter(runtime.scope.of_node(Some(Role::Container)))).await?;
    let processes = task::all(runtime).await?;
    let mut statuses = Vec::with_capacity(found.len());
    for found in found {
        let process = processes.get(&found.id);
        statuses.extend(container_status(runtime, found, process).await?);
    }
    Ok(statuses)
}

/// One container of the node.
pub(crate) async fn container(
    runtime: &ContainerdRuntime,
    id: &ContainerId,
) -> Result<Option<ContainerStatus>, RuntimeError> {
    let Some(found) = own(runtime, &id.0).await? else { return Ok(None) };
    let process = task::look(runtime, &id.0).await?;
    container_status(runtime, found, process.as_ref()).await
}

/// Where a container is in its life.
pub(crate) async fn state(
    runtime: &ContainerdRuntime,
    found: &Container,
) -> Result<ContainerState, RuntimeError> {
    let process = task::look(runtime, &found.id).await?;
    container_state(runtime, found, process.as_ref(), created_at(found)).await
}

/// Has the engine keep how a container ended, and lets its process go.
pub(crate) async fn note_end(runtime: &ContainerdRuntime, id: &str) -> Result<(), RuntimeError> {
    container(runtime, &ContainerId(id.into())).await?;
    settle(runtime, id).await
}

/// Lets go of the process of a container that has ended. What it wrote is complete and noted then.
pub(crate) async fn settle(runtime: &ContainerdRuntime, id: &str) -> Result<(), RuntimeError> {
    let folder = runtime.files.of(id);
    if !folder.join("io").exists() {
        return task::release(runtime, id).await;
    }
    let reading = |error| file("reading what a container wrote", error);
    let log = runtime.recorder.log(id).map_err(reading)?;
    let _only_one = log.releasing.lock().await;
    task::release(runtime, id).await?;
    log.note(false).map_err(reading)
}

async fn container_status(
    runtime: &ContainerdRuntime,
    found: Container,
    process: Option<&Process>,
) -> Result<Option<ContainerStatus>, RuntimeError> {
    let Some(marks) = Marks::read(&found.labels).filter(|marks| marks.role == Role::Container) else {
        return Ok(None);
    };
    let Some(made) = Made::read(&found.labels) else { return Ok(None) };
    let created_at = created_at(&found);
    Ok(Some(ContainerStatus {
        id: ContainerId(found.id.as_str().into()),
        sandbox: SandboxId(marks.sandbox.into()),
        pod: marks.pod,
        name: marks.name,
        attempt: marks.attempt,
        image: made.image,
        image_id: made.image_id,
        created_at,
        state: container_state(runtime, &found, process, created_at).await?,
        labels: labels::of_specification(found.labels),
    }))
}

async fn container_state(
    runtime: &ContainerdRuntime,
    found: &Container,
    process: Option<&Process>,
    created_at: Timestamp,
) -> Result<ContainerState, RuntimeError> {
    if let Some(exit) = labels::exit(&found.labels) {
        return Ok(ContainerState::Exited(exit));
    }
    let started_at = labels::started_at(&found.labels);
    let exit = match (process, started_at) {
        (Some(process), _) if process.status() == Phase::Stopped => Exit {
            code: i32::try_from(process.exit_status).unwrap_or(UNKNOWN_END),
            // Killed by a limit of memory: its control group knows, until its process is let go.
            oom_killed: cgroup::ran_out_of_memory(&found.id),
            started_at,
            finished_at: process.exited_at.as_ref().and_then(time).unwrap_or_else(|| runtime.env.now()),
            message: None,
        },
        (Some(process), _) if process.status() == Phase::Created => return Ok(ContainerState::Created),
        (Some(_), _) => return Ok(ContainerState::Running { started_at: started_at.unwrap_or(created_at) }),
        (None, None) => return Ok(ContainerState::Created),
        (None, Some(_)) => Exit {
            code: UNKNOWN_END,
            oom_killed: false,
            started_at,
            finished_at: runtime.env.now(),
            message: Some("its process is gone, and with it how it ended".to_owned()),
        },
    };
    relabel(runtime, &found.id, labels::ended(&exit)).await?;
    Ok(ContainerState::Exited(exit))
}

/// Adds labels to a container, if it is there.
pub(crate) async fn relabel(
    runtime: &ContainerdRuntime,
    id: &str,
    labels: HashMap<String, String>,
) -> Result<(), RuntimeError> {
    let paths = labels.keys().map(|key| format!("labels.{key}")).collect();
    let container = Container { id: id.to_owned(), labels, ..Default::default() };
    let request = services::UpdateContainerRequest {
        container: Some(container),
        update_mask: Some(FieldMask { paths }),
    };
    found(runtime.engine.containers().update(request).await)
        .map_err(runtime.engine.failed("labelling a container"))?;
    Ok(())
}

fn sandbox_status(found: &Container, process: Option<&Process>) -> Option<SandboxStatus> {
    let marks = Marks::read(&found.labels).filter(|marks| marks.role == Role::Sandbox)?;
    let running = process.filter(|process| is_running(process));
    let own_network = !labels::is_host_network(&found.labels);
    Some(SandboxStatus {
        id: SandboxId(found.id.as_str().into()),
        pod: marks.pod,
        attempt: marks.attempt,
        state: if running.is_some() { SandboxState::Ready } else { SandboxState::NotReady },
        created_at: created_at(found),
        netns: running
            .filter(|_| own_network)
            .map(|process| PathBuf::from(format!("/proc/{}/ns/net", process.pid))),
    })
}

fn is_running(process: &Process) -> bool {
    matches!(process.status(), Phase::Running | Phase::Paused | Phase::Pausing)
}

fn created_at(found: &Container) -> Timestamp {
    found.created_at.as_ref().and_then(time).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn time(time: &prost_types::Timestamp) -> Option<Timestamp> {
    Timestamp::new(time.seconds, time.nanos).ok()
}
