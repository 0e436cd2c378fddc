//! What there is in the engine.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::path::PathBuf;

use bireme_core::runtime::{
    ContainerId, ContainerState, ContainerStatus, Exit, Marks, Role, RuntimeError, SandboxState,
    SandboxStatus, asked_for,
};
use bollard::models::{ContainerInspectResponse, ContainerState as EngineState, ContainerStateStatusEnum};
use bollard::query_parameters::{InspectContainerOptions, ListContainersOptionsBuilder};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;

use crate::error::is_not_found;
use crate::sandbox::sandbox_id;
use crate::{DockerRuntime, events};

/// How many requests the engine gets at once when many containers are looked at.
const AT_ONCE: usize = 8;

/// Names the labels that a specification gave: the engine gives a container those of its image too.
const ASKED: &str = "bireme.dev/labels";

/// All labels of a container.
pub(crate) fn labels(
    runtime: &DockerRuntime,
    marks: &Marks,
    asked: &BTreeMap<String, String>,
) -> HashMap<String, String> {
    let mut labels = runtime.scope.mark(marks, asked);
    labels.insert(ASKED.to_owned(), asked.keys().cloned().collect::<Vec<_>>().join(","));
    labels
}

/// What a specification gave of a container's labels.
fn given(labels: HashMap<String, String>) -> BTreeMap<String, String> {
    let names = labels.get(ASKED).cloned().unwrap_or_default();
    let mut given = asked_for(labels);
    given.retain(|name, _| names.split(',').any(|asked| asked == name));
    given
}

/// The engine's filter for what carries all these labels.
pub(crate) fn labelled(labels: Vec<(&str, String)>) -> HashMap<String, Vec<String>> {
    let labels = labels.into_iter().map(|(key, value)| format!("{key}={value}")).collect();
    HashMap::from([("label".to_owned(), labels)])
}

/// The ids of what the filters select, running or not.
pub(crate) async fn list_ids(
    runtime: &DockerRuntime,
    filters: &HashMap<String, Vec<String>>,
) -> Result<Vec<String>, RuntimeError> {
    let options = ListContainersOptionsBuilder::new().all(true).filters(filters).build();
    let found = runtime.docker.list_containers(Some(options)).await;
    let found = found.map_err(runtime.failed("listing containers"))?;
    Ok(found.into_iter().filter_map(|container| container.id).collect())
}

/// Does something to each, several at once; stops at the first failure.
pub(crate) async fn for_each_at_once<W>(
    ids: Vec<String>,
    work: impl Fn(String) -> W,
) -> Result<(), RuntimeError>
where
    W: Future<Output = Result<(), RuntimeError>>,
{
    stream::iter(ids.into_iter().map(work))
        .buffer_unordered(AT_ONCE)
        .try_for_each(|()| async { Ok(()) })
        .await
}

/// The node's sandboxes.
pub(crate) async fn sandboxes(runtime: &DockerRuntime) -> Result<Vec<SandboxStatus>, RuntimeError> {
    let inspected = inspect_all(runtime, Role::Sandbox).await?;
    Ok(inspected.into_iter().filter_map(sandbox_status).collect())
}

/// The node's containers.
pub(crate) async fn containers(runtime: &DockerRuntime) -> Result<Vec<ContainerStatus>, RuntimeError> {
    let inspected = inspect_all(runtime, Role::Container).await?;
    let mut statuses = Vec::with_capacity(inspected.len());
    for status in inspected.into_iter().filter_map(container_status) {
        statuses.push(with_oom(runtime, status).await?);
    }
    Ok(statuses)
}

/// One container of the node.
pub(crate) async fn container(
    runtime: &DockerRuntime,
    id: &ContainerId,
) -> Result<Option<ContainerStatus>, RuntimeError> {
    match inspect(runtime, &id.0).await?.and_then(container_status) {
        Some(status) => Ok(Some(with_oom(runtime, status).await?)),
        None => Ok(None),
    }
}

