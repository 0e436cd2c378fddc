//! Many nodes in one process, on one set of informers.

use std::sync::Arc;

use crate::common::{Rig, is_ready};
use bireme_core::client::{Client, ClientExt, Identity, ListOptions, WriteOptions};
use bireme_core::network::SimNetwork;
use bireme_core::object::{Kind, Object};
use bireme_kubelet::{Host, Kubelet, KubeletConfig, Sources};
use bireme_registry::DirectClient;
use k8s_openapi::api::core::v1::Pod;
use serde_json::json;
use tokio_util::sync::CancellationToken;

const NODES: usize = 25;
const PODS: usize = 4;

#[tokio::test(start_paused = true)]
async fn the_kubelets_of_a_process_share_what_they_follow() {
    let rig = Rig::new().await;
    let sources = Sources::shared(&rig.informers);
    let stop = CancellationToken::new();
    for node in 0..NODES {
        let name = format!("node-{node}");
        let client = Arc::new(DirectClient::new(rig.registry.clone(), Identity::node(&name)));
        let runtime = Arc::new(rig.engine.runtime(&name));
        let network = Arc::new(SimNetwork::new("10.244.0.0/16".parse().unwrap()));
        let config = KubeletConfig::new(&name, Host::simulated(8, 16 << 30));
        let kubelet = Kubelet::new(config, rig.env.clone(), client, sources.clone(), runtime, network);
        drop(rig.env.spawn(kubelet.run(stop.clone())));
    }
    for node in 0..NODES {
        for pod in 0..PODS {
            let value = json!({
                "metadata": {"name": format!("pod-{node}-{pod}"), "namespace": "default"},
                "spec": {"nodeName": format!("node-{node}"), "containers": [{"name": "main", "image": "sim/run:1"}]},
            });
            let object = Object::from_value(Kind::of::<Pod>(), value).unwrap();
            rig.admin.create(&object, &WriteOptions::default()).await.unwrap();
        }
    }
    rig.sleep(30).await;
    let (pods, _) = rig.admin.fetch_all::<Pod>(&ListOptions::namespaced("default")).await.unwrap();
    assert_eq!(pods.iter().filter(|pod| is_ready(pod)).count(), NODES * PODS);
    stop.cancel();
}
