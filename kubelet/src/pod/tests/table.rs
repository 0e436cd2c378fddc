//! What is done in which state.

use bireme_core::runtime::{ContainerState, SandboxState};
use serde_json::json;

use super::builder::{Setting, at, container_id, exited, fresh, of, running, sandbox_id};
use crate::pod::action::Action;
use crate::pod::backoff::{Crash, Failure};
use crate::pod::memory::{Hook, KillReason, Rejection, Slot, Volumes};
use crate::pod::probe::ProbeKind;

/// An action in one word and its object.
pub(super) fn short(action: &Action) -> String {
    match action {
        Action::PrepareVolumes => "volumes".to_owned(),
        Action::RunSandbox { attempt } => format!("sandbox {attempt}"),
        Action::Attach { sandbox } => format!("attach {sandbox}"),
        Action::EnsureImage { container } => format!("image {container}"),
        Action::AbandonImage { container } => format!("abandon {container}"),
        Action::Create { container, attempt, sandbox } => format!("create {container}{attempt} in {sandbox}"),
        Action::Start { id, .. } => format!("start {id}"),
        Action::PostStart { id, .. } => format!("post-start {id}"),
        Action::PreStop { id, until, .. } => format!("pre-stop {id} until {}", until.as_second()),
        Action::Stop { id, until, .. } => format!("stop {id} until {}", until.as_second()),
        Action::Probe { id, kind, .. } => format!("probe {id} {}", kind.name()),
        Action::Remove { id } => format!("remove {id}"),
        Action::CloseSandbox { sandbox } => format!("close {sandbox}"),
        Action::RemoveSandbox { sandbox } => format!("remove {sandbox}"),
        Action::RemoveVolumes => "remove volumes".to_owned(),
        Action::Delete => "delete".to_owned(),
    }
}

