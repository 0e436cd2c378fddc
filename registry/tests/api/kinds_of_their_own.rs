//! What only some kinds have: a scale, a second version, a kubelet that owns them.

use crate::common::{Cluster, brief, key, next, object, pod};
use bireme_core::client::{Client, Identity, ListOptions, Part, Patch, WatchOptions, WriteOptions};
use bireme_core::error::Reason;
use bireme_core::object::{Kind, Object, ObjectKey};
use bireme_core::store::Revision;
use bireme_registry::RequestContext;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v1::Scale;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Event, Node, Pod};
use k8s_openapi::api::events::v1::Event as EventOfGroup;
use k8s_openapi::api::policy::v1::Eviction;
use serde_json::json;

const DEPLOYMENTS: Kind = Kind::of::<Deployment>();

fn deployment(replicas: i32) -> Object {
    object::<Deployment>(json!({
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "main", "image": "server:1"}]},
            },
        },
    }))
}

fn admin() -> RequestContext {
    RequestContext::new(Identity::admin("admin"))
}

#[tokio::test]
async fn a_scale_reads_and_writes_the_replicas() {
    let cluster = Cluster::start().await;
    let created = cluster.create(deployment(2)).await;
    let registry = &cluster.registry;
    let scale = registry.scale(&admin(), DEPLOYMENTS, &key("web")).await.unwrap();
    assert_eq!(scale.spec.as_ref().unwrap().replicas, Some(2));
    assert_eq!(scale.status.as_ref().unwrap().selector.as_deref(), Some("app=web"));
    assert_eq!(scale.metadata.resource_version, Some(created.revision().to_string()));
    let patch = Patch::Merge(json!({"spec": {"replicas": 5}}).to_string().into());
    registry.patch_scale(&admin(), DEPLOYMENTS, &key("web"), &patch).await.unwrap();
    let present = cluster.client.get(DEPLOYMENTS, &key("web")).await.unwrap();
    assert_eq!(present.value().unwrap()["spec"]["replicas"], 5);
    assert_eq!(present.metadata().generation, Some(2));
    let error = registry.update_scale(&admin(), DEPLOYMENTS, &key("web"), &scale).await.unwrap_err();
    assert!(error.is_conflict(), "the scale names the old resource version: {error}");
    let negative: Scale = serde_json::from_value(json!({"metadata": {}, "spec": {"replicas": -1}})).unwrap();
    let error = registry.update_scale(&admin(), DEPLOYMENTS, &key("web"), &negative).await.unwrap_err();
    assert_eq!(error.reason(), Reason::Invalid);
    let error = registry.scale(&admin(), Kind::of::<Pod>(), &key("web")).await.unwrap_err();
    assert_eq!(error.reason(), Reason::NotFound);
}

#[tokio::test]
async fn an_event_is_one_object_in_two_versions() {
    let cluster = Cluster::start().await;
    let (old, new) = (Kind::of::<Event>(), Kind::of::<EventOfGroup>());
    let mut watch = cluster.client.watch(new, &WatchOptions::default()).await.unwrap();
    let created = cluster
        .create(object::<Event>(json!({
            "metadata": {"name": "web.1", "namespace": "default"},
            "involvedObject": {"kind": "Pod", "name": "web", "namespace": "default"},
            "reason": "Pulled",
            "message": "pulled it",
            "type": "Normal",
        })))
        .await;
    let seen = next(&mut watch).await;
    assert_eq!(brief(&seen), "ADDED web.1");
    let value = seen.object().unwrap().value().unwrap();
    assert_eq!((&value["apiVersion"], &value["note"]), (&json!("events.k8s.io/v1"), &json!("pulled it")));
    assert_eq!(value["regarding"]["name"], "web");
    let read = cluster.client.get(new, &key("web.1")).await.unwrap();
    assert_eq!((read.revision(), read.uid()), (created.revision(), created.uid()));
    let patch = Patch::Merge(json!({"note": "pulled it again"}).to_string().into());
    cluster.client.patch(new, &key("web.1"), Part::Main, &patch, &WriteOptions::default()).await.unwrap();
    let list = cluster.client.list(old, &ListOptions::namespaced("default")).await.unwrap();
    let value = list.items[0].value().unwrap();
    assert_eq!((&value["apiVersion"], &value["message"]), (&json!("v1"), &json!("pulled it again")));
}

