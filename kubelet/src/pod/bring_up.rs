//! From a bound pod to running containers.

use bireme_core::runtime::{ContainerState, ContainerStatus, SandboxId, SandboxState};

use super::action::Action;
use super::backoff::Crash;
use super::declared::{self, Declared, Role};
use super::memory::{Hook, KillReason, Slot, Volumes};
use super::observed::{exit, is_running};
use super::plan::{
    Draft, Situation, has_started, is_initialized, is_over, lost_code, usable_sandbox, volumes_ready,
};
use super::probe::ProbeKind;
use super::teardown::{collect_remains, kill};

/// What a container needs of those after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// It is being brought up: those after it wait.
    Moving,
    /// It runs, has ended, or has to wait for something: those after it may start.
    Settled,
}

/// The next steps of a pod that should run.
pub(super) fn bring_up(situation: &Situation<'_>, draft: &mut Draft) {
    volumes(situation, draft);
    sandbox(situation, draft);
    match usable_sandbox(situation) {
        Some(sandbox) if volumes_ready(situation.memory) => containers(situation, &sandbox.id, draft),
        Some(_) | None => fetch_first(situation, draft),
    }
    collect_remains(situation, draft);
}

fn volumes(situation: &Situation<'_>, draft: &mut Draft) {
    match &situation.memory.volumes {
        Volumes::Ready => {}
        Volumes::Failed(failure) if situation.now < failure.retry_at => draft.wake_at(failure.retry_at),
        Volumes::Unknown | Volumes::Stale | Volumes::Removed | Volumes::Failed(_) => {
            draft.act(situation.memory, Action::PrepareVolumes);
        }
    }
}

fn sandbox(situation: &Situation<'_>, draft: &mut Draft) {
    let Situation { observed, memory, now, .. } = *situation;
    let newest = observed.sandbox();
    let usable =
        newest.filter(|newest| newest.state == SandboxState::Ready && !memory.closed.contains(&newest.id));
    if let Some(newest) = newest.filter(|newest| usable.is_none() && !memory.closed.contains(&newest.id)) {
        // What is left of it must not run beside its successor.
        return draft.act(memory, Action::CloseSandbox { sandbox: newest.id.clone() });
    }
    let connected = usable.is_some_and(|usable| {
        declared::uses_host_network(situation.pod) || memory.address_of(&usable.id).is_some()
    });
    if connected {
        return;
    }
    if let Some(failure) = memory.sandbox_failure.as_ref().filter(|failure| now < failure.retry_at) {
        return draft.wake_at(failure.retry_at);
    }
    match usable {
        Some(usable) if !memory.is_busy(&Slot::Sandbox) => {
            draft.act(memory, Action::Attach { sandbox: usable.id.clone() });
        }
        Some(_) => {}
        None => {
            let attempt = newest.map_or(0, |newest| newest.attempt + 1);
            draft.act(memory, Action::RunSandbox { attempt });
        }
    }
}

/// While the sandbox of a new pod is being made, the images of the containers that come first are brought here.
fn fetch_first(situation: &Situation<'_>, draft: &mut Draft) {
    let spec = declared::spec(situation.pod);
    if situation.observed.containers().next().is_some() {
        return;
    }
    let init = declared::init_phase(spec).next();
    let mains = declared::mains(spec).filter(|_| init.is_none());
    for first in init.into_iter().chain(mains) {
        prefetch(situation, &first, draft);
    }
}

fn containers(situation: &Situation<'_>, sandbox: &SandboxId, draft: &mut Draft) {
    let spec = declared::spec(situation.pod);
    if !is_initialized(situation) {
        return init_phase(situation, sandbox, draft);
    }
    for sidecar in declared::sidecars(spec) {
        step(situation, sandbox, &sidecar, draft);
    }
    let mut waiting = false;
    for main in declared::mains(spec) {
        if waiting {
            prefetch(situation, &main, draft);
        } else {
            waiting = step(situation, sandbox, &main, draft) == Progress::Moving;
        }
    }
}

/// Init containers one after the other; a sidecar lets the next one go once it has started.
fn init_phase(situation: &Situation<'_>, sandbox: &SandboxId, draft: &mut Draft) {
    for declared in declared::init_phase(declared::spec(situation.pod)) {
        let here = situation.observed.container_in(declared.name(), sandbox);
        let passed = match declared.role {
            Role::Sidecar => here.is_some_and(|container| has_started(situation, declared.spec, container)),
            Role::Init | Role::Main => here.and_then(exit).is_some_and(|exit| exit.code == 0),
        };
        if !passed || declared.role == Role::Sidecar {
            step(situation, sandbox, &declared, draft);
        }
        if !passed {
            return;
        }
    }
}

/// The next step of one container.
fn step(
    situation: &Situation<'_>,
    sandbox: &SandboxId,
    declared: &Declared<'_>,
    draft: &mut Draft,
) -> Progress {
    let Situation { observed, memory, .. } = *situation;
    if memory.is_busy(&Slot::Container(declared.name().to_owned())) {
        return Progress::Moving;
    }
    let over = is_over(situation, declared);
    let Some(newest) = observed.container(declared.name()) else {
        let lost = lost_code(situation, declared.name());
        let attempt = if lost.is_some() { reported_attempt(situation, declared.name()) + 1 } else { 0 };
        // An init container that has done its work and is gone does it again in the sandbox that has come since.
        let again = declared.role == Role::Init && lost == Some(0);
        let create = !over || again;
        return if create {
            self::create(situation, sandbox, declared, attempt, draft)
        } else {
            Progress::Settled
        };
    };
    match &newest.state {
        // An init container runs again in every sandbox; what has ended for good needs none.
        _ if newest.sandbox != *sandbox && (!over || declared.role == Role::Init) => {
            create(situation, sandbox, declared, newest.attempt + 1, draft)
        }
        ContainerState::Created => start(situation, declared, newest, draft),
        ContainerState::Running { .. } => tend(situation, declared, newest, draft),
        ContainerState::Exited(_) if over => Progress::Settled,
        ContainerState::Exited(_) => restart(situation, sandbox, declared, newest, draft),
    }
}