fn check(cases: impl IntoIterator<Item = (&'static str, Setting, &'static [&'static str])>) {
    for (case, setting, expected) in cases {
        assert_eq!(setting.actions(), expected, "{case}");
    }
}

#[test]
fn a_sandbox_is_made_connected_and_replaced() {
    use SandboxState::{NotReady, Ready};
    let with_volumes = || fresh().image("main").remember(|memory| memory.volumes = Volumes::Ready);
    let mut host = with_volumes();
    host.pod.spec.as_mut().unwrap().host_network = Some(true);
    let failed = Failure { reason: "x", message: String::new(), count: 1, retry_at: at(1005) };
    check([
        ("nothing", fresh(), &["volumes", "sandbox 0", "image main"][..]),
        ("volumes", with_volumes(), &["sandbox 0"]),
        ("being made", with_volumes().remember(|it| _ = it.busy.insert(Slot::Sandbox, None)), &[]),
        ("not connected", with_volumes().sandbox(0, Ready), &["attach s0"]),
        ("host network", host.sandbox(0, Ready), &["create main0 in s0"]),
        ("connected", fresh().prepared(), &["image main"]),
        ("lost", with_volumes().sandbox(0, NotReady), &["close s0"]),
        (
            "lost and closed",
            with_volumes().sandbox(0, NotReady).remember(|it| _ = it.closed.insert(sandbox_id(0))),
            &["sandbox 1"],
        ),
        ("failed just now", with_volumes().remember(|it| it.sandbox_failure = Some(failed.clone())), &[]),
        (
            "failed a while ago",
            with_volumes().remember(|it| it.sandbox_failure = Some(failed.clone())).at(1005),
            &["sandbox 0"],
        ),
    ]);
    assert_eq!(with_volumes().remember(|it| it.sandbox_failure = Some(failed)).wake(), Some(1005));
}

#[test]
fn a_container_is_pulled_made_started_and_kept_running() {
    let prepared = || fresh().prepared();
    check([
        ("nothing", prepared(), &["image main"][..]),
        ("image", prepared().image("main"), &["create main0 in s0"]),
        ("made", prepared().container("main", 0, ContainerState::Created), &["start main0"]),
        ("running", prepared().container("main", 0, running()), &[]),
        ("ended once", prepared().container("main", 0, exited(1)), &["image main"]),
        (
            "ended once, image",
            prepared().container("main", 0, exited(1)).image("main"),
            &["create main1 in s0"],
        ),
        ("ended again", prepared().container("main", 1, exited(1)).at(995), &[]),
        ("ended again, a while ago", prepared().container("main", 1, exited(1)).at(1000), &["image main"]),
        (
            "in a sandbox that was lost",
            prepared()
                .sandbox(1, SandboxState::Ready)
                .container_in(0, "main", 0, exited(137))
                .image("main")
                .remember(|it| {
                    it.closed.insert(sandbox_id(0));
                    it.address = Some((sandbox_id(1), "10.0.0.1".parse().unwrap()));
                }),
            &["create main1 in s1"],
        ),
        ("no volumes", prepared().remember(|it| it.volumes = Volumes::Unknown).image("main"), &["volumes"]),
        (
            "volumes outdated",
            prepared().remember(|it| it.volumes = Volumes::Stale).container("main", 0, running()),
            &["volumes"],
        ),
    ]);
    assert_eq!(prepared().container("main", 1, exited(1)).at(995).wake(), Some(1000));
}

#[test]
fn restart_policies_decide_what_follows_an_end() {
    let ended = |policy: &str, code: i32| {
        fresh().prepared().policy(policy).container("main", 0, exited(code)).image("main")
    };
    let again: &[&str] = &["create main1 in s0"];
    let over: &[&str] = &["close s0"];
    check([
        ("always, success", ended("Always", 0), again),
        ("always, failure", ended("Always", 1), again),
        ("on failure, success", ended("OnFailure", 0), over),
        ("on failure, failure", ended("OnFailure", 1), again),
        ("never, success", ended("Never", 0), over),
        ("never, failure", ended("Never", 1), over),
    ]);
    // What the agent itself ended starts again, whatever code it chose.
    for (why, policy, again) in [
        (KillReason::Liveness, "OnFailure", true),
        (KillReason::Liveness, "Never", false),
        (KillReason::Changed, "Never", true),
    ] {
        let killed = ended(policy, 0).remember(|it| {
            it.kills.insert(container_id("main", 0), (at(980), why));
        });
        let restarts = killed.actions().iter().any(|action| action.starts_with("create"));
        assert_eq!(restarts, again, "{why:?} {policy}");
    }
}

#[test]
fn a_finished_pod_keeps_its_containers_and_nothing_else() {
    let finished = || fresh().prepared().policy("Never").container("main", 0, exited(0));
    let closed = || finished().remember(|it| _ = it.closed.insert(sandbox_id(0)));
    check([
        ("ended", finished(), &["close s0"][..]),
        ("closed", closed(), &["remove volumes"]),
        ("done", closed().remember(|it| it.volumes = Volumes::Removed), &[]),
    ]);
}

#[test]
fn a_deleted_pod_is_taken_down_step_by_step() {
    let up = || fresh().prepared().container("main", 0, running());
    let mut with_hook = up().deleted(30);
    let hook = json!({"preStop": {"exec": {"command": ["x"]}}});
    with_hook.pod.spec.as_mut().unwrap().containers[0].lifecycle = serde_json::from_value(hook).unwrap();
    let hook_ran = with_hook.clone().remember(|it| _ = it.pre_stop_done.insert(container_id("main", 0)));
    let stopping = |until: i64| {
        up().remember(|it| _ = it.busy.insert(Slot::Container("main".to_owned()), Some(at(until))))
    };
    let down = || {
        let down = fresh().prepared().container("main", 0, exited(0)).deleted(30);
        down.remember(|it| _ = it.closed.insert(sandbox_id(0)))
    };
    let told = || {
        let mut told = down().remember(|it| it.volumes = Volumes::Removed);
        told.pod.status = Some(told.plan().status);
        told
    };
    let mut gone = told();
    (gone.sandboxes, gone.containers) = (vec![], vec![]);
    check([
        ("running", up().deleted(30), &["stop main0 until 1030"][..]),
        ("with a hook", with_hook.clone(), &["pre-stop main0 until 1030"]),
        ("the hook ran", hook_ran, &["stop main0 until 1030"]),
        ("no time left for the hook", with_hook.at(1030), &["stop main0 until 1030"]),
        ("being stopped", stopping(1030).deleted(30), &[]),
        ("with less time", stopping(1030).deleted(5), &["stop main0 until 1005"]),
        (
            "being pulled",
            fresh()
                .prepared()
                .deleted(30)
                .remember(|it| _ = it.busy.insert(Slot::Image("main".to_owned()), None)),
            &["abandon main", "close s0"],
        ),
        (
            "being made",
            fresh()
                .prepared()
                .deleted(30)
                .remember(|it| _ = it.busy.insert(Slot::Container("main".to_owned()), None)),
            &[],
        ),
        ("stopped", fresh().prepared().container("main", 0, exited(0)).deleted(30), &["close s0"]),
        ("closed", down(), &["remove volumes"]),
        ("the API does not know yet", down().remember(|it| it.volumes = Volumes::Removed), &[]),
        ("it knows", told(), &["remove s0"]),
        ("nothing is left", gone.clone(), &["delete"]),
        ("gone from the API", gone.remember(|it| it.gone = true), &[]),
        (
            "gone from the API, and still running",
            up().remember(|it| {
                it.gone = true;
                it.ending_since = Some(at(1000));
            }),
            &["stop main0 until 1030"],
        ),
    ]);
}

#[test]
fn main_containers_end_before_sidecars_and_sidecars_in_reverse() {
    let spec = json!({
        "initContainers": [
            {"name": "one", "image": "server:1", "restartPolicy": "Always"},
            {"name": "two", "image": "server:1", "restartPolicy": "Always"},
        ],
        "containers": [{"name": "main", "image": "server:1"}],
    });
    let with = |names: &[&str]| {
        let setting = of(spec.clone()).prepared().deleted(30);
        names.iter().fold(setting, |setting, name| setting.container(name, 0, running()))
    };
    check([
        ("all", with(&["one", "two", "main"]), &["stop main0 until 1030"][..]),
        ("sidecars", with(&["one", "two"]), &["stop two0 until 1030"]),
        ("the first", with(&["one"]), &["stop one0 until 1030"]),
    ]);
}

#[test]
fn init_containers_go_one_by_one_and_sidecars_let_the_next_go_when_they_have_started() {
    let spec = json!({
        "initContainers": [
            {"name": "first", "image": "server:1"},
            {"name": "side", "image": "server:1", "restartPolicy": "Always",
                "startupProbe": {"exec": {"command": ["x"]}, "periodSeconds": 10}},
            {"name": "last", "image": "server:1"},
        ],
        "containers": [{"name": "main", "image": "server:1"}, {"name": "more", "image": "server:1"}],
    });
    let prepared = || of(spec.clone()).prepared();
    let first = || prepared().container("first", 0, exited(0));
    let started = || {
        first().container("side", 0, running()).remember(|it| {
            let probe = serde_json::from_value(json!({})).unwrap();
            it.probes.record("side", ProbeKind::Startup, &container_id("side", 0), &probe, true, at(999));
        })
    };
    check([
        ("begin", prepared(), &["image first"][..]),
        ("first runs", prepared().container("first", 0, running()), &[]),
        ("first failed", prepared().container("first", 0, exited(1)), &["image first"]),
        ("first done", first(), &["image side"]),
        ("side runs", first().container("side", 0, running()), &["probe side0 Startup"]),
        ("side has started", started(), &["image last"]),
        ("side ended meanwhile", first().container("side", 0, exited(0)), &["image side"]),
        ("all done", started().container("last", 0, exited(0)), &["image main", "image more"]),
        (
            "side ended later",
            first()
                .container("side", 0, exited(1))
                .container("last", 0, exited(0))
                .container("main", 0, running())
                .container("more", 0, running()),
            &["image side"],
        ),
    ]);
}

#[test]
fn init_containers_that_are_gone_with_their_sandbox_do_their_work_again_in_the_next() {
    let spec = json!({
        "initContainers": [{"name": "first", "image": "server:1"}],
        "containers": [{"name": "main", "image": "server:1"}],
    });
    let forgotten = |policy: &str, code: i32| {
        let mut setting = of(spec.clone()).prepared().policy(policy).container("first", 0, exited(code));
        if code == 0 {
            setting = setting.container("main", 0, running());
        }
        setting.pod.status = Some(setting.plan().status);
        setting.containers.clear();
        setting
    };
    check([
        ("done", forgotten("Always", 0), &["image first"][..]),
        ("done, and its image here", forgotten("Always", 0).image("first"), &["create first1 in s0"]),
        ("failed", forgotten("Always", 1).image("first"), &["create first1 in s0"]),
        ("failed for good", forgotten("Never", 1), &["close s0"]),
    ]);
}

#[test]
fn a_container_waits_for_those_before_it_but_not_for_their_failures() {
    let spec =
        json!({"containers": [{"name": "a", "image": "server:1"}, {"name": "b", "image": "server:1"}]});
    let prepared = || of(spec.clone()).prepared();
    let failure = Failure { reason: "ErrImagePull", message: String::new(), count: 1, retry_at: at(1010) };
    check([
        ("both to pull", prepared(), &["image a", "image b"][..]),
        ("a to be made", prepared().image("a").image("b"), &["create a0 in s0"]),
        ("a made", prepared().image("b").container("a", 0, ContainerState::Created), &["start a0"]),
        ("a runs", prepared().image("b").container("a", 0, running()), &["create b0 in s0"]),
        (
            "a cannot be pulled",
            prepared()
                .image("b")
                .remember(|it| _ = it.image_failures.insert("a".to_owned(), failure.clone())),
            &["create b0 in s0"],
        ),
        (
            "a's hook runs",
            prepared()
                .image("b")
                .container("a", 0, running())
                .remember(|it| _ = it.post_start.insert(container_id("a", 0), Hook::Due)),
            &["post-start a0"],
        ),
    ]);
}

#[test]
fn a_running_container_is_ended_for_a_reason() {
    let up = || {
        let mut up = fresh().prepared().container("main", 0, running());
        let probe =
            json!({"exec": {"command": ["x"]}, "failureThreshold": 1, "terminationGracePeriodSeconds": 3});
        up.pod.spec.as_mut().unwrap().containers[0].liveness_probe = serde_json::from_value(probe).unwrap();
        up
    };
    let failed = up().remember(|it| {
        let probe = serde_json::from_value(json!({"failureThreshold": 1})).unwrap();
        it.probes.record("main", ProbeKind::Liveness, &container_id("main", 0), &probe, false, at(999));
    });
    let mut changed = fresh().prepared().container("main", 0, running());
    changed.pod.spec.as_mut().unwrap().containers[0].image = Some("server:2".to_owned());
    let hook = fresh()
        .prepared()
        .container("main", 0, running())
        .remember(|it| _ = it.post_start.insert(container_id("main", 0), Hook::Failed));
    check([
        ("alive", up(), &["probe main0 Liveness"][..]),
        ("not alive", failed.clone(), &["stop main0 until 1003"]),
        ("another image", changed, &["stop main0 until 1030"]),
        ("the hook failed", hook, &["stop main0 until 1030"]),
    ]);
    let began =
        failed.remember(|it| _ = it.kills.insert(container_id("main", 0), (at(998), KillReason::Liveness)));
    assert_eq!(
        began.actions(),
        ["stop main0 until 1001"],
        "the time counts from the beginning, not from the look"
    );
}

#[test]
fn probes_are_asked_when_they_are_due() {
    let with = |probes: serde_json::Value| {
        let mut setting = fresh().prepared().container("main", 0, running());
        let mut container = serde_json::to_value(&setting.pod.spec.as_ref().unwrap().containers[0]).unwrap();
        container.as_object_mut().unwrap().extend(probes.as_object().unwrap().clone());
        setting.pod.spec.as_mut().unwrap().containers[0] = serde_json::from_value(container).unwrap();
        setting
    };
    let exec = json!({"exec": {"command": ["x"]}, "initialDelaySeconds": 150, "periodSeconds": 10});
    let delayed = with(json!({"readinessProbe": exec}));
    assert_eq!((delayed.actions(), delayed.wake()), (vec![], Some(1050)));
    assert_eq!(delayed.clone().at(1050).actions(), ["probe main0 Readiness"]);
    let asked = delayed.at(1050).remember(|it| {
        it.busy.insert(Slot::Probe("main".to_owned(), ProbeKind::Readiness), None);
    });
    assert_eq!((asked.actions(), asked.wake()), (vec![], None));
    let both = with(
        json!({"startupProbe": {"exec": {"command": ["x"]}}, "livenessProbe": {"exec": {"command": ["x"]}}}),
    );
    assert_eq!(both.actions(), ["probe main0 Startup"], "the others wait for it");
}

#[test]
fn only_what_somebody_may_ask_for_is_kept() {
    let setting = fresh()
        .prepared()
        .container("main", 0, exited(1))
        .container("main", 1, exited(1))
        .container("main", 2, running());
    assert_eq!(setting.actions(), ["remove main0"]);
    let mut moved = fresh().sandbox(0, SandboxState::NotReady).prepared();
    moved.sandboxes[1].attempt = 1;
    moved.sandboxes[1].id = sandbox_id(1);
    moved.memory.address = Some((sandbox_id(1), "10.0.0.1".parse().unwrap()));
    moved.memory.closed.insert(sandbox_id(0));
    let kept = moved.clone().container_in(0, "main", 0, exited(1)).container_in(1, "main", 1, running());
    assert_eq!(kept.actions(), Vec::<String>::new(), "the old sandbox has the previous container");
    let empty = moved.container_in(1, "main", 1, exited(1)).container_in(1, "main", 2, running());
    assert_eq!(empty.actions(), ["remove s0"]);
}

#[test]
fn a_refused_pod_is_left_alone() {
    let rejection = Rejection { reason: "OutOfcpu".to_owned(), message: "no".to_owned() };
    let setting = fresh().remember(|it| {
        it.rejected = Some(rejection);
        it.volumes = Volumes::Removed;
    });
    assert_eq!(setting.actions(), Vec::<String>::new());
    let status = setting.plan().status;
    assert_eq!((status.phase.as_deref(), status.reason.as_deref()), (Some("Failed"), Some("OutOfcpu")));
}

#[test]
fn an_earlier_crash_count_lengthens_the_wait() {
    let crashed = |count: u32| {
        let setting = fresh().prepared().container("main", 1, exited(1)).at(991);
        setting.remember(|it| _ = it.crashes.insert("main".to_owned(), Crash { count })).wake()
    };
    assert_eq!([crashed(1), crashed(2), crashed(3)], [Some(1000), Some(1010), Some(1030)]);
}
