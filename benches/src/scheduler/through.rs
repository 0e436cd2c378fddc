//! Through the API in process: the loop with its caches, and every binding committed.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use bireme_core::Environment;
use bireme_core::cache::Informers;
use bireme_core::client::{Client, Identity, ListOptions, WriteOptions};
use bireme_core::object::{Kind, Object};
use bireme_core::selector::FieldSelector;
use bireme_core::store::{MemoryStore, Store};
use bireme_registry::{BootstrapOptions, DirectClient, Registry, RegistryOptions};
use bireme_scheduler::{DefaultScheduler, SchedulerConfig, SchedulerLoop};
use bireme_store_sled::{Options, SledStore};
use k8s_openapi::api::core::v1::{Node, Pod};
use tokio_util::sync::CancellationToken;

use super::NAME;
use super::cluster::{self, Shape};
use crate::row::Row;

/// How often it is looked at whether all pods are bound; figures are no more exact than this.
const GLANCE: Duration = Duration::from_millis(5);

/// Binds pods that wait already on nodes that are there, on each store.
pub(super) async fn run(env: &Environment, nodes: usize, pods: usize) -> anyhow::Result<Vec<Row>> {
    // Here and not where temporary files lie, which is memory on many machines.
    let root = tempfile::tempdir_in(".").context("making a folder to measure in")?;
    let memory = measure(env, Arc::new(MemoryStore::new()), nodes, pods).await?;
    let store = SledStore::open(root.path(), Options::default(), env).await?;
    let sled = measure(env, Arc::new(store), nodes, pods).await?;
    let row = |store: &str, speed| {
        let case = format!("plain, {nodes} nodes, {pods} pods, through the API in process, {store}");
        Row::new(NAME, case, "pods bound", speed, "1/s")
    };
    Ok(vec![row("memory", memory).at_least(50_000.0), row("sled, synced", sled)])
}

/// Pods bound in a second.
async fn measure(env: &Environment, store: Arc<dyn Store>, nodes: usize, pods: usize) -> anyhow::Result<f64> {
    let registry = Registry::open(store, env.clone(), RegistryOptions::default()).await?;
    registry.bootstrap(&BootstrapOptions::default()).await?;
    let client: Arc<dyn Client> = Arc::new(DirectClient::new(registry, Identity::admin("admin")));
    let options = WriteOptions::manager("bench");
    for number in 0..nodes {
        let node = Object::from_value(Kind::of::<Node>(), cluster::node(number))?;
        client.create(&node, &options).await?;
    }
    for number in 0..pods {
        let pod = Object::from_value(Kind::of::<Pod>(), cluster::pod(Shape::Plain, number))?;
        client.create(&pod, &options).await?;
    }
    let informers = Informers::new(env.clone(), client.clone());
    let scheduler = Box::new(DefaultScheduler::new(1));
    let scheduling = SchedulerLoop::new(
        SchedulerConfig::default(),
        env.clone(),
        client.clone(),
        informers.clone(),
        scheduler,
    );
    let stop = CancellationToken::new();
    let begin = env.instant();
    let running = env.spawn(scheduling.run(stop.clone()));
    let waiting = ListOptions {
        fields: FieldSelector::parse("spec.nodeName=")?,
        limit: Some(1),
        ..ListOptions::default()
    };
    while !client.list(Kind::of::<Pod>(), &waiting).await?.items.is_empty() {
        env.sleep(GLANCE).await;
    }
    let took = env.instant().since(begin).as_secs_f64();
    stop.cancel();
    running.await?;
    informers.stop().await;
    Ok(pods as f64 / took)
}
