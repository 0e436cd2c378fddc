//! What the tests share: a registry on a memory store, simulated engines, and kubelets that can be killed.

use std::sync::Arc;
use std::time::Duration;

use bireme_core::Environment;
use bireme_core::cache::Informers;
use bireme_core::client::{Client, ClientExt, DeleteOptions, Identity, ListOptions, WriteOptions};
use bireme_core::network::{PodNetwork, SimNetwork};
use bireme_core::node_access::NodeAccess;
use bireme_core::object::{Kind, Object, ObjectKey, Resource};
use bireme_core::quantity::Quantity;
use bireme_core::runtime::{ContainerStatus, Runtime, SimEngine, SimRuntime, SimScript, StandardScript};
use bireme_core::store::MemoryStore;
use bireme_kubelet::{Host, Kubelet, KubeletConfig, Sources};
use bireme_registry::{BootstrapOptions, DirectClient, Registry, RegistryOptions};
use k8s_openapi::api::core::v1::{ContainerStatus as Reported, Event, Pod};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Long enough, in virtual time, for whatever a test waits for.
const PATIENCE: Duration = Duration::from_secs(3600);

pub struct Rig {
    pub env: Environment,
    pub admin: DirectClient,
    pub registry: Arc<Registry>,
    pub engine: SimEngine,
    pub runtime: SimRuntime,
    /// What kubelets are given for a runtime.
    pub given: Arc<dyn Runtime>,
    pub network: SimNetwork,
    pub informers: Informers,
    pub host: Host,
}

/// A kubelet at work.
pub struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
    pub access: Arc<dyn NodeAccess>,
}

