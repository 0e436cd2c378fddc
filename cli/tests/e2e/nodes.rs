//! Nodes taken out of use and back.

use std::time::Duration;

use crate::harness::{eventually, namespace};
use crate::manifests::{ROLLING, deployment};

#[test]
fn a_cordoned_node_gets_no_new_pods_until_it_is_uncordoned() {
    let Some(space) = namespace("cordon") else { return };
    assert_eq!(space.run("cordon node-1"), "node/node-1 cordoned\n");
    assert!(space.run("get node node-1").contains("Ready,SchedulingDisabled"));
    space.apply(&deployment("web", 4, ROLLING));
    space.run("rollout status deployment/web --timeout=120s");
    let nodes = space.field("pods", ".items[*].spec.nodeName");
    assert!(!nodes.contains("node-1"), "{nodes}");
    assert_eq!(space.run("uncordon node-1"), "node/node-1 uncordoned\n");
    space.run("scale deployment web --replicas=8");
    space.run("rollout status deployment/web --timeout=120s");
    let nodes = space.field("pods", ".items[*].spec.nodeName");
    assert!(nodes.contains("node-1"), "{nodes}");
}

#[test]
fn drain_moves_a_nodes_pods_to_the_others() {
    let Some(space) = namespace("drain") else { return };
    space.apply(&deployment("web", 3, ROLLING));
    space.run("rollout status deployment/web --timeout=120s");
    let told = space.run("drain node-2 --ignore-daemonsets --delete-emptydir-data --force --timeout=120s");
    assert!(told.contains("node/node-2 drained"), "{told}");
    space.run("rollout status deployment/web --timeout=120s");
    eventually(Duration::from_secs(60), "three pods are available, none of them on the drained node", || {
        let nodes = space.field("pods", ".items[*].spec.nodeName");
        let available = space.field("deployment/web", ".status.availableReplicas");
        (available == "3" && !nodes.contains("node-2")).then_some(())
    });
    space.run("uncordon node-2");
    assert!(!space.run("get node node-2").contains("SchedulingDisabled"));
}
