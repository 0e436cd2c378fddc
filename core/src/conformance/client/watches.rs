//! What watches deliver: everything, once, in order.

use std::time::Duration;

use serde_json::json;

use super::kit::*;
use crate::client::{ApiEvent, Deletion, Part, WatchFrom, WatchOptions};
use crate::object::Object;
use crate::store::Revision;

async fn annotate(site: &Site, name: &str, text: &str) -> Revision {
    let change = json!({"metadata": {"annotations": {"n": text}}});
    site.merge(SECRETS, name, Part::Main, change).await.revision()
}

fn annotation(object: &Object) -> String {
    value(object)["metadata"]["annotations"]["n"].as_str().unwrap_or_default().to_owned()
}

pub(super) async fn a_watch_begins_with_the_present_and_goes_on_with_what_follows(site: &Site) {
    for from in [WatchFrom::Now, WatchFrom::Any] {
        let site = Site::new(site.client.clone()).await;
        let created = site.create(site.secret("a", json!({}))).await;
        // A cached state may be one of before, and then catches up.
        let mut watch = site.watch(SECRETS, site.from(from)).await;
        let first = watch.event().await;
        assert_eq!((brief(&first).as_str(), first.revision()), ("ADDED a", created.revision()));
        assert_eq!(value(first.object().expect("it is about an object")), value(&created));
        site.create_secrets(&["b"]).await;
        assert_eq!(watch.brief().await, "ADDED b");
        let changed = annotate(&site, "b", "1").await;
        let event = watch.event().await;
        assert_eq!((brief(&event).as_str(), event.revision()), ("MODIFIED b", changed));
        assert_eq!(annotation(event.object().expect("it is about an object")), "1");
        site.delete(SECRETS, "a", Default::default()).await;
        assert_eq!(watch.brief().await, "DELETED a");
        site.leave().await;
    }
}

pub(super) async fn a_watch_from_a_list_misses_nothing_and_repeats_nothing(site: &Site) {
    site.create_secrets(&["a"]).await;
    let list = site.list(site.everything()).await;
    annotate(site, "a", "1").await;
    site.create_secrets(&["b"]).await;
    let mut watch = site.watch(SECRETS, site.from(WatchFrom::After(list.revision))).await;
    assert_eq!(watch.brief().await, "MODIFIED a");
    assert_eq!(watch.brief().await, "ADDED b");
    site.create_secrets(&["c"]).await;
    assert_eq!(watch.brief().await, "ADDED c");
}

pub(super) async fn a_watch_of_the_past_delivers_it_in_order(site: &Site) {
    let before = site.list(site.everything()).await.revision;
    let mut expected =
        vec![("ADDED a".to_owned(), site.create(site.secret("a", json!({}))).await.revision())];
    for round in 0..20 {
        expected.push(("MODIFIED a".to_owned(), annotate(site, "a", &round.to_string()).await));
    }
    site.delete(SECRETS, "a", Default::default()).await;
    let again = site.create(site.secret("a", json!({}))).await.revision();
    let mut watch = site.watch(SECRETS, site.from(WatchFrom::After(before))).await;
    for (brief_of, revision) in expected {
        let event = watch.event().await;
        assert_eq!((brief(&event), event.revision()), (brief_of, revision));
    }
    assert_eq!(watch.brief().await, "DELETED a");
    let event = watch.event().await;
    assert_eq!((brief(&event).as_str(), event.revision()), ("ADDED a", again));
}

pub(super) async fn initial_events_end_with_a_bookmark(site: &Site) {
    site.create_secrets(&["a", "b"]).await;
    for name in ["c", "d"] {
        let present = site.list(site.everything()).await;
        let from = if name == "c" { None } else { Some(present.revision) };
        let options = WatchOptions { bookmarks: true, ..site.from(WatchFrom::InitialEvents(from)) };
        let mut watch = site.watch(SECRETS, options).await;
        let mut initial = Vec::new();
        for _ in &present.items {
            initial.push(watch.brief().await);
        }
        initial.sort();
        let expected: Vec<_> = names(&present).into_iter().map(|name| format!("ADDED {name}")).collect();
        assert_eq!(initial, expected);
        let end = watch.event().await;
        assert_eq!(brief(&end), "INITIAL END");
        assert!(end.revision() >= present.revision);
        site.create_secrets(&[name]).await;
        let (event, _) = watch.change().await;
        assert_eq!(brief(&event), format!("ADDED {name}"));
    }
}

pub(super) async fn a_deleted_event_carries_the_last_state_at_the_revision_of_its_going(site: &Site) {
    let created = site.create(site.secret("a", json!({}))).await;
    let written = annotate(site, "a", "last").await;
    let mut watch = site.watch(SECRETS, site.from(WatchFrom::After(written))).await;
    let gone = site.delete(SECRETS, "a", Default::default()).await;
    let Deletion::Gone { uid, last } = gone else { panic!("nothing holds it, but {gone:?}") };
    assert_eq!(uid, created.uid());
    let event = watch.event().await;
    assert_eq!(brief(&event), "DELETED a");
    assert!(event.revision() > written);
    assert_eq!(annotation(event.object().expect("it is about an object")), "last");
    if let Some(last) = last {
        assert_eq!((last.revision(), annotation(&last).as_str()), (event.revision(), "last"));
    }
    site.create_secrets(&["b"]).await;
    assert!(watch.event().await.revision() > event.revision());
}

pub(super) async fn a_watch_is_of_its_namespace_only(site: &Site) {
    let longer = site.sibling("-a").await;
    let mut watch = site.watch(SECRETS, site.from(WatchFrom::Now)).await;
    let mut all = site.watch(SECRETS, WatchOptions { namespace: None, ..longer.from(WatchFrom::Now) }).await;
    longer.create_secrets(&["b"]).await;
    site.create_secrets(&["a"]).await;
    assert_eq!(watch.brief().await, "ADDED a");
    let mut seen = Vec::new();
    while seen.len() < 2 {
        let (event, _) = all.change().await;
        let key = event.object().expect("it is about an object").key().clone();
        if [longer.key("b"), site.key("a")].contains(&key) {
            seen.push(key);
        }
    }
    assert_eq!(seen, [longer.key("b"), site.key("a")], "a watch of all namespaces sees both in order");
    longer.leave().await;
}

pub(super) async fn a_watch_ends_when_its_time_is_over(site: &Site) {
    site.create_secrets(&["a"]).await;
    let options = WatchOptions { timeout: Some(Duration::from_secs(1)), ..site.from(WatchFrom::Now) };
    let mut watch = site.watch(SECRETS, options).await;
    assert_eq!(watch.brief().await, "ADDED a");
    while let Some(event) = watch.event_or_end().await {
        assert!(matches!(event, ApiEvent::Bookmark { .. }), "nothing happens, but {event:?}");
    }
}

pub(super) async fn a_dropped_watch_disturbs_nobody(site: &Site) {
    let mut kept = site.watch(SECRETS, site.from(WatchFrom::Now)).await;
    let dropped = site.watch(SECRETS, site.from(WatchFrom::Now)).await;
    site.create_secrets(&["a"]).await;
    drop(dropped);
    site.create_secrets(&["b"]).await;
    assert_eq!([kept.brief().await, kept.brief().await], ["ADDED a", "ADDED b"]);
}
