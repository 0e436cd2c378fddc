//! What watches deliver: everything, once, in order, as selected.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::common::{Cluster, brief, config_map, key, next};
use bireme_core::Environment;
use bireme_core::client::{
    ApiEvent, Client, DeleteOptions, ListOptions, Part, Patch, WatchFrom, WatchOptions, WriteOptions,
};
use bireme_core::object::Kind;
use bireme_core::store::log::History;
use bireme_core::store::{MemoryStore, Revision, Store, StoreExt};
use bireme_registry::BootstrapOptions;
use futures::StreamExt;
use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::json;

const MAPS: Kind = Kind::of::<ConfigMap>();

fn watching(from: WatchFrom) -> WatchOptions {
    WatchOptions { namespace: Some("default".into()), from, ..WatchOptions::default() }
}

async fn merge(cluster: &Cluster, name: &str, patch: serde_json::Value) -> Revision {
    let patch = Patch::Merge(patch.to_string().into());
    let options = WriteOptions::default();
    cluster.client.patch(MAPS, &key(name), Part::Main, &patch, &options).await.unwrap().revision()
}

#[tokio::test]
async fn the_deleted_event_carries_the_last_object_also_after_compaction() {
    let cluster = Cluster::start().await;
    let created = cluster.create(config_map("a", "1")).await;
    let mut watch =
        cluster.client.watch(MAPS, &watching(WatchFrom::After(created.revision()))).await.unwrap();
    cluster.client.delete(MAPS, &key("a"), &DeleteOptions::default()).await.unwrap();
    let deleted = cluster.store.revision().await.unwrap();
    let list = cluster.client.list(MAPS, &ListOptions::default()).await.unwrap();
    assert!(list.revision >= deleted);
    cluster.store.compact(deleted).await.unwrap();
    let event = next(&mut watch).await;
    assert_eq!((brief(&event).as_str(), event.revision()), ("DELETED a", deleted));
    assert_eq!(event.object().unwrap().value().unwrap()["data"]["key"], "1");
}

#[tokio::test]
async fn a_watch_from_before_the_cache_was_loaded_is_served_from_history() {
    let cluster = Cluster::start().await;
    let created = cluster.create(config_map("a", "1")).await;
    merge(&cluster, "a", json!({"data": {"key": "2"}})).await;
    cluster.client.delete(MAPS, &key("a"), &DeleteOptions::default()).await.unwrap();
    let fresh = Cluster::on(cluster.store.clone()).await;
    let before = Revision(created.revision().0 - 1);
    let mut watch = fresh.client.watch(MAPS, &watching(WatchFrom::After(before))).await.unwrap();
    for expected in ["ADDED a", "MODIFIED a", "DELETED a"] {
        assert_eq!(brief(&next(&mut watch).await), expected);
    }
    cluster.create(config_map("b", "1")).await;
    assert_eq!(brief(&next(&mut watch).await), "ADDED b");
}

#[tokio::test]
async fn a_watch_from_compacted_history_is_expired() {
    let cluster = Cluster::start().await;
    let created = cluster.create(config_map("a", "1")).await;
    merge(&cluster, "a", json!({"data": {"key": "2"}})).await;
    cluster.store.compact(cluster.store.revision().await.unwrap()).await.unwrap();
    let fresh = Cluster::on(cluster.store.clone()).await;
    let error =
        fresh.client.watch(MAPS, &watching(WatchFrom::After(created.revision()))).await.err().unwrap();
    assert!(error.is_expired(), "{error}");
}

