//! The API in process, without any transport: what the registry itself costs, on the memory store.
//!
//! One client, one request after the other, all on one thread but for the watch cache, which follows on another. It
//! is what an embedder's client costs, and the part of every request over HTTPS that is not TLS and HTTP.

use std::sync::Arc;

use bireme_core::client::{Client as _, Identity, Part, Patch, WriteOptions};
use bireme_core::object::{Kind, Object};
use bireme_core::store::MemoryStore;
use bireme_core::{Environment, client::ListOptions};
use bireme_registry::{BootstrapOptions, DirectClient, Registry, RegistryOptions};
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use crate::pods;
use crate::row::Row;

const NAME: &str = "direct";
const PODS: usize = 10_000;

/// Measures each verb; `quick` is good for a rough idea.
pub fn run(quick: bool) -> anyhow::Result<Vec<Row>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let env = Environment::system();
    let count = if quick { PODS / 10 } else { PODS };
    let work = env.clone();
    runtime.block_on(async move { env.spawn(measure(work, count)).await? })
}

async fn measure(env: Environment, count: usize) -> anyhow::Result<Vec<Row>> {
    let store = Arc::new(MemoryStore::new());
    let registry = Registry::open(store, env.clone(), RegistryOptions::default()).await?;
    registry.bootstrap(&BootstrapOptions::default()).await?;
    let client = DirectClient::new(registry, Identity::admin("admin"));
    // The watch cache is filled from the first list on.
    client.list(Kind::of::<Pod>(), &ListOptions::default()).await?;
    let (kind, options) = (Kind::of::<Pod>(), WriteOptions::manager("bench"));
    let mut rows = Vec::new();
    let mut done = |verb: &str, begin| {
        let each = env.instant().since(begin).as_secs_f64() * 1e6 / count as f64;
        rows.push(Row::new(NAME, format!("{verb} pod 1.1 KB, in process, memory"), "time", each, "us"));
    };

    let objects = (0..count).map(|number| {
        let value: Value = serde_json::from_slice(&pods::create(number).body)?;
        Ok(Object::from_value(kind, in_namespace(value))?)
    });
    let objects = objects.collect::<anyhow::Result<Vec<_>>>()?;
    let begin = env.instant();
    for object in &objects {
        client.create(object, &options).await?;
    }
    done("create", begin);

    let begin = env.instant();
    let mut present = Vec::with_capacity(count);
    for object in &objects {
        present.push(client.get(kind, object.key()).await?);
    }
    done("get", begin);

    let mut changed = Vec::with_capacity(count);
    for object in &present {
        let mut value = object.value()?;
        value["metadata"]["annotations"]["bireme.dev/round"] = json!("1");
        changed.push(Object::from_value(kind, value)?);
    }
    let begin = env.instant();
    for object in &changed {
        client.update(object, Part::Main, &options).await?;
    }
    done("update", begin);

    let begin = env.instant();
    for object in &changed {
        client.patch(kind, object.key(), Part::Main, &annotation(), &options).await?;
    }
    done("patch", begin);

    let begin = env.instant();
    for object in &changed {
        client.patch(kind, object.key(), Part::Status, &status(), &WriteOptions::manager("agent")).await?;
    }
    done("patch the status of", begin);
    Ok(rows)
}

fn in_namespace(mut pod: Value) -> Value {
    pod["metadata"]["namespace"] = json!("default");
    pod
}

fn annotation() -> Patch {
    Patch::Merge(json!({"metadata": {"annotations": {"bireme.dev/round": "2"}}}).to_string().into())
}

fn status() -> Patch {
    let condition = json!({"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"});
    Patch::Strategic(json!({"status": {"phase": "Running", "conditions": [condition]}}).to_string().into())
}
