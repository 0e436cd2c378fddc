//! The states of a pod's containers, as `kubectl describe` shows them.

use bireme_core::runtime::{ContainerState as Actual, ContainerStatus as Found, Exit};
use k8s_openapi::api::core::v1::{
    ContainerState, ContainerStateRunning, ContainerStateTerminated, ContainerStateWaiting, ContainerStatus,
    PodStatus,
};

use super::super::bring_up::restart_at;
use super::super::declared::{self, Declared, Role};
use super::super::observed::exit;
use super::super::plan::{Situation, Stage, has_started, is_initialized, is_over, is_ready, lost_code};
use super::time;

pub(super) fn report(situation: &Situation<'_>, stage: Stage, status: &mut PodStatus) {
    let spec = declared::spec(situation.pod);
    let one = |declared: Declared<'_>| container(situation, stage, &declared);
    let init: Vec<_> = declared::init_phase(spec).map(one).collect();
    status.init_container_statuses = (!init.is_empty()).then_some(init);
    status.container_statuses = Some(declared::mains(spec).map(one).collect());
}

fn container(situation: &Situation<'_>, stage: Stage, declared: &Declared<'_>) -> ContainerStatus {
    let (spec, name) = (declared.spec, declared.name());
    let reported = declared::reported(situation.pod, name);
    let mut status = match begun(situation, name).next() {
        Some(found) => observed(situation, stage, declared, found),
        None if lost_code(situation, name).is_some() => lost(situation, declared),
        None => ContainerStatus {
            state: Some(waiting(situation, declared)),
            image: spec.image.clone().unwrap_or_default(),
            ..ContainerStatus::default()
        },
    };
    status.name = name.to_owned();
    if situation.observed.is_running() || stage != Stage::Deleted {
        return status;
    }
    // The pod is over: what never ran will not.
    if status.state.as_ref().is_some_and(|state| state.waiting.is_some()) {
        let message = "The container could not be located when the pod was deleted";
        let ended = ended_unseen(message, reported);
        status.state = Some(ContainerState { terminated: Some(ended), ..ContainerState::default() });
    }
    status
}

/// The containers of a name that have begun to run, newest first. One that has only been made is not worth a
/// word: it is told of when it runs.
fn begun<'a>(situation: &Situation<'a>, name: &str) -> impl Iterator<Item = &'a Found> {
    situation.observed.attempts(name).filter(|found| found.state != Actual::Created)
}

fn ended_unseen(message: &str, reported: Option<&ContainerStatus>) -> ContainerStateTerminated {
    ContainerStateTerminated {
        exit_code: 137,
        reason: Some("ContainerStatusUnknown".to_owned()),
        message: Some(message.to_owned()),
        container_id: reported.and_then(|reported| reported.container_id.clone()),
        ..ContainerStateTerminated::default()
    }
}

/// The API knows it and the engine does not: it stays as was reported, or has ended without anybody looking.
fn lost(situation: &Situation<'_>, declared: &Declared<'_>) -> ContainerStatus {
    let Some(reported) = declared::reported(situation.pod, declared.name()) else {
        return ContainerStatus::default();
    };
    let mut status = reported.clone();
    (status.ready, status.started) = (is_done_init(situation, declared), Some(false));
    if reported.state.as_ref().is_some_and(|state| state.running.is_some()) {
        let ended = ended_unseen("The container could not be located", Some(reported));
        status.state = Some(ContainerState { terminated: Some(ended), ..ContainerState::default() });
    }
    status
}

/// An init container that has ended well counts as ready.
fn is_done_init(situation: &Situation<'_>, declared: &Declared<'_>) -> bool {
    let code = match situation.observed.container(declared.name()) {
        Some(found) => exit(found).map(|exit| exit.code),
        None => lost_code(situation, declared.name()),
    };
    declared.role == Role::Init && code == Some(0)
}

fn observed(
    situation: &Situation<'_>,
    stage: Stage,
    declared: &Declared<'_>,
    found: &Found,
) -> ContainerStatus {
    let previous = begun(situation, declared.name()).nth(1);
    let previous = previous.and_then(|previous| terminated(situation, previous));
    let (state, last_state) = match &found.state {
        Actual::Running { started_at } => {
            let running = ContainerStateRunning { started_at: Some(time(*started_at)) };
            (ContainerState { running: Some(running), ..ContainerState::default() }, previous)
        }
        Actual::Created => (waiting(situation, declared), previous),
        Actual::Exited(exit) => ended(situation, stage, declared, found, exit, previous),
    };
    ContainerStatus {
        container_id: Some(container_id(situation, found)),
        image: found.image.clone(),
        image_id: found.image_id.clone(),
        ready: is_ready(situation, declared.spec, found) || is_done_init(situation, declared),
        started: Some(has_started(situation, declared.spec, found)),
        restart_count: i32::try_from(found.attempt).unwrap_or(i32::MAX),
        state: Some(state),
        last_state: last_state.or_else(|| reported_last_state(situation, declared.name())),
        ..ContainerStatus::default()
    }
}

