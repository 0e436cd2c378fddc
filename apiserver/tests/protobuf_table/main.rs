//! Generates the table by which protobuf requests become JSON, and holds the one in the tree to it.
//!
//! Field numbers and types come from the sources of `k8s-pb`, the names in JSON and which fields are always
//! present from those of `k8s-openapi`. `UPDATE=1 cargo test -p bireme-apiserver --test protobuf_table` writes
//! the files anew, which is what adding a kind or a version of these crates needs.

#![expect(clippy::unwrap_used, reason = "a helper that panics fails its test")]

mod emit;
mod model;
mod sources;

use std::path::Path;

/// What clients may send: modules and types of `k8s-pb`, each with the `apiVersion` it has on the wire.
const ROOTS: &[(&str, &str, &[&str])] = &[
    (
        "v1",
        "api::core::v1",
        &[
            "Binding",
            "ConfigMap",
            "Endpoints",
            "Event",
            "LimitRange",
            "Namespace",
            "Node",
            "PersistentVolume",
            "PersistentVolumeClaim",
            "Pod",
            "PodTemplate",
            "ReplicationController",
            "ResourceQuota",
            "Secret",
            "Service",
            "ServiceAccount",
        ],
    ),
    ("v1", "apimachinery::pkg::apis::meta::v1", &["DeleteOptions"]),
    (
        "apps/v1",
        "api::apps::v1",
        &["ControllerRevision", "DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"],
    ),
    ("autoscaling/v1", "api::autoscaling::v1", &["HorizontalPodAutoscaler", "Scale"]),
    ("autoscaling/v2", "api::autoscaling::v2", &["HorizontalPodAutoscaler"]),
    ("batch/v1", "api::batch::v1", &["CronJob", "Job"]),
    ("coordination.k8s.io/v1", "api::coordination::v1", &["Lease"]),
    ("discovery.k8s.io/v1", "api::discovery::v1", &["EndpointSlice"]),
    ("events.k8s.io/v1", "api::events::v1", &["Event"]),
    ("networking.k8s.io/v1", "api::networking::v1", &["Ingress", "IngressClass", "NetworkPolicy"]),
    ("node.k8s.io/v1", "api::node::v1", &["RuntimeClass"]),
    ("policy/v1", "api::policy::v1", &["Eviction", "PodDisruptionBudget"]),
    (
        "rbac.authorization.k8s.io/v1",
        "api::rbac::v1",
        &["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"],
    ),
    ("scheduling.k8s.io/v1", "api::scheduling::v1", &["PriorityClass"]),
    ("storage.k8s.io/v1", "api::storage::v1", &["StorageClass"]),
];

#[test]
fn the_table_in_the_tree_is_the_generated_one() {
    let sources = sources::Sources::locate();
    let model = model::Model::build(&sources, ROOTS);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/protobuf/messages");
    for (name, text) in emit::files(&model, ROOTS) {
        let path = folder.join(&name);
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let present = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            present == text,
            "{name} is not what the generator makes of the crates' sources: run with UPDATE=1"
        );
    }
}
