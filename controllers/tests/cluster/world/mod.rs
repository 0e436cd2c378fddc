//! A cluster for tests: the registry on a memory store, all controllers, and nodes that only pretend to run pods.

mod lagging;
mod nodes;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bireme_controllers::nodes::NodeTimings;
use bireme_controllers::{Config, all};
use bireme_core::Environment;
use bireme_core::cache::Informers;
use bireme_core::client::{
    ApiEvent, Client, ClientExt, DeleteOptions, EventStream, Identity, ListOptions, Part, Propagation,
    WatchFrom, WatchOptions, WriteOptions,
};
use bireme_core::object::{Kind, Object, ObjectKey, Resource};
use bireme_core::reconciler::Controller;
use bireme_core::store::MemoryStore;
use bireme_registry::{BootstrapOptions, DirectClient, Registry, RegistryOptions};
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

pub use lagging::Lagging;
pub use nodes::Nodes;

/// How many pods that have ended are kept.
pub const KEPT: usize = 10;

pub struct World {
    pub env: Environment,
    pub client: Arc<dyn Client>,
    pub nodes: Nodes,
}

impl World {
    /// With three nodes and controllers that see everything at once.
    pub async fn start() -> World {
        Self::with_lag(Duration::ZERO).await
    }

    /// With controllers that see every change so much later.
    pub async fn with_lag(lag: Duration) -> World {
        let env = Environment::simulated(7);
        let registry = Registry::open(Arc::new(MemoryStore::new()), env.clone(), RegistryOptions::default())
            .await
            .unwrap();
        registry.bootstrap(&BootstrapOptions::default()).await.unwrap();
        let client: Arc<dyn Client> = Arc::new(DirectClient::new(registry.clone(), Identity::admin("admin")));
        let nodes = Nodes::start(env.clone(), client.clone(), 3).await;
        let controllers = DirectClient::new(registry.clone(), Identity::component("kube-controller-manager"));
        let controllers: Arc<dyn Client> = Arc::new(Lagging::new(env.clone(), Arc::new(controllers), lag));
        let informers = Informers::new(env.clone(), controllers.clone());
        let controller = Controller::new(env.clone(), controllers, informers);
        let mut config = Config::new(env.now());
        config.root_certificates = Some("certificates".to_owned());
        config.node_timings =
            NodeTimings { force_delete_after: Some(Duration::from_secs(60)), ..NodeTimings::default() };
        config.terminated_pods = Some(KEPT);
        for reconciler in all(&config) {
            let controller = controller.clone();
            env.spawn(async move { controller.run(reconciler, CancellationToken::new()).await });
        }
        World { env, client, nodes }
    }

    pub async fn create<K: Resource>(&self, object: Value) -> Arc<K> {
        let object = Object::from_value(Kind::of::<K>(), object).unwrap();
        self.client.create(&object, &WriteOptions::default()).await.unwrap().typed().unwrap()
    }

    pub async fn change<K: Resource>(&self, name: &str, patch: Value) -> Arc<K> {
        self.client.merge(&key::<K>(name), Part::Main, &patch, &WriteOptions::default()).await.unwrap()
    }

    pub async fn delete<K: Resource>(&self, name: &str, propagation: Propagation) {
        let options = DeleteOptions { propagation: Some(propagation), ..DeleteOptions::default() };
        self.client.remove::<K>(&key::<K>(name), &options).await.unwrap();
    }

    pub async fn get<K: Resource>(&self, name: &str) -> Option<Arc<K>> {
        match self.client.fetch(&key::<K>(name)).await {
            Ok(found) => Some(found),
            Err(error) if error.is_not_found() => None,
            Err(error) => panic!("{error}"),
        }
    }

    pub async fn list<K: Resource>(&self) -> Vec<Arc<K>> {
        let options = if Kind::of::<K>().is_namespaced() {
            ListOptions::namespaced("default")
        } else {
            ListOptions::default()
        };
        self.client.fetch_all(&options).await.unwrap().0
    }

    /// What happens to pods from now on.
    pub async fn watch_pods(&self) -> EventStream {
        let (_, revision) = self.client.fetch_all::<Pod>(&ListOptions::default()).await.unwrap();
        let options = WatchOptions { from: WatchFrom::After(revision), ..WatchOptions::default() };
        self.client.watch(Kind::of::<Pod>(), &options).await.unwrap()
    }

    /// Lets time pass until something holds; fails after an hour.
    pub async fn until<F: Future<Output = bool>>(&self, what: &str, mut holds: impl FnMut() -> F) {
        let begin = self.env.instant();
        while !holds().await {
            assert!(self.env.instant().since(begin) < Duration::from_secs(3600), "{what} did not happen");
            self.env.sleep(Duration::from_millis(50)).await;
        }
    }

    /// Lets time pass.
    pub async fn pass(&self, seconds: u64) {
        self.env.sleep(Duration::from_secs(seconds)).await;
    }

    /// The pods that are ready and stay.
    pub async fn ready_pods(&self) -> Vec<Arc<Pod>> {
        let pods = self.list::<Pod>().await;
        pods.into_iter().filter(|pod| is_ready(pod) && pod.metadata.deletion_timestamp.is_none()).collect()
    }
}

pub fn key<K: Resource>(name: &str) -> ObjectKey {
    ObjectKey::new(Kind::of::<K>().is_namespaced().then_some("default"), name)
}

pub fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

pub fn image(pod: &Pod) -> &str {
    pod.spec.as_ref().and_then(|spec| spec.containers[0].image.as_deref()).unwrap_or_default()
}

/// A Deployment `web` of pods that are killed for a node's silence after ten seconds.
pub fn web(replicas: i32, image: &str) -> Value {
    let toleration =
        |key: &str| json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 10});
    let tolerations =
        [toleration("node.kubernetes.io/not-ready"), toleration("node.kubernetes.io/unreachable")];
    json!({
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {
                    "containers": [{"name": "web", "image": image, "ports": [{"name": "http", "containerPort": 8080}]}],
                    "tolerations": tolerations,
                },
            },
        },
    })
}

/// The patch that `kubectl set image` makes, more or less.
pub fn use_image(image: &str) -> Value {
    json!({"spec": {"template": {"spec": {"containers": [
        {"name": "web", "image": image, "ports": [{"name": "http", "containerPort": 8080}]},
    ]}}}})
}

/// The object of an event, if it is one of an object.
pub fn pod_of(event: &ApiEvent) -> Option<Arc<Pod>> {
    event.object().map(|object| object.typed().unwrap())
}
