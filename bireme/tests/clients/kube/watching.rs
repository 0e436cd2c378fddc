//! Watches: kube-rs' own, its watcher that lists before it watches or has the list streamed, its reflector, and
//! controllers upon it.

use std::pin::pin;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::{Api, DeleteParams, ObjectMeta, Patch, PatchParams, PostParams, WatchEvent, WatchParams};
use kube::core::PartialObjectMeta;
use kube::runtime::controller::{Action, Controller};
use kube::runtime::finalizer::{Event as Finalizer, finalizer};
use kube::runtime::watcher::{Config, Event};
use kube::runtime::{WatchStreamExt, reflector, watcher};
use kube::{Client, Resource, ResourceExt};
use serde_json::json;
use tokio::sync::mpsc;

use super::{config_map, config_maps};

both_ways!(
    a_watch_goes_on_from_a_revision,
    what_there_is_comes_first_and_its_end_is_told,
    a_watch_that_is_limited_in_time_ends_well,
    a_watcher_that_lists_misses_nothing,
    a_watcher_of_a_streamed_list_misses_nothing,
    metadata_is_watched_alone,
    a_reflector_keeps_what_there_is,
    a_controller_does_and_undoes,
);

const LABELLED: &str = "value in (1, 2)";

async fn relabel(client: &Client, name: &str, value: &str) {
    let labels = Patch::Merge(json!({"metadata": {"labels": {"value": value}}}));
    config_maps(client).patch(name, &PatchParams::default(), &labels).await.unwrap();
}

async fn a_watch_goes_on_from_a_revision(client: Client) {
    let maps = config_maps(&client);
    let made = maps.create(&PostParams::default(), &config_map("a", "1")).await.unwrap();
    let since = made.resource_version().unwrap();
    relabel(&client, "a", "2").await;
    relabel(&client, "a", "3").await;
    relabel(&client, "a", "1").await;
    maps.delete("a", &DeleteParams::default()).await.unwrap();
    let events = maps.watch(&WatchParams::default().labels(LABELLED), &since).await.unwrap();
    let told: Vec<String> = events.take(4).map_ok(|event| name_of(&event)).try_collect().await.unwrap();
    assert_eq!(told, ["MODIFIED a 2", "DELETED a 2", "ADDED a 1", "DELETED a 1"]);
}

fn name_of(event: &WatchEvent<ConfigMap>) -> String {
    let (what, map) = match event {
        WatchEvent::Added(map) => ("ADDED", map),
        WatchEvent::Modified(map) => ("MODIFIED", map),
        WatchEvent::Deleted(map) => ("DELETED", map),
        other => panic!("{other:?}"),
    };
    format!("{what} {} {}", map.name_any(), map.labels().get("value").map_or("", |value| value))
}

async fn what_there_is_comes_first_and_its_end_is_told(client: Client) {
    let maps = config_maps(&client);
    maps.create(&PostParams::default(), &config_map("a", "1")).await.unwrap();
    let params = WatchParams::default().labels("value").initial_events();
    let mut events = pin!(maps.watch(&params, "0").await.unwrap());
    assert!(matches!(events.try_next().await.unwrap(), Some(WatchEvent::Added(_))));
    let Some(WatchEvent::Bookmark(mark)) = events.try_next().await.unwrap() else { panic!("no bookmark") };
    assert_eq!(mark.metadata.annotations["k8s.io/initial-events-end"], "true");
}

async fn a_watch_that_is_limited_in_time_ends_well(client: Client) {
    let params = WatchParams::default().labels("none").timeout(1);
    let events: Vec<_> = config_maps(&client).watch(&params, "0").await.unwrap().try_collect().await.unwrap();
    assert!(events.iter().all(|event| matches!(event, WatchEvent::Bookmark(_))), "{events:?}");
}

/// What a watcher tells: its beginning, what there is, and what changes.
async fn misses_nothing(client: Client, config: Config) {
    let maps = config_maps(&client);
    for name in ["a", "b", "c"] {
        maps.create(&PostParams::default(), &config_map(name, "1")).await.unwrap();
    }
    let mut events = pin!(watcher(maps.clone(), config.labels(LABELLED)));
    let mut told = Vec::new();
    loop {
        match events.try_next().await.unwrap().unwrap() {
            Event::Init => assert!(told.is_empty()),
            Event::InitApply(map) => told.push(map.name_any()),
            Event::InitDone => break,
            other => panic!("{other:?}"),
        }
    }
    told.sort_unstable();
    assert_eq!(told, ["a", "b", "c"]);
    maps.create(&PostParams::default(), &config_map("d", "3")).await.unwrap();
    relabel(&client, "d", "2").await;
    relabel(&client, "a", "4").await;
    maps.delete("b", &DeleteParams::default()).await.unwrap();
    for (deleted, name) in [(false, "d"), (true, "a"), (true, "b")] {
        match events.try_next().await.unwrap().unwrap() {
            Event::Apply(map) => assert_eq!((deleted, map.name_any().as_str()), (false, name)),
            Event::Delete(map) => assert_eq!((deleted, map.name_any().as_str()), (true, name)),
            other => panic!("{other:?}"),
        }
    }
}

