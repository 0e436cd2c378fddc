//! Starting and ending: what is said, what is kept, what is left behind.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::harness::{Cluster, Ranges, for_containers, for_simulation};
use crate::manifests::pod;

#[test]
fn only_the_owner_may_read_the_credentials_and_the_state() {
    let Some(kubectl) = for_simulation() else { return };
    let cluster = Cluster::start(kubectl, "--nodes=1 --runtime=sim");
    let mode =
        |path: &std::path::Path| std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(&cluster.data()), 0o700);
    assert_eq!(mode(cluster.kubectl().kubeconfig()), 0o600);
}

#[test]
fn simulated_nodes_run_pods_without_an_engine() {
    let Some(kubectl) = for_simulation() else { return };
    let mut cluster = Cluster::start(kubectl, "--nodes=5 --runtime=sim");
    let kubectl = cluster.kubectl().clone();
    kubectl.run("wait node --all --for=condition=Ready --timeout=90s");
    assert_eq!(kubectl.run("get nodes --output=name").lines().count(), 5);
    kubectl.run("create deployment web --image=none:1 --replicas=20");
    kubectl.run("rollout status deployment/web --timeout=120s");
    assert!(cluster.end(), "a polite end is a success");
    cluster.start_again();
    kubectl.run("scale deployment web --replicas=25");
    kubectl.run("rollout status deployment/web --timeout=120s");
}

#[test]
fn kept_containers_are_found_again_and_without_keep_nothing_is_left() {
    let Some(machine) = for_containers() else { return };
    let ranges = Ranges::SECOND;
    let images = machine.images.last().expect("busybox is among the images");
    let options = format!("--nodes=1 --runtime=docker {ranges} --import={images}");
    let mut cluster = Cluster::start(&machine.kubectl, &format!("{options} --keep"));
    let kubectl = cluster.kubectl().clone();
    kubectl.run("wait node --all --for=condition=Ready --timeout=90s");
    kubectl.apply(&pod("sleeper", "sleep 600"));
    kubectl.run("wait pod/sleeper --for=condition=Ready --timeout=90s");
    let containers = cluster.containers(machine);
    assert_eq!(containers.len(), 2);
    assert!(cluster.end(), "a polite end is a success");
    assert_eq!(cluster.containers(machine), containers, "they run on");
    assert_ne!(ranges.traces(), Vec::<String>::new(), "so does their network");

    cluster.start_again_with(&options);
    kubectl.run("wait pod/sleeper --for=condition=Ready --timeout=90s");
    assert_eq!(kubectl.run("exec sleeper -- echo hello"), "hello\n");
    assert_eq!(cluster.containers(machine), containers);
    assert!(cluster.end(), "a polite end is a success");
    assert_eq!(cluster.containers(machine), []);
    assert_eq!(ranges.traces(), Vec::<String>::new());
}

#[test]
fn help_and_version_are_told() {
    let bireme = |word: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_bireme")).arg(word).output();
        let output = output.expect("bireme can be started");
        assert!(output.status.success());
        String::from_utf8(output.stdout).expect("it prints text")
    };
    assert!(bireme("--version").starts_with("bireme "));
    let help = bireme("--help");
    for command in ["cluster", "server", "agent", "node-kubeconfig", "store"] {
        assert!(help.contains(command), "{command} in {help}");
    }
}