#[tokio::test(start_paused = true)]
async fn bookmarks_come_every_minute_and_before_the_end() {
    let cluster = Cluster::start().await;
    let options =
        WatchOptions { bookmarks: true, timeout: Some(Duration::from_secs(90)), ..watching(WatchFrom::Now) };
    let mut watch = cluster.client.watch(MAPS, &options).await.unwrap();
    let begin = cluster.env.instant();
    // A write elsewhere: the watch has nothing to deliver, but its bookmark moves on.
    let other = cluster.create(crate::common::namespace("shop")).await;
    let first = watch.next().await.unwrap().unwrap();
    assert_eq!(cluster.env.instant().since(begin).as_secs(), 60);
    assert!(
        matches!(first, ApiEvent::Bookmark { revision, .. } if revision >= other.revision()),
        "{first:?}"
    );
    let last = watch.next().await.unwrap().unwrap();
    assert_eq!((brief(&last).as_str(), cluster.env.instant().since(begin).as_secs()), ("BOOKMARK", 90));
    assert!(watch.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn bookmarks_come_only_when_asked_for() {
    let cluster = Cluster::start().await;
    let options = WatchOptions { timeout: Some(Duration::from_secs(300)), ..watching(WatchFrom::Now) };
    let mut watch = cluster.client.watch(MAPS, &options).await.unwrap();
    assert!(watch.next().await.is_none());
}

#[tokio::test]
async fn a_watcher_that_does_not_keep_up_is_closed_and_resumes_from_its_last_revision() {
    let cluster = Cluster::start().await;
    let mut watch = cluster.client.watch(MAPS, &watching(WatchFrom::Now)).await.unwrap();
    let start = cluster.create(config_map("a", "0")).await.revision();
    // More than the window keeps, in large objects so that it is soon reached.
    for letter in 'a'..='z' {
        merge(&cluster, "a", json!({"data": {"key": letter.to_string().repeat(400_000)}})).await;
    }
    // A list waits until the caches have come as far as the store.
    cluster.client.list(MAPS, &ListOptions::default()).await.unwrap();
    // The initial list was empty, so everything that was written waits in the window, or no longer.
    assert!(watch.next().await.is_none());
    let mut seen = start;
    let mut watch = cluster.client.watch(MAPS, &watching(WatchFrom::After(seen))).await.unwrap();
    let last = cluster.client.get(MAPS, &key("a")).await.unwrap().revision();
    while seen < last {
        let revision = next(&mut watch).await.revision();
        assert!(revision > seen);
        seen = revision;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_watcher_sees_every_event_of_concurrent_writers_once_and_in_order() {
    const WRITERS: usize = 8;
    const WRITES: usize = 60;
    let cluster = Cluster::start().await;
    let env = Environment::system();
    let start = cluster.store.revision().await.unwrap();
    let watch = |from| {
        let client = cluster.client.clone();
        async move { client.watch(MAPS, &watching(from)).await.unwrap() }
    };
    let mut watches = vec![watch(WatchFrom::After(start)).await, watch(WatchFrom::Now).await];
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let client = cluster.client.clone();
            env.spawn(async move {
                let name = format!("map-{writer}");
                let options = WriteOptions::default();
                for round in 0..WRITES {
                    client.create(&config_map(&name, &round.to_string()), &options).await.unwrap();
                    client.delete(MAPS, &key(&name), &DeleteOptions::default()).await.unwrap();
                }
            })
        })
        .collect();
    // Watches that begin in the middle of it all must fit in without a seam.
    let middle = cluster.client.list(MAPS, &ListOptions::namespaced("default")).await.unwrap();
    let mut late = watch(WatchFrom::After(middle.revision)).await;
    for writer in writers {
        writer.await.unwrap();
    }
    let end = cluster.store.revision().await.unwrap();
    for watch in &mut watches {
        let (mut counts, mut last) = (BTreeMap::<String, usize>::new(), Revision::ZERO);
        while last < end {
            let event = next(watch).await;
            assert!(event.revision() > last, "revisions rise");
            last = event.revision();
            let seen = counts.entry(event.object().unwrap().name().to_owned()).or_default();
            let expected_added = seen.is_multiple_of(2);
            assert_eq!(matches!(event, ApiEvent::Added(_)), expected_added);
            *seen += 1;
        }
        assert!(counts.values().all(|count| *count == 2 * WRITES) && counts.len() == WRITERS);
    }
    let mut present: BTreeMap<String, ()> =
        middle.items.iter().map(|item| (item.name().to_owned(), ())).collect();
    let mut last = middle.revision;
    while last < end {
        let event = next(&mut late).await;
        assert!(event.revision() > last);
        last = event.revision();
        let name = event.object().unwrap().name().to_owned();
        match event {
            ApiEvent::Added(_) => assert!(present.insert(name, ()).is_none(), "it was not there before"),
            _ => assert!(present.remove(&name).is_some(), "it was there before"),
        }
    }
    assert!(present.is_empty());
}

#[tokio::test]
async fn closing_the_registry_ends_its_watches_without_an_error() {
    let cluster = Cluster::start().await;
    let mut watch = cluster.client.watch(MAPS, &watching(WatchFrom::Now)).await.unwrap();
    cluster.create(config_map("a", "1")).await;
    assert_eq!(brief(&next(&mut watch).await), "ADDED a");
    cluster.registry.close();
    assert!(watch.next().await.is_none());
    let error = cluster.client.watch(MAPS, &watching(WatchFrom::Now)).await.err().unwrap();
    assert_eq!(error.reason(), bireme_core::error::Reason::ServiceUnavailable);
}

#[tokio::test]
async fn caches_that_missed_commits_start_anew_and_their_watches_are_expired() {
    let store = MemoryStore::with_history(History { commits: 4, ..History::default() });
    let cluster = Cluster::on(store).await;
    cluster.registry.bootstrap(&BootstrapOptions::default()).await.unwrap();
    let mut watch = cluster.client.watch(MAPS, &watching(WatchFrom::Now)).await.unwrap();
    // On one thread the caches do not get a turn until somebody waits for them.
    for index in 0..20 {
        cluster.create(config_map(&format!("map-{index:02}"), "1")).await;
    }
    let list = cluster.client.list(MAPS, &ListOptions::namespaced("default")).await.unwrap();
    assert_eq!(list.items.len(), 20);
    assert!(watch.next().await.unwrap().unwrap_err().is_expired());
    let mut watch = cluster.client.watch(MAPS, &watching(WatchFrom::After(list.revision))).await.unwrap();
    cluster.create(config_map("late", "1")).await;
    assert_eq!(brief(&next(&mut watch).await), "ADDED late");
}
