//! A store does not grow for ever.

use std::time::Duration;

use crate::common::{Cluster, config_map, key, object};
use bireme_core::client::{Client, Part, Patch, WriteOptions};
use bireme_core::object::{Kind, Object};
use bireme_core::store::{RangeRequest, Revision, Store, StoreError};
use k8s_openapi::api::core::v1::Event;
use serde_json::json;

fn event(name: &str) -> Object {
    object::<Event>(json!({
        "metadata": {"name": name, "namespace": "default"},
        "involvedObject": {"kind": "Pod", "name": "web", "namespace": "default"},
        "reason": "Pulled",
        "type": "Normal",
    }))
}

async fn history_reaches(cluster: &Cluster, revision: Revision) -> bool {
    let request = RangeRequest { at: Some(revision), ..RangeRequest::default() };
    match cluster.store.range(request).await {
        Ok(_) => true,
        Err(StoreError::Compacted { .. }) => false,
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test(start_paused = true)]
async fn history_is_kept_for_minutes_and_then_compacted() {
    let cluster = Cluster::start().await;
    let first = cluster.create(config_map("a", "1")).await.revision();
    cluster.create(config_map("b", "1")).await;
    cluster.env.sleep(Duration::from_secs(290)).await;
    assert!(history_reaches(&cluster, first).await);
    cluster.env.sleep(Duration::from_secs(400)).await;
    assert!(!history_reaches(&cluster, first).await);
}

#[tokio::test(start_paused = true)]
async fn events_expire_an_hour_after_their_last_write() {
    let cluster = Cluster::start().await;
    let kind = Kind::of::<Event>();
    cluster.create(event("old")).await;
    cluster.create(event("fresh")).await;
    cluster.env.sleep(Duration::from_secs(3000)).await;
    let patch = Patch::Merge(json!({"count": 2}).to_string().into());
    cluster.client.patch(kind, &key("fresh"), Part::Main, &patch, &WriteOptions::default()).await.unwrap();
    cluster.client.get(kind, &key("old")).await.expect("it is not an hour old");
    cluster.env.sleep(Duration::from_secs(1300)).await;
    assert!(cluster.client.get(kind, &key("old")).await.unwrap_err().is_not_found());
    cluster.client.get(kind, &key("fresh")).await.expect("it was written since");
}
