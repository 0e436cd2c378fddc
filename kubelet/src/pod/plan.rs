//! The pod state machine: what to do next, as a function of what is wanted, what is, and the time.

use std::net::IpAddr;
use std::time::Duration;

use bireme_core::runtime::{ContainerStatus, SandboxStatus};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Container, Pod, PodStatus};

use super::action::Action;
use super::backoff::{BackOff, later};
use super::declared::{self, Declared, RestartPolicy};
use super::memory::{Hook, KillReason, Memory, Slot, Volumes};
use super::observed::{Observed, exit, is_running};
use super::probe::ProbeKind;
use super::{bring_up, probing, status, teardown};

/// What the node tells its pods, and how patient it is.
#[derive(Clone, Debug)]
pub(crate) struct NodeFacts {
    /// The container engine's name, which begins every container id in the API.
    pub(crate) runtime: String,
    /// The node's addresses, the first one first.
    pub(crate) addresses: Vec<IpAddr>,
    /// Waits between starts of a container that ends again and again.
    pub(crate) crash: BackOff,
    /// How long a container must run for its earlier ends to be forgotten.
    pub(crate) crash_reset: Duration,
}

/// All that a decision about a pod goes by.
#[derive(Clone, Copy)]
pub(crate) struct Situation<'a> {
    /// The pod as the API last showed it, with the status that was last written.
    pub(crate) pod: &'a Pod,
    pub(crate) observed: &'a Observed,
    pub(crate) memory: &'a Memory,
    pub(crate) node: &'a NodeFacts,
    pub(crate) now: Timestamp,
}

/// What is to be done, when to look again at the latest, and what to tell the API.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plan {
    pub(crate) actions: Vec<Action>,
    pub(crate) wake: Option<Timestamp>,
    pub(crate) status: PodStatus,
}

/// Where a pod is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The node refused it.
    Rejected,
    /// It should run.
    Running,
    /// It has run longer than it may.
    DeadlineExceeded,
    /// It is being deleted, or is gone from the API.
    Deleted,
    /// Its containers have come to their end, and none is started again.
    Finished,
}

/// A plan in the making.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) actions: Vec<Action>,
    pub(super) wake: Option<Timestamp>,
}

impl Draft {
    /// Adds an action, unless its slot is taken.
    pub(super) fn act(&mut self, memory: &Memory, action: Action) {
        let slot = action.slot();
        let planned = |other: &Action| other.slot() == slot;
        if !memory.is_busy(&slot) && !self.actions.iter().any(planned) {
            self.actions.push(action);
        }
    }

    /// Asks to be woken at `time`, or earlier.
    pub(super) fn wake_at(&mut self, time: Timestamp) {
        self.wake = Some(self.wake.map_or(time, |wake| wake.min(time)));
    }
}

/// Decides. Pure: the same situation has the same plan.
pub(crate) fn plan(situation: &Situation<'_>) -> Plan {
    let stage = stage(situation);
    let status = status::status(situation, stage);
    let mut draft = Draft::default();
    match stage {
        Stage::Rejected => teardown::tear_down(situation, &mut draft),
        Stage::Running => {
            bring_up::bring_up(situation, &mut draft);
            probing::probe(situation, &mut draft);
            if let Some(deadline) = active_deadline(situation) {
                draft.wake_at(deadline);
            }
        }
        Stage::DeadlineExceeded | Stage::Finished => teardown::tear_down(situation, &mut draft),
        Stage::Deleted => {
            teardown::tear_down(situation, &mut draft);
            teardown::clear_away(situation, &status, &mut draft);
        }
    }
    Plan { actions: draft.actions, wake: draft.wake.filter(|wake| *wake > situation.now), status }
}

/// Where the pod is.
pub(crate) fn stage(situation: &Situation<'_>) -> Stage {
    let Situation { pod, memory, now, .. } = *situation;
    if memory.gone || declared::is_being_deleted(pod) {
        Stage::Deleted
    } else if memory.rejected.is_some() {
        Stage::Rejected
    } else if declared::is_terminal(pod) || has_finished(situation) {
        Stage::Finished
    } else if active_deadline(situation).is_some_and(|deadline| now >= deadline) {
        Stage::DeadlineExceeded
    } else {
        Stage::Running
    }
}

fn active_deadline(situation: &Situation<'_>) -> Option<Timestamp> {
    let seconds = declared::spec(situation.pod).active_deadline_seconds?;
    let start = declared::status(situation.pod).start_time.as_ref()?;
    Some(later(start.0, Duration::from_secs(seconds.max(0).unsigned_abs())))
}

