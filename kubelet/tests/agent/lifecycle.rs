//! Pods from their creation to their end, on a simulated engine under virtual time.

use std::time::Duration;

use crate::common::{Rig, condition, is_ready, phase, reported, running, waiting};
use bireme_core::client::{ApiEvent, Client, Part, Patch, WatchOptions, WriteOptions};
use bireme_core::network::PodNetwork;
use bireme_core::object::Kind;
use bireme_core::runtime::{ContainerState, Runtime};
use futures::StreamExt;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use serde_json::json;

#[tokio::test(start_paused = true)]
async fn a_pod_runs_and_says_how_it_is() {
    let rig = Rig::new().await;
    let _kubelet = rig.start();
    rig.create("web", running("sim/run")).await;
    let pod = rig.until("web", is_ready).await;
    let status = pod.status.as_ref().unwrap();
    assert_eq!(phase(&pod), "Running");
    let attached = rig.network.attachments().await.unwrap();
    assert_eq!(status.pod_ip, Some(attached[0].address.to_string()));
    assert_eq!(status.host_ip.as_deref(), Some("192.168.0.1"));
    assert_eq!(status.qos_class.as_deref(), Some("BestEffort"));
    assert!(status.start_time.is_some());
    for type_ in ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"] {
        assert_eq!(condition(&pod, type_), Some("True"), "{type_}");
    }
    let (main, found) = (reported(&pod, "main"), &rig.containers("web").await[0]);
    assert_eq!(main.container_id, Some(format!("sim://{}", found.id)));
    assert_eq!(
        (main.image_id.as_str(), main.started, main.restart_count),
        (found.image_id.as_str(), Some(true), 0)
    );
    let events = rig.events("web").await;
    for reason in ["Pulling", "Pulled", "Created", "Started"] {
        assert!(events.iter().any(|event| event == reason), "{reason} in {events:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_pod_is_not_written_again() {
    let rig = Rig::new().await;
    let _kubelet = rig.start();
    rig.create("web", running("sim/run")).await;
    let before = rig.until("web", is_ready).await;
    rig.sleep(3600).await;
    assert_eq!(rig.pod("web").await.unwrap().metadata.resource_version, before.metadata.resource_version);
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_ends_is_succeeded_or_failed_and_frees_its_address() {
    let rig = Rig::new().await;
    let _kubelet = rig.start();
    for (name, image, end) in [("good", "sim/exit:0", "Succeeded"), ("bad", "sim/exit:3", "Failed")] {
        let mut spec = running(image);
        spec["restartPolicy"] = json!("Never");
        rig.create(name, spec).await;
        let pod = rig.until(name, |pod| phase(pod) == end).await;
        let state = reported(&pod, "main").state.clone().unwrap().terminated.unwrap();
        assert_eq!(state.exit_code, if end == "Failed" { 3 } else { 0 });
        assert_eq!(state.reason.as_deref(), Some(if end == "Failed" { "Error" } else { "Completed" }));
    }
    rig.sleep(5).await;
    assert!(rig.network.attachments().await.unwrap().is_empty());
    assert_eq!(rig.containers("good").await.len(), 1, "its log can still be read");
    rig.delete("good", None).await;
    rig.delete("bad", None).await;
    rig.until_gone("good").await;
}

#[tokio::test(start_paused = true)]
async fn a_container_that_ends_again_and_again_waits_ever_longer() {
    let rig = Rig::new().await;
    let _kubelet = rig.start();
    rig.create("web", running("sim/exit:1")).await;
    let begin = rig.env.instant();
    let mut restarts = Vec::new();
    for count in 1..=5 {
        rig.until("web", |pod| reported_restarts(pod) >= count).await;
        restarts.push(rig.env.instant().since(begin).as_secs());
    }
    assert_eq!(restarts, [0, 10, 30, 70, 150]);
    let pod = rig.until("web", |pod| waiting(pod, "main") == Some("CrashLoopBackOff")).await;
    let last = reported(&pod, "main").last_state.clone().unwrap().terminated.unwrap();
    assert_eq!((last.exit_code, phase(&pod)), (1, "Running"));
    assert_eq!(rig.containers("web").await.len(), 2, "only the last two attempts are kept");
    assert!(rig.events("web").await.contains(&"BackOff".to_owned()));
}

fn reported_restarts(pod: &Pod) -> i32 {
    let status = pod.status.as_ref().and_then(|status| status.container_statuses.as_ref());
    status.map_or(0, |all| all[0].restart_count)
}

#[tokio::test(start_paused = true)]
async fn an_image_that_cannot_be_had_is_tried_again_later() {
    let rig = Rig::new().await;
    let _kubelet = rig.start();
    rig.create("web", running("sim/missing:1")).await;
    let pod = rig.until("web", |pod| waiting(pod, "main") == Some("ErrImagePull")).await;
    assert_eq!(phase(&pod), "Pending");
    rig.until("web", |pod| waiting(pod, "main") == Some("ImagePullBackOff")).await;
    let mut spec = running("sim/run");
    spec["containers"][0]["imagePullPolicy"] = json!("Never");
    rig.create("never", spec).await;
    rig.until("never", |pod| waiting(pod, "main") == Some("ErrImageNeverPull")).await;
    rig.delete("web", Some(1)).await;
    rig.delete("never", Some(1)).await;
    rig.until_gone("web").await;
}

#[tokio::test(start_paused = true)]
async fn a_command_that_cannot_run_is_told_and_tried_again() {
    let rig = Rig::new().await;
    let _kubelet = rig.start();
    rig.create("web", running("sim/broken")).await;
    let pod = rig.until("web", |pod| waiting(pod, "main") == Some("RunContainerError")).await;
    let last = reported(&pod, "main").last_state.clone().unwrap().terminated.unwrap();
    assert_eq!((last.reason.as_deref(), last.exit_code), (Some("StartError"), 128));
}

#[tokio::test(start_paused = true)]
async fn init_containers_run_one_after_the_other_and_sidecars_stay() {
    let rig = Rig::new().await;
    let _kubelet = rig.start();
    let spec = json!({
        "initContainers": [
            {"name": "first", "image": "sim/sleep:5s"},
            {"name": "side", "image": "sim/run", "restartPolicy": "Always"},
            {"name": "second", "image": "sim/sleep:5s"},
        ],
        "containers": [{"name": "main", "image": "sim/sleep:20s"}],
        "restartPolicy": "Never",
    });
    rig.create("web", spec).await;
    let pod = rig.until("web", |pod| waiting(pod, "main") == Some("PodInitializing")).await;
    assert_eq!((phase(&pod), condition(&pod, "Initialized")), ("Pending", Some("False")));
    let pod = rig.until("web", is_ready).await;
    let begun = |name: &str| {
        let state = reported(&pod, name).state.clone().unwrap();
        let ended = state.terminated.and_then(|ended| ended.started_at);
        ended.or(state.running.and_then(|running| running.started_at)).unwrap().0
    };
    assert_eq!(begun("side").duration_since(begun("first")).as_secs(), 5);
    assert_eq!(begun("main").duration_since(begun("second")).as_secs(), 5);
    assert!(reported(&pod, "side").ready && reported(&pod, "first").ready);
    let pod = rig.until("web", |pod| phase(pod) == "Succeeded").await;
    assert!(reported(&pod, "side").state.as_ref().unwrap().terminated.is_some(), "the sidecar ends last");
}

#[tokio::test(start_paused = true)]
async fn a_failed_init_container_fails_the_pod_or_is_tried_again() {
    let rig = Rig::new().await;
    let _kubelet = rig.start();
    let spec = |policy: &str| {
        json!({
            "initContainers": [{"name": "init", "image": "sim/exit:1"}],
            "containers": [{"name": "main", "image": "sim/run"}],
            "restartPolicy": policy,
        })
    };
    rig.create("never", spec("Never")).await;
    rig.create("always", spec("Always")).await;
    rig.until("never", |pod| phase(pod) == "Failed").await;
    let pod = rig.until("always", |pod| waiting(pod, "init") == Some("CrashLoopBackOff")).await;
    assert_eq!(phase(&pod), "Pending");
    assert!(rig.containers("never").await.iter().all(|container| container.name == "init"));
}

#[tokio::test(start_paused = true)]
async fn a_deleted_pod_ends_gracefully_and_leaves_nothing() {
    let rig = Rig::new().await;
    let _kubelet = rig.start();
    for (name, image) in [("polite", "sim/run"), ("stubborn", "sim/stubborn")] {
        rig.create(name, running(image)).await;
        rig.until(name, is_ready).await;
        let begin = rig.env.instant();
        rig.delete(name, Some(7)).await;
        rig.until_gone(name).await;
        let took = rig.env.instant().since(begin);
        let expected = if name == "polite" { 0 } else { 7 };
        assert_eq!(took.as_secs(), expected, "{name}");
    }
    assert!(rig.events("polite").await.contains(&"Killing".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_shorter_grace_shortens_an_end_that_has_begun() {
    let rig = Rig::new().await;
    let _kubelet = rig.start();
    rig.create("web", running("sim/stubborn")).await;
    rig.until("web", is_ready).await;
    let begin = rig.env.instant();
    rig.delete("web", Some(600)).await;
    rig.sleep(10).await;
    rig.delete("web", Some(1)).await;
    rig.until_gone("web").await;
    assert!(rig.env.instant().since(begin) < Duration::from_secs(15));
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_was_deleted_by_force_ends_too() {
    let rig = Rig::new().await;
    let _kubelet = rig.start();
    rig.create("web", running("sim/run")).await;
    rig.until("web", is_ready).await;
    rig.delete("web", Some(0)).await;
    rig.until_gone("web").await;
}

#[tokio::test(start_paused = true)]
async fn a_lost_sandbox_is_replaced_with_all_that_was_in_it() {
    let rig = Rig::new().await;
    let _kubelet = rig.start();
    rig.create("web", running("sim/run")).await;
    rig.until("web", is_ready).await;
    let sandbox = rig.runtime.sandboxes().await.unwrap().remove(0).id;
    rig.runtime.end_sandbox(&sandbox);
    let pod = rig.until("web", |pod| is_ready(pod) && reported_restarts(pod) == 1).await;
    let attached = rig.network.attachments().await.unwrap();
    assert_eq!(
        (attached.len(), pod.status.as_ref().unwrap().pod_ip.clone()),
        (1, Some(attached[0].address.to_string()))
    );
    let last = reported(&pod, "main").last_state.clone().unwrap().terminated.unwrap();
    assert_eq!(last.exit_code, 137);
    rig.delete("web", Some(1)).await;
    rig.until_gone("web").await;
}

#[tokio::test(start_paused = true)]
async fn a_container_killed_from_outside_is_started_again() {
    let rig = Rig::new().await;
    let _kubelet = rig.start();
    rig.create("web", running("sim/run")).await;
    rig.until("web", is_ready).await;
    let id = rig.containers("web").await[0].id.clone();
    rig.runtime.end_container(&id, 137);
    rig.until("web", |pod| is_ready(pod) && reported_restarts(pod) == 1).await;
    let id = rig.containers("web").await.last().unwrap().id.clone();
    rig.runtime.remove_container(&id).await.unwrap();
    rig.until("web", |pod| {
        is_ready(pod) && reported(pod, "main").container_id != Some(format!("sim://{id}"))
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_missing_config_map_is_waited_for() {
    let rig = Rig::new().await;
    let _kubelet = rig.start();
    let mut spec = running("sim/run");
    spec["containers"][0]["envFrom"] = json!([{"configMapRef": {"name": "settings"}}]);
    rig.create("web", spec).await;
    rig.until("web", |pod| waiting(pod, "main") == Some("CreateContainerConfigError")).await;
    let begin = rig.env.instant();
    rig.put::<ConfigMap>(
        json!({"metadata": {"name": "settings", "namespace": "default"}, "data": {"A": "1"}}),
    )
    .await;
    rig.until("web", is_ready).await;
    assert!(rig.env.instant().since(begin) < Duration::from_secs(1), "it starts as soon as it can");
}

#[tokio::test(start_paused = true)]
async fn a_volume_that_cannot_be_made_is_told() {
    let rig = Rig::new().await;
    let _kubelet = rig.start();
    let mut spec = running("sim/run");
    spec["volumes"] = json!([{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]);
    rig.create("web", spec).await;
    rig.until("web", |pod| waiting(pod, "main") == Some("ContainerCreating")).await;
    rig.sleep(2).await;
    assert!(rig.events("web").await.contains(&"FailedMount".to_owned()));
    rig.delete("web", None).await;
    rig.until_gone("web").await;
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_does_not_fit_is_refused() {
    let rig = Rig::new().await;
    let _kubelet = rig.start();
    let mut spec = running("sim/run");
    spec["containers"][0]["resources"] = json!({"requests": {"cpu": "3"}});
    rig.create("first", spec.clone()).await;
    rig.until("first", is_ready).await;
    rig.create("second", spec).await;
    let pod = rig.until("second", |pod| phase(pod) == "Failed").await;
    assert_eq!(pod.status.as_ref().unwrap().reason.as_deref(), Some("OutOfcpu"));
    assert!(rig.containers("second").await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_pod_may_not_run_longer_than_it_says() {
    let rig = Rig::new().await;
    let _kubelet = rig.start();
    let mut spec = running("sim/run");
    spec["activeDeadlineSeconds"] = json!(60);
    rig.create("web", spec).await;
    rig.until("web", is_ready).await;
    let begin = rig.env.instant();
    let pod = rig.until("web", |pod| phase(pod) == "Failed").await;
    assert_eq!(pod.status.as_ref().unwrap().reason.as_deref(), Some("DeadlineExceeded"));
    assert!((59..=61).contains(&rig.env.instant().since(begin).as_secs()));
    rig.sleep(5).await;
    assert!(rig.containers("web").await.iter().all(|found| matches!(found.state, ContainerState::Exited(_))));
}

#[tokio::test(start_paused = true)]
async fn a_new_image_replaces_the_container() {
    let rig = Rig::new().await;
    let _kubelet = rig.start();
    rig.create("web", running("sim/run:1")).await;
    rig.until("web", is_ready).await;
    let patch = json!([{"op": "replace", "path": "/spec/containers/0/image", "value": "sim/run:2"}]);
    let patch = Patch::Json(patch.to_string().into());
    let kind = Kind::of::<Pod>();
    rig.admin
        .patch(kind, &crate::common::key("web"), Part::Main, &patch, &WriteOptions::default())
        .await
        .unwrap();
    let pod = rig.until("web", |pod| is_ready(pod) && reported(pod, "main").image == "sim/run:2").await;
    assert_eq!(reported_restarts(&pod), 1);
}

#[tokio::test(start_paused = true)]
async fn a_start_is_told_in_three_writes() {
    let rig = Rig::new().await;
    let _kubelet = rig.start();
    rig.sleep(5).await;
    let options = WatchOptions { namespace: Some("default".to_owned()), ..WatchOptions::default() };
    let mut events = rig.admin.watch(Kind::of::<Pod>(), &options).await.unwrap();
    rig.create("web", running("sim/run")).await;
    rig.until("web", is_ready).await;
    rig.sleep(60).await;
    let mut told = Vec::new();
    while let Ok(Some(event)) = rig.env.timeout(Duration::from_secs(1), events.next()).await {
        if let ApiEvent::Modified(object) = event.unwrap() {
            let pod = object.typed::<Pod>().unwrap();
            told.push((phase(&pod).to_owned(), condition(&pod, "PodReadyToStartContainers") == Some("True")));
        }
    }
    let pending = |connected: bool| ("Pending".to_owned(), connected);
    assert_eq!(told, [pending(false), pending(true), ("Running".to_owned(), true)]);
}
