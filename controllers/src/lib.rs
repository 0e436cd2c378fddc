//! The built-in reconcilers: what turns Deployments into ReplicaSets, ReplicaSets into Pods, and keeps order.
//!
//! Each is a [`Reconciler`]: it plans purely, and the [`Controller`](bireme_core::reconciler::Controller) of
//! `bireme-core` carries out what it plans. [`all`] is the set that a cluster runs:
//!
//! ```no_run
//! # use std::sync::Arc;
//! # use bireme_controllers::{Config, all};
//! # use bireme_core::{Environment, cache::Informers, client::Client, reconciler::Controller};
//! # use tokio_util::sync::CancellationToken;
//! # fn example(client: Arc<dyn Client>) {
//! let env = Environment::system();
//! let informers = Informers::new(env.clone(), client.clone());
//! let (controller, stop) = (Controller::new(env.clone(), client, informers), CancellationToken::new());
//! for reconciler in all(&Config::new(env.now())) {
//!     let (controller, stop) = (controller.clone(), stop.clone());
//!     env.spawn(async move { controller.run(reconciler, stop).await });
//! }
//! # }
//! ```

pub mod deployment;
pub mod endpoints;
pub mod garbage;
pub mod load_balancers;
pub mod namespace;
pub mod nodes;
mod ownership;
mod pods;
pub mod replicas;
pub mod terminated;
#[cfg(test)]
mod testing;

use std::sync::Arc;

use bireme_core::object::Kind;
use bireme_core::reconciler::Reconciler;
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{ControllerRevision, DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{
    ConfigMap, Endpoints, LimitRange, Namespace, Node, PersistentVolume, PersistentVolumeClaim, Pod,
    PodTemplate, ReplicationController, ResourceQuota, Secret, Service, ServiceAccount,
};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::{Ingress, IngressClass, NetworkPolicy};
use k8s_openapi::api::node::v1::RuntimeClass;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use k8s_openapi::api::scheduling::v1::PriorityClass;
use k8s_openapi::api::storage::v1::StorageClass;

/// What the built-in reconcilers have to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// The kinds of the cluster's objects: what the garbage collector looks after, and what a namespace that is
    /// deleted is emptied of. Events need not be among them; they expire, and go with their namespace.
    pub kinds: Vec<Kind>,
    /// The certificates that prove the API server to pods, in PEM form; none are published when unset.
    pub root_certificates: Option<String>,
    /// How patient the control plane is with nodes.
    pub node_timings: nodes::NodeTimings,
    /// How many pods that have ended are kept; the oldest above that are deleted. All are kept when unset.
    pub terminated_pods: Option<usize>,
    /// From when on nodes are listened to: mostly the time at which the controllers start, or take over.
    pub listening_since: Timestamp,
}

impl Config {
    /// Upstream's timings, the built-in kinds and no certificates, listening from the given time on.
    pub fn new(listening_since: Timestamp) -> Self {
        let node_timings = nodes::NodeTimings::default();
        let terminated_pods = Some(terminated::DEFAULT_THRESHOLD);
        Self { kinds: kinds(), root_certificates: None, node_timings, terminated_pods, listening_since }
    }
}

/// The built-in kinds but Events. A kind of which there are no objects costs its watch: some kilobytes, and no work.
fn kinds() -> Vec<Kind> {
    vec![
        Kind::of::<Namespace>(),
        Kind::of::<Node>(),
        Kind::of::<Pod>(),
        Kind::of::<Service>(),
        Kind::of::<Endpoints>(),
        Kind::of::<EndpointSlice>(),
        Kind::of::<ConfigMap>(),
        Kind::of::<Secret>(),
        Kind::of::<ServiceAccount>(),
        Kind::of::<Lease>(),
        Kind::of::<LimitRange>(),
        Kind::of::<PersistentVolume>(),
        Kind::of::<PersistentVolumeClaim>(),
        Kind::of::<PodTemplate>(),
        Kind::of::<ReplicationController>(),
        Kind::of::<ResourceQuota>(),
        Kind::of::<ControllerRevision>(),
        Kind::of::<DaemonSet>(),
        Kind::of::<Deployment>(),
        Kind::of::<ReplicaSet>(),
        Kind::of::<StatefulSet>(),
        Kind::of::<HorizontalPodAutoscaler>(),
        Kind::of::<CronJob>(),
        Kind::of::<Job>(),
        Kind::of::<Ingress>(),
        Kind::of::<IngressClass>(),
        Kind::of::<NetworkPolicy>(),
        Kind::of::<RuntimeClass>(),
        Kind::of::<PodDisruptionBudget>(),
        Kind::of::<ClusterRole>(),
        Kind::of::<ClusterRoleBinding>(),
        Kind::of::<Role>(),
        Kind::of::<RoleBinding>(),
        Kind::of::<PriorityClass>(),
        Kind::of::<StorageClass>(),
    ]
}

/// The reconcilers of a cluster. One process at a time should run them.
pub fn all(config: &Config) -> Vec<Arc<dyn Reconciler>> {
    let mut all: Vec<Arc<dyn Reconciler>> = vec![
        Arc::new(deployment::Deployments),
        Arc::new(replicas::Replicas::<ReplicaSet>::new()),
        Arc::new(replicas::Replicas::<ReplicationController>::new()),
        Arc::new(namespace::NamespaceDeletion::new(&config.kinds)),
        Arc::new(namespace::ServiceAccounts),
        Arc::new(garbage::GarbageCollector::new(config.kinds.clone())),
        Arc::new(nodes::NodeLifecycle::new(config.node_timings, config.listening_since)),
        Arc::new(endpoints::EndpointSlices),
        Arc::new(endpoints::LegacyEndpoints),
        Arc::new(endpoints::MirroredEndpoints),
        Arc::new(load_balancers::LoadBalancers),
    ];
    if let Some(threshold) = config.terminated_pods {
        all.push(Arc::new(terminated::TerminatedPods::new(threshold)));
    }
    if let Some(pem) = &config.root_certificates {
        all.push(Arc::new(namespace::RootCertificates::new(pem.clone())));
    }
    all
}