fn reported_attempt(situation: &Situation<'_>, name: &str) -> u32 {
    let count = declared::reported(situation.pod, name).map_or(0, |reported| reported.restart_count);
    u32::try_from(count).unwrap_or(0)
}

/// A container that ended and is to start again, after its back-off.
fn restart(
    situation: &Situation<'_>,
    sandbox: &SandboxId,
    declared: &Declared<'_>,
    old: &ContainerStatus,
    draft: &mut Draft,
) -> Progress {
    match restart_at(situation, old) {
        Some(at) if situation.now < at => {
            draft.wake_at(at);
            Progress::Settled
        }
        Some(_) | None => create(situation, sandbox, declared, old.attempt + 1, draft),
    }
}

/// Until when an ended container has to wait for its next start.
pub(super) fn restart_at(situation: &Situation<'_>, old: &ContainerStatus) -> Option<jiff::Timestamp> {
    let known = situation.memory.crashes.get(&old.name).copied();
    let crash = known.unwrap_or_else(|| Crash::of_attempt(old.attempt));
    crash.retry_at(exit(old)?, &situation.node.crash, situation.node.crash_reset)
}

fn create(
    situation: &Situation<'_>,
    sandbox: &SandboxId,
    declared: &Declared<'_>,
    attempt: u32,
    draft: &mut Draft,
) -> Progress {
    let (memory, name) = (situation.memory, declared.name().to_owned());
    if !memory.images.contains(&name) {
        return ensure_image(situation, name, draft);
    }
    if let Some(failure) = memory.failures.get(&name).filter(|failure| situation.now < failure.retry_at) {
        draft.wake_at(failure.retry_at);
        return Progress::Settled;
    }
    draft.act(memory, Action::Create { container: name, attempt, sandbox: sandbox.clone() });
    Progress::Moving
}

fn ensure_image(situation: &Situation<'_>, name: String, draft: &mut Draft) -> Progress {
    let failure = situation.memory.image_failures.get(&name);
    if let Some(failure) = failure.filter(|failure| situation.now < failure.retry_at) {
        draft.wake_at(failure.retry_at);
        return Progress::Settled;
    }
    draft.act(situation.memory, Action::EnsureImage { container: name });
    Progress::Moving
}

/// Brings the image of a container whose turn has not come, if it has never been made.
fn prefetch(situation: &Situation<'_>, declared: &Declared<'_>, draft: &mut Draft) {
    let name = declared.name();
    let lost = lost_code(situation, name).is_some();
    if situation.observed.container(name).is_none() && !lost && !situation.memory.images.contains(name) {
        ensure_image(situation, name.to_owned(), draft);
    }
}

fn start(
    situation: &Situation<'_>,
    declared: &Declared<'_>,
    container: &ContainerStatus,
    draft: &mut Draft,
) -> Progress {
    let name = declared.name().to_owned();
    if let Some(failure) = situation.memory.failures.get(&name).filter(|it| situation.now < it.retry_at) {
        draft.wake_at(failure.retry_at);
        return Progress::Settled;
    }
    draft.act(situation.memory, Action::Start { container: name, id: container.id.clone() });
    Progress::Moving
}

/// A running container: its hook, and whether it must go.
fn tend(
    situation: &Situation<'_>,
    declared: &Declared<'_>,
    container: &ContainerStatus,
    draft: &mut Draft,
) -> Progress {
    if let Some(reason) = doom(situation, declared, container) {
        kill(situation, container, reason, draft);
        return Progress::Moving;
    }
    if situation.memory.post_start_of(&container.id) == Hook::Due {
        let (name, id) = (declared.name().to_owned(), container.id.clone());
        draft.act(situation.memory, Action::PostStart { container: name, id });
        return Progress::Moving;
    }
    Progress::Settled
}

/// Why a running container must be ended, if it must.
fn doom(
    situation: &Situation<'_>,
    declared: &Declared<'_>,
    container: &ContainerStatus,
) -> Option<KillReason> {
    let memory = situation.memory;
    if let Some((_, reason)) = memory.kills.get(&container.id) {
        return Some(*reason);
    }
    let failed = |kind: ProbeKind| {
        kind.of(declared.spec).is_some()
            && memory.probes.verdict(declared.name(), kind, &container.id) == Some(false)
    };
    if memory.post_start_of(&container.id) == Hook::Failed {
        Some(KillReason::PostStart)
    } else if failed(ProbeKind::Startup) {
        Some(KillReason::Startup)
    } else if failed(ProbeKind::Liveness) {
        Some(KillReason::Liveness)
    } else if is_running(container) && declared.spec.image.as_deref() != Some(&container.image) {
        Some(KillReason::Changed)
    } else {
        None
    }
}
