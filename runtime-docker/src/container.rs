//! Containers: making, starting, stopping, removing, measuring.

use std::time::Duration;

use bireme_core::runtime::{
    ContainerId, ContainerSpec, ContainerStats, ContainerUser, Marks, PodIdentity, Privileges, Processes,
    Role, RuntimeError, SandboxId, Seccomp,
};
use bollard::models::{ContainerCreateBody, HostConfig, HostConfigLogConfig, Mount, MountType};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder, StatsOptionsBuilder,
    StopContainerOptionsBuilder,
};
use futures::TryStreamExt as _;

use crate::error::{already_so, is_not_found, message_of, status_of};
use crate::{DockerRuntime, REQUEST_LIMIT, status};

/// What the engine calls a period of CPU time, in microseconds.
const CPU_PERIOD: i64 = 100_000;
/// How long to wait for what an earlier call has begun; doubles up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(10);
const LONGEST_WAIT: Duration = Duration::from_secs(3);
/// The least quota the kernel takes.
const LEAST_QUOTA: i64 = 1_000;

/// Makes the container, or finds the one that is there.
pub(crate) async fn create(
    runtime: &DockerRuntime,
    sandbox: &SandboxId,
    spec: &ContainerSpec,
) -> Result<ContainerId, RuntimeError> {
    let host = status::marks_of(runtime, &sandbox.0).await?.filter(|marks| marks.role == Role::Sandbox);
    let host = host.ok_or_else(|| RuntimeError::NotFound { what: "sandbox", id: sandbox.to_string() })?;
    let marks = host.of_container(sandbox, spec);
    let body = ContainerCreateBody {
        image: Some(spec.image.clone()),
        entrypoint: (!spec.command.is_empty()).then(|| spec.command.clone()),
        cmd: (!spec.args.is_empty()).then(|| spec.args.clone()),
        env: Some(spec.env.iter().map(|(name, value)| format!("{name}={value}")).collect()),
        working_dir: spec.working_dir.clone(),
        user: spec.user.as_ref().and_then(user),
        tty: Some(spec.tty),
        open_stdin: Some(spec.stdin),
        stdin_once: Some(spec.stdin_once),
        stop_signal: spec.stop_signal.clone(),
        labels: Some(status::labels(runtime, &marks, &spec.labels)),
        host_config: Some(host_config(sandbox, marks.processes, spec)),
        ..ContainerCreateBody::default()
    };
    Ok(ContainerId(create_named(runtime, &marks, body).await?.into()))
}

fn host_config(sandbox: &SandboxId, processes: Processes, spec: &ContainerSpec) -> HostConfig {
    let join = || Some(format!("container:{sandbox}"));
    let (resources, privileges) = (&spec.resources, &spec.privileges);
    let memory = resources.memory_limit_bytes.map(saturating_i64);
    let quota =
        resources.cpu_limit_millis.map(|millis| saturating_i64(millis).saturating_mul(CPU_PERIOD / 1000));
    HostConfig {
        network_mode: join(),
        ipc_mode: join(),
        pid_mode: match processes {
            Processes::Own => None,
            Processes::Pod => join(),
            Processes::Node => Some("host".to_owned()),
        },
        mounts: Some(spec.mounts.iter().map(mount).collect()),
        cpu_shares: resources.cpu_shares.map(saturating_i64),
        cpu_period: quota.map(|_| CPU_PERIOD),
        cpu_quota: quota.map(|quota| quota.max(LEAST_QUOTA)),
        memory,
        // The same as the memory: no swap on top of it.
        memory_swap: memory,
        oom_score_adj: resources.oom_score_adj.map(i64::from),
        privileged: Some(privileges.privileged),
        readonly_rootfs: Some(privileges.read_only_root),
        cap_add: Some(privileges.add_capabilities.clone()),
        cap_drop: Some(privileges.drop_capabilities.clone()),
        security_opt: security(privileges),
        group_add: spec
            .user
            .as_ref()
            .map(|user| user.supplementary_groups.iter().map(i64::to_string).collect()),
        log_config: Some(HostConfigLogConfig {
            typ: Some("json-file".to_owned()),
            config: Some(
                [("max-size", "10m"), ("max-file", "5")].map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
            ),
        }),
        ..HostConfig::default()
    }
}

