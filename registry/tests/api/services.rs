//! What Services are given, and that nobody else gets it.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use crate::common::{Cluster, key, object};
use bireme_core::Environment;
use bireme_core::client::{Client, DeleteOptions, ListOptions, Part, Patch, WriteOptions};
use bireme_core::error::Reason;
use bireme_core::object::{Kind, Object, ObjectKey};
use bireme_core::store::{Key, MemoryStore, RangeRequest, Store};
use bireme_registry::{BootstrapOptions, RegistryOptions, ServiceRanges};
use k8s_openapi::api::core::v1::{Endpoints, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use serde_json::{Value, json};

const SERVICES: Kind = Kind::of::<Service>();

fn service(name: &str, mut spec: Value) -> Object {
    spec["ports"] = json!([{"port": 80}]);
    object::<Service>(json!({"metadata": {"name": name, "namespace": "default"}, "spec": spec}))
}

fn spec(object: &Object) -> Value {
    object.value().unwrap()["spec"].clone()
}

async fn small(store: MemoryStore) -> Cluster {
    let ranges = ServiceRanges { addresses: "10.0.0.0/29".parse().unwrap(), node_ports: 30_000..=30_002 };
    Cluster::with(store, RegistryOptions { services: ranges, ..RegistryOptions::default() }).await
}

async fn ranges(cluster: &Cluster) -> BTreeSet<String> {
    let request = RangeRequest { prefix: Key::from("/registry/ranges/"), ..RangeRequest::default() };
    let items = cluster.store.range(request).await.unwrap().items;
    items.into_iter().map(|item| item.key.to_string()).collect()
}

#[tokio::test]
async fn a_service_gets_an_address_and_gives_it_back_with_itself() {
    let cluster = Cluster::start().await;
    let before = ranges(&cluster).await;
    let created = cluster.create(service("web", json!({"type": "NodePort"}))).await;
    let spec = spec(&created);
    let address = spec["clusterIP"].as_str().unwrap().to_owned();
    assert_eq!(spec["clusterIPs"], json!([address]));
    let port = spec["ports"][0]["nodePort"].as_u64().unwrap();
    assert!(ranges(&cluster).await.contains(&format!("/registry/ranges/serviceips/{address}")));
    assert!(ranges(&cluster).await.contains(&format!("/registry/ranges/servicenodeports/{port}")));
    cluster.client.delete(SERVICES, &key("web"), &DeleteOptions::default()).await.unwrap();
    assert_eq!(ranges(&cluster).await, before);
}

#[tokio::test]
async fn an_address_that_is_taken_or_out_of_range_is_refused() {
    let cluster = Cluster::start().await;
    cluster.create(service("a", json!({"clusterIP": "10.96.0.50"}))).await;
    for (address, why) in [("10.96.0.50", "already allocated"), ("10.1.0.1", "not in the valid range")] {
        let second = service("b", json!({"clusterIP": address}));
        let error = cluster.client.create(&second, &WriteOptions::default()).await.unwrap_err();
        assert_eq!(error.reason(), Reason::Invalid);
        assert!(error.message().contains(why), "{error}");
    }
    cluster.client.delete(SERVICES, &key("a"), &DeleteOptions::default()).await.unwrap();
    cluster.create(service("b", json!({"clusterIP": "10.96.0.50"}))).await;
}

#[tokio::test]
async fn headless_and_external_services_take_no_address() {
    let cluster = Cluster::start().await;
    let before = ranges(&cluster).await;
    cluster.create(service("headless", json!({"clusterIP": "None"}))).await;
    let external = json!({"type": "ExternalName", "externalName": "example.com"});
    cluster.create(service("external", external)).await;
    assert_eq!(ranges(&cluster).await, before);
}

#[tokio::test]
async fn a_service_that_stops_being_a_node_port_gives_its_port_back_and_keeps_its_address() {
    let cluster = Cluster::start().await;
    let created = spec(&*cluster.create(service("web", json!({"type": "NodePort"}))).await);
    let patch = Patch::Merge(json!({"spec": {"type": "ClusterIP"}}).to_string().into());
    let options = WriteOptions::default();
    let changed = cluster.client.patch(SERVICES, &key("web"), Part::Main, &patch, &options).await.unwrap();
    let changed = spec(&changed);
    assert_eq!(
        (&changed["clusterIP"], &changed["ports"][0]["nodePort"]),
        (&created["clusterIP"], &Value::Null)
    );
    assert!(!ranges(&cluster).await.iter().any(|key| key.contains("nodeports")));
}

#[tokio::test]
async fn an_update_without_the_allocated_fields_keeps_them() {
    let cluster = Cluster::start().await;
    let created = cluster.create(service("web", json!({"type": "NodePort"}))).await;
    let same = service("web", json!({"type": "NodePort"}));
    let updated = cluster.client.update(&same, Part::Main, &WriteOptions::default()).await.unwrap();
    assert_eq!(spec(&updated), spec(&created));
}

#[tokio::test]
async fn a_full_range_is_an_error_until_somebody_leaves() {
    let store = MemoryStore::new();
    let (one, two) = (small(store.clone()).await, small(store).await);
    one.registry.bootstrap(&BootstrapOptions::default()).await.unwrap();
    // The range has six addresses; the `kubernetes` Service has one.
    for index in 0..5 {
        one.create(service(&format!("web-{index}"), json!({}))).await;
    }
    let error = one.client.create(&service("more", json!({})), &WriteOptions::default()).await.unwrap_err();
    assert!(error.message().contains("full"), "{error}");
    two.client.delete(SERVICES, &key("web-3"), &DeleteOptions::default()).await.unwrap();
    one.create(service("more", json!({}))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_registries_on_one_store_never_give_an_address_or_port_twice() {
    let one = Cluster::start().await;
    let two = Cluster::on(one.store.clone()).await;
    let env = Environment::system();
    let writers: Vec<_> = (0..40)
        .map(|index| {
            let client = if index % 2 == 0 { one.client.clone() } else { two.client.clone() };
            let service = service(&format!("web-{index}"), json!({"type": "NodePort"}));
            env.spawn(async move { client.create(&service, &WriteOptions::default()).await })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap().unwrap();
    }
    let list = one.client.list(SERVICES, &ListOptions::default()).await.unwrap();
    let specs: Vec<Value> = list.items.iter().map(|item| spec(item)).collect();
    let addresses: BTreeSet<String> = specs.iter().map(|spec| spec["clusterIP"].to_string()).collect();
    let ports: BTreeSet<String> = specs.iter().map(|spec| spec["ports"][0]["nodePort"].to_string()).collect();
    // The `kubernetes` Service has an address too, and no port, which is one more value.
    assert_eq!((addresses.len(), ports.len()), (41, 41));
}

#[tokio::test]
async fn a_refused_service_takes_nothing() {
    let cluster = Cluster::start().await;
    cluster.create(service("web", json!({"type": "NodePort"}))).await;
    let before = ranges(&cluster).await;
    let again = service("web", json!({"type": "NodePort"}));
    cluster.client.create(&again, &WriteOptions::default()).await.unwrap_err();
    let dry = WriteOptions { dry_run: true, ..WriteOptions::default() };
    cluster.client.create(&service("dry", json!({"type": "NodePort"})), &dry).await.unwrap();
    assert_eq!(ranges(&cluster).await, before);
}

#[tokio::test]
async fn the_kubernetes_service_has_the_first_address_and_leads_to_the_server() {
    let cluster = Cluster::on(MemoryStore::new()).await;
    for address in ["192.0.2.7:6443", "192.0.2.8:6443"] {
        let advertise: SocketAddr = address.parse().unwrap();
        let options = BootstrapOptions { advertise: Some(advertise), ..BootstrapOptions::default() };
        cluster.registry.bootstrap(&options).await.unwrap();
        let service = cluster.client.get(SERVICES, &key("kubernetes")).await.unwrap();
        assert_eq!(spec(&service)["clusterIP"], "10.96.0.1");
        let endpoints = cluster.client.get(Kind::of::<Endpoints>(), &key("kubernetes")).await.unwrap();
        let ip = advertise.ip().to_string();
        assert_eq!(endpoints.value().unwrap()["subsets"][0]["addresses"][0]["ip"], json!(ip));
        let slice = cluster.client.get(Kind::of::<EndpointSlice>(), &key("kubernetes")).await.unwrap();
        assert_eq!(slice.value().unwrap()["endpoints"][0]["addresses"], json!([ip]));
    }
    for namespace in bireme_registry::NAMESPACES {
        let account = ObjectKey::namespaced(namespace, "default");
        let kind = Kind::of::<k8s_openapi::api::core::v1::ServiceAccount>();
        cluster.client.get(kind, &account).await.unwrap();
    }
}
