//! Probes and hooks, on containers whose commands are scripted.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::{Rig, is_ready, phase, reported, running};
use bireme_core::runtime::{ContainerStatus, SimProcess, SimScript};
use serde_json::{Value, json};

/// What commands answer, by their first word, and which were run.
#[derive(Clone, Default)]
struct Answers {
    failing: Arc<Mutex<Vec<String>>>,
    run: Arc<Mutex<Vec<String>>>,
}

impl Answers {
    fn fail(&self, command: &str, fails: bool) {
        let mut failing = self.failing.lock().unwrap();
        failing.retain(|known| known != command);
        if fails {
            failing.push(command.to_owned());
        }
    }

    fn count(&self, command: &str) -> usize {
        self.run.lock().unwrap().iter().filter(|known| *known == command).count()
    }
}

impl SimScript for Answers {
    fn exec(&self, _container: &ContainerStatus, command: &[String]) -> SimProcess {
        self.run.lock().unwrap().push(command[0].clone());
        let fails = self.failing.lock().unwrap().contains(&command[0]);
        SimProcess::job(Duration::ZERO, i32::from(fails))
    }
}

async fn rig() -> (Rig, Answers) {
    let answers = Answers::default();
    (Rig::with_script(answers.clone()).await, answers)
}

fn exec(command: &str, more: Value) -> Value {
    let mut probe = json!({"exec": {"command": [command]}, "periodSeconds": 1});
    probe.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    probe
}

fn restarts(pod: &k8s_openapi::api::core::v1::Pod) -> i32 {
    reported(pod, "main").restart_count
}

#[tokio::test(start_paused = true)]
async fn a_pod_is_ready_as_long_as_its_probe_succeeds() {
    let (rig, answers) = rig().await;
    let _kubelet = rig.start();
    answers.fail("ready", true);
    let mut spec = running("sim/run");
    spec["containers"][0]["readinessProbe"] = exec("ready", json!({"failureThreshold": 2}));
    rig.create("web", spec).await;
    let pod = rig.until("web", |pod| phase(pod) == "Running").await;
    assert!(!is_ready(&pod));
    rig.sleep(10).await;
    assert!(!is_ready(&rig.pod("web").await.unwrap()));
    answers.fail("ready", false);
    rig.until("web", is_ready).await;
    answers.fail("ready", true);
    let begin = rig.env.instant();
    let pod = rig.until("web", |pod| !is_ready(pod)).await;
    assert!((1..=2).contains(&rig.env.instant().since(begin).as_secs()), "after two failures");
    assert_eq!(restarts(&pod), 0);
    assert!(rig.events("web").await.contains(&"Unhealthy".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_container_whose_liveness_probe_fails_is_restarted() {
    let (rig, answers) = rig().await;
    let _kubelet = rig.start();
    let mut spec = running("sim/run");
    spec["containers"][0]["livenessProbe"] =
        exec("live", json!({"failureThreshold": 3, "initialDelaySeconds": 5}));
    rig.create("web", spec).await;
    rig.until("web", is_ready).await;
    rig.sleep(60).await;
    assert_eq!(restarts(&rig.pod("web").await.unwrap()), 0);
    answers.fail("live", true);
    rig.until("web", |pod| restarts(pod) == 1).await;
    answers.fail("live", false);
    rig.sleep(60).await;
    let pod = rig.pod("web").await.unwrap();
    assert!(is_ready(&pod) && restarts(&pod) == 1);
}

#[tokio::test(start_paused = true)]
async fn other_probes_wait_for_the_startup_probe() {
    let (rig, answers) = rig().await;
    let _kubelet = rig.start();
    answers.fail("start", true);
    answers.fail("live", true);
    let mut spec = running("sim/run");
    let main = &mut spec["containers"][0];
    main["startupProbe"] = exec("start", json!({"failureThreshold": 30}));
    main["livenessProbe"] = exec("live", json!({"failureThreshold": 1}));
    rig.create("web", spec).await;
    rig.until("web", |pod| phase(pod) == "Running").await;
    rig.sleep(20).await;
    let pod = rig.pod("web").await.unwrap();
    assert_eq!((answers.count("live"), reported(&pod, "main").started, restarts(&pod)), (0, Some(false), 0));
    answers.fail("live", false);
    answers.fail("start", false);
    rig.until("web", is_ready).await;
    rig.sleep(5).await;
    let begun = answers.count("start");
    rig.sleep(20).await;
    assert_eq!(answers.count("start"), begun, "it has done its work");
    assert!(answers.count("live") > 10);
}

#[tokio::test(start_paused = true)]
async fn a_container_that_does_not_come_up_in_time_is_restarted() {
    let (rig, answers) = rig().await;
    let _kubelet = rig.start();
    answers.fail("start", true);
    let mut spec = running("sim/run");
    spec["containers"][0]["startupProbe"] = exec("start", json!({"failureThreshold": 3}));
    rig.create("web", spec).await;
    rig.until("web", |pod| phase(pod) == "Running" && restarts(pod) == 1).await;
}

#[tokio::test(start_paused = true)]
async fn requests_and_connections_are_probes_too() {
    let (rig, _) = rig().await;
    let _kubelet = rig.start();
    let mut spec = running("sim/run");
    let main = &mut spec["containers"][0];
    main["ports"] = json!([{"name": "http", "containerPort": 80}]);
    main["readinessProbe"] = json!({"httpGet": {"path": "/ready", "port": "http"}});
    main["livenessProbe"] = json!({"tcpSocket": {"port": 80}});
    rig.create("web", spec).await;
    rig.until("web", is_ready).await;
    let mut spec = running("sim/run");
    spec["containers"][0]["readinessProbe"] = json!({"grpc": {"port": 80, "service": "shop"}});
    rig.create("grpc", spec).await;
    rig.until("grpc", is_ready).await;
    let mut spec = running("sim/run");
    spec["containers"][0]["readinessProbe"] = json!({"httpGet": {"port": 443, "scheme": "HTTPS"}});
    rig.create("https", spec).await;
    rig.until("https", is_ready).await;
}

#[tokio::test(start_paused = true)]
async fn hooks_run_after_the_start_and_before_the_stop() {
    let (rig, answers) = rig().await;
    let _kubelet = rig.start();
    let mut spec = running("sim/run");
    let exec = |command: &str| json!({"exec": {"command": [command]}});
    spec["containers"][0]["lifecycle"] = json!({"postStart": exec("begin"), "preStop": exec("end")});
    rig.create("web", spec.clone()).await;
    rig.until("web", is_ready).await;
    assert_eq!((answers.count("begin"), answers.count("end")), (1, 0));
    rig.delete("web", None).await;
    rig.until_gone("web").await;
    assert_eq!((answers.count("begin"), answers.count("end")), (1, 1));
    answers.fail("begin", true);
    rig.create("again", spec).await;
    rig.until("again", |pod| phase(pod) == "Running" && restarts(pod) >= 1).await;
    assert!(rig.events("again").await.contains(&"FailedPostStartHook".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_hook_before_the_stop_counts_against_the_grace() {
    let (rig, _) = rig().await;
    let _kubelet = rig.start();
    let mut spec = running("sim/stubborn");
    spec["containers"][0]["lifecycle"] = json!({"preStop": {"sleep": {"seconds": 6}}});
    rig.create("web", spec).await;
    rig.until("web", is_ready).await;
    let begin = rig.env.instant();
    rig.delete("web", Some(10)).await;
    rig.until_gone("web").await;
    assert_eq!(rig.env.instant().since(begin).as_secs(), 10);
}
