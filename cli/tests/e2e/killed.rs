//! The agent is killed at every step of a pod's life, on every engine: the pod goes on as if nothing had happened.

use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::harness::{Cluster, Kubectl, Ranges, eventually, for_containers};

/// How long after the pod was asked for, or asked to go, the agent dies: from before it has heard of it until after all
/// is done, which takes about a second and a half.
const STEPS: [u64; 9] = [20, 120, 220, 350, 500, 700, 900, 1200, 1600];

const LIMIT: Duration = Duration::from_secs(10);

/// Each container writes its name to a file of the node when it starts.
fn pod(name: &str, notes: &Path) -> String {
    format!(
        r#"{{"apiVersion": "v1", "kind": "Pod", "metadata": {{"name": "{name}"}}, "spec": {{
            "terminationGracePeriodSeconds": 5,
            "volumes": [{{"name": "notes", "hostPath": {{"path": "{notes}", "type": "DirectoryOrCreate"}}}}],
            "initContainers": [{container_first}],
            "containers": [{container_main}]}}}}"#,
        notes = notes.display(),
        container_first = container(name, "first", "true"),
        container_main =
            container(name, "main", "trap 'echo end >> /notes/$0; exit 0' TERM; sleep 600 & wait"),
    )
}

fn container(pod: &str, name: &str, then: &str) -> String {
    format!(
        r#"{{"name": "{name}", "image": "bireme.dev/busybox:1",
            "command": ["/bin/sh", "-c", "echo {name} >> /notes/$0; {then}", "{pod}"],
            "volumeMounts": [{{"name": "notes", "mountPath": "/notes"}}]}}"#
    )
}

fn walk(engine: &str) {
    let Some(machine) = for_containers() else { return };
    let images: Vec<_> = machine.images.iter().map(|image| format!("--import={image}")).collect();
    let options = format!("--nodes=1 {engine} {} {}", Ranges::SECOND, images.join(" "));
    let mut cluster = Cluster::start(&machine.kubectl, &options);
    let kubectl = cluster.kubectl().clone();
    let notes = cluster.scratch("notes");
    kubectl.run("wait --for=condition=Ready node --all --timeout=30s");
    for step in STEPS {
        let name = format!("starts-{step}");
        kubectl.apply(&pod(&name, &notes));
        die_after(&mut cluster, step);
        kubectl.run(&format!("wait pod/{name} --for=condition=Ready --timeout=60s"));
        // It runs before its first line does. Whether it ran once, the end tells.
        let what = format!("it writes, killed {step} ms after the pod was asked for");
        eventually(LIMIT, &what, || (written(&notes, &name) == "first main").then_some(()));
        assert_eq!(restarts(&kubectl, &name), "0 0");
    }
    for step in STEPS {
        let name = format!("starts-{step}");
        kubectl.run(&format!("delete pod {name} --wait=false"));
        die_after(&mut cluster, step);
        kubectl.run(&format!("wait pod/{name} --for=delete --timeout=60s"));
        assert_eq!(written(&notes, &name), "first main end", "killed {step} ms after the pod was to go");
    }
    assert!(cluster.end(), "it ends well");
}

fn die_after(cluster: &mut Cluster, milliseconds: u64) {
    thread::sleep(Duration::from_millis(milliseconds));
    cluster.kill();
    cluster.start_again();
}

/// What the pod's containers wrote, in order.
fn written(notes: &Path, pod: &str) -> String {
    let text = std::fs::read_to_string(notes.join(pod)).expect("its containers have run");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn restarts(kubectl: &Kubectl, pod: &str) -> String {
    let of = |kind: &str| kubectl.field(&format!("pod/{pod}"), &format!(".status.{kind}[0].restartCount"));
    format!("{} {}", of("initContainerStatuses"), of("containerStatuses"))
}

#[test]
fn an_agent_on_docker_may_be_killed_at_every_step_of_a_pods_life() {
    walk("--runtime=docker");
}

#[cfg(feature = "containerd")]
#[test]
fn an_agent_on_containerd_may_be_killed_at_every_step_of_a_pods_life() {
    let Some(socket) = crate::harness::containerd() else { return };
    walk(&format!("--runtime=containerd --containerd-socket={}", socket.display()));
}
