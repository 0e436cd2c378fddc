//! What the API is told.

use bireme_core::runtime::{ContainerState, Exit, SandboxState};
use k8s_openapi::api::core::v1::{ContainerStatus, PodStatus};
use serde_json::json;

use super::builder::{Setting, at, container_id, exited, fresh, of, running, sandbox_id};
use crate::pod::backoff::Failure;
use crate::pod::memory::Slot;
use crate::pod::probe::ProbeKind;

fn phase(setting: &Setting) -> String {
    setting.plan().status.phase.unwrap()
}

fn main(status: &PodStatus) -> &ContainerStatus {
    &status.container_statuses.as_ref().unwrap()[0]
}

/// Why the main container waits.
fn waiting(setting: &Setting) -> Option<String> {
    main(&setting.plan().status).state.as_ref()?.waiting.as_ref()?.reason.clone()
}

fn condition(status: &PodStatus, type_: &str) -> (String, Option<String>) {
    let found = status.conditions.iter().flatten().find(|condition| condition.type_ == type_).unwrap();
    (found.status.clone(), found.reason.clone())
}

#[test]
fn phases_follow_the_containers() {
    let with =
        |policy: &str, state: ContainerState| fresh().prepared().policy(policy).container("main", 0, state);
    for (setting, expected) in [
        (fresh(), "Pending"),
        (fresh().prepared(), "Pending"),
        (with("Always", ContainerState::Created), "Pending"),
        (with("Always", running()), "Running"),
        (with("Always", exited(0)), "Running"),
        (with("Always", exited(1)), "Running"),
        (with("OnFailure", exited(0)), "Succeeded"),
        (with("OnFailure", exited(1)), "Running"),
        (with("Never", exited(0)), "Succeeded"),
        (with("Never", exited(1)), "Failed"),
        (with("Always", running()).deleted(30), "Running"),
        (with("Always", exited(0)).deleted(30), "Succeeded"),
        (with("Always", exited(143)).deleted(30), "Failed"),
        (fresh().deleted(30), "Failed"),
    ] {
        assert_eq!(phase(&setting), expected, "{:?} {:?}", setting.containers, setting.pod.spec);
    }
}

#[test]
fn a_pod_that_has_ended_never_begins_again() {
    let mut setting = fresh().prepared().policy("Never").container("main", 0, exited(1));
    setting.pod.status = Some(setting.plan().status);
    setting.containers[0].state = exited(0);
    assert_eq!(phase(&setting), "Failed");
}

#[test]
fn waiting_containers_say_why() {
    let failure = |reason, count| Failure { reason, message: "no".to_owned(), count, retry_at: at(1010) };
    let image = |reason, count| {
        fresh()
            .prepared()
            .remember(|it| _ = it.image_failures.insert("main".to_owned(), failure(reason, count)))
    };
    let step = |reason| {
        fresh().prepared().remember(|it| _ = it.failures.insert("main".to_owned(), failure(reason, 1)))
    };
    let not_started = ContainerState::Exited(Exit {
        code: 127,
        oom_killed: false,
        started_at: None,
        finished_at: at(995),
        message: Some("no such file".to_owned()),
    });
    let reason = |setting: &Setting| waiting(setting).unwrap_or_default();
    assert_eq!(reason(&fresh()), "ContainerCreating");
    assert_eq!(reason(&image("ErrImagePull", 1)), "ErrImagePull");
    assert_eq!(reason(&image("ErrImagePull", 2)), "ImagePullBackOff");
    assert_eq!(reason(&image("ErrImageNeverPull", 2)), "ErrImageNeverPull");
    assert_eq!(reason(&step("CreateContainerConfigError")), "CreateContainerConfigError");
    assert_eq!(reason(&fresh().prepared().container("main", 1, exited(1)).at(995)), "CrashLoopBackOff");
    assert_eq!(reason(&fresh().prepared().container("main", 1, not_started).at(996)), "RunContainerError");
    assert_eq!(
        waiting(&fresh().prepared().container("main", 0, exited(1))),
        None,
        "the first restart is immediate"
    );
    let message = fresh().prepared().container("main", 2, exited(1)).at(995).plan().status;
    let message = main(&message).state.clone().unwrap().waiting.unwrap().message.unwrap();
    assert_eq!(message, "back-off 20s restarting failed container=main pod=web_default(u1)");
}

