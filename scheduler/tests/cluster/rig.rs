//! A registry, schedulers over it, and what is asked of them.

use std::sync::Arc;
use std::time::Duration;

use bireme_core::Environment;
use bireme_core::cache::Informers;
use bireme_core::client::{
    Client, ClientExt as _, Identity, ListOptions, WatchFrom, WatchOptions, WriteOptions,
};
use bireme_core::object::{Kind, Object};
use bireme_core::store::MemoryStore;
use bireme_registry::{BootstrapOptions, DirectClient, Registry, RegistryOptions};
use bireme_scheduler::{DefaultScheduler, SchedulerConfig, SchedulerLoop};
use futures::StreamExt as _;
use k8s_openapi::api::core::v1::{Node, Pod};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub struct Rig {
    pub env: Environment,
    pub registry: Arc<Registry>,
    pub client: Arc<dyn Client>,
    pub stop: CancellationToken,
}

impl Rig {
    pub async fn start() -> Rig {
        let env = Environment::simulated(1);
        let store = Arc::new(MemoryStore::new());
        let registry = Registry::open(store, env.clone(), RegistryOptions::default()).await.unwrap();
        registry.bootstrap(&BootstrapOptions::default()).await.unwrap();
        let client = Arc::new(DirectClient::new(registry.clone(), Identity::admin("test")));
        Rig { env, registry, client, stop: CancellationToken::new() }
    }

    pub fn scheduler(&self, name: &str, seed: u64) -> JoinHandle<()> {
        let client: Arc<dyn Client> =
            Arc::new(DirectClient::new(self.registry.clone(), Identity::component("kube-scheduler")));
        let informers = Informers::new(self.env.clone(), client.clone());
        let config = SchedulerConfig { name: name.to_owned(), ..SchedulerConfig::default() };
        let scheduler = Box::new(DefaultScheduler::new(seed));
        let scheduling = SchedulerLoop::new(config, self.env.clone(), client, informers.clone(), scheduler);
        let stop = self.stop.clone();
        self.env.spawn(async move {
            scheduling.run(stop).await;
            informers.stop().await;
        })
    }

    pub async fn create(&self, kind: Kind, value: Value) {
        let object = Object::from_value(kind, value).unwrap();
        self.client.create(&object, &WriteOptions::default()).await.unwrap();
    }

    pub async fn node(&self, name: &str, cpu: &str) {
        let resources = json!({"cpu": cpu, "memory": "1Gi", "pods": "110"});
        let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name},
            "status": {"capacity": resources, "allocatable": resources}});
        self.create(Kind::of::<Node>(), node).await;
    }

    pub async fn pod(&self, name: &str, spec: Value) {
        let mut container = json!({"name": "main", "image": "sim/web"});
        container["resources"]["requests"]["cpu"] = spec["cpu"].clone();
        let mut full = json!({"containers": [container]});
        for (key, value) in spec.as_object().unwrap() {
            if key != "cpu" {
                full[key] = value.clone();
            }
        }
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"}, "spec": full});
        self.create(Kind::of::<Pod>(), pod).await;
    }

    pub async fn pods(&self) -> Vec<Arc<Pod>> {
        self.client.fetch_all::<Pod>(&ListOptions::default()).await.unwrap().0
    }

    /// Waits, by watch, until the pods are as wanted.
    pub async fn until(&self, what: &str, holds: impl Fn(&[Arc<Pod>]) -> bool) {
        let options = WatchOptions { from: WatchFrom::Now, ..WatchOptions::default() };
        let mut events = self.client.watch(Kind::of::<Pod>(), &options).await.unwrap();
        let waiting = async {
            while !holds(&self.pods().await) {
                events.next().await.unwrap().unwrap();
            }
        };
        // Of simulated time: only what waits for ever gets there.
        self.env.timeout(Duration::from_secs(3600), waiting).await.expect(what);
    }
}

pub fn node_of(pod: &Pod) -> Option<&str> {
    pod.spec.as_ref()?.node_name.as_deref()
}

pub fn bound(pods: &[Arc<Pod>]) -> usize {
    pods.iter().filter(|pod| node_of(pod).is_some()).count()
}

pub fn message(pod: &Pod) -> Option<String> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    conditions.iter().find(|condition| condition.type_ == "PodScheduled")?.message.clone()
}