fn security(privileges: &Privileges) -> Option<Vec<String>> {
    let no_new_privileges = privileges.no_new_privileges.then(|| "no-new-privileges".to_owned());
    // The engine takes the profile itself, not the name of its file.
    let seccomp = match &privileges.seccomp {
        Seccomp::RuntimeDefault => None,
        Seccomp::Unconfined => Some("seccomp=unconfined".to_owned()),
        Seccomp::Profile(profile) => Some(format!("seccomp={profile}")),
    };
    let options: Vec<_> = no_new_privileges.into_iter().chain(seccomp).collect();
    (!options.is_empty()).then_some(options)
}

fn user(user: &ContainerUser) -> Option<String> {
    match (user.uid, user.gid) {
        (Some(uid), Some(gid)) => Some(format!("{uid}:{gid}")),
        (Some(uid), None) => Some(uid.to_string()),
        // The engine takes a group only with a user.
        (None, Some(gid)) => Some(format!("0:{gid}")),
        (None, None) => None,
    }
}

fn mount(mount: &bireme_core::runtime::Mount) -> Mount {
    Mount {
        typ: Some(MountType::BIND),
        source: Some(mount.source.display().to_string()),
        target: Some(mount.target.clone()),
        read_only: Some(mount.read_only),
        ..Mount::default()
    }
}

fn saturating_i64(value: u64) -> i64 {
    value.try_into().unwrap_or(i64::MAX)
}

/// The engine's name for it: one pod, one name and one attempt make one container, so a repeated create meets the
/// first one.
fn engine_name(marks: &Marks) -> String {
    let name = if marks.name.is_empty() { "sandbox" } else { &marks.name };
    let PodIdentity { key, uid } = &marks.pod;
    let namespace = key.namespace().unwrap_or_default();
    format!("bireme_{name}_{}_{namespace}_{uid}_{}", key.name(), marks.attempt)
}

/// Makes a container under the name that its marks give it; one that is there already with these marks is it.
pub(crate) async fn create_named(
    runtime: &DockerRuntime,
    marks: &Marks,
    body: ContainerCreateBody,
) -> Result<String, RuntimeError> {
    let name = engine_name(marks);
    let image = body.image.clone().unwrap_or_default();
    let options = CreateContainerOptionsBuilder::new().name(&name).build();
    let mut wait = FIRST_WAIT;
    loop {
        match runtime.docker.create_container(Some(options.clone()), body.clone()).await {
            Ok(created) => return Ok(created.id),
            Err(error) if status_of(&error) == Some(409) => match status::find(runtime, &name).await? {
                Some((id, found)) if found == *marks => return Ok(id),
                // An earlier call that was given up holds the name, and is not done yet, or not taken back.
                None if wait <= LONGEST_WAIT => {
                    runtime.env.sleep(wait).await;
                    wait *= 2;
                }
                _ => return Err(RuntimeError::InUse(format!("the container name {name}"))),
            },
            Err(error) if is_not_found(&error) => {
                return Err(RuntimeError::NotFound { what: "image", id: image });
            }
            Err(error) if status_of(&error) == Some(400) => {
                return Err(RuntimeError::Unsupported(message_of(&error)));
            }
            Err(error) => return Err(runtime.failed("creating a container")(error)),
        }
    }
}

/// Starts what was created; a failure to run its command is an error of its own.
pub(crate) async fn start(runtime: &DockerRuntime, id: &ContainerId) -> Result<(), RuntimeError> {
    start_id(runtime, &id.0).await
}

