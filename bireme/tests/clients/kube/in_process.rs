//! What is peculiar to a client in the cluster's own process.

use bireme::Cluster;
use bireme::core::client::Identity;
use futures::TryStreamExt;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, WatchParams};

use super::{config_maps, refusal};
use crate::rig::within;

#[tokio::test]
async fn a_client_may_what_its_identity_may() {
    let cluster = Cluster::builder().start().await.unwrap();
    let client = cluster.kube_client_as(Identity::node("node-1"));
    Api::<Pod>::all(client.clone()).list(&Default::default()).await.unwrap();
    let deployments = Api::<Deployment>::all(client);
    assert_eq!(refusal(deployments.list(&Default::default()).await), (403, "Forbidden".into()));
    cluster.stop().await;
}

#[tokio::test]
async fn a_client_that_outlives_its_cluster_waits_for_nothing() {
    let cluster = Cluster::builder().start().await.unwrap();
    let maps = config_maps(&cluster.kube_client());
    let open = maps.watch(&WatchParams::default(), "0").await.unwrap();
    drop(cluster);
    let told: Vec<_> = within(open.try_collect()).await.unwrap();
    assert!(told.len() <= 1, "{told:?}");
    let watch = maps.watch(&WatchParams::default(), "1").await;
    assert_eq!(refusal(watch.map(drop)), (503, "ServiceUnavailable".into()));
}