/// Whether the main containers have ended and stay so, or an init container has failed for good.
fn has_finished(situation: &Situation<'_>) -> bool {
    let spec = declared::spec(situation.pod);
    let mut mains = declared::mains(spec).peekable();
    let has_mains = mains.peek().is_some();
    has_mains && mains.all(|main| is_over(situation, &main)) || init_failed(situation)
}

/// Whether a container has ended and is not started again.
pub(super) fn is_over(situation: &Situation<'_>, declared: &Declared<'_>) -> bool {
    let Some(container) = situation.observed.container(declared.name()) else {
        return lost_code(situation, declared.name())
            .is_some_and(|code| !declared.policy.restarts_after(code));
    };
    let killed = situation.memory.kills.get(&container.id).map(|(_, why)| *why);
    let Some(exit) = exit(container) else { return false };
    match killed {
        // It ended because the agent ended it, whatever code it chose.
        Some(KillReason::Changed) => false,
        Some(KillReason::Liveness | KillReason::Startup | KillReason::PostStart) => {
            declared.policy == RestartPolicy::Never
        }
        Some(KillReason::SidecarDone | KillReason::PodEnding) | None => {
            !declared.policy.restarts_after(exit.code)
        }
    }
}

/// How a container ended that the API knows and the engine does not hold any more: as was reported, else as if it
/// had been killed.
pub(super) fn lost_code(situation: &Situation<'_>, name: &str) -> Option<i32> {
    let reported = declared::reported(situation.pod, name)?;
    reported.container_id.as_ref()?;
    let terminated = reported.state.as_ref().and_then(|state| state.terminated.as_ref());
    Some(terminated.map_or(137, |terminated| terminated.exit_code))
}

/// Whether an init container has failed in a pod that never restarts.
pub(super) fn init_failed(situation: &Situation<'_>) -> bool {
    let spec = declared::spec(situation.pod);
    RestartPolicy::of(spec) == RestartPolicy::Never
        && declared::init_phase(spec).filter(|declared| declared.role == declared::Role::Init).any(
            |declared| {
                let exit = situation.observed.container(declared.name()).and_then(exit);
                exit.is_some_and(|exit| exit.code != 0)
            },
        )
}

/// Whether the init phase is over in the sandbox that is there now.
///
/// A main container in the sandbox proves it, also when the init containers have been removed since.
pub(crate) fn is_initialized(situation: &Situation<'_>) -> bool {
    let spec = declared::spec(situation.pod);
    let mut phase = declared::init_phase(spec).peekable();
    if phase.peek().is_none() {
        return true;
    }
    let Some(sandbox) = situation.observed.sandbox() else { return false };
    let here = |name: &str| situation.observed.container_in(name, &sandbox.id);
    declared::mains(spec).any(|main| here(main.name()).is_some())
        || phase.all(|declared| match (declared.role, here(declared.name())) {
            (_, None) => false,
            (declared::Role::Sidecar, Some(container)) => has_started(situation, declared.spec, container),
            (_, Some(container)) => exit(container).is_some_and(|exit| exit.code == 0),
        })
}

/// Whether a container runs, its hook after the start is over and its startup probe, if any, has succeeded.
pub(crate) fn has_started(situation: &Situation<'_>, spec: &Container, container: &ContainerStatus) -> bool {
    let memory = situation.memory;
    let verdict = memory.probes.verdict(&spec.name, ProbeKind::Startup, &container.id);
    is_running(container)
        && memory.post_start_of(&container.id) == Hook::Done
        && (spec.startup_probe.is_none() || verdict == Some(true))
}

/// Whether traffic may go to a container.
pub(crate) fn is_ready(situation: &Situation<'_>, spec: &Container, container: &ContainerStatus) -> bool {
    let verdict = situation.memory.probes.verdict(&spec.name, ProbeKind::Readiness, &container.id);
    has_started(situation, spec, container) && (spec.readiness_probe.is_none() || verdict == Some(true))
}

/// Whether the volumes can be mounted.
pub(super) fn volumes_ready(memory: &Memory) -> bool {
    matches!(memory.volumes, Volumes::Ready | Volumes::Stale)
}

/// The sandbox that containers can be made in: ready, and connected if it is to be.
pub(super) fn usable_sandbox<'a>(situation: &Situation<'a>) -> Option<&'a SandboxStatus> {
    let sandbox = situation.observed.ready_sandbox()?;
    let connected =
        declared::uses_host_network(situation.pod) || situation.memory.address_of(&sandbox.id).is_some();
    let settled = !situation.memory.is_busy(&Slot::Sandbox) && !situation.memory.closed.contains(&sandbox.id);
    (connected && settled).then_some(sandbox)
}
