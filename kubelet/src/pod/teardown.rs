//! From running containers to nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use bireme_core::runtime::{ContainerId, ContainerStatus, SandboxId};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::PodStatus;

use super::action::Action;
use super::backoff::later;
use super::declared::{self, Declared};
use super::memory::{KillReason, Slot, Volumes};
use super::observed::is_running;
use super::plan::{Draft, Situation};
use super::probe::ProbeKind;

/// Ends all containers, then closes the sandboxes and removes the files. Dead containers stay, for their logs.
pub(super) fn tear_down(situation: &Situation<'_>, draft: &mut Draft) {
    let Situation { observed, memory, .. } = *situation;
    if holds_back(situation, draft) {
        return;
    }
    for slot in memory.busy.keys() {
        if let Slot::Image(container) = slot {
            draft.actions.push(Action::AbandonImage { container: container.clone() });
        }
    }
    if end_containers(situation, draft) {
        return;
    }
    // A sandbox that is just being made would be missed: its end is awaited.
    if memory.is_busy(&Slot::Sandbox) || memory.is_busy(&Slot::Network) {
        return;
    }
    if let Some(open) = observed.sandboxes().find(|sandbox| !memory.closed.contains(&sandbox.id)) {
        return draft.act(memory, Action::CloseSandbox { sandbox: open.id.clone() });
    }
    if memory.volumes != Volumes::Removed {
        draft.act(memory, Action::RemoveVolumes);
    }
}

/// Whether a step of ending things failed a moment ago, and is to be tried again later.
fn holds_back(situation: &Situation<'_>, draft: &mut Draft) -> bool {
    let failure =
        situation.memory.teardown_failure.as_ref().filter(|failure| situation.now < failure.retry_at);
    failure.iter().for_each(|failure| draft.wake_at(failure.retry_at));
    failure.is_some()
}

/// Asks what still runs to end: the main containers (and init containers) together, then the sidecars from the
/// last to the first. Whether anything runs, or is under way and may run yet.
fn end_containers(situation: &Situation<'_>, draft: &mut Draft) -> bool {
    let Situation { observed, memory, .. } = *situation;
    let sidecars: Vec<&str> =
        declared::sidecars(declared::spec(situation.pod)).map(|sidecar| sidecar.name()).collect();
    let is_sidecar = |container: &&ContainerStatus| sidecars.contains(&container.name.as_str());
    let running: Vec<&ContainerStatus> = observed.containers().filter(|found| is_running(found)).collect();
    let others: Vec<_> = running.iter().copied().filter(|container| !is_sidecar(container)).collect();
    for container in &others {
        kill(situation, container, KillReason::PodEnding, draft);
    }
    if others.is_empty() {
        let last = sidecars.iter().rev().find_map(|name| running.iter().find(|found| found.name == *name));
        if let Some(container) = last {
            kill(situation, container, KillReason::SidecarDone, draft);
        }
    }
    let under_way = |slot: &Slot| matches!(slot, Slot::Container(_));
    !running.is_empty() || memory.busy.keys().any(under_way)
}

/// The next step to end one container: its hook, then the stop, within the time that it is given.
pub(super) fn kill(
    situation: &Situation<'_>,
    container: &ContainerStatus,
    why: KillReason,
    draft: &mut Draft,
) {
    let Situation { pod, memory, .. } = *situation;
    if holds_back(situation, draft) {
        return;
    }
    let until = deadline(situation, container, why);
    let slot = Slot::Container(container.name.clone());
    match memory.busy.get(&slot) {
        // A shorter time than before: the stop is begun anew with it.
        Some(Some(before)) if until < *before => {}
        Some(_) => return,
        None => {}
    }
    let declared = declared::by_name(declared::spec(pod), &container.name);
    let hook = declared.and_then(|it| it.spec.lifecycle.as_ref()?.pre_stop.as_ref());
    let (name, id) = (container.name.clone(), container.id.clone());
    if hook.is_some() && !memory.pre_stop_done.contains(&id) && situation.now < until {
        draft.actions.push(Action::PreStop { container: name, id, until, why });
    } else {
        draft.actions.push(Action::Stop { container: name, id, until, why });
    }
}

