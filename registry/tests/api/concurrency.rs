//! Many writers at once.

use crate::common::{Cluster, binding, key, pod};
use bireme_core::Environment;
use bireme_core::client::Client;
use bireme_core::object::Kind;
use k8s_openapi::api::core::v1::Pod;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_pod_is_bound_exactly_once() {
    let cluster = Cluster::start().await;
    let other = Cluster::on(cluster.store.clone()).await;
    let env = Environment::system();
    cluster.create(pod("web")).await;
    let binders: Vec<_> = (0..16)
        .map(|node| {
            let client = if node % 2 == 0 { cluster.client.clone() } else { other.client.clone() };
            env.spawn(async move {
                let node = format!("node-{node}");
                client.bind(&key("web"), &binding(&node)).await.map(|()| node)
            })
        })
        .collect();
    let mut bound = Vec::new();
    for binder in binders {
        match binder.await.unwrap() {
            Ok(node) => bound.push(node),
            Err(error) => assert!(error.is_conflict(), "{error}"),
        }
    }
    let value = cluster.client.get(Kind::of::<Pod>(), &key("web")).await.unwrap().value().unwrap();
    assert_eq!(bound, [value["spec"]["nodeName"].as_str().unwrap()]);
    assert_eq!(value["status"]["conditions"][0]["type"], "PodScheduled");
}
