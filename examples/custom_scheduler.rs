//! A scheduler of one's own: it puts pods where that costs least money, and of equally cheap nodes on the fullest, so
//! that the expensive ones and the spare ones stay empty and can be switched off.
//!
//! The same object runs in a unit test, in a simulation of a recorded cluster, inside a bireme cluster, and as a second
//! scheduler of any Kubernetes (`examples/README.md` shows each):
//!
//! ```console
//! cargo run -p bireme-examples --example custom_scheduler -- --kubeconfig FILE
//! cargo run -p bireme-examples --example custom_scheduler -- --snapshot FILE
//! ```

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use bireme::Environment;
use bireme::client::RemoteClient;
use bireme::core::cache::Informers;
use bireme::core::scheduler::{NodeInfo, PodInfo, Scheduler};
use bireme::scheduler::{
    DefaultScheduler, MostAllocated, NodeScore, Normalization, PodShape, Profile, Recording, SchedulerConfig,
    SchedulerLoop, Score, simulate,
};

/// The label that says what a node costs in an hour, in thousandths of whatever one pays in.
const PRICE: &str = "example.com/price";
/// The name that pods choose this scheduler by (`spec.schedulerName`).
const NAME: &str = "cheapest";

/// The cheaper a node, the better; one that does not say is as bad as the most expensive of all.
struct Cheapest;

impl Score for Cheapest {
    fn name(&self) -> &'static str {
        "Cheapest"
    }

    fn for_pod(&self, _pod: &PodInfo) -> Option<NodeScore> {
        let price = |node: &NodeInfo| node.labels().get(PRICE).and_then(|price| price.parse().ok());
        Some(Box::new(move |node| price(node).unwrap_or(UNKNOWN)))
    }

    fn shape(&self, _pod: &PodInfo, _shape: &mut PodShape) {} // Every pod is as good a pod as any other.

    fn looks_at_pods(&self) -> bool {
        false
    }

    fn normalization(&self) -> Normalization {
        Normalization::ToNone
    }
}

/// More than a node costs.
const UNKNOWN: i64 = 1_000_000;

