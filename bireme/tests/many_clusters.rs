//! A hundred clusters in one process, as the tests of an operator would start them.

use std::time::Duration;

use bireme::{Cluster, Environment};
use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, ListParams, PostParams, WatchParams};
use kube::core::ObjectMeta;
use kube::{Client, ResourceExt};
use tokio::runtime::Handle;

const CLUSTERS: usize = 100;

/// How long a cluster may take until it has answered. Without optimisation it may be ten times that.
const READY: Duration = Duration::from_millis(if cfg!(debug_assertions) { 500 } else { 50 });

/// How long all that the clusters have started may take to end.
const ENDED: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_hundred_clusters_are_each_ready_at_once_and_leave_nothing() {
    let env = Environment::system();
    let (tasks, sockets) = (alive_tasks(), open_sockets());
    let (mut clusters, mut slowest) = (Vec::new(), Duration::ZERO);
    for number in 0..CLUSTERS {
        let begin = env.instant();
        let cluster = Cluster::builder().start().await.unwrap();
        let client = cluster.kube_client();
        maps(&client).create(&PostParams::default(), &map(number)).await.unwrap();
        slowest = slowest.max(env.instant().since(begin));
        clusters.push((cluster, client));
    }
    println!("the slowest of {CLUSTERS} clusters was ready in {slowest:?}");
    assert!(slowest < READY, "{slowest:?}");
    assert_eq!(open_sockets(), sockets, "nothing listens, and nothing is connected");

    let mut watches = Vec::new();
    for (number, (_, client)) in clusters.iter().enumerate() {
        let list = maps(client)
            .list(&ListParams::default().fields("metadata.name!=kube-root-ca.crt"))
            .await
            .unwrap();
        let names: Vec<String> = list.iter().map(ResourceExt::name_any).collect();
        assert_eq!(names, [map(number).name_any()], "no cluster sees another's");
        let since = list.metadata.resource_version.unwrap();
        watches.push(maps(client).watch(&WatchParams::default(), &since).await.unwrap().boxed());
    }
    for (cluster, _client) in clusters {
        cluster.stop().await;
    }
    for watch in watches {
        watch.try_collect::<Vec<_>>().await.expect("a watch ends well with its cluster");
    }
    let quiet = async {
        while alive_tasks() > tasks {
            tokio::task::yield_now().await;
        }
    };
    let left = env.timeout(ENDED, quiet).await;
    assert!(left.is_ok(), "{} tasks are left of {tasks}", alive_tasks());
}

fn maps(client: &Client) -> Api<ConfigMap> {
    Api::default_namespaced(client.clone())
}

fn map(number: usize) -> ConfigMap {
    let metadata = ObjectMeta { name: Some(format!("of-{number}")), ..ObjectMeta::default() };
    ConfigMap { metadata, ..ConfigMap::default() }
}

/// The tasks of this test's runtime.
fn alive_tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

/// The sockets of this process, where the system tells.
fn open_sockets() -> usize {
    let Ok(open) = std::fs::read_dir("/proc/self/fd") else { return 0 };
    let targets = open.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count()
}
