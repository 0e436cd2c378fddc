//! A server and its agents as processes of their own: one is lost, the other takes over.

use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use crate::harness::{Bireme, Container, Kubectl, Machine, Ranges, eventually, for_containers};

const LIMIT: Duration = Duration::from_secs(60);
const NODES: [&str; 2] = ["first", "second"];
/// Seconds without a sign of life after which a node counts as lost.
const GRACE: u32 = 4;
/// Pods that leave a lost node after a second instead of after five minutes.
const WEB: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 4
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      terminationGracePeriodSeconds: 1
      tolerations:
      - {key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute, tolerationSeconds: 1}
      - {key: node.kubernetes.io/not-ready, operator: Exists, effect: NoExecute, tolerationSeconds: 1}
      containers:
      - name: main
        image: bireme.dev/busybox:1
        command: ["sleep", "600"]
"#;

/// A control plane, and a folder in which its agents have theirs.
struct Fleet {
    folder: TempDir,
    machine: &'static Machine,
    server: Bireme,
    kubectl: Kubectl,
}

impl Fleet {
    fn start(machine: &'static Machine) -> Fleet {
        let folder = tempfile::Builder::new().prefix("bireme-e2e-").tempdir().expect("a folder can be made");
        let line = format!(
            "server --data={} --listen=127.0.0.1:0 --node-grace={GRACE}",
            folder.path().join("server").display()
        );
        let (server, kubeconfig) =
            Bireme::start(&line, &folder.path().join("server.log"), "export KUBECONFIG=");
        let kubectl = Kubectl::new(&machine.kubectl, Path::new(&kubeconfig), &folder.path().join("cache"));
        Fleet { folder, machine, server, kubectl }
    }

    /// The agent of a node, with what it needs to join.
    fn agent(&self, index: usize) -> Bireme {
        let node = NODES[index];
        let kubeconfig = self.folder.path().join(format!("{node}.kubeconfig"));
        let data = self.folder.path().join("server");
        let printed = Bireme::output(&format!("node-kubeconfig {node} --data={}", data.display()));
        std::fs::write(&kubeconfig, printed).expect("the kubeconfig can be written");
        let line = format!(
            "agent --kubeconfig={} --node={node} --index={index} --heartbeat=1 --data={} --runtime=docker {} --import={}",
            kubeconfig.display(),
            self.folder.path().join(node).display(),
            Ranges::SECOND,
            self.machine.images.last().expect("busybox is among the images"),
        );
        let log = self.folder.path().join(format!("{node}.log"));
        let agent = Bireme::start(&line, &log, "bireme").0;
        eventually(LIMIT, "the node is ready", || self.is_ready(node).then_some(()));
        agent
    }

    fn is_ready(&self, node: &str) -> bool {
        let line = format!(
            "get node {node} --ignore-not-found \
             --output=jsonpath='{{.status.conditions[?(@.type==\"Ready\")].status}}'"
        );
        self.kubectl.run(&line) == "True"
    }

    /// The containers of both agents.
    fn containers(&self) -> Vec<Container> {
        let of_agent =
            |node: &str| match std::fs::read_to_string(self.folder.path().join(node).join("cluster-id")) {
                Ok(id) => self.machine.docker.containers(&format!("bireme.dev/cluster={}", id.trim())),
                Err(_) => Vec::new(),
            };
        NODES.into_iter().flat_map(of_agent).collect()
    }

    fn pods_on(&self, node: &str) -> Vec<String> {
        let line = format!("get pods --output=name --field-selector=spec.nodeName={node}");
        self.kubectl.run(&line).lines().map(str::to_owned).collect()
    }
}

impl Drop for Fleet {
    /// Agents leave to each other what the machine's nodes share, and an agent that was killed leaves everything.
    fn drop(&mut self) {
        for container in self.containers() {
            self.machine.docker.remove(&container.id);
        }
        Ranges::SECOND.clear(self.machine);
    }
}

#[test]
fn when_an_agent_is_lost_its_pods_move_after_the_grace_time_and_it_comes_back_empty() {
    let Some(machine) = for_containers() else { return };
    let mut fleet = Fleet::start(machine);
    let kubectl = fleet.kubectl.clone();
    let mut first = fleet.agent(0);
    let second = fleet.agent(1);
    kubectl.apply(WEB);
    kubectl.run("rollout status deployment/web --timeout=120s");
    let lost = fleet.pods_on("first");
    assert_eq!((lost.len(), fleet.pods_on("second").len()), (2, 2), "the pods are spread");

    first.kill();
    eventually(LIMIT, "the node is not ready", || (!fleet.is_ready("first")).then_some(()));
    assert!(kubectl.run("get node first").contains("NotReady"));
    eventually(LIMIT, "the node is tainted", || {
        let taints = kubectl.field("node/first", ".spec.taints[*].key");
        taints.contains("node.kubernetes.io/unreachable").then_some(())
    });
    eventually(LIMIT, "four pods are available on the other node", || {
        let line = "get pods --field-selector=spec.nodeName=second \
                    --output=jsonpath='{.items[*].status.containerStatuses[?(@.ready==true)].name}'";
        (kubectl.run(line) == "main main main main").then_some(())
    });

    let first = fleet.agent(0);
    eventually(LIMIT, "the returned node has none of its old pods", || {
        let left = fleet.pods_on("first");
        (!left.iter().any(|pod| lost.contains(pod))).then_some(())
    });
    assert_eq!(kubectl.field("node/first", ".spec.taints[*].key"), "");
    // Agents end before their server, as machines do that are shut down one by one.
    drop((first, second));
    assert_eq!(fleet.containers(), []);
    assert!(fleet.server.end().success());
}
