//! What probes found, and when they are due.

use std::collections::BTreeMap;
use std::time::Duration;

use bireme_core::runtime::ContainerId;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Container, Pod, Probe};

use super::backoff::later;
use super::declared;

/// What a probe is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum ProbeKind {
    /// Whether the container has come up; the others wait for it.
    Startup,
    /// Whether traffic may go to it.
    Readiness,
    /// Whether it must be restarted.
    Liveness,
}

impl ProbeKind {
    pub(crate) const ALL: [ProbeKind; 3] = [ProbeKind::Startup, ProbeKind::Readiness, ProbeKind::Liveness];

    /// The probe of this kind that the container asks for.
    pub(crate) fn of(self, container: &Container) -> Option<&Probe> {
        match self {
            ProbeKind::Startup => container.startup_probe.as_ref(),
            ProbeKind::Readiness => container.readiness_probe.as_ref(),
            ProbeKind::Liveness => container.liveness_probe.as_ref(),
        }
    }

    /// As events name it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            ProbeKind::Startup => "Startup",
            ProbeKind::Readiness => "Readiness",
            ProbeKind::Liveness => "Liveness",
        }
    }
}

fn seconds(value: Option<i32>, default: u64, least: u64) -> Duration {
    Duration::from_secs(value.map_or(default, |value| u64::try_from(value).unwrap_or(0)).max(least))
}

pub(crate) fn period(probe: &Probe) -> Duration {
    seconds(probe.period_seconds, 10, 1)
}

pub(crate) fn timeout(probe: &Probe) -> Duration {
    seconds(probe.timeout_seconds, 1, 1)
}

fn initial_delay(probe: &Probe) -> Duration {
    seconds(probe.initial_delay_seconds, 0, 0)
}

fn threshold(value: Option<i32>, default: u32) -> u32 {
    value.and_then(|value| u32::try_from(value).ok()).unwrap_or(default).max(1)
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct ProbeState {
    container: ContainerId,
    successes: u32,
    failures: u32,
    /// What enough results in a row agree on.
    verdict: Option<bool>,
    /// When it is due again; unset when it has not run yet.
    next: Option<Timestamp>,
}

/// The state of all probes of a pod. A result counts only for the container that it was asked of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ProbeTable(BTreeMap<(String, ProbeKind), ProbeState>);

impl ProbeTable {
    /// What the last status says about the containers that it names, as after a restart of the agent: a pod does
    /// not become unready because the agent restarts.
    pub(crate) fn seeded(pod: &Pod) -> Self {
        let status = declared::status(pod);
        let mut table = Self::default();
        for reported in status.init_container_statuses.iter().chain(&status.container_statuses).flatten() {
            let Some(id) = reported.container_id.as_deref().and_then(|id| id.split_once("://")) else {
                continue;
            };
            for (kind, positive) in
                [(ProbeKind::Startup, reported.started == Some(true)), (ProbeKind::Readiness, reported.ready)]
            {
                if positive {
                    let state = ProbeState::fresh(&ContainerId(id.1.into()), Some(true));
                    table.0.insert((reported.name.clone(), kind), state);
                }
            }
        }
        table
    }

    fn state(&self, name: &str, kind: ProbeKind, id: &ContainerId) -> Option<&ProbeState> {
        self.0.get(&(name.to_owned(), kind)).filter(|state| state.container == *id)
    }

    /// What the probe has found; `None` while it has not found anything.
    pub(crate) fn verdict(&self, name: &str, kind: ProbeKind, id: &ContainerId) -> Option<bool> {
        self.state(name, kind, id)?.verdict
    }

    /// When the probe of a container that started at `started_at` is due.
    pub(crate) fn due(
        &self,
        name: &str,
        kind: ProbeKind,
        id: &ContainerId,
        probe: &Probe,
        started_at: Timestamp,
    ) -> Timestamp {
        let next = self.state(name, kind, id).and_then(|state| state.next);
        next.unwrap_or_else(|| later(started_at, initial_delay(probe)))
    }

    /// Takes a result in. `begun` is when the probe began.
    pub(crate) fn record(
        &mut self,
        name: &str,
        kind: ProbeKind,
        id: &ContainerId,
        probe: &Probe,
        success: bool,
        begun: Timestamp,
    ) {
        let state = self.of(name, kind, id);
        state.next = Some(later(begun, period(probe)));
        if success {
            state.failures = 0;
            state.successes += 1;
            if state.successes >= threshold(probe.success_threshold, 1) {
                state.verdict = Some(true);
            }
        } else {
            state.successes = 0;
            state.failures += 1;
            if state.failures >= threshold(probe.failure_threshold, 3) {
                state.verdict = Some(false);
            }
        }
    }

    /// Notes that the probe ran without finding anything.
    pub(crate) fn postpone(
        &mut self,
        name: &str,
        kind: ProbeKind,
        id: &ContainerId,
        probe: &Probe,
        begun: Timestamp,
    ) {
        self.of(name, kind, id).next = Some(later(begun, period(probe)));
    }

    /// The state for a container, begun anew when the last one was for another.
    fn of(&mut self, name: &str, kind: ProbeKind, id: &ContainerId) -> &mut ProbeState {
        let entry = self.0.entry((name.to_owned(), kind)).or_insert_with(|| ProbeState::fresh(id, None));
        if entry.container != *id {
            *entry = ProbeState::fresh(id, None);
        }
        entry
    }

    /// Forgets what is about containers that the pod no longer has.
    pub(crate) fn retain(&mut self, exists: impl Fn(&ContainerId) -> bool) {
        self.0.retain(|_, state| exists(&state.container));
    }
}

impl ProbeState {
    fn fresh(id: &ContainerId, verdict: Option<bool>) -> Self {
        Self { container: id.clone(), successes: 0, failures: 0, verdict, next: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> ContainerId {
        ContainerId(name.into())
    }

    fn probe() -> Probe {
        Probe {
            initial_delay_seconds: Some(5),
            period_seconds: Some(7),
            failure_threshold: Some(2),
            success_threshold: Some(2),
            ..Probe::default()
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn the_first_run_waits_for_the_initial_delay_and_later_ones_for_the_period() {
        let mut table = ProbeTable::default();
        let kind = ProbeKind::Readiness;
        assert_eq!(table.due("web", kind, &id("a"), &probe(), at(100)), at(105));
        table.record("web", kind, &id("a"), &probe(), true, at(106));
        assert_eq!(table.due("web", kind, &id("a"), &probe(), at(100)), at(113));
    }

    #[test]
    fn only_enough_results_in_a_row_change_the_verdict() {
        let mut table = ProbeTable::default();
        let kind = ProbeKind::Liveness;
        let mut verdicts = Vec::new();
        for success in [true, false, true, true, false, true, false, false] {
            table.record("web", kind, &id("a"), &probe(), success, at(0));
            verdicts.push(table.verdict("web", kind, &id("a")));
        }
        let yes = Some(true);
        assert_eq!(verdicts, [None, None, None, yes, yes, yes, yes, Some(false)]);
    }

    #[test]
    fn a_result_does_not_count_for_the_next_container() {
        let mut table = ProbeTable::default();
        let kind = ProbeKind::Liveness;
        table.record("web", kind, &id("a"), &Probe::default(), true, at(0));
        assert_eq!(table.verdict("web", kind, &id("b")), None);
        assert_eq!(table.due("web", kind, &id("b"), &probe(), at(50)), at(55));
        table.record("web", kind, &id("b"), &probe(), false, at(55));
        assert_eq!(
            (table.verdict("web", kind, &id("a")), table.verdict("web", kind, &id("b"))),
            (None, None)
        );
    }
}
