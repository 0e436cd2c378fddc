//! What lists hold, and how fresh they are.

use serde_json::json;

use super::kit::*;
use crate::client::{ListOptions, VersionMatch, WatchFrom};
use crate::error::Reason;
use crate::selector::LabelSelector;
use crate::store::Revision;

pub(super) async fn a_list_holds_the_objects_in_the_order_of_their_keys(site: &Site) {
    for name in ["b", "a", "c", "a.b"] {
        let created = site.create(site.secret(name, json!({}))).await;
        let list = site.list(site.everything()).await;
        assert!(names(&list).contains(&name), "a list sees every write before it");
        assert!(list.revision >= created.revision());
    }
    let list = site.list(site.everything()).await;
    assert_eq!(names(&list), ["a", "a.b", "b", "c"]);
    assert_eq!((list.continue_token, list.remaining), (None, None));
    let read = site.get(SECRETS, "b").await;
    assert_eq!((value(&list.items[2]), list.items[2].revision()), (value(&read), read.revision()));
}

pub(super) async fn an_empty_list_carries_the_revision_it_was_read_at(site: &Site) {
    let before = site.create(site.map("a", "1")).await.revision();
    let list = site.list(site.everything()).await;
    assert!(list.items.is_empty() && list.revision >= before, "{list:?}");
    let mut watch = site.watch(SECRETS, site.from(WatchFrom::After(list.revision))).await;
    site.create(site.secret("b", json!({}))).await;
    assert_eq!(watch.brief().await, "ADDED b");
}

pub(super) async fn a_list_of_all_namespaces_holds_those_of_each(site: &Site) {
    let other = Site::new(site.client.clone()).await;
    for (place, name) in [(site, "a"), (&other, "b")] {
        place.create(place.secret(name, json!({"conformance": site.namespace}))).await;
    }
    let labels = LabelSelector::parse(&format!("conformance={}", site.namespace)).expect("it is a selector");
    let list = site.list(ListOptions { labels, ..ListOptions::default() }).await;
    let mut found: Vec<_> = list.items.iter().map(|item| item.key().clone()).collect();
    found.sort();
    let mut expected = vec![site.key("a"), other.key("b")];
    expected.sort();
    assert_eq!(found, expected);
    other.leave().await;
}

pub(super) async fn namespaces_whose_names_begin_alike_do_not_mix(site: &Site) {
    let longer = site.sibling("-a").await;
    site.create(site.secret("a", json!({}))).await;
    longer.create(longer.secret("b", json!({}))).await;
    assert_eq!(names(&site.list(site.everything()).await), ["a"]);
    assert_eq!(names(&longer.list(longer.everything()).await), ["b"]);
    longer.leave().await;
}

pub(super) async fn an_exact_revision_shows_the_past(site: &Site) {
    site.create_secrets(&["a", "b"]).await;
    let then = site.list(site.everything()).await.revision;
    site.delete(SECRETS, "a", Default::default()).await;
    site.create_secrets(&["c"]).await;
    let past =
        ListOptions { revision: Some(then), version_match: Some(VersionMatch::Exact), ..site.everything() };
    let list = site.list(past).await;
    assert_eq!((names(&list), list.revision), (vec!["a", "b"], then));
}

pub(super) async fn a_list_is_not_older_than_it_must_be(site: &Site) {
    let mut last = Revision::ZERO;
    for name in ["a", "b", "c"] {
        last = site.create(site.secret(name, json!({}))).await.revision();
        for version_match in [None, Some(VersionMatch::NotOlderThan)] {
            let list =
                site.list(ListOptions { revision: Some(last), version_match, ..site.everything() }).await;
            assert!(list.revision >= last && names(&list).contains(&name));
        }
    }
    let any = site.list(ListOptions { revision: Some(Revision::ZERO), ..site.everything() }).await;
    assert!(any.revision > Revision::ZERO && any.items.len() <= 3);
    assert!(any.items.iter().all(|item| item.revision() <= last));
}

pub(super) async fn a_revision_of_the_future_is_too_large(site: &Site) {
    let far = Revision(site.list(site.everything()).await.revision.0 + 1_000_000_000);
    let error =
        refused(site.client.list(SECRETS, &ListOptions { revision: Some(far), ..site.everything() }).await);
    assert_eq!((error.reason(), error.status().code), (Reason::Timeout, Some(504)), "{error}");
    let status = error.status();
    let causes = status.details.and_then(|details| details.causes).unwrap_or_default();
    assert_eq!(causes.first().and_then(|cause| cause.reason.as_deref()), Some("ResourceVersionTooLarge"));
}

pub(super) async fn a_match_without_a_revision_is_refused(site: &Site) {
    for version_match in [VersionMatch::Exact, VersionMatch::NotOlderThan] {
        let options = ListOptions { version_match: Some(version_match), ..site.everything() };
        let error = refused(site.client.list(SECRETS, &options).await);
        assert_eq!(error.reason(), Reason::Invalid, "{error}");
    }
    let options = ListOptions {
        revision: Some(Revision::ZERO),
        version_match: Some(VersionMatch::Exact),
        ..site.everything()
    };
    assert_eq!(refused(site.client.list(SECRETS, &options).await).reason(), Reason::Invalid);
}