impl Running {
    /// Ends the agent wherever it is.
    pub async fn kill(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

impl Rig {
    pub async fn new() -> Rig {
        Rig::with_script(StandardScript).await
    }

    pub async fn with_script(script: impl SimScript) -> Rig {
        let env = Environment::simulated(3);
        let store = Arc::new(MemoryStore::new());
        let registry = Registry::open(store, env.clone(), RegistryOptions::default()).await.unwrap();
        registry.bootstrap(&BootstrapOptions::default()).await.unwrap();
        let admin = DirectClient::new(registry.clone(), Identity::admin("admin"));
        let engine = SimEngine::with_script(env.clone(), script);
        Rig {
            runtime: engine.runtime("node-1"),
            given: Arc::new(engine.runtime("node-1")),
            network: SimNetwork::new("10.244.1.0/24".parse().unwrap()),
            informers: Informers::new(env.clone(), Arc::new(admin.clone())),
            host: Host::simulated(4, 8 << 30),
            env,
            admin,
            registry,
            engine,
        }
    }

    pub fn config(&self) -> KubeletConfig {
        KubeletConfig {
            addresses: vec!["192.168.0.1".parse().unwrap()],
            pod_cidr: Some("10.244.1.0/24".parse().unwrap()),
            capacity: Some([("cpu".to_owned(), Quantity::units(4))].into()),
            ..KubeletConfig::new("node-1", self.host.clone())
        }
    }

    pub fn start(&self) -> Running {
        self.start_with(self.config(), Sources::shared(&self.informers))
    }

    pub fn start_with(&self, config: KubeletConfig, sources: Sources) -> Running {
        let client = Arc::new(DirectClient::new(self.registry.clone(), Identity::node("node-1")));
        let runtime = self.given.clone();
        let network = Arc::new(self.network.clone());
        let kubelet = Kubelet::new(config, self.env.clone(), client, sources, runtime, network);
        let (stop, access) = (CancellationToken::new(), kubelet.node_access());
        let stopped = stop.clone();
        let task = self.env.spawn(async move { kubelet.run(stopped).await.unwrap() });
        Running { stop, task, access }
    }

    /// Creates a pod that names its node itself.
    pub async fn create(&self, name: &str, mut spec: Value) -> Arc<Pod> {
        spec["nodeName"] = json!("node-1");
        spec["automountServiceAccountToken"] = json!(false);
        let value = json!({"metadata": {"name": name, "namespace": "default"}, "spec": spec});
        self.put::<Pod>(value).await
    }

    pub async fn put<K: Resource>(&self, value: Value) -> Arc<K> {
        let object = Object::from_value(Kind::of::<K>(), value).unwrap();
        self.admin.create(&object, &WriteOptions::default()).await.unwrap().typed().unwrap()
    }

    pub async fn pod(&self, name: &str) -> Option<Arc<Pod>> {
        match self.admin.fetch::<Pod>(&key(name)).await {
            Ok(pod) => Some(pod),
            Err(error) if error.is_not_found() => None,
            Err(error) => panic!("{error}"),
        }
    }

    /// Waits until the pod is as wanted.
    pub async fn until(&self, name: &str, wanted: impl Fn(&Pod) -> bool) -> Arc<Pod> {
        let what = std::panic::Location::caller();
        let wait = async {
            loop {
                if let Some(pod) = self.pod(name).await.filter(|pod| wanted(pod)) {
                    return pod;
                }
                self.env.sleep(Duration::from_millis(20)).await;
            }
        };
        match self.env.timeout(PATIENCE, wait).await {
            Ok(pod) => pod,
            Err(_) => panic!("{what}: {:#?}", self.pod(name).await.map(|pod| pod.status.clone())),
        }
    }

    /// Waits until the pod is gone from the API and nothing of it is left on the node.
    pub async fn until_gone(&self, name: &str) {
        let wait = async {
            while self.pod(name).await.is_some()
                || !self.containers(name).await.is_empty()
                || self.sandboxes().await > 0
            {
                self.env.sleep(Duration::from_millis(20)).await;
            }
        };
        if self.env.timeout(PATIENCE, wait).await.is_err() {
            let pod = self.pod(name).await;
            panic!("{:#?} {:#?}", pod.map(|pod| pod.status.clone()), self.containers(name).await);
        }
        assert!(self.network.attachments().await.unwrap().is_empty());
    }

    pub async fn delete(&self, name: &str, grace: Option<i64>) {
        let options = DeleteOptions { grace_period_seconds: grace, ..DeleteOptions::default() };
        self.admin.delete(Kind::of::<Pod>(), &key(name), &options).await.unwrap();
    }

    pub async fn sandboxes(&self) -> usize {
        self.runtime.sandboxes().await.unwrap().len()
    }

    /// The containers of a pod in the engine, oldest first.
    pub async fn containers(&self, pod: &str) -> Vec<ContainerStatus> {
        let mut all = self.runtime.containers().await.unwrap();
        all.retain(|container| container.pod.key.name() == pod);
        all.sort_by_key(|container| (container.created_at, container.name.clone(), container.attempt));
        all
    }

    /// The reasons of the events there are about a pod.
    pub async fn events(&self, pod: &str) -> Vec<String> {
        // The recorder writes in a task of its own.
        self.env.sleep(Duration::from_millis(100)).await;
        let (events, _) = self.admin.fetch_all::<Event>(&ListOptions::namespaced("default")).await.unwrap();
        let about = events.iter().filter(|event| event.involved_object.name.as_deref() == Some(pod));
        about.filter_map(|event| event.reason.clone()).collect()
    }

    pub async fn sleep(&self, seconds: u64) {
        self.env.sleep(Duration::from_secs(seconds)).await;
    }
}

pub fn key(name: &str) -> ObjectKey {
    ObjectKey::namespaced("default", name)
}

/// A specification with one container of this image.
pub fn running(image: &str) -> Value {
    json!({"containers": [{"name": "main", "image": image, "imagePullPolicy": "IfNotPresent"}]})
}

pub fn phase(pod: &Pod) -> &str {
    pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or_default()
}

pub fn is_ready(pod: &Pod) -> bool {
    condition(pod, "Ready") == Some("True")
}

pub fn condition<'a>(pod: &'a Pod, type_: &str) -> Option<&'a str> {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions
        .into_iter()
        .find(|condition| condition.type_ == type_)
        .map(|condition| condition.status.as_str())
}

/// What is reported of a container.
pub fn reported<'a>(pod: &'a Pod, name: &str) -> &'a Reported {
    let status = pod.status.as_ref().unwrap();
    let mut all = status.init_container_statuses.iter().chain(&status.container_statuses).flatten();
    all.find(|reported| reported.name == name).unwrap()
}

/// Why a container waits, if it does.
pub fn waiting<'a>(pod: &'a Pod, name: &str) -> Option<&'a str> {
    let status = pod.status.as_ref()?;
    let mut all = status.init_container_statuses.iter().chain(&status.container_statuses).flatten();
    let reported = all.find(|reported| reported.name == name)?;
    reported.state.as_ref()?.waiting.as_ref()?.reason.as_deref()
}
