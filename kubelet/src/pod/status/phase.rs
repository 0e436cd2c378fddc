//! A pod's phase: its life in one word.

use k8s_openapi::api::core::v1::{ContainerStatus, PodStatus};

use super::super::declared::{self, RestartPolicy};
use super::super::plan::{Situation, Stage, init_failed};

/// How the main containers are, counted.
#[derive(Default)]
struct Tally {
    waiting: usize,
    running: usize,
    succeeded: usize,
    failed: usize,
}

impl Tally {
    fn of(status: &PodStatus) -> Self {
        let mut tally = Self::default();
        for container in status.container_statuses.iter().flatten() {
            tally.count(container);
        }
        tally
    }

    fn count(&mut self, container: &ContainerStatus) {
        let state = container.state.clone().unwrap_or_default();
        let last = container.last_state.as_ref().and_then(|last| last.terminated.as_ref());
        match (state.running, state.terminated.as_ref(), last) {
            (Some(_), ..) => self.running += 1,
            (None, Some(ended), _) | (None, None, Some(ended)) if ended.exit_code == 0 => self.succeeded += 1,
            (None, Some(_), _) | (None, None, Some(_)) => self.failed += 1,
            (None, None, None) => self.waiting += 1,
        }
    }
}

pub(super) fn report(situation: &Situation<'_>, stage: Stage, status: &mut PodStatus) {
    if declared::is_terminal(situation.pod) {
        return;
    }
    if stage == Stage::DeadlineExceeded {
        status.reason = Some("DeadlineExceeded".to_owned());
        status.message = Some("Pod was active on the node longer than the specified deadline".to_owned());
    }
    status.phase = Some(phase(situation, stage, &Tally::of(status)).to_owned());
}

fn phase(situation: &Situation<'_>, stage: Stage, tally: &Tally) -> &'static str {
    let over = !situation.observed.is_running() && !situation.memory.busy.keys().any(is_container_step);
    let ended = if tally.failed == 0 && tally.waiting == 0 { "Succeeded" } else { "Failed" };
    match stage {
        Stage::DeadlineExceeded => "Failed",
        Stage::Deleted if over => ended,
        // Sidecars get their time before the pod is reported as ended.
        Stage::Finished if !over => "Running",
        Stage::Finished if init_failed(situation) => "Failed",
        Stage::Finished => ended,
        Stage::Rejected | Stage::Running | Stage::Deleted => living(situation, tally),
    }
}

fn is_container_step(slot: &super::super::memory::Slot) -> bool {
    matches!(slot, super::super::memory::Slot::Container(_))
}

/// The phase of a pod that has not come to its end.
fn living(situation: &Situation<'_>, tally: &Tally) -> &'static str {
    let policy = RestartPolicy::of(declared::spec(situation.pod));
    let begun = tally.running + tally.succeeded + tally.failed;
    if tally.waiting > 0 || begun == 0 {
        "Pending"
    } else if tally.running == 0 && policy == RestartPolicy::Never && tally.failed > 0 {
        "Failed"
    } else {
        "Running"
    }
}
