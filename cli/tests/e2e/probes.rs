//! Containers that end, hang, or are not ready yet.

use std::time::Duration;

use crate::harness::{Namespace, eventually, namespace};
use crate::manifests::{pod, pod_with};

const LIMIT: Duration = Duration::from_secs(60);

fn run(space: &Namespace, manifest: &str, pod: &str) {
    space.apply(manifest);
    space.run(&format!("wait pod/{pod} --for=condition=Ready --timeout=90s"));
}

fn wait_for_restart(space: &Namespace, pod: &str) {
    space.run(&format!(
        "wait pod/{pod} --timeout=90s --for=jsonpath='{{.status.containerStatuses[0].restartCount}}'=1"
    ));
    space.run(&format!("wait pod/{pod} --for=condition=Ready --timeout=90s"));
}

#[test]
fn a_killed_container_is_started_again_in_the_same_pod() {
    let Some(space) = namespace("killed") else { return };
    run(&space, &pod("victim", "echo up; sleep 600"), "victim");
    let before = space.container_id("victim");
    let address = space.field("pod/victim", ".status.podIP");
    space.machine.docker.kill(&before);
    wait_for_restart(&space, "victim");
    let after = space.container_id("victim");
    assert_ne!(after, before);
    assert_eq!(space.field("pod/victim", ".status.podIP"), address, "the sandbox is the same");
    let last = ".status.containerStatuses[0].lastState.terminated";
    assert_eq!(space.field("pod/victim", &format!("{last}.exitCode")), "137");
    assert_eq!(space.run("logs victim --previous"), "up\n");
    let row = space.run("get pod victim");
    assert!(row.contains("1/1     Running   1 ("), "{row}");
}

#[test]
fn a_container_that_is_killed_from_within_is_started_again() {
    let Some(space) = namespace("suicide") else { return };
    // The first process of a container hears only signals that it asks for.
    run(&space, &pod("victim", "trap 'exit 3' TERM; while :; do sleep 0.1; done"), "victim");
    space.run("exec victim -- kill 1");
    wait_for_restart(&space, "victim");
    let code = space.field("pod/victim", ".status.containerStatuses[0].lastState.terminated.exitCode");
    assert_eq!(code, "3");
}

#[test]
fn a_container_that_crashes_again_and_again_is_backed_off() {
    let Some(space) = namespace("crashing") else { return };
    space.apply(&pod("crasher", "exit 5"));
    space.run(
        "wait pod/crasher --timeout=90s \
         --for=jsonpath='{.status.containerStatuses[0].state.waiting.reason}'=CrashLoopBackOff",
    );
    eventually(LIMIT, "it has been started again, and waits longer now", || {
        space.run("get pod crasher").contains("0/1     CrashLoopBackOff   1 (").then_some(())
    });
    let events = space.run("events --for=pod/crasher");
    assert!(events.contains("BackOff"), "{events}");
}

#[test]
fn a_pod_that_is_not_to_be_restarted_fails_with_its_exit_code() {
    let Some(space) = namespace("failing") else { return };
    space.run("run once --image=bireme.dev/busybox:1 --restart=Never -- sh -c 'exit 5'");
    space.run("wait pod/once --for=jsonpath='{.status.phase}'=Failed --timeout=90s");
    assert_eq!(space.field("pod/once", ".status.containerStatuses[0].state.terminated.exitCode"), "5");
    assert_eq!(space.field("pod/once", ".status.containerStatuses[0].restartCount"), "0");
    assert!(space.run("get pod once").contains("0/1     Error"));
}

#[test]
fn an_image_that_is_not_there_is_named_as_the_reason() {
    let Some(space) = namespace("no-image") else { return };
    space.run("run lost --image=bireme.dev/none:1 --image-pull-policy=Never");
    space.run(
        "wait pod/lost --timeout=90s \
         --for=jsonpath='{.status.containerStatuses[0].state.waiting.reason}'=ErrImageNeverPull",
    );
    let message = space.field("pod/lost", ".status.containerStatuses[0].state.waiting.message");
    assert!(message.contains("bireme.dev/none:1"), "{message}");
}

#[test]
fn a_failing_liveness_probe_restarts_the_container() {
    let Some(space) = namespace("liveness") else { return };
    let probe = "    livenessProbe:
      exec: {command: [test, '!', -e, /tmp/sick]}
      periodSeconds: 1
      failureThreshold: 2
";
    run(&space, &pod_with("patient", "sleep 600", probe), "patient");
    let before = space.container_id("patient");
    space.run("exec patient -- touch /tmp/sick");
    wait_for_restart(&space, "patient");
    assert_ne!(space.container_id("patient"), before);
    let events = space.run("events --for=pod/patient");
    assert!(events.contains("Liveness probe failed") && events.contains("Killing"), "{events}");
}

#[test]
fn readiness_decides_whether_a_pod_gets_a_services_traffic() {
    let Some(space) = namespace("readiness") else { return };
    let probe = "    readinessProbe:
      exec: {command: [test, -e, /tmp/ready]}
      periodSeconds: 1
      failureThreshold: 1
";
    space.apply(&pod_with("server", "sleep 600", probe));
    space.run("expose pod server --port=80 --target-port=8080");
    space.run("wait pod/server --for=jsonpath='{.status.phase}'=Running --timeout=90s");
    let ready = || {
        let slices = space.run("get endpointslices --selector=kubernetes.io/service-name=server --output=jsonpath='{.items[*].endpoints[*].conditions.ready}'");
        let endpoints = space.field("endpoints/server", ".subsets[*].addresses[*].ip");
        (slices, endpoints)
    };
    let address = space.field("pod/server", ".status.podIP");
    eventually(LIMIT, "the endpoint is there and not ready", || {
        (ready() == ("false".to_owned(), String::new())).then_some(())
    });
    assert!(space.run("get pod server").contains("0/1     Running"));
    space.run("exec server -- touch /tmp/ready");
    eventually(LIMIT, "the endpoint is ready", || {
        (ready() == ("true".to_owned(), address.clone())).then_some(())
    });
    space.run("exec server -- rm /tmp/ready");
    eventually(LIMIT, "the endpoint is not ready any more", || {
        (ready() == ("false".to_owned(), String::new())).then_some(())
    });
    assert_eq!(space.field("pod/server", ".status.containerStatuses[0].restartCount"), "0");
}

#[test]
fn a_startup_probe_holds_the_others_back() {
    let Some(space) = namespace("startup") else { return };
    let probes = "    startupProbe:
      exec: {command: [test, -e, /tmp/started]}
      periodSeconds: 1
      failureThreshold: 30
    livenessProbe:
      exec: {command: [test, -e, /tmp/started]}
      periodSeconds: 1
      failureThreshold: 1
";
    run(&space, &pod_with("slow", "sleep 3; touch /tmp/started; sleep 600", probes), "slow");
    assert_eq!(space.field("pod/slow", ".status.containerStatuses[0].restartCount"), "0");
    assert_eq!(space.field("pod/slow", ".status.containerStatuses[0].started"), "true");
}