/// The exit code of what was killed by SIGKILL.
const KILLED: i32 = 137;

/// The engine hears of a container's end and of memory having run out by different ways. Where the end came first,
/// only its event says why.
async fn with_oom(
    runtime: &DockerRuntime,
    mut status: ContainerStatus,
) -> Result<ContainerStatus, RuntimeError> {
    if let ContainerState::Exited(exit) = &mut status.state
        && exit.code == KILLED
        && !exit.oom_killed
    {
        let since = exit.started_at.unwrap_or(status.created_at);
        exit.oom_killed = events::ran_out_of_memory(runtime, &status.id, since).await?;
    }
    Ok(status)
}

/// The marks of one container of the node.
pub(crate) async fn marks_of(runtime: &DockerRuntime, id: &str) -> Result<Option<Marks>, RuntimeError> {
    Ok(find(runtime, id).await?.map(|(_, marks)| marks))
}

/// The id and the marks of the node's container with this id or name.
pub(crate) async fn find(
    runtime: &DockerRuntime,
    id_or_name: &str,
) -> Result<Option<(String, Marks)>, RuntimeError> {
    let found = inspect(runtime, id_or_name).await?;
    Ok(found.and_then(|found| Some((found.id?, Marks::read(&found.config?.labels?)?))))
}

async fn inspect_all(
    runtime: &DockerRuntime,
    role: Role,
) -> Result<Vec<ContainerInspectResponse>, RuntimeError> {
    let ids = list_ids(runtime, &labelled(runtime.scope.of_node(Some(role)))).await?;
    let looks = ids.into_iter().map(|id| async move { inspect(runtime, &id).await });
    let found: Vec<_> = stream::iter(looks).buffered(AT_ONCE).try_collect().await?;
    // What went away between the list and the look is not there.
    Ok(found.into_iter().flatten().collect())
}

/// What the engine knows of a container, if it is this node's.
pub(crate) async fn inspect(
    runtime: &DockerRuntime,
    id: &str,
) -> Result<Option<ContainerInspectResponse>, RuntimeError> {
    match runtime.docker.inspect_container(id, None::<InspectContainerOptions>).await {
        Ok(found) => {
            let labels = found.config.as_ref().and_then(|config| config.labels.as_ref());
            let own = labels.is_some_and(|labels| runtime.scope.owns(labels));
            Ok(own.then_some(found))
        }
        Err(error) if is_not_found(&error) => Ok(None),
        Err(error) => Err(runtime.failed("inspecting a container")(error)),
    }
}

fn sandbox_status(found: ContainerInspectResponse) -> Option<SandboxStatus> {
    let created_at = created_at(&found);
    let marks = Marks::read(&found.config?.labels?)?;
    let state = found.state.unwrap_or_default();
    let running = state.running == Some(true);
    let own_network = found.host_config?.network_mode.as_deref() != Some("host");
    let pid = state.pid.filter(|pid| running && own_network && *pid > 0);
    Some(SandboxStatus {
        id: sandbox_id(&found.id?),
        pod: marks.pod,
        attempt: marks.attempt,
        state: if running { SandboxState::Ready } else { SandboxState::NotReady },
        created_at,
        netns: pid.map(|pid| PathBuf::from(format!("/proc/{pid}/ns/net"))),
    })
}

fn container_status(found: ContainerInspectResponse) -> Option<ContainerStatus> {
    let created_at = created_at(&found);
    let config = found.config?;
    let labels = config.labels?;
    let marks = Marks::read(&labels).filter(|marks| marks.role == Role::Container)?;
    Some(ContainerStatus {
        id: ContainerId(found.id?.into()),
        sandbox: sandbox_id(&marks.sandbox),
        pod: marks.pod,
        name: marks.name,
        attempt: marks.attempt,
        image: config.image.unwrap_or_default(),
        image_id: found.image.unwrap_or_default(),
        created_at,
        state: container_state(found.state.unwrap_or_default(), created_at),
        labels: given(labels),
    })
}

