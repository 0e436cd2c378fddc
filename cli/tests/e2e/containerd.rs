//! The bundled cluster on containerd.

use std::time::Duration;

use crate::harness::{Cluster, Ranges, containerd, eventually, for_containers};
use crate::shop;

const LIMIT: Duration = Duration::from_secs(30);

#[test]
fn a_cluster_on_containerd_serves_updates_and_outlives_its_agent() {
    let (Some(machine), Some(socket)) = (for_containers(), containerd()) else { return };
    let images: Vec<_> = machine.images.iter().map(|image| format!("--import={image}")).collect();
    let engine = format!("--runtime=containerd --containerd-socket={}", socket.display());
    let options = format!("--nodes=2 {engine} {} {}", Ranges::SECOND, images.join(" "));
    let mut cluster = Cluster::start(&machine.kubectl, &options);
    let kubectl = cluster.kubectl().clone();
    kubectl.run("wait --for=condition=Ready node --all --timeout=30s");
    let version = kubectl.field("node/node-1", ".status.nodeInfo.containerRuntimeVersion");
    assert!(version.starts_with("containerd://"), "{version}");

    kubectl.run(&format!("apply -f {}", shop::MANIFESTS));
    kubectl.run("rollout status deployment/shop-web --timeout=120s");
    kubectl.run("rollout status deployment/shop-api --timeout=120s");
    let address = kubectl.field("node/node-1", ".status.addresses[?(@.type==\"InternalIP\")].address");
    let page = || shop::get(&format!("{address}:{}", shop::NODE_PORT));
    eventually(LIMIT, "the shop answers with its stock", || page().ok().filter(|page| page.contains("oars")));
    assert_eq!(kubectl.run("exec deployment/shop-web -- echo hello"), "hello\n");
    assert!(kubectl.run("logs deployment/shop-web").contains("listening"), "its log is read");

    let ids = ".items[*].status.containerStatuses[*].containerID";
    let before = kubectl.field("pods", ids);
    cluster.kill();
    // The second tier's name is not known meanwhile: the cluster's DNS is part of the agent.
    let answer = page().unwrap_or_else(|answer| answer);
    assert!(answer.starts_with("HTTP/1.1 "), "the shop's pods are reached without an agent: {answer}");
    cluster.start_again();
    kubectl.run("wait --for=condition=Ready node --all --timeout=30s");
    kubectl.run("scale deployment shop-web --replicas=4");
    kubectl.run("rollout status deployment/shop-web --timeout=120s");
    let after = kubectl.field("pods", ids);
    for id in before.split(' ') {
        assert!(after.contains(id), "{id} runs on: {after}");
    }
    let restarts = kubectl.field("pods", ".items[*].status.containerStatuses[*].restartCount");
    assert!(restarts.split(' ').all(|count| count == "0"), "{restarts}");

    kubectl.run("set image deployment/shop-web '*=bireme.dev/shop:2'");
    kubectl.run("rollout status deployment/shop-web --timeout=120s");
    eventually(LIMIT, "the new version answers", || page().ok().filter(|page| page.contains("version 2")));
    assert!(cluster.end(), "it ends well");
    let left: Vec<_> = std::fs::read_dir(cluster.data().join("containers")).expect("it is there").collect();
    assert!(left.is_empty(), "and leaves nothing of its containers: {left:?}");
}
