//! Kinds that nothing acts on yet say so.

use bireme_core::client::{Client, Identity, Part, Patch};
use bireme_core::object::Kind;
use bireme_registry::{Body, RequestContext};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::json;

use crate::common::{Cluster, config_map, key, object};

const JOB: Kind = Kind::of::<Job>();
const WARNING: &str =
    "bireme has no controller for batch/v1 Job yet: the object is stored, and nothing will act on it";

fn admin() -> RequestContext {
    RequestContext::new(Identity::admin("admin"))
}

async fn patched(cluster: &Cluster, part: Part, patch: serde_json::Value) -> Vec<String> {
    let patch = Patch::Merge(patch.to_string().into());
    cluster.registry.patch(&admin(), JOB, &key("sum"), part, &patch).await.unwrap().warnings
}

#[tokio::test]
async fn the_author_is_told_on_creation_and_when_the_spec_changes() {
    let cluster = Cluster::start().await;
    let containers = json!([{"name": "a", "image": "i"}]);
    let job = object::<Job>(json!({
        "metadata": {"name": "sum", "namespace": "default"},
        "spec": {"template": {"spec": {"containers": containers, "restartPolicy": "Never"}}},
    }));
    let created = cluster.registry.create(&admin(), JOB, None, Body::Object(&job)).await.unwrap();
    assert_eq!(created.warnings, [WARNING]);
    assert_eq!(patched(&cluster, Part::Main, json!({"spec": {"parallelism": 2}})).await, [WARNING]);
    let silent: [(Part, _); 3] = [
        (Part::Main, json!({"metadata": {"labels": {"a": "b"}}})),
        (Part::Main, json!({"spec": {"parallelism": 2}})),
        (Part::Status, json!({"status": {"active": 1}})),
    ];
    for (part, patch) in silent {
        assert_eq!(patched(&cluster, part, patch.clone()).await, Vec::<String>::new(), "{patch}");
    }
}

#[tokio::test]
async fn nothing_is_said_of_kinds_that_are_acted_on() {
    let cluster = Cluster::start().await;
    let body = config_map("c", "v");
    let kind = Kind::of::<ConfigMap>();
    let created = cluster.registry.create(&admin(), kind, None, Body::Object(&body)).await.unwrap();
    assert_eq!(created.warnings, Vec::<String>::new());
    assert!(cluster.client.get(kind, &key("c")).await.is_ok());
}