/// Upstream's filters and scores, but packing instead of spreading, and the price above all.
fn cheapest(seed: u64) -> impl Scheduler {
    let packing = Profile::default().without_score("NodeResourcesFit").score(MostAllocated, 1);
    let packing = packing.without_score("NodeResourcesBalancedAllocation");
    DefaultScheduler::with(packing.score(Cheapest, 100), seed)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--snapshot", file] => {
            let mut recording = Recording::from_list(&serde_json::from_slice(&std::fs::read(file)?)?)?;
            print!("{}", simulate(&mut cheapest(0), &mut recording.snapshot, &recording.pending));
        }
        ["--kubeconfig", file] => {
            let (env, stop) = (Environment::system(), Default::default());
            let client = Arc::new(RemoteClient::from_kubeconfig(Path::new(file), NAME).await?);
            let informers = Informers::new(env.clone(), client.clone());
            let config = SchedulerConfig { name: NAME.to_owned(), ..SchedulerConfig::default() };
            SchedulerLoop::new(config, env, client, informers, Box::new(cheapest(0))).run(stop).await;
        }
        _ => return Err("what is wanted is --kubeconfig FILE or --snapshot FILE".into()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use bireme::core::client::{Part, WatchFrom, WatchOptions};
    use bireme::core::scheduler::{Decision, Snapshot};
    use bireme::{
        ApiAddress, Client, ClientExt as _, Cluster, Kind, NodeSpec, Object, ObjectKey, WriteOptions,
    };
    use futures::StreamExt as _;
    use k8s_openapi::api::core::v1::{Node, Pod};
    use serde_json::{Value, json};

    fn node(name: &str, price: Option<&str>) -> Arc<Node> {
        let resources = json!({"cpu": "4", "memory": "8Gi", "pods": "110"});
        let mut node = json!({"metadata": {"name": name}, "status": {"allocatable": resources}});
        if let Some(price) = price {
            node["metadata"]["labels"] = json!({PRICE: price});
        }
        Arc::new(serde_json::from_value(node).unwrap())
    }

    fn pod(name: &str, scheduler: &str) -> Value {
        json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": "default"},
            "spec": {"schedulerName": scheduler, "containers": [
                {"name": "main", "image": "sim/web", "resources": {"requests": {"cpu": "1", "memory": "1Gi"}}}]}})
    }

    fn info(name: &str) -> PodInfo {
        let mut pod = pod(name, NAME);
        pod["metadata"]["uid"] = name.into();
        PodInfo::new(Arc::new(serde_json::from_value::<Pod>(pod).unwrap()))
    }

    #[test]
    fn pods_go_where_it_costs_least_until_nothing_is_left_there() {
        let mut snapshot = Snapshot::new();
        for (name, price) in [("dear", Some("90")), ("cheap", Some("30")), ("unknown", None)] {
            snapshot.put_node(node(name, price));
        }
        let pods: Vec<_> = (0..9).map(|number| info(&format!("p{number}"))).collect();
        let decisions = cheapest(1).schedule_batch(&mut snapshot, &pods);
        let nodes: Vec<_> = decisions
            .iter()
            .map(|decision| match decision {
                Decision::Bind { node, .. } => node.as_str(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(nodes[..4], ["cheap"; 4]);
        assert_eq!(nodes[4..8], ["dear"; 4]);
        assert_eq!(nodes[8], "unknown");
    }

    #[test]
    fn of_equally_cheap_nodes_one_is_filled_before_the_next_is_used() {
        let mut snapshot = Snapshot::new();
        ["a", "b", "c"].into_iter().for_each(|name| snapshot.put_node(node(name, Some("30"))));
        let pods: Vec<_> = (0..4).map(|number| info(&format!("p{number}"))).collect();
        let simulation = simulate(&mut cheapest(1), &mut snapshot, &pods);
        assert_eq!((simulation.summary.placed, simulation.summary.nodes_in_use), (4, 1));
    }

    /// A cluster in which `b` is the cheapest of three nodes, and its client.
    async fn cluster(builder: bireme::ClusterBuilder) -> (Cluster, Arc<dyn Client>) {
        let nodes = ["a", "b", "c"];
        let builder = nodes.iter().fold(builder, |builder, name| builder.node(NodeSpec::simulated(name)));
        let cluster = builder.start().await.unwrap();
        let client = cluster.client();
        for (name, price) in nodes.iter().zip(["70", "10", "80"]) {
            until(&client, Kind::of::<Node>(), ObjectKey::cluster(name), |_| true).await;
            let labels = json!({"metadata": {"labels": {PRICE: price}}});
            let key = ObjectKey::cluster(name);
            client.merge::<Node>(&key, Part::Main, &labels, &WriteOptions::default()).await.unwrap();
        }
        (cluster, client)
    }

    /// Waits, by watch, for an object to be there as wanted.
    async fn until(client: &Arc<dyn Client>, kind: Kind, key: ObjectKey, holds: impl Fn(&Value) -> bool) {
        let options = WatchOptions { from: WatchFrom::Now, ..WatchOptions::default() };
        let mut events = client.watch(kind, &options).await.unwrap();
        let there = async |key: &ObjectKey| match client.get(kind, key).await {
            Ok(object) => holds(&object.value().unwrap()),
            Err(error) if error.is_not_found() => false,
            Err(error) => panic!("{error}"),
        };
        while !there(&key).await {
            events.next().await.unwrap().unwrap();
        }
    }

    async fn goes_to_the_cheapest(client: &Arc<dyn Client>) {
        let object = Object::from_value(Kind::of::<Pod>(), pod("p", NAME)).unwrap();
        client.create(&object, &WriteOptions::default()).await.unwrap();
        let key = ObjectKey::namespaced("default", "p");
        until(client, Kind::of::<Pod>(), key, |pod| pod["spec"]["nodeName"] == "b").await;
    }

    #[tokio::test]
    async fn it_runs_inside_a_cluster() {
        let config = SchedulerConfig { name: NAME.to_owned(), ..SchedulerConfig::default() };
        let (cluster, client) = cluster(Cluster::builder().scheduler(config, cheapest(1))).await;
        goes_to_the_cheapest(&client).await;
        cluster.stop().await;
    }

    #[tokio::test]
    async fn it_is_a_second_scheduler_of_a_cluster_that_it_only_has_a_kubeconfig_of() {
        let folder = tempfile::tempdir().unwrap();
        let address = ApiAddress {
            listen: vec![([127, 0, 0, 1], 0).into()],
            advertise: None,
            names: Vec::new(),
            folder: folder.path().to_owned(),
        };
        let (cluster, client) = cluster(Cluster::builder().api(address)).await;
        let remote =
            Arc::new(RemoteClient::from_kubeconfig(cluster.kubeconfig().unwrap(), NAME).await.unwrap());
        let env = Environment::system();
        let informers = Informers::new(env.clone(), remote.clone());
        let config = SchedulerConfig { name: NAME.to_owned(), ..SchedulerConfig::default() };
        let second =
            SchedulerLoop::new(config, env.clone(), remote, informers.clone(), Box::new(cheapest(1)));
        let stop = tokio_util::sync::CancellationToken::new();
        let running = env.spawn(second.run(stop.clone()));
        goes_to_the_cheapest(&client).await;
        // Pods that do not ask for it are the default scheduler's.
        let object = Object::from_value(Kind::of::<Pod>(), pod("q", "default-scheduler")).unwrap();
        client.create(&object, &WriteOptions::default()).await.unwrap();
        let key = ObjectKey::namespaced("default", "q");
        until(&client, Kind::of::<Pod>(), key, |pod| !pod["spec"]["nodeName"].is_null()).await;
        stop.cancel();
        running.await.unwrap();
        informers.stop().await;
        cluster.stop().await;
    }
}
