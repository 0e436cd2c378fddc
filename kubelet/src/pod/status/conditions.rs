//! The conditions that the agent keeps; those of others stay as they are.

use k8s_openapi::api::core::v1::{ContainerStatus, PodCondition, PodStatus};

use super::super::declared::{self, Role};
use super::super::plan::{Situation, init_failed, is_initialized, usable_sandbox};
use super::time;

/// Whether a condition holds, and why not.
struct Finding {
    holds: bool,
    reason: Option<&'static str>,
    message: Option<String>,
}

impl Finding {
    fn yes() -> Self {
        Self { holds: true, reason: None, message: None }
    }

    fn no(reason: &'static str, message: Option<String>) -> Self {
        Self { holds: false, reason: Some(reason), message }
    }
}

pub(super) fn report(situation: &Situation<'_>, status: &mut PodStatus) {
    let containers = containers_ready(situation, status);
    let ready = ready(situation, status, &containers);
    let sandbox = usable_sandbox(situation).is_some();
    let network = Finding { holds: sandbox, reason: None, message: None };
    let found = [
        ("PodReadyToStartContainers", network),
        ("Initialized", initialized(situation, status)),
        ("Ready", ready),
        ("ContainersReady", containers),
        ("PodScheduled", Finding::yes()),
    ];
    for (type_, finding) in found {
        set(situation, status, type_, finding);
    }
}

fn set(situation: &Situation<'_>, status: &mut PodStatus, type_: &str, finding: Finding) {
    let conditions = status.conditions.get_or_insert_default();
    let known = conditions.iter().position(|condition| condition.type_ == type_);
    let value = if finding.holds { "True" } else { "False" };
    let since = known
        .map(|index| &conditions[index])
        .filter(|condition| condition.status == value)
        .and_then(|condition| condition.last_transition_time.clone());
    let condition = PodCondition {
        type_: type_.to_owned(),
        status: value.to_owned(),
        reason: finding.reason.map(str::to_owned),
        message: finding.message,
        last_transition_time: Some(since.unwrap_or_else(|| time(situation.now))),
        last_probe_time: None,
        observed_generation: situation.pod.metadata.generation,
    };
    match known {
        Some(index) => conditions[index] = condition,
        None => conditions.push(condition),
    }
}

fn initialized(situation: &Situation<'_>, status: &PodStatus) -> Finding {
    let completed = status.phase.as_deref() == Some("Succeeded");
    if completed || is_initialized(situation) && !init_failed(situation) {
        return Finding { reason: completed.then_some("PodCompleted"), ..Finding::yes() };
    }
    let ready = |name: &str| {
        let all = status.init_container_statuses.iter().flatten();
        all.into_iter().any(|container| container.name == name && container.ready)
    };
    let missing: Vec<&str> = declared::init_phase(declared::spec(situation.pod))
        .map(|declared| declared.name())
        .filter(|name| !ready(name))
        .collect();
    let message = format!("containers with incomplete status: [{}]", missing.join(" "));
    Finding::no("ContainersNotInitialized", Some(message))
}

fn containers_ready(situation: &Situation<'_>, status: &PodStatus) -> Finding {
    match status.phase.as_deref() {
        Some("Succeeded") => return Finding::no("PodCompleted", None),
        Some("Failed") => return Finding::no("PodFailed", None),
        _ => {}
    }
    let spec = declared::spec(situation.pod);
    let is_sidecar = |container: &&ContainerStatus| {
        declared::by_name(spec, &container.name).is_some_and(|declared| declared.role == Role::Sidecar)
    };
    let sidecars = status.init_container_statuses.iter().flatten().filter(is_sidecar);
    let unready: Vec<&str> = sidecars
        .chain(status.container_statuses.iter().flatten())
        .filter(|container| !container.ready)
        .map(|container| container.name.as_str())
        .collect();
    if unready.is_empty() {
        return Finding::yes();
    }
    let message = format!("containers with unready status: [{}]", unready.join(" "));
    Finding::no("ContainersNotReady", Some(message))
}

/// Ready containers, and every readiness gate open.
fn ready(situation: &Situation<'_>, status: &PodStatus, containers: &Finding) -> Finding {
    if !containers.holds {
        return Finding { holds: false, reason: containers.reason, message: containers.message.clone() };
    }
    let open = |gate: &str| {
        let conditions = status.conditions.iter().flatten();
        conditions.into_iter().any(|condition| condition.type_ == gate && condition.status == "True")
    };
    let gates = declared::spec(situation.pod).readiness_gates.iter().flatten();
    let shut: Vec<String> = gates
        .filter(|gate| !open(&gate.condition_type))
        .map(|gate| {
            format!(
                "corresponding condition of pod readiness gate \"{}\" does not exist or is not True.",
                gate.condition_type
            )
        })
        .collect();
    if shut.is_empty() {
        Finding::yes()
    } else {
        Finding::no("ReadinessGatesNotReady", Some(shut.join(", ")))
    }
}
