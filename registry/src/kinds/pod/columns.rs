//! The cells of a pod's row: the one place where the many states of a pod become one word.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerState, ContainerStateTerminated, ContainerStatus, Pod, PodStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::kinds::check::text;
use crate::resource::age;

/// What a row tells about a pod's containers.
#[derive(Default)]
pub(super) struct Summary {
    ready: usize,
    total: usize,
    restarts: i64,
    last_restart: Option<Time>,
    status: String,
}

/// What became of the init containers.
enum Initialization {
    Done,
    Under(String),
}

impl Summary {
    pub(super) fn of(pod: &Pod) -> Summary {
        let sidecars = pod.spec.iter().flat_map(|spec| spec.init_containers.iter().flatten());
        let sidecars =
            sidecars.filter(|container| container.restart_policy.as_deref() == Some("Always")).count();
        let containers = pod.spec.as_ref().map_or(0, |spec| spec.containers.len());
        let mut summary = Summary { total: containers + sidecars, ..Summary::default() };
        let Some(status) = &pod.status else { return summary };
        summary.status = overall(status).to_owned();
        let mut of_sidecars = Summary::default();
        let initialization = summary.init_containers(pod, status, &mut of_sidecars);
        if let Initialization::Under(reason) = &initialization {
            summary.status.clone_from(reason);
        }
        if matches!(initialization, Initialization::Done) || has_condition(status, "Initialized") {
            // Once the pod runs, what happened while it started no longer counts.
            (summary.restarts, summary.last_restart) = (of_sidecars.restarts, of_sidecars.last_restart);
            summary.containers(status);
        }
        if pod.metadata.deletion_timestamp.is_some() {
            if text(&status.reason) == "NodeLost" {
                summary.status = "Unknown".to_owned();
            } else if !matches!(text(&status.phase), "Succeeded" | "Failed") {
                summary.status = "Terminating".to_owned();
            }
        }
        summary
    }

    /// How many containers are ready, of how many: `1/2`.
    pub(super) fn ready(&self) -> String {
        format!("{}/{}", self.ready, self.total)
    }

    /// The state of the pod in one word.
    pub(super) fn status(self) -> String {
        self.status
    }

    /// How often containers were restarted, and when last: `3 (5m ago)`.
    pub(super) fn restarts(&self, now: Timestamp) -> String {
        match &self.last_restart {
            Some(last) if self.restarts != 0 => format!("{} ({} ago)", self.restarts, age(Some(last), now)),
            _ => self.restarts.to_string(),
        }
    }

    fn count_restarts(&mut self, container: &ContainerStatus) {
        self.restarts += i64::from(container.restart_count);
        let last = container.last_state.as_ref().and_then(|state| state.terminated.as_ref());
        let finished = last.and_then(|terminated| terminated.finished_at.clone());
        self.last_restart = self.last_restart.take().max(finished);
    }

    fn init_containers(&mut self, pod: &Pod, status: &PodStatus, sidecars: &mut Summary) -> Initialization {
        let specs = pod.spec.as_ref().and_then(|spec| spec.init_containers.as_deref()).unwrap_or_default();
        for (index, container) in status.init_container_statuses.iter().flatten().enumerate() {
            let spec = specs.iter().find(|spec| spec.name == container.name);
            let is_sidecar = spec.is_some_and(|spec| spec.restart_policy.as_deref() == Some("Always"));
            self.count_restarts(container);
            if is_sidecar {
                sidecars.count_restarts(container);
            }
            let state = container.state.clone().unwrap_or_default();
            let progress = || format!("Init:{index}/{}", specs.len());
            match state {
                ContainerState { terminated: Some(ended), .. } if ended.exit_code == 0 => {}
                _ if is_sidecar && container.started == Some(true) => {
                    self.ready += usize::from(container.ready);
                }
                ContainerState { terminated: Some(ended), .. } => {
                    return Initialization::Under(format!("Init:{}", why_ended(&ended)));
                }
                ContainerState { waiting: Some(waiting), .. } => {
                    return Initialization::Under(match text(&waiting.reason) {
                        "" | "PodInitializing" => progress(),
                        reason => format!("Init:{reason}"),
                    });
                }
                _ => return Initialization::Under(progress()),
            }
        }
        Initialization::Done
    }

    fn containers(&mut self, status: &PodStatus) {
        let mut running = false;
        for container in status.container_statuses.iter().flatten().rev() {
            self.count_restarts(container);
            let state = container.state.clone().unwrap_or_default();
            let waiting = state.waiting.as_ref().map(|waiting| text(&waiting.reason)).unwrap_or_default();
            if !waiting.is_empty() {
                self.status = waiting.to_owned();
            } else if let Some(ended) = &state.terminated {
                self.status = why_ended(ended);
            } else if container.ready && state.running.is_some() {
                running = true;
                self.ready += 1;
            }
        }
        // One container that ended well does not make a pod whose others go on complete.
        if self.status == "Completed" && running {
            self.status = if has_condition(status, "Ready") { "Running" } else { "NotReady" }.to_owned();
        }
    }
}

fn overall(status: &PodStatus) -> &str {
    let gated = |condition: &k8s_openapi::api::core::v1::PodCondition| {
        condition.type_ == "PodScheduled" && condition.reason.as_deref() == Some("SchedulingGated")
    };
    if status.conditions.iter().flatten().any(gated) {
        return "SchedulingGated";
    }
    match text(&status.reason) {
        "" => text(&status.phase),
        reason => reason,
    }
}

fn why_ended(ended: &ContainerStateTerminated) -> String {
    match (text(&ended.reason), ended.signal.unwrap_or(0)) {
        ("", 0) => format!("ExitCode:{}", ended.exit_code),
        ("", signal) => format!("Signal:{signal}"),
        (reason, _) => reason.to_owned(),
    }
}

fn has_condition(status: &PodStatus, type_: &str) -> bool {
    let mut conditions = status.conditions.iter().flatten();
    conditions.any(|condition| condition.type_ == type_ && condition.status == "True")
}

/// The pod's first address.
pub(super) fn ip(pod: &Pod) -> &str {
    let status = pod.status.as_ref();
    let first = status.and_then(|status| status.pod_ips.iter().flatten().next()).map(|ip| ip.ip.as_str());
    let ip = first.or(status.map(|status| text(&status.pod_ip))).unwrap_or_default();
    if ip.is_empty() { "<none>" } else { ip }
}

/// How many readiness gates are open, of how many.
pub(super) fn readiness_gates(pod: &Pod) -> String {
    let gates = pod.spec.as_ref().and_then(|spec| spec.readiness_gates.as_deref()).unwrap_or_default();
    if gates.is_empty() {
        return "<none>".to_owned();
    }
    let is_open = |gate: &&k8s_openapi::api::core::v1::PodReadinessGate| {
        pod.status.as_ref().is_some_and(|status| has_condition(status, &gate.condition_type))
    };
    format!("{}/{}", gates.iter().filter(is_open).count(), gates.len())
}
