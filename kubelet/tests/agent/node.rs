//! The node itself: registered, alive, and reachable.

use std::sync::Arc;

use crate::common::{Rig, is_ready, key, running};
use bireme_core::client::{Client, ClientExt, Part, WriteOptions};
use bireme_core::error::Reason;
use bireme_core::node_access::{ContainerRef, PodRef};
use bireme_core::object::ObjectKey;
use bireme_core::runtime::{ContainerSpec, ExecSpec, LogOptions, Output, SimProcess, SimScript, Stdio};
use bireme_kubelet::{Host, Sources};
use futures::StreamExt;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, Node, Pod};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

async fn node(rig: &Rig) -> Option<Arc<Node>> {
    rig.admin.fetch::<Node>(&ObjectKey::cluster("node-1")).await.ok()
}

fn ready(node: &Node) -> Option<String> {
    let conditions = node.status.as_ref()?.conditions.as_ref()?;
    conditions.iter().find(|condition| condition.type_ == "Ready").map(|condition| condition.status.clone())
}

async fn until_ready(rig: &Rig, wanted: &str) -> Arc<Node> {
    for _ in 0..10_000 {
        if let Some(node) = node(rig).await.filter(|node| ready(node).as_deref() == Some(wanted)) {
            return node;
        }
        rig.env.sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{:#?}", node(rig).await);
}

#[tokio::test(start_paused = true)]
async fn a_node_registers_with_what_it_is_and_has() {
    let rig = Rig::new().await;
    let _kubelet = rig.start();
    let node = until_ready(&rig, "True").await;
    let labels = node.metadata.labels.as_ref().unwrap();
    assert_eq!(
        (labels["kubernetes.io/hostname"].as_str(), labels["kubernetes.io/os"].as_str()),
        ("node-1", "linux")
    );
    assert_eq!(node.spec.as_ref().unwrap().pod_cidr.as_deref(), Some("10.244.1.0/24"));
    let status = node.status.as_ref().unwrap();
    let amount = |resource: &str| status.allocatable.as_ref().unwrap()[resource].0.clone();
    assert_eq!((amount("cpu"), amount("memory"), amount("pods")), ("4".into(), "8Gi".into(), "110".into()));
    let addresses: Vec<_> =
        status.addresses.iter().flatten().map(|it| (it.type_.as_str(), it.address.as_str())).collect();
    assert_eq!(addresses, [("InternalIP", "192.168.0.1"), ("Hostname", "node-1")]);
    assert!(status.node_info.as_ref().unwrap().container_runtime_version.starts_with("sim://"));
    let conditions: Vec<_> =
        status.conditions.iter().flatten().map(|it| (it.type_.as_str(), it.status.as_str())).collect();
    let well =
        [("MemoryPressure", "False"), ("DiskPressure", "False"), ("PIDPressure", "False"), ("Ready", "True")];
    assert_eq!(conditions, well);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_there_already_keeps_what_others_wrote() {
    let rig = Rig::new().await;
    rig.put::<Node>(json!({
        "metadata": {"name": "node-1", "labels": {"disk": "ssd"}},
        "spec": {"unschedulable": true, "podCIDR": "10.9.0.0/24", "podCIDRs": ["10.9.0.0/24"]},
    }))
    .await;
    let _kubelet = rig.start();
    let node = until_ready(&rig, "True").await;
    let (labels, spec) = (node.metadata.labels.as_ref().unwrap(), node.spec.as_ref().unwrap());
    assert_eq!((labels["disk"].as_str(), labels["kubernetes.io/hostname"].as_str()), ("ssd", "node-1"));
    assert_eq!((spec.unschedulable, spec.pod_cidr.as_deref()), (Some(true), Some("10.9.0.0/24")));
}

#[tokio::test(start_paused = true)]
async fn a_living_node_renews_its_lease_and_writes_its_status_rarely() {
    let rig = Rig::new().await;
    let kubelet = rig.start();
    let lease = async || {
        let key = ObjectKey::namespaced("kube-node-lease", "node-1");
        rig.admin.fetch::<Lease>(&key).await.unwrap().spec.clone().unwrap().renew_time.unwrap().0
    };
    let before = until_ready(&rig, "True").await;
    for _ in 0..6 {
        rig.sleep(15).await;
        assert!(rig.env.now().duration_since(lease().await).as_secs() <= 10);
    }
    let after = node(&rig).await.unwrap();
    assert_eq!(before.metadata.resource_version, after.metadata.resource_version);
    rig.sleep(300).await;
    assert_ne!(node(&rig).await.unwrap().metadata.resource_version, after.metadata.resource_version);
    kubelet.kill().await;
    let last = lease().await;
    rig.sleep(60).await;
    assert_eq!(lease().await, last, "a dead agent renews nothing");
}

/// What the node lifecycle controller writes when it has not heard of a node for too long.
async fn declare_silent(rig: &Rig, pod: &str) {
    let unknown = |kind: &str| json!([{"type": kind, "status": "Unknown"}]);
    let options = WriteOptions::default();
    let status = json!({"status": {"conditions": unknown("Ready")}});
    rig.admin.merge::<Node>(&ObjectKey::cluster("node-1"), Part::Status, &status, &options).await.unwrap();
    let status = json!({"status": {"conditions": [{"type": "Ready", "status": "False"}]}});
    rig.admin.merge::<Pod>(&key(pod), Part::Status, &status, &options).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_living_node_that_is_said_to_be_silent_speaks_up_at_once() {
    let rig = Rig::new().await;
    let client: Arc<dyn Client> = Arc::new(rig.admin.clone());
    let own = Sources::of_node(rig.env.clone(), client, &rig.informers, "node-1");
    rig.create("web", running("sim/run")).await;
    for sources in [Sources::shared(&rig.informers), own] {
        let kubelet = rig.start_with(rig.config(), sources);
        rig.until("web", is_ready).await;
        rig.sleep(100).await;
        declare_silent(&rig, "web").await;
        rig.sleep(1).await;
        assert_eq!(ready(&node(&rig).await.unwrap()).as_deref(), Some("True"));
        assert!(is_ready(&rig.pod("web").await.unwrap()));
        kubelet.kill().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_not_believed_repeats_itself_no_faster_than_it_looks() {
    let rig = Rig::new().await;
    let _kubelet = rig.start();
    rig.create("web", running("sim/run")).await;
    rig.until("web", is_ready).await;
    let mut words = 0;
    for _ in 0..600 {
        if ready(&node(&rig).await.unwrap()).as_deref() == Some("True") {
            words += 1;
            declare_silent(&rig, "web").await;
        }
        rig.env.sleep(std::time::Duration::from_millis(100)).await;
    }
    assert!((5..=8).contains(&words), "{words} reports in a minute");
}

#[tokio::test(start_paused = true)]
async fn a_node_without_its_engine_is_not_ready() {
    let rig = Rig::new().await;
    let _kubelet = rig.start();
    until_ready(&rig, "True").await;
    rig.runtime.set_reachable(false);
    until_ready(&rig, "False").await;
    rig.runtime.set_reachable(true);
    until_ready(&rig, "True").await;
}

struct Talker;

impl SimScript for Talker {
    fn process(&self, _spec: &ContainerSpec) -> SimProcess {
        SimProcess { output: vec!["hello".to_owned()], ..SimProcess::service() }
    }
}

fn container(pod: &Pod, name: &str) -> ContainerRef {
    let uid = pod.metadata.uid.clone().unwrap();
    let key = key(pod.metadata.name.as_deref().unwrap());
    ContainerRef { pod: PodRef { key, uid }, container: name.to_owned() }
}

#[tokio::test(start_paused = true)]
async fn logs_commands_processes_and_ports_are_reached_through_the_node() {
    let rig = Rig::with_script(Talker).await;
    let kubelet = rig.start();
    rig.create("web", running("any")).await;
    let pod = rig.until("web", is_ready).await;
    let main = container(&pod, "main");
    let log = kubelet.access.logs(&main, false, &LogOptions::default()).await.unwrap();
    let chunks: Vec<_> = log.map(|chunk| chunk.unwrap().output).collect().await;
    assert_eq!(chunks, [Output::Stdout("hello\n".into())]);
    let stdio = Stdio { stdout: true, ..Stdio::default() };
    let spec = ExecSpec { command: ["echo", "a", "b"].map(str::to_owned).to_vec(), stdio };
    let session = kubelet.access.exec(&main, &spec).await.unwrap();
    let output: Vec<_> = session.output.map(Result::unwrap).collect().await;
    assert_eq!((output, session.exit.await.unwrap()), (vec![Output::Stdout("a b\n".into())], 0));
    let stdio = Stdio { stdin: true, ..stdio };
    let mut session = kubelet.access.attach(&main, stdio).await.unwrap();
    session.stdin.take().unwrap().send("typed".into()).await.unwrap();
    assert_eq!(session.output.next().await.unwrap().unwrap(), Output::Stdout("typed".into()));
    let mut stream = kubelet.access.port_forward(&main.pod, 80).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_reached_is_said_in_words() {
    let rig = Rig::new().await;
    let kubelet = rig.start();
    rig.create("web", running("sim/run")).await;
    let pod = rig.until("web", is_ready).await;
    let main = container(&pod, "main");
    let access = &kubelet.access;
    let logs = async |of: &ContainerRef, previous| {
        access.logs(of, previous, &LogOptions::default()).await.err().unwrap()
    };
    let other = ContainerRef { pod: PodRef { uid: "other".to_owned(), ..main.pod.clone() }, ..main.clone() };
    assert_eq!(logs(&other, false).await.reason(), Reason::NotFound);
    let previous = logs(&main, true).await;
    assert_eq!(previous.reason(), Reason::BadRequest);
    assert!(previous.message().contains("previous terminated container \"main\""), "{previous}");
    assert_eq!(logs(&container(&pod, "none"), false).await.reason(), Reason::BadRequest);
    rig.runtime.set_reachable(false);
    assert_eq!(logs(&main, false).await.reason(), Reason::ServiceUnavailable);
}

#[tokio::test(start_paused = true)]
async fn mounted_config_follows_its_config_map() {
    let folder = tempfile::tempdir().unwrap();
    let mut rig = Rig::new().await;
    rig.host = Host { files: Host::machine(folder.path().to_owned()).files, ..rig.host };
    // Both ways of following: shared informers, and one watch for each object.
    let client: Arc<dyn Client> = Arc::new(rig.admin.clone());
    let own = Sources::of_node(rig.env.clone(), client, &rig.informers, "node-1");
    for (round, sources) in [Sources::shared(&rig.informers), own].into_iter().enumerate() {
        let kubelet = rig.start_with(rig.config(), sources);
        let (map, name) = (format!("settings-{round}"), format!("web-{round}"));
        rig.put::<ConfigMap>(
            json!({"metadata": {"name": map, "namespace": "default"}, "data": {"colour": "red"}}),
        )
        .await;
        let mut spec = running("sim/run");
        spec["volumes"] = json!([{"name": "config", "configMap": {"name": map}}]);
        spec["containers"][0]["volumeMounts"] = json!([{"name": "config", "mountPath": "/etc/app"}]);
        let pod = rig.create(&name, spec).await;
        rig.until(&name, is_ready).await;
        let pod_folder = folder.path().join("pods").join(pod.metadata.uid.as_deref().unwrap());
        let file = pod_folder.join("volumes/config-map/config/colour");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "red");
        assert!(std::fs::read_to_string(pod_folder.join("etc-hosts")).unwrap().contains(&name));
        let patch = json!({"data": {"colour": "blue"}});
        let options = WriteOptions::default();
        rig.admin.merge::<ConfigMap>(&key(&map), Part::Main, &patch, &options).await.unwrap();
        for _ in 0..1000 {
            rig.env.sleep(std::time::Duration::from_millis(20)).await;
            if std::fs::read_to_string(&file).unwrap() == "blue" {
                break;
            }
        }
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "blue");
        rig.delete(&name, Some(1)).await;
        rig.until_gone(&name).await;
        assert!(!pod_folder.exists());
        kubelet.kill().await;
    }
}