async fn a_watcher_that_lists_misses_nothing(client: Client) {
    misses_nothing(client.clone(), Config::default().page_size(2)).await;
}

async fn a_watcher_of_a_streamed_list_misses_nothing(client: Client) {
    misses_nothing(client, Config::default().streaming_lists()).await;
}

async fn metadata_is_watched_alone(client: Client) {
    let maps = config_maps(&client);
    maps.create(&PostParams::default(), &config_map("a", "1")).await.unwrap();
    for config in [Config::default(), Config::default().streaming_lists()] {
        let metadata = Api::<PartialObjectMeta<ConfigMap>>::default_namespaced(client.clone());
        let mut seen = pin!(watcher(metadata, config.labels("value")).applied_objects());
        assert_eq!(seen.try_next().await.unwrap().unwrap().labels()["value"], "1");
    }
}

async fn a_reflector_keeps_what_there_is(client: Client) {
    let maps = config_maps(&client);
    maps.create(&PostParams::default(), &config_map("a", "1")).await.unwrap();
    let (reader, writer) = reflector::store();
    let changes = reflector(writer, watcher(maps.clone(), Config::default().labels("value")));
    let mut changes = pin!(changes.default_backoff().touched_objects());
    // Nothing happens without somebody who takes what has changed.
    changes.try_next().await.unwrap();
    maps.create(&PostParams::default(), &config_map("b", "2")).await.unwrap();
    changes.try_next().await.unwrap();
    maps.delete("a", &DeleteParams::default()).await.unwrap();
    changes.try_next().await.unwrap();
    reader.wait_until_ready().await.unwrap();
    assert_eq!(reader.state().iter().map(|map| map.name_any()).collect::<Vec<_>>(), ["b"]);
}

type Told = mpsc::Sender<&'static str>;

/// A controller that has a Secret for each ConfigMap with a label, and tidies up behind itself.
async fn a_controller_does_and_undoes(client: Client) {
    let (told, mut steps) = mpsc::channel(100);
    let maps = config_maps(&client);
    let secrets = Api::<Secret>::default_namespaced(client.clone());
    let controller = Controller::new(maps.clone(), Config::default().labels("value"))
        .owns(secrets.clone(), Config::default().streaming_lists())
        .run(reconcile, |_, error, _| panic!("{error}"), Arc::new((client, told)))
        .for_each(|_| std::future::ready(()));
    let test = async {
        maps.create(&PostParams::default(), &config_map("a", "1")).await.unwrap();
        while steps.recv().await != Some("applied") {}
        // What is taken away comes back.
        let first = secrets.get("a").await.unwrap();
        secrets.delete("a", &DeleteParams::default()).await.unwrap();
        loop {
            steps.recv().await.unwrap();
            let secret = secrets.get_opt("a").await.unwrap();
            if secret.is_some_and(|secret| secret.uid() != first.uid()) {
                break;
            }
        }
        maps.delete("a", &DeleteParams::default()).await.unwrap();
        while steps.recv().await != Some("cleaned up") {}
    };
    tokio::select! {
        () = test => {}
        () = controller => panic!("the controller has ended"),
    }
}

async fn reconcile(
    map: Arc<ConfigMap>,
    context: Arc<(Client, Told)>,
) -> Result<Action, kube::runtime::finalizer::Error<kube::Error>> {
    let (client, told) = &*context;
    let maps = config_maps(client);
    finalizer(&maps, "example.com/secrets", map, async |event| match event {
        Finalizer::Apply(map) => {
            let secrets = Api::<Secret>::default_namespaced(client.clone());
            let secret = Secret {
                metadata: ObjectMeta {
                    name: Some(map.name_any()),
                    owner_references: map.controller_owner_ref(&()).map(|owner| vec![owner]),
                    ..ObjectMeta::default()
                },
                ..Secret::default()
            };
            let apply = PatchParams::apply("controller");
            secrets.patch(&map.name_any(), &apply, &Patch::Apply(&secret)).await?;
            told.send("applied").await.unwrap();
            Ok(Action::await_change())
        }
        Finalizer::Cleanup(_) => {
            told.send("cleaned up").await.unwrap();
            Ok(Action::await_change())
        }
    })
    .await
}
