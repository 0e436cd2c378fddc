//! Many at once.

use std::collections::BTreeMap;

use serde_json::json;

use super::kit::*;
use crate::client::{ApiEvent, Part, Patch, WatchFrom, WriteOptions};
use crate::object::Object;
use crate::store::Revision;

/// How many try the same at once.
const CONTENDERS: usize = 16;

pub(super) async fn of_writers_with_one_revision_exactly_one_wins(site: &Site) {
    let first = site.create(site.map("a", "0")).await;
    let attempts = (0..CONTENDERS).map(|writer| {
        let client = site.client.clone();
        let mut wanted = value(&first);
        wanted["data"]["key"] = json!(format!("writer {writer}"));
        let change =
            Object::from_value(MAPS, wanted).expect("it is a config map").at_revision(first.revision());
        async move { client.update(&change, Part::Main, &WriteOptions::default()).await }
    });
    let mut winners = Vec::new();
    for attempt in together(attempts).await {
        match attempt {
            Ok(object) => winners.push(object),
            Err(error) => assert!(error.is_conflict(), "{error}"),
        }
    }
    assert_eq!(winners.len(), 1);
    assert_eq!(text(&*site.get(MAPS, "a").await), text(&winners[0]));
}

pub(super) async fn of_creators_of_one_name_exactly_one_wins(site: &Site) {
    let attempts = (0..CONTENDERS).map(|writer| {
        let (client, map) = (site.client.clone(), site.map("a", &writer.to_string()));
        async move { client.create(&map, &WriteOptions::default()).await }
    });
    let mut created = Vec::new();
    for attempt in together(attempts).await {
        match attempt {
            Ok(object) => created.push(object),
            Err(error) => assert!(error.is_already_exists(), "{error}"),
        }
    }
    assert_eq!(created.len(), 1);
    assert_eq!(site.get(MAPS, "a").await.uid(), created[0].uid());
}

pub(super) async fn patches_without_a_revision_all_take_effect(site: &Site) {
    site.create(site.map("a", "0")).await;
    let attempts = (0..CONTENDERS).map(|writer| {
        let (client, key) = (site.client.clone(), site.key("a"));
        let patch = merge(json!({"data": {format!("key-{writer}"): "1"}}));
        async move { client.patch(MAPS, &key, Part::Main, &patch, &WriteOptions::default()).await }
    });
    for attempt in together(attempts).await {
        attempt.expect("nobody's change is at odds with another's");
    }
    let data = value(&*site.get(MAPS, "a").await)["data"].take();
    assert_eq!(data.as_object().map(serde_json::Map::len), Some(CONTENDERS + 1), "{data}");
}

pub(super) async fn applies_at_once_all_take_effect(site: &Site) {
    let attempts = (0..CONTENDERS).map(|writer| {
        let (client, key, manager) = (site.client.clone(), site.key("a"), format!("manager-{writer}"));
        let wanted = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"},
            "data": {manager.as_str(): "1"}});
        let patch = Patch::Apply { body: wanted.to_string().into(), force: false };
        async move { client.patch(MAPS, &key, Part::Main, &patch, &WriteOptions::manager(&manager)).await }
    });
    for attempt in together(attempts).await {
        attempt.expect("nobody's fields are another's");
    }
    let object = value(&*site.get(MAPS, "a").await);
    for owned in [&object["data"], &object["metadata"]["managedFields"]] {
        let count = owned.as_object().map(serde_json::Map::len).or(owned.as_array().map(Vec::len));
        assert_eq!(count, Some(CONTENDERS), "{owned}");
    }
}

pub(super) async fn of_binders_exactly_one_wins(site: &Site) {
    let nodes = [site.node("node-0").await, site.node("node-1").await, site.node("node-2").await];
    site.create(site.pod("a")).await;
    let attempts = (0..CONTENDERS).map(|binder| {
        let (client, key, node) = (site.client.clone(), site.key("a"), nodes[binder % nodes.len()].clone());
        async move { client.bind(&key, &binding(&node, None)).await.map(|()| node) }
    });
    let mut bound = Vec::new();
    for attempt in together(attempts).await {
        match attempt {
            Ok(node) => bound.push(node),
            Err(error) => assert!(error.is_conflict(), "{error}"),
        }
    }
    assert_eq!(bound.len(), 1);
    assert_eq!(value(&*site.get(PODS, "a").await)["spec"]["nodeName"], json!(bound[0]));
    for node in nodes {
        site.remove_node(&node).await;
    }
}

pub(super) async fn all_watchers_see_every_event_of_concurrent_writers_once_and_in_order(site: &Site) {
    const WRITERS: usize = 4;
    const ROUNDS: usize = 15;
    let start = site.list(site.everything()).await.revision;
    let mut watches = vec![
        site.watch(SECRETS, site.from(WatchFrom::After(start))).await,
        site.watch(SECRETS, site.from(WatchFrom::Now)).await,
    ];
    let writers = together((0..WRITERS).map(|writer| {
        let client = site.client.clone();
        let (secret, key) =
            (site.secret(&format!("s-{writer}"), json!({})), site.key(&format!("s-{writer}")));
        async move {
            for _ in 0..ROUNDS {
                client.create(&secret, &WriteOptions::default()).await.expect("the name is free");
                client.delete(SECRETS, &key, &Default::default()).await.expect("it is there");
            }
        }
    }));
    // A watch that begins in the middle of it all must fit in without a seam.
    let middle = async {
        let list = site.list(site.everything()).await;
        let watch = site.watch(SECRETS, site.from(WatchFrom::After(list.revision))).await;
        (list, watch)
    };
    let (_, (middle, late)) = futures::join!(writers, middle);
    for watch in &mut watches {
        let seen = alternations(watch, BTreeMap::new(), start, WRITERS * ROUNDS * 2).await;
        assert!(seen.values().all(|seen| *seen == 2 * ROUNDS) && seen.len() == WRITERS, "{seen:?}");
    }
    // All of it ends with a deletion, after which nothing is there; the marker is what comes next.
    let present: BTreeMap<_, _> = middle.items.iter().map(|item| (item.name().to_owned(), 1)).collect();
    site.create_secrets(&["marker"]).await;
    let (mut late, mut events, mut present_now) = (late, 0, present.clone());
    let mut last = middle.revision;
    loop {
        let (event, revision) = late.change().await;
        assert!(revision > last, "revisions rise");
        last = revision;
        let name = event.object().expect("it is about an object").name().to_owned();
        if name == "marker" {
            break;
        }
        events += 1;
        let count = present_now.entry(name).or_insert(0);
        assert_eq!(matches!(event, ApiEvent::Added(_)), *count == 0, "{event:?}");
        *count = 1 - *count;
    }
    assert!(
        events <= WRITERS * ROUNDS * 2 && present_now.values().all(|count| *count == 0),
        "{present_now:?}"
    );
}

/// Reads so many events, of which each name's must be additions and deletions in turn; how many each name had.
async fn alternations(
    watch: &mut Watching,
    mut seen: BTreeMap<String, usize>,
    mut last: Revision,
    events: usize,
) -> BTreeMap<String, usize> {
    for _ in 0..events {
        let (event, revision) = watch.change().await;
        assert!(revision > last, "revisions rise");
        last = revision;
        let count = seen.entry(event.object().expect("it is about an object").name().to_owned()).or_default();
        assert_eq!(matches!(event, ApiEvent::Added(_)), count.is_multiple_of(2), "{event:?}");
        *count += 1;
    }
    seen
}