fn container_state(state: EngineState, created_at: Timestamp) -> ContainerState {
    let started_at = state.started_at.as_deref().and_then(engine_time);
    let exited = |oom_killed| {
        let finished_at = state.finished_at.as_deref().and_then(engine_time);
        let finished_at = finished_at.or(started_at).unwrap_or(created_at);
        ContainerState::Exited(Exit {
            code: state.exit_code.and_then(|code| i32::try_from(code).ok()).unwrap_or(-1),
            oom_killed,
            // The engine notes a start when it hears of it, and the end when it was: a short life is over by then.
            started_at: started_at.map(|started_at| started_at.min(finished_at)),
            finished_at,
            message: state.error.clone().filter(|error| !error.is_empty()),
        })
    };
    match state.status {
        Some(ContainerStateStatusEnum::CREATED) => {
            // A container whose command could not be run stays "created", with the failure noted.
            let failed = state.error.as_deref().is_some_and(|error| !error.is_empty());
            if failed || state.exit_code.is_some_and(|code| code != 0) {
                exited(false)
            } else {
                ContainerState::Created
            }
        }
        Some(
            ContainerStateStatusEnum::RUNNING
            | ContainerStateStatusEnum::PAUSED
            | ContainerStateStatusEnum::RESTARTING
            | ContainerStateStatusEnum::STOPPING,
        ) => ContainerState::Running { started_at: started_at.unwrap_or(created_at) },
        _ => exited(state.oom_killed == Some(true)),
    }
}

fn created_at(found: &ContainerInspectResponse) -> Timestamp {
    found.created.as_deref().and_then(engine_time).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// The engine's times; its "never" is the year 1.
pub(crate) fn engine_time(text: &str) -> Option<Timestamp> {
    text.parse().ok().filter(|time: &Timestamp| *time > Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(status: ContainerStateStatusEnum, code: i64, error: &str) -> ContainerState {
        let state = EngineState {
            status: Some(status),
            exit_code: Some(code),
            error: Some(error.to_owned()),
            started_at: Some("2026-01-02T03:04:05.678901234Z".to_owned()),
            finished_at: Some("0001-01-01T00:00:00Z".to_owned()),
            ..EngineState::default()
        };
        container_state(state, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_container_whose_command_cannot_be_run_has_exited() {
        let failed = state(ContainerStateStatusEnum::CREATED, 127, "no such file");
        assert!(matches!(failed, ContainerState::Exited(Exit { code: 127, message: Some(_), .. })));
        assert_eq!(state(ContainerStateStatusEnum::CREATED, 0, ""), ContainerState::Created);
    }

    #[test]
    fn no_end_comes_before_its_start() {
        let times = |finished_at: Option<&str>| {
            let state = EngineState {
                status: Some(ContainerStateStatusEnum::EXITED),
                started_at: Some("2026-01-02T03:04:05.5Z".to_owned()),
                finished_at: finished_at.map(str::to_owned),
                ..EngineState::default()
            };
            match container_state(state, Timestamp::UNIX_EPOCH) {
                ContainerState::Exited(exit) => {
                    [exit.started_at.unwrap(), exit.finished_at].map(|at| at.to_string())
                }
                other => panic!("{other:?}"),
            }
        };
        let (earlier, later) = ("2026-01-02T03:04:05.4Z", "2026-01-02T03:04:05.6Z");
        assert_eq!(times(Some(earlier)), [earlier, earlier], "the start was noted late");
        assert_eq!(times(Some(later)), ["2026-01-02T03:04:05.5Z", later]);
        assert_eq!(times(None), ["2026-01-02T03:04:05.5Z"; 2]);
    }

    #[test]
    fn running_containers_know_since_when() {
        let running = state(ContainerStateStatusEnum::RUNNING, 0, "");
        let expected = "2026-01-02T03:04:05.678901234Z".parse().unwrap();
        assert_eq!(running, ContainerState::Running { started_at: expected });
    }
}
