//! Nodes that pretend: pods bound to them become ready after a second, and end half a second after they are told to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bireme_core::Environment;
use bireme_core::cache::Informers;
use bireme_core::client::{Client, ClientExt, DeleteOptions, Part, WriteOptions};
use bireme_core::object::{Kind, Object, ObjectKey};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Binding, Node, ObjectReference, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta, Time};
use serde_json::{Value, json};

const START: Duration = Duration::from_secs(1);
const STOP: Duration = Duration::from_millis(500);

#[derive(Clone)]
pub struct Nodes {
    env: Environment,
    client: Arc<dyn Client>,
    /// Whether each node is alive.
    alive: Arc<Mutex<BTreeMap<String, bool>>>,
    /// Images whose pods never become ready.
    broken: Arc<Mutex<BTreeSet<String>>>,
}

impl Nodes {
    pub async fn start(env: Environment, client: Arc<dyn Client>, count: usize) -> Nodes {
        let nodes = Nodes { env, client, alive: Arc::default(), broken: Arc::default() };
        for number in 0..count {
            let name = format!("node-{number}");
            nodes.alive.lock().unwrap().insert(name.clone(), true);
            nodes.env.spawn(nodes.clone().beat(name));
        }
        let (scheduler, kubelets) = (nodes.clone(), nodes.clone());
        nodes.env.spawn(async move { scheduler.schedule().await });
        nodes.env.spawn(async move { kubelets.run().await });
        nodes
    }

    /// The node falls silent, and its pods run on unseen.
    pub fn kill(&self, name: &str) {
        self.alive.lock().unwrap().insert(name.to_owned(), false);
    }

    pub fn revive(&self, name: &str) {
        self.alive.lock().unwrap().insert(name.to_owned(), true);
    }

    /// From now on pods with this image never become ready.
    pub fn break_image(&self, image: &str) {
        self.broken.lock().unwrap().insert(image.to_owned());
    }

    fn is_alive(&self, node: &str) -> bool {
        self.alive.lock().unwrap().get(node).copied().unwrap_or(false)
    }

    /// Registers the node and keeps saying that it is there.
    async fn beat(self, name: String) {
        let create = |object: Object| {
            let client = self.client.clone();
            async move { client.create(&object, &WriteOptions::default()).await.unwrap() }
        };
        create(Object::from_value(Kind::of::<Node>(), json!({"metadata": {"name": name}})).unwrap()).await;
        let metadata = json!({"name": name, "namespace": "kube-node-lease"});
        create(Object::from_value(Kind::of::<Lease>(), json!({"metadata": metadata, "spec": {}})).unwrap())
            .await;
        loop {
            if self.is_alive(&name) {
                self.say_ready(&name).await;
                let renewed = json!({"spec": {"renewTime": MicroTime(self.env.now())}});
                let lease = ObjectKey::namespaced("kube-node-lease", &name);
                let options = WriteOptions::default();
                self.client.merge::<Lease>(&lease, Part::Main, &renewed, &options).await.unwrap();
            }
            self.env.sleep(Duration::from_secs(10)).await;
        }
    }

    async fn say_ready(&self, name: &str) {
        let key = ObjectKey::cluster(name);
        let node = self.client.fetch::<Node>(&key).await.unwrap();
        let conditions =
            node.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
        if conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True") {
            return;
        }
        let now = Time(self.env.now());
        let ready =
            json!({"type": "Ready", "status": "True", "lastHeartbeatTime": now, "lastTransitionTime": now});
        let status = json!({"status": {"conditions": [ready]}});
        self.client.merge::<Node>(&key, Part::Status, &status, &WriteOptions::default()).await.unwrap();
    }

    /// Binds pods to the nodes that take them, in turn.
    async fn schedule(self) {
        let informers = Informers::new(self.env.clone(), self.client.clone());
        let (pods, nodes) = (informers.of::<Pod>(), informers.of::<Node>());
        nodes.synced().await.unwrap();
        let mut deltas = pods.deltas();
        let mut turn = 0;
        loop {
            let delta = deltas.next().await;
            let Some(pod) = delta.current().map(|pod| pod.typed::<Pod>().unwrap()) else { continue };
            if node_name(&pod).is_some() || pod.metadata.deletion_timestamp.is_some() {
                continue;
            }
            let fit: Vec<_> = loop {
                let all = nodes.cache().list(None);
                let fit: Vec<_> = all.into_iter().filter(|node| takes_pods(&node.typed().unwrap())).collect();
                if !fit.is_empty() {
                    break fit;
                }
                self.env.sleep(Duration::from_millis(100)).await;
            };
            turn += 1;
            let target =
                ObjectReference { name: Some(fit[turn % fit.len()].name().to_owned()), ..Default::default() };
            let binding = Binding { metadata: ObjectMeta::default(), target };
            match self.client.bind(delta.key(), &binding).await {
                Ok(()) => {}
                Err(error) if error.is_not_found() || error.is_conflict() => {}
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Starts and ends the pods of all nodes.
    async fn run(self) {
        let informers = Informers::new(self.env.clone(), self.client.clone());
        let mut deltas = informers.of::<Pod>().deltas();
        let mut seen = BTreeSet::new();
        loop {
            let delta = deltas.next().await;
            let Some(object) = delta.current() else { continue };
            let pod = object.typed::<Pod>().unwrap();
            if node_name(&pod).is_none() {
                continue;
            }
            let ending = pod.metadata.deletion_timestamp.is_some();
            if seen.insert((object.uid().to_owned(), ending)) {
                let (nodes, object) = (self.clone(), object.clone());
                self.env.spawn(async move {
                    if ending { nodes.end(object).await } else { nodes.begin(object).await }
                });
            }
        }
    }

    async fn begin(&self, object: Arc<Object>) {
        self.env.sleep(START).await;
        let pod = object.typed::<Pod>().unwrap();
        let image = pod.spec.as_ref().unwrap().containers[0].image.clone().unwrap_or_default();
        if self.broken.lock().unwrap().contains(&image) || !self.is_alive(node_name(&pod).unwrap()) {
            return;
        }
        let bytes =
            object.uid().bytes().fold(7u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        let ip = format!("10.1.{}.{}", (bytes >> 8) & 255, bytes & 255);
        let now = Time(self.env.now());
        let status: Value = json!({
            "metadata": {"uid": object.uid()},
            "status": {
                "phase": "Running",
                "podIP": ip,
                "podIPs": [{"ip": ip}],
                "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": now}],
            },
        });
        let done =
            self.client.merge::<Pod>(object.key(), Part::Status, &status, &WriteOptions::default()).await;
        if let Err(error) = done {
            assert!(error.is_not_found() || error.is_conflict(), "{error}");
        }
    }

    async fn end(&self, object: Arc<Object>) {
        self.env.sleep(STOP).await;
        let pod = object.typed::<Pod>().unwrap();
        if !self.is_alive(node_name(&pod).unwrap()) {
            return;
        }
        let options = DeleteOptions { grace_period_seconds: Some(0), ..DeleteOptions::of_uid(object.uid()) };
        if let Err(error) = self.client.remove::<Pod>(object.key(), &options).await {
            assert!(error.is_not_found() || error.is_conflict(), "{error}");
        }
    }
}

pub fn node_name(pod: &Pod) -> Option<&str> {
    pod.spec.as_ref()?.node_name.as_deref()
}

fn takes_pods(node: &Node) -> bool {
    node.spec.as_ref().and_then(|spec| spec.taints.as_ref()).is_none_or(Vec::is_empty)
}
