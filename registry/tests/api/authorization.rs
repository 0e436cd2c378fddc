//! Nobody does what nobody allowed.

use crate::common::{Cluster, binding, config_map, key, pod};
use bireme_core::client::{Client, Identity, ListOptions, Part, Patch, WatchOptions, WriteOptions};
use bireme_core::error::Reason;
use bireme_core::object::Kind;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use serde_json::json;

const MAPS: Kind = Kind::of::<ConfigMap>();
const PODS: Kind = Kind::of::<Pod>();

#[tokio::test]
async fn a_user_without_rights_can_do_nothing() {
    let cluster = Cluster::start().await;
    let nobody =
        cluster.as_user(Identity { user: "eve".into(), groups: vec!["system:authenticated".into()] });
    let options = ListOptions::namespaced("default");
    let error = nobody.list(MAPS, &options).await.unwrap_err();
    assert_eq!(error.reason(), Reason::Forbidden);
    assert_eq!(
        error.message(),
        "configmaps is forbidden: User \"eve\" cannot list resource \"configmaps\" in API group \"\" in the \
         namespace \"default\""
    );
    assert!(nobody.get(MAPS, &key("a")).await.is_err());
    assert!(nobody.watch(MAPS, &WatchOptions::default()).await.is_err());
    assert!(nobody.create(&config_map("a", "1"), &WriteOptions::default()).await.is_err());
    assert!(nobody.bind(&key("a"), &binding("n")).await.is_err());
}

#[tokio::test]
async fn a_kubelet_writes_the_status_of_its_own_pods_only() {
    let cluster = Cluster::start().await;
    cluster.create(pod("web")).await;
    cluster.client.bind(&key("web"), &binding("node-1")).await.unwrap();
    let running = Patch::Merge(json!({"status": {"phase": "Running"}}).to_string().into());
    let options = WriteOptions::default();
    let other = cluster.as_user(Identity::node("node-2"));
    let error = other.patch(PODS, &key("web"), Part::Status, &running, &options).await.unwrap_err();
    assert_eq!(error.reason(), Reason::Forbidden);
    let own = cluster.as_user(Identity::node("node-1"));
    own.patch(PODS, &key("web"), Part::Status, &running, &options).await.unwrap();
    let error = own.patch(PODS, &key("web"), Part::Main, &running, &options).await.unwrap_err();
    assert_eq!(error.reason(), Reason::Forbidden);
}