#[tokio::test]
async fn a_kubelet_registers_and_renews_only_itself() {
    let cluster = Cluster::start().await;
    let kubelet = cluster.as_user(Identity::node("node-1"));
    let options = WriteOptions::default();
    let node = |name: &str| object::<Node>(json!({"metadata": {"name": name}}));
    let lease = |name: &str, namespace: &str| {
        object::<Lease>(json!({
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"holderIdentity": name, "leaseDurationSeconds": 40},
        }))
    };
    kubelet.create(&node("node-1"), &options).await.unwrap();
    kubelet.create(&lease("node-1", "kube-node-lease"), &options).await.unwrap();
    for other in [node("node-2"), lease("node-2", "kube-node-lease"), lease("node-1", "default")] {
        let error = kubelet.create(&other, &options).await.unwrap_err();
        assert_eq!(error.reason(), Reason::Forbidden, "{other:?}");
    }
    let capacity = Patch::Merge(json!({"status": {"capacity": {"cpu": "2"}}}).to_string().into());
    let own = ObjectKey::cluster("node-1");
    kubelet.patch(Kind::of::<Node>(), &own, Part::Status, &capacity, &options).await.unwrap();
}

#[tokio::test]
async fn a_new_pod_gets_what_the_cluster_gives_every_pod() {
    let cluster = Cluster::start().await;
    let created = cluster.create(pod("web")).await.value().unwrap();
    assert_eq!(created["spec"]["serviceAccountName"], "default");
    assert_eq!(created["spec"]["priority"], 0);
    let tolerated: Vec<_> = created["spec"]["tolerations"].as_array().unwrap().iter().collect();
    assert_eq!(tolerated.len(), 2);
    assert!(tolerated.iter().all(|toleration| toleration["tolerationSeconds"] == 300));
    assert_eq!(created["status"]["phase"], "Pending");
}

#[tokio::test]
async fn an_eviction_deletes_the_pod_it_names() {
    let cluster = Cluster::start().await;
    cluster.create(pod("web")).await;
    let stale: Eviction = serde_json::from_value(json!({
        "metadata": {"name": "web"},
        "deleteOptions": {"preconditions": {"uid": "another"}},
    }))
    .unwrap();
    assert!(cluster.client.evict(&key("web"), &stale).await.unwrap_err().is_conflict());
    cluster.client.evict(&key("web"), &Eviction::default()).await.unwrap();
    assert!(cluster.client.get(Kind::of::<Pod>(), &key("web")).await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn a_pod_is_not_bound_twice_nor_while_it_goes_nor_under_another_uid() {
    let cluster = Cluster::start().await;
    let created = cluster.create(pod("web")).await;
    let mut binding = crate::common::binding("node-1");
    binding.metadata.uid = Some("another".to_owned());
    assert!(cluster.client.bind(&key("web"), &binding).await.unwrap_err().is_conflict());
    binding.metadata.uid = Some(created.uid().to_owned());
    cluster.client.bind(&key("web"), &binding).await.unwrap();
    assert!(cluster.client.bind(&key("web"), &binding).await.unwrap_err().is_conflict());
    let bound = cluster.client.get(Kind::of::<Pod>(), &key("web")).await.unwrap();
    assert_eq!(bound.metadata().generation, created.metadata().generation);
    assert!(bound.revision() > Revision::ZERO);
    let mut held = pod("held").value().unwrap();
    held["metadata"]["finalizers"] = json!(["example.com/hold"]);
    cluster.create(object::<Pod>(held)).await;
    cluster.client.delete(Kind::of::<Pod>(), &key("held"), &Default::default()).await.unwrap();
    assert!(cluster.client.bind(&key("held"), &crate::common::binding("n")).await.unwrap_err().is_conflict());
}
