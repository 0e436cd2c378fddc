//! Where a node hears of its pods, and of the objects that they are configured by.

mod configs;
mod pods;

use std::sync::Arc;

use bireme_core::Environment;
use bireme_core::cache::{Informer, Informers, Selection};
use bireme_core::client::Client;
use bireme_core::object::Kind;
use k8s_openapi::api::core::v1::{ConfigMap, Node, Pod, Secret, Service};

pub use configs::{Configs, Notice, SharedConfigs, WatchedConfigs};
pub use pods::PodRouter;
pub(crate) use pods::{Change, PodFeed};

/// What a kubelet reads of the cluster. Cheap to clone.
#[derive(Clone)]
pub struct Sources {
    /// The pods, by node.
    pub pods: Arc<PodRouter>,
    /// ConfigMaps, Secrets, and the node itself.
    pub configs: Arc<dyn Configs>,
    /// The services, whose addresses every container finds in its environment.
    pub services: Arc<Informer>,
}

impl Sources {
    /// Sources for all kubelets of one process: pods, ConfigMaps, Secrets, Nodes and Services are each followed once.
    pub fn shared(informers: &Informers) -> Self {
        let single = [informers.of::<ConfigMap>(), informers.of::<Secret>(), informers.of::<Node>()];
        Self {
            pods: Arc::new(PodRouter::new(informers.of::<Pod>())),
            configs: Arc::new(SharedConfigs::new(single)),
            services: informers.of::<Service>(),
        }
    }

    /// Sources for the one kubelet of a machine: only the node's own pods are followed, and only those
    /// ConfigMaps and Secrets that they name.
    pub fn of_node(env: Environment, client: Arc<dyn Client>, informers: &Informers, node: &str) -> Self {
        let own = Selection::field("spec.nodeName", node);
        Self {
            pods: Arc::new(PodRouter::new(informers.selected(Kind::of::<Pod>(), own))),
            configs: Arc::new(WatchedConfigs::new(env, client)),
            services: informers.of::<Service>(),
        }
    }
}
