//! Deployments as kubectl steers them: scale, set image, rollout.

use crate::harness::namespace;
use crate::manifests::{ROLLING, deployment};
use crate::watch::PodWatch;

const DONE: &str = "rollout status deployment/web --timeout=120s";

#[test]
fn scale_makes_and_removes_pods_and_respects_what_it_expects() {
    let Some(space) = namespace("scale") else { return };
    space.apply(&deployment("web", 1, ROLLING));
    space.run(DONE);
    assert_eq!(space.run("scale deployment web --replicas=4"), "deployment.apps/web scaled\n");
    space.run(DONE);
    assert_eq!(space.field("deployment/web", ".status.readyReplicas"), "4");
    let nodes = space.field("pods", ".items[*].spec.nodeName");
    for node in ["node-1", "node-2", "node-3"] {
        assert!(nodes.contains(node), "four pods are on all three nodes: {nodes}");
    }
    let refused = space.fails("scale deployment web --replicas=1 --current-replicas=2");
    assert!(refused.contains("Expected replicas to be 2, was 4"), "{refused}");
    space.run("scale deployment web --replicas=0");
    space.run("wait pod --all --for=delete --timeout=90s");
    let row = space.run("get deployment web");
    assert!(row.contains("0/0     0            0"), "{row}");
}

#[test]
fn set_image_rolls_out_and_history_and_undo_go_back() {
    let Some(space) = namespace("set-image") else { return };
    space.apply(&deployment("web", 2, ROLLING));
    space.run(DONE);
    space.run("set image deployment/web shop=bireme.dev/shop:2");
    let told = space.run(DONE);
    assert!(told.contains("deployment \"web\" successfully rolled out"), "{told}");
    let images = || space.field("pods", ".items[?(@.status.phase==\"Running\")].spec.containers[0].image");
    assert!(images().contains("shop:2"), "{}", images());
    let history = space.run("rollout history deployment/web");
    let revisions: Vec<_> =
        history.lines().filter_map(|line| line.split(' ').next()?.parse::<u32>().ok()).collect();
    assert_eq!(revisions, [1, 2], "{history}");
    let second = space.run("rollout history deployment/web --revision=2");
    assert!(second.contains("bireme.dev/shop:2"), "{second}");
    assert_eq!(space.run("rollout undo deployment/web"), "deployment.apps/web rolled back\n");
    space.run(DONE);
    assert_eq!(space.field("deployment/web", ".spec.template.spec.containers[0].image"), "bireme.dev/shop:1");
    let history = space.run("rollout history deployment/web");
    let revisions: Vec<_> =
        history.lines().filter_map(|line| line.split(' ').next()?.parse::<u32>().ok()).collect();
    assert_eq!(revisions, [2, 3], "the first revision's ReplicaSet is used again: {history}");
}

#[test]
fn a_paused_deployment_changes_nothing_until_it_is_resumed() {
    let Some(space) = namespace("pausing") else { return };
    space.apply(&deployment("web", 2, ROLLING));
    space.run(DONE);
    space.run("rollout pause deployment/web");
    space.run("set image deployment/web shop=bireme.dev/shop:2");
    space.run("wait deployment/web --for=jsonpath='{.status.observedGeneration}'=3 --timeout=10s");
    assert_eq!(space.run("get replicasets --output=name").lines().count(), 1);
    space.run("rollout resume deployment/web");
    space.run(DONE);
    assert_eq!(space.run("get replicasets --output=name").lines().count(), 2);
    space.run("rollout restart deployment/web");
    space.run(DONE);
    assert_eq!(space.run("get replicasets --output=name").lines().count(), 3);
}

#[test]
fn recreate_has_no_old_pod_beside_a_new_one() {
    let Some(space) = namespace("recreate") else { return };
    space.apply(&deployment("web", 2, "{type: Recreate}"));
    space.run(DONE);
    let watch = PodWatch::start(&space, "app=web");
    space.run("set image deployment/web shop=bireme.dev/shop:2");
    space.run(DONE);
    let mut seen_new = false;
    watch.replay(|pods| {
        let count = |image| pods.values().filter(|pod| pod.image == image && pod.is_running).count();
        let (old, new) = (count("bireme.dev/shop:1"), count("bireme.dev/shop:2"));
        seen_new |= new == 2;
        assert!(old == 0 || new == 0, "{old} old ones run beside {new} new ones");
    });
    assert!(seen_new, "the watch saw the new pods run");
}
