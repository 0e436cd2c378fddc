//! Watches as streams of lines.

use bireme_apiserver::ReplyBody;
use http::Method;
use http_body_util::BodyExt;
use serde_json::{Value, json};

use crate::rig::{CONFIG_MAPS, Rig, request};

/// Reads a watch line by line.
struct Lines {
    body: ReplyBody,
    rest: Vec<u8>,
}

impl Lines {
    async fn open(rig: &Rig, path: &str, accept: &str) -> Lines {
        let mut request = request(Method::GET, path, "", "");
        if !accept.is_empty() {
            request.headers_mut().insert("accept", accept.parse().unwrap());
        }
        let reply = rig.open(request).await;
        assert_eq!(reply.status().as_u16(), 200);
        Lines { body: reply.into_body(), rest: Vec::new() }
    }

    /// The next frame; none when the stream has ended.
    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                return Some(serde_json::from_slice(&line).unwrap());
            }
            let frame = self.body.frame().await?.unwrap();
            self.rest.extend_from_slice(&frame.into_data().unwrap());
        }
    }

    /// Type and name of the next frame.
    async fn event(&mut self) -> (String, String) {
        let frame = self.next().await.unwrap();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (text(&frame["type"]), text(&frame["object"]["metadata"]["name"]))
    }
}

fn event(kind: &str, name: &str) -> (String, String) {
    (kind.to_owned(), name.to_owned())
}

#[tokio::test]
async fn a_watch_tells_the_present_and_then_every_change() {
    let rig = Rig::new().await;
    rig.config_map("a").await;
    let mut watch = Lines::open(&rig, &format!("{CONFIG_MAPS}?watch=1&labelSelector=app"), "").await;
    assert_eq!(watch.event().await, event("ADDED", "a"));
    rig.config_map("b").await;
    assert_eq!(watch.event().await, event("ADDED", "b"));
    let patch = r#"{"data":{"key":"2"}}"#;
    rig.patch(&format!("{CONFIG_MAPS}/a"), "application/merge-patch+json", patch).await.expect(200);
    assert_eq!(watch.event().await, event("MODIFIED", "a"));
    // Leaving the selection is a deletion to this watch.
    let patch = r#"{"metadata":{"labels":null}}"#;
    rig.patch(&format!("{CONFIG_MAPS}/a"), "application/merge-patch+json", patch).await.expect(200);
    assert_eq!(watch.event().await, event("DELETED", "a"));
    rig.delete(&format!("{CONFIG_MAPS}/b")).await.expect(200);
    assert_eq!(watch.event().await, event("DELETED", "b"));
}

#[tokio::test]
async fn a_watch_goes_on_from_a_list() {
    let rig = Rig::new().await;
    rig.config_map("a").await;
    let list = rig.get(CONFIG_MAPS).await.expect(200);
    let from = list["metadata"]["resourceVersion"].as_str().unwrap();
    rig.config_map("b").await;
    let path = format!("{CONFIG_MAPS}?watch=true&resourceVersion={from}");
    assert_eq!(Lines::open(&rig, &path, "").await.event().await, event("ADDED", "b"));
}

#[tokio::test]
async fn a_watch_list_ends_its_initial_events_with_a_bookmark() {
    let rig = Rig::new().await;
    rig.config_map("a").await;
    let path = format!(
        "{CONFIG_MAPS}?watch=true&labelSelector=app&sendInitialEvents=true&resourceVersionMatch=NotOlderThan\
         &allowWatchBookmarks=true"
    );
    let mut watch = Lines::open(&rig, &path, "").await;
    assert_eq!(watch.event().await, event("ADDED", "a"));
    let bookmark = watch.next().await.unwrap();
    assert_eq!(bookmark["type"], "BOOKMARK");
    let object = &bookmark["object"];
    assert_eq!((&object["kind"], &object["apiVersion"]), (&json!("ConfigMap"), &json!("v1")));
    assert_eq!(object["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
    assert!(object["metadata"]["resourceVersion"].as_str().unwrap().parse::<u64>().unwrap() > 0);
}

#[tokio::test]
async fn the_time_of_a_watch_ends_it_cleanly() {
    let rig = Rig::new().await;
    let path = format!("{CONFIG_MAPS}?watch=true&labelSelector=app&timeoutSeconds=1");
    let mut watch = Lines::open(&rig, &path, "").await;
    while let Some(frame) = watch.next().await {
        assert_eq!(frame["type"], "BOOKMARK");
    }
}

#[tokio::test]
async fn a_watch_can_be_of_tables_or_metadata() {
    let rig = Rig::new().await;
    rig.config_map("a").await;
    let path = format!("{CONFIG_MAPS}?watch=true&labelSelector=app");
    let table = "application/json;as=Table;v=v1;g=meta.k8s.io";
    let frame = Lines::open(&rig, &path, table).await.next().await.unwrap();
    assert_eq!((&frame["type"], &frame["object"]["kind"]), (&json!("ADDED"), &json!("Table")));
    assert_eq!(frame["object"]["rows"][0]["cells"][0], "a");
    let metadata = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io";
    let frame = Lines::open(&rig, &path, metadata).await.next().await.unwrap();
    assert_eq!(frame["object"]["kind"], "PartialObjectMetadata");
}

#[tokio::test]
async fn one_object_can_be_watched_by_its_name() {
    let rig = Rig::new().await;
    rig.config_map("a").await;
    rig.config_map("b").await;
    let by_field = format!("{CONFIG_MAPS}?watch=true&fieldSelector=metadata.name%3Db");
    let by_path = "/api/v1/watch/namespaces/default/configmaps/b";
    for path in [by_field.as_str(), by_path] {
        assert_eq!(Lines::open(&rig, path, "").await.event().await, event("ADDED", "b"), "{path}");
    }
}

#[tokio::test]
async fn a_revision_that_has_not_come_yet_or_is_nonsense_is_an_error() {
    let rig = Rig::new().await;
    rig.get(&format!("{CONFIG_MAPS}?watch=true&resourceVersion=x")).await.expect(400);
}