/// Until when a container may take to end.
fn deadline(situation: &Situation<'_>, container: &ContainerStatus, why: KillReason) -> Timestamp {
    let Situation { pod, memory, now, .. } = *situation;
    let grace = match why {
        KillReason::Liveness => probe_grace(situation, container, ProbeKind::Liveness),
        KillReason::Startup => probe_grace(situation, container, ProbeKind::Startup),
        _ => None,
    };
    let killed_at = memory.kills.get(&container.id).map_or(now, |(since, _)| *since);
    let alone = later(killed_at, grace.unwrap_or_else(|| declared::grace(pod)));
    match memory.ending_since {
        Some(since) if why == KillReason::SidecarDone => {
            later(since, declared::grace(pod)).max(later(now, LEAST))
        }
        Some(since) => later(since, declared::grace(pod)).min(alone.max(now)),
        None => alone,
    }
}

/// What a sidecar gets at least, when the main containers have used up the pod's time.
const LEAST: Duration = Duration::from_secs(2);

fn probe_grace(situation: &Situation<'_>, container: &ContainerStatus, kind: ProbeKind) -> Option<Duration> {
    let declared: Declared<'_> = declared::by_name(declared::spec(situation.pod), &container.name)?;
    let seconds = kind.of(declared.spec)?.termination_grace_period_seconds?;
    Some(Duration::from_secs(seconds.max(1).unsigned_abs()))
}

/// Removes what a deleted pod leaves in the engine, once the API knows how it ended, and then the pod.
pub(super) fn clear_away(situation: &Situation<'_>, status: &PodStatus, draft: &mut Draft) {
    let Situation { pod, observed, memory, .. } = *situation;
    if holds_back(situation, draft) {
        return;
    }
    let down = draft.actions.is_empty() && memory.busy.is_empty() && !observed.is_running();
    let told = memory.gone || declared::status(pod) == status || memory.told.as_ref() == Some(status);
    if !down || !told || memory.volumes != Volumes::Removed {
        return;
    }
    if let Some(sandbox) = observed.sandboxes().next() {
        draft.act(memory, Action::RemoveSandbox { sandbox: sandbox.id.clone() });
    } else if let Some(container) = observed.containers().next() {
        draft.act(memory, Action::Remove { id: container.id.clone() });
    } else if let Some(failure) = memory.api_failure.as_ref().filter(|it| situation.now < it.retry_at) {
        draft.wake_at(failure.retry_at);
    } else if !memory.gone && !memory.deleted {
        draft.act(memory, Action::Delete);
    }
}

/// Removes dead containers that nobody asks for any more, and then closed sandboxes without any.
///
/// Of each name the newest container stays and the one before it, for `logs --previous`.
pub(super) fn collect_remains(situation: &Situation<'_>, draft: &mut Draft) {
    let Situation { observed, memory, .. } = *situation;
    let Some(current) = observed.sandbox() else { return };
    if holds_back(situation, draft) {
        return;
    }
    let kept = kept(situation);
    for container in observed.containers() {
        if !kept.contains(&container.id) && !is_running(container) {
            draft.act(memory, Action::Remove { id: container.id.clone() });
        }
    }
    let in_use = |sandbox: &SandboxId| observed.containers().any(|container| container.sandbox == *sandbox);
    let old = observed.sandboxes().find(|sandbox| {
        sandbox.id != current.id && memory.closed.contains(&sandbox.id) && !in_use(&sandbox.id)
    });
    if let Some(old) = old {
        draft.act(memory, Action::RemoveSandbox { sandbox: old.id.clone() });
    }
}

fn kept(situation: &Situation<'_>) -> BTreeSet<ContainerId> {
    let names = declared::all(declared::spec(situation.pod)).map(|declared| declared.name());
    let newest = |name| situation.observed.attempts(name).take(2).map(|container| container.id.clone());
    names.flat_map(newest).collect()
}