/// An ended container is `terminated`, unless it waits to be started again.
fn ended(
    situation: &Situation<'_>,
    stage: Stage,
    declared: &Declared<'_>,
    found: &Found,
    exit: &Exit,
    previous: Option<ContainerState>,
) -> (ContainerState, Option<ContainerState>) {
    let this = terminated(situation, found).unwrap_or_default();
    let restarts = stage == Stage::Running && !is_over(situation, declared);
    let backs_off = restart_at(situation, found).is_some_and(|at| situation.now < at);
    let memory = situation.memory;
    let stuck = memory.failures.contains_key(&found.name) || memory.image_failures.contains_key(&found.name);
    if !restarts || !(backs_off || stuck) {
        return (this, previous);
    }
    let state = if stuck { waiting(situation, declared) } else { crash_loop(situation, found, exit) };
    (state, Some(this))
}

fn crash_loop(situation: &Situation<'_>, found: &Found, exit: &Exit) -> ContainerState {
    let wait = restart_at(situation, found).map(|at| at.duration_since(exit.finished_at).as_secs());
    let pod = &found.pod;
    match (&exit.message, exit.started_at) {
        (Some(message), None) => waiting_for("RunContainerError", Some(message.clone())),
        _ => {
            let name = &found.name;
            let namespace = pod.key.namespace().unwrap_or_default();
            let message = format!(
                "back-off {} restarting failed container={name} pod={}_{namespace}({})",
                duration(wait.unwrap_or(0)),
                pod.key.name(),
                pod.uid
            );
            waiting_for("CrashLoopBackOff", Some(message))
        }
    }
}

/// Seconds as Kubernetes prints durations: `40s`, `2m40s`.
fn duration(seconds: i64) -> String {
    match (seconds / 60, seconds % 60) {
        (0, seconds) => format!("{seconds}s"),
        (minutes, seconds) => format!("{minutes}m{seconds}s"),
    }
}

fn waiting_for(reason: &str, message: Option<String>) -> ContainerState {
    let waiting = ContainerStateWaiting { reason: Some(reason.to_owned()), message };
    ContainerState { waiting: Some(waiting), ..ContainerState::default() }
}

/// Why a container has not been started yet.
fn waiting(situation: &Situation<'_>, declared: &Declared<'_>) -> ContainerState {
    let (memory, name) = (situation.memory, declared.name());
    if let Some(failure) = memory.image_failures.get(name) {
        if failure.reason == "ErrImagePull" && failure.count > 1 {
            let image = declared.spec.image.as_deref().unwrap_or_default();
            let message =
                format!("Back-off pulling image \"{image}\": {}: {}", failure.reason, failure.message);
            return waiting_for("ImagePullBackOff", Some(message));
        }
        return waiting_for(failure.reason, Some(failure.message.clone()));
    }
    if let Some(failure) = memory.failures.get(name) {
        return waiting_for(failure.reason, Some(failure.message.clone()));
    }
    let behind_init = declared::init_phase(declared::spec(situation.pod)).next().is_some();
    if behind_init && !(declared.role == Role::Main && is_initialized(situation)) {
        waiting_for("PodInitializing", None)
    } else {
        waiting_for("ContainerCreating", None)
    }
}

fn container_id(situation: &Situation<'_>, found: &Found) -> String {
    format!("{}://{}", situation.node.runtime, found.id)
}

fn terminated(situation: &Situation<'_>, found: &Found) -> Option<ContainerState> {
    let exit = exit(found)?;
    let reason = match exit {
        Exit { oom_killed: true, .. } => "OOMKilled",
        Exit { started_at: None, .. } => "StartError",
        Exit { code: 0, .. } => "Completed",
        Exit { .. } => "Error",
    };
    let id = container_id(situation, found);
    let message = exit
        .message
        .clone()
        .or_else(|| situation.memory.messages.get(&found.id).cloned())
        .or_else(|| reported_message(situation, &found.name, &id))
        .filter(|message| !message.is_empty());
    let terminated = ContainerStateTerminated {
        exit_code: exit.code,
        reason: Some(reason.to_owned()),
        message,
        started_at: exit.started_at.map(time),
        finished_at: Some(time(exit.finished_at)),
        container_id: Some(id),
        signal: None,
    };
    Some(ContainerState { terminated: Some(terminated), ..ContainerState::default() })
}

/// The last word of a container as the API was told by an agent that could still read it.
fn reported_message(situation: &Situation<'_>, name: &str, id: &str) -> Option<String> {
    let reported = declared::reported(situation.pod, name)?;
    let states = [&reported.state, &reported.last_state].into_iter().flatten();
    let mut terminated = states.filter_map(|state| state.terminated.as_ref());
    terminated.find(|it| it.container_id.as_deref() == Some(id))?.message.clone()
}

/// How the run before the present one ended, where the engine does not hold it any more.
fn reported_last_state(situation: &Situation<'_>, name: &str) -> Option<ContainerState> {
    declared::reported(situation.pod, name)?.last_state.clone()
}
