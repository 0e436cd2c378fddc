//! The kinds, one file each, and the table of them all.

mod autoscaler;
pub(crate) mod check;
mod config_map;
mod controller_revision;
mod cron_job;
mod daemon_set;
mod deployment;
mod endpoint_slice;
mod endpoints;
mod event;
mod ingress;
mod ingress_class;
mod job;
mod lease;
mod limit_range;
mod namespace;
mod network_policy;
mod node;
mod persistent_volume;
mod persistent_volume_claim;
mod pod;
mod pod_disruption_budget;
mod pod_spec;
mod pod_template;
pub(crate) mod priority_class;
mod rbac;
mod replica_set;
mod replication_controller;
mod resource_quota;
mod runtime_class;
mod secret;
mod service;
mod service_account;
mod stateful_set;
mod storage_class;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod workload;

use std::sync::Arc;

use k8s_openapi::api::{
    apps::v1 as apps, autoscaling, batch::v1 as batch, coordination, core::v1 as core, discovery, events,
    networking::v1 as networking, node as node_v1, policy, rbac::v1 as rbac_v1, scheduling, storage,
};

use crate::resource::{DynStrategy, strategy};

/// The built-in kinds, in the order of discovery.
pub fn built_in() -> Vec<Arc<dyn DynStrategy>> {
    vec![
        strategy::<core::ConfigMap>(),
        strategy::<core::Endpoints>(),
        strategy::<core::Event>(),
        strategy::<core::LimitRange>(),
        strategy::<core::Namespace>(),
        strategy::<core::Node>(),
        strategy::<core::PersistentVolume>(),
        strategy::<core::PersistentVolumeClaim>(),
        strategy::<core::Pod>(),
        strategy::<core::PodTemplate>(),
        strategy::<core::ReplicationController>(),
        strategy::<core::ResourceQuota>(),
        strategy::<core::Secret>(),
        strategy::<core::Service>(),
        strategy::<core::ServiceAccount>(),
        strategy::<apps::ControllerRevision>(),
        strategy::<apps::DaemonSet>(),
        strategy::<apps::Deployment>(),
        strategy::<apps::ReplicaSet>(),
        strategy::<apps::StatefulSet>(),
        strategy::<autoscaling::v2::HorizontalPodAutoscaler>(),
        strategy::<autoscaling::v1::HorizontalPodAutoscaler>(),
        strategy::<batch::CronJob>(),
        strategy::<batch::Job>(),
        strategy::<coordination::v1::Lease>(),
        strategy::<discovery::v1::EndpointSlice>(),
        strategy::<events::v1::Event>(),
        strategy::<networking::Ingress>(),
        strategy::<networking::IngressClass>(),
        strategy::<networking::NetworkPolicy>(),
        strategy::<node_v1::v1::RuntimeClass>(),
        strategy::<policy::v1::PodDisruptionBudget>(),
        strategy::<rbac_v1::ClusterRole>(),
        strategy::<rbac_v1::ClusterRoleBinding>(),
        strategy::<rbac_v1::Role>(),
        strategy::<rbac_v1::RoleBinding>(),
        strategy::<scheduling::v1::PriorityClass>(),
        strategy::<storage::v1::StorageClass>(),
    ]
}

/// The first items of a list as tables show it: `a,b,c + 2 more...`.
fn first_few(mut items: Vec<String>, shown: usize) -> String {
    let more = items.len().saturating_sub(shown);
    items.truncate(shown);
    match more {
        0 => items.join(","),
        more => format!("{} + {more} more...", items.join(",")),
    }
}