#[test]
fn an_end_is_told_with_its_reason() {
    let reason = |oom_killed: bool, code: i32| {
        let exit = Exit { code, oom_killed, started_at: Some(at(900)), finished_at: at(990), message: None };
        let setting = fresh().prepared().policy("Never").container("main", 0, ContainerState::Exited(exit));
        let setting =
            setting.remember(|it| _ = it.messages.insert(container_id("main", 0), "bye".to_owned()));
        let ended = main(&setting.plan().status).state.clone().unwrap().terminated.unwrap();
        assert_eq!(
            (ended.message.as_deref(), ended.container_id.as_deref()),
            (Some("bye"), Some("sim://main0"))
        );
        (ended.reason.unwrap(), ended.exit_code)
    };
    assert_eq!(reason(true, 137), ("OOMKilled".to_owned(), 137));
    assert_eq!(reason(false, 0), ("Completed".to_owned(), 0));
    assert_eq!(reason(false, 3), ("Error".to_owned(), 3));
}

#[test]
fn what_the_engine_has_forgotten_the_api_remembers() {
    let mut setting = fresh().prepared().policy("Never").container("main", 2, exited(3));
    setting.pod.status = Some(setting.plan().status);
    let before = setting.pod.status.clone().unwrap();
    setting.containers.clear();
    assert_eq!(setting.plan().status.container_statuses, before.container_statuses);
    let mut setting = fresh().prepared().policy("Never").container("main", 0, running());
    setting.pod.status = Some(setting.plan().status);
    setting.containers.clear();
    let status = setting.plan().status;
    let ended = main(&status).state.clone().unwrap().terminated.unwrap();
    assert_eq!((ended.exit_code, ended.reason.as_deref()), (137, Some("ContainerStatusUnknown")));
    assert_eq!(status.phase.as_deref(), Some("Failed"));
}

#[test]
fn conditions_keep_the_time_since_when_they_hold() {
    let mut setting = fresh().prepared().container("main", 0, running());
    setting.pod.status = Some(setting.plan().status);
    let later = setting.clone().at(2000).plan().status;
    assert_eq!(later.conditions, setting.pod.status.as_ref().unwrap().conditions);
    setting.containers[0].state = exited(1);
    let after = setting.at(3000).plan().status;
    let ready = after.conditions.iter().flatten().find(|condition| condition.type_ == "Ready").unwrap();
    assert_eq!((ready.status.as_str(), ready.last_transition_time.as_ref().unwrap().0), ("False", at(3000)));
    let sandbox =
        after.conditions.iter().flatten().find(|it| it.type_ == "PodReadyToStartContainers").unwrap();
    assert_eq!(sandbox.last_transition_time.as_ref().unwrap().0, at(1000));
}

