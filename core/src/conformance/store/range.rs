//! Reading the present.

use super::Rig;
use super::kit::*;
use crate::store::{RangeRequest, Revision, Store, StoreError};

async fn put_all(store: &dyn Store, names: &[&str]) -> Revision {
    let mut last = Revision::ZERO;
    for name in names {
        last = put(store, name, "").await;
    }
    last
}

async fn names(store: &dyn Store, request: RangeRequest) -> Vec<String> {
    range(store, request).await.items.iter().map(|item| item.key.to_string()).collect()
}

pub(super) async fn a_range_holds_the_keys_of_its_prefix_in_byte_order(rig: &dyn Rig) {
    let store = rig.create().await;
    put_all(&*store, &["/pods/b", "/pods/a/z", "/podsx", "/pod", "/pods/a", "/nodes/a", "/pods/B"]).await;
    assert_eq!(names(&*store, under("/pods/")).await, ["/pods/B", "/pods/a", "/pods/a/z", "/pods/b"]);
    assert_eq!(names(&*store, under("/pods/a")).await, ["/pods/a", "/pods/a/z"]);
    assert_eq!(names(&*store, under("/services/")).await, [] as [&str; 0]);
}

pub(super) async fn an_empty_prefix_means_every_key(rig: &dyn Rig) {
    let store = rig.create().await;
    put_all(&*store, &["b", "/", "a"]).await;
    assert_eq!(names(&*store, RangeRequest::default()).await, ["/", "a", "b"]);
}

pub(super) async fn a_range_begins_at_its_start_key(rig: &dyn Rig) {
    let store = rig.create().await;
    put_all(&*store, &["/a", "/p/a", "/p/b", "/p/c", "/q"]).await;
    let from = |start: &str| RangeRequest { start: Some(key(start)), ..under("/p/") };
    assert_eq!(names(&*store, from("/p/b")).await, ["/p/b", "/p/c"]);
    assert_eq!(names(&*store, from("/p/b\0")).await, ["/p/c"]);
    assert_eq!(names(&*store, from("/a")).await, ["/p/a", "/p/b", "/p/c"]);
    assert_eq!(names(&*store, from("/q")).await, [] as [&str; 0]);
}

pub(super) async fn a_limit_leaves_keys_out_and_says_how_many(rig: &dyn Rig) {
    let store = rig.create().await;
    put_all(&*store, &["/o", "/p/a", "/p/b", "/p/c", "/p/d", "/q"]).await;
    for (limit, start, expected, remaining) in [
        (None, None, &["/p/a", "/p/b", "/p/c", "/p/d"][..], 0),
        (Some(2), None, &["/p/a", "/p/b"], 2),
        (Some(3), None, &["/p/a", "/p/b", "/p/c"], 1),
        (Some(4), None, &["/p/a", "/p/b", "/p/c", "/p/d"], 0),
        (Some(9), None, &["/p/a", "/p/b", "/p/c", "/p/d"], 0),
        (Some(2), Some("/p/b"), &["/p/b", "/p/c"], 1),
        (Some(0), None, &[], 4),
    ] {
        let request = RangeRequest { limit, start: start.map(key), ..under("/p/") };
        let found = range(&*store, request.clone()).await;
        assert_eq!((found.more, found.remaining), (remaining > 0, remaining), "{request:?}");
        let found: Vec<_> = found.items.iter().map(|item| item.key.to_string()).collect();
        assert_eq!(found, expected, "{request:?}");
    }
}

pub(super) async fn an_empty_range_carries_the_revision_of_the_store(rig: &dyn Rig) {
    let store = rig.create().await;
    let first = put(&*store, "/a", 1).await;
    assert_eq!(range(&*store, under("/nothing/")).await.revision, first);
    let second = delete(&*store, "/a").await;
    assert_eq!(range(&*store, under("/nothing/")).await.revision, second);
    assert_eq!(range(&*store, under("/a")).await.revision, second);
}

pub(super) async fn a_read_at_a_future_revision_is_refused(rig: &dyn Rig) {
    let store = rig.create().await;
    let current = put(&*store, "/a", 1).await;
    let ahead = Revision(current.0 + 1_000_000);
    match store.range(under_at("/", ahead)).await {
        Err(StoreError::FutureRevision { requested, current: at }) => {
            assert_eq!((requested, at), (ahead, current));
        }
        other => panic!("expected a refusal, got {other:?}"),
    }
}