pub(crate) async fn start_id(runtime: &DockerRuntime, id: &str) -> Result<(), RuntimeError> {
    let options = None::<bollard::query_parameters::StartContainerOptions>;
    match runtime.docker.start_container(id, options).await {
        Ok(()) => Ok(()),
        Err(error) => match status_of(&error) {
            Some(304) => Ok(()),
            Some(404) if !exists(runtime, id).await? => {
                Err(RuntimeError::NotFound { what: "container", id: id.to_owned() })
            }
            // The engine says 400, 404 or 500 alike when the command cannot be run.
            Some(_) => Err(RuntimeError::Start { detail: message_of(&error) }),
            None => Err(runtime.failed("starting a container")(error)),
        },
    }
}

async fn exists(runtime: &DockerRuntime, id: &str) -> Result<bool, RuntimeError> {
    Ok(status::find(runtime, id).await?.is_some())
}

/// Stops what is this node's.
pub(crate) async fn stop_own(runtime: &DockerRuntime, id: &str, grace: Duration) -> Result<(), RuntimeError> {
    if exists(runtime, id).await? { stop(runtime, id, grace).await } else { Ok(()) }
}

/// Removes what is this node's.
pub(crate) async fn remove_own(runtime: &DockerRuntime, id: &str) -> Result<(), RuntimeError> {
    if exists(runtime, id).await? { remove(runtime, id.to_owned()).await } else { Ok(()) }
}

/// Asks the container to end, and kills it after `grace`; returns when it has ended.
pub(crate) async fn stop(runtime: &DockerRuntime, id: &str, grace: Duration) -> Result<(), RuntimeError> {
    // The engine counts whole seconds; less than was promised would be wrong.
    let seconds = i32::try_from(grace.as_millis().div_ceil(1000)).unwrap_or(i32::MAX);
    let patient = runtime.docker.clone().with_timeout(REQUEST_LIMIT.saturating_add(grace));
    let options = StopContainerOptionsBuilder::new().t(seconds).build();
    let stopped = patient.stop_container(id, Some(options)).await;
    already_so(stopped).map_err(runtime.failed("stopping a container"))
}

/// Removes a container, killing it first when it runs; its anonymous volumes go with it.
pub(crate) async fn remove(runtime: &DockerRuntime, id: String) -> Result<(), RuntimeError> {
    let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
    match already_so(runtime.docker.remove_container(&id, Some(options)).await) {
        // Somebody else is removing it at this moment; its end is what counts.
        Err(error) if status_of(&error) == Some(409) => {
            let wait =
                bollard::query_parameters::WaitContainerOptionsBuilder::new().condition("removed").build();
            match runtime.docker.wait_container(&id, Some(wait)).try_for_each(|_| async { Ok(()) }).await {
                Ok(()) | Err(bollard::errors::Error::DockerContainerWaitError { .. }) => Ok(()),
                Err(error) => already_so(Err(error)).map_err(runtime.failed("removing a container")),
            }
        }
        other => other.map_err(runtime.failed("removing a container")),
    }
}

/// What a running container has used.
pub(crate) async fn stats(
    runtime: &DockerRuntime,
    id: &ContainerId,
) -> Result<Option<ContainerStats>, RuntimeError> {
    let options = StatsOptionsBuilder::new().stream(false).one_shot(true).build();
    let read = runtime.docker.stats(&id.0, Some(options)).try_next().await;
    let stats = match read {
        Ok(stats) => stats,
        Err(error) if is_not_found(&error) => None,
        Err(error) => return Err(runtime.failed("measuring a container")(error)),
    };
    let Some(stats) = stats else { return Ok(None) };
    let cpu = stats.cpu_stats.and_then(|cpu| cpu.cpu_usage).and_then(|usage| usage.total_usage);
    let Some(memory) = stats.memory_stats.filter(|memory| memory.usage.is_some()) else { return Ok(None) };
    // cgroup v1 and v2 name the reclaimable part differently.
    let detail = memory.stats.unwrap_or_default();
    let reclaimable =
        ["total_inactive_file", "inactive_file"].into_iter().find_map(|name| detail.get(name)).copied();
    let working_set = memory.usage.unwrap_or_default().saturating_sub(reclaimable.unwrap_or_default());
    Ok(Some(ContainerStats {
        cpu: Duration::from_nanos(cpu.unwrap_or_default()),
        memory_working_set: working_set,
    }))
}