#[test]
fn conditions_say_what_is_missing() {
    let pending = fresh().prepared().plan().status;
    assert_eq!(condition(&pending, "Ready"), ("False".to_owned(), Some("ContainersNotReady".to_owned())));
    assert_eq!(condition(&pending, "PodReadyToStartContainers").0, "True");
    assert_eq!(condition(&fresh().plan().status, "PodReadyToStartContainers").0, "False");
    let mut gated = fresh().prepared().container("main", 0, running());
    let gates = json!([{"conditionType": "example.org/gate"}]);
    gated.pod.spec.as_mut().unwrap().readiness_gates = serde_json::from_value(gates).unwrap();
    let status = gated.plan().status;
    assert_eq!(condition(&status, "ContainersReady").0, "True");
    assert_eq!(condition(&status, "Ready"), ("False".to_owned(), Some("ReadinessGatesNotReady".to_owned())));
    let open = json!({"conditions": [{"type": "example.org/gate", "status": "True"}]});
    gated.pod.status = serde_json::from_value(open).unwrap();
    let status = gated.plan().status;
    assert_eq!(condition(&status, "Ready").0, "True");
    assert_eq!(condition(&status, "example.org/gate").0, "True", "the conditions of others stay");
    let done = fresh().prepared().policy("Never").container("main", 0, exited(0)).plan().status;
    assert_eq!(condition(&done, "Ready"), ("False".to_owned(), Some("PodCompleted".to_owned())));
}

#[test]
fn a_container_is_ready_when_its_probe_says_so() {
    let mut setting = fresh().prepared().container("main", 0, running());
    let probe = json!({"exec": {"command": ["x"]}});
    setting.pod.spec.as_mut().unwrap().containers[0].readiness_probe = serde_json::from_value(probe).unwrap();
    let ready = |setting: &Setting| main(&setting.plan().status).ready;
    assert!(!ready(&setting));
    let probe = setting.pod.spec.as_ref().unwrap().containers[0].readiness_probe.clone().unwrap();
    setting.memory.probes.record(
        "main",
        ProbeKind::Readiness,
        &container_id("main", 0),
        &probe,
        true,
        at(999),
    );
    assert!(ready(&setting));
    setting.containers[0].id = container_id("main", 9);
    assert!(!ready(&setting), "that was another container");
}

#[test]
fn addresses_are_those_of_the_sandbox_or_of_the_node() {
    let status = fresh().prepared().plan().status;
    assert_eq!(
        (status.pod_ip.as_deref(), status.host_ip.as_deref()),
        (Some("10.244.1.5"), Some("192.168.0.1"))
    );
    let host = json!({"hostNetwork": true, "containers": [{"name": "main", "image": "server:1"}]});
    let status = of(host).sandbox(0, SandboxState::Ready).plan().status;
    assert_eq!(status.pod_ip.as_deref(), Some("192.168.0.1"));
    assert_eq!(fresh().sandbox(0, SandboxState::Ready).plan().status.pod_ip, None);
}

#[test]
fn a_deadline_fails_the_pod_at_once() {
    let mut setting = fresh().prepared().container("main", 0, running());
    setting.pod.spec.as_mut().unwrap().active_deadline_seconds = Some(100);
    setting.pod.status = Some(setting.plan().status);
    assert_eq!((setting.wake(), phase(&setting).as_str()), (Some(1100), "Running"));
    let over = setting.at(1100);
    assert_eq!(phase(&over), "Failed");
    assert_eq!(over.plan().status.reason.as_deref(), Some("DeadlineExceeded"));
    assert_eq!(over.actions(), ["stop main0 until 1130"]);
}

#[test]
fn a_pod_whose_sidecar_still_ends_is_not_over() {
    let spec = json!({
        "restartPolicy": "Never",
        "initContainers": [{"name": "side", "image": "server:1", "restartPolicy": "Always"}],
        "containers": [{"name": "main", "image": "server:1"}],
    });
    let setting = of(spec).prepared().container("main", 0, exited(0)).container("side", 0, running());
    assert_eq!(
        (phase(&setting).as_str(), setting.actions()),
        ("Running", vec!["stop side0 until 1030".to_owned()])
    );
    let stopping =
        setting.remember(|it| _ = it.busy.insert(Slot::Container("side".to_owned()), Some(at(1030))));
    assert_eq!(phase(&stopping), "Running");
    let mut over = stopping;
    over.memory.busy.clear();
    over.containers[1].state = exited(0);
    assert_eq!(phase(&over), "Succeeded");
    assert_eq!(over.actions(), [format!("close {}", sandbox_id(0))]);
}
