//! What a commit does.

use futures::FutureExt as _;

use super::Rig;
use super::kit::*;
use crate::store::{Commit, Key};
use bytes::Bytes;

pub(super) async fn a_commit_makes_a_higher_revision_that_reads_see(rig: &dyn Rig) {
    let store = rig.create().await;
    let mut last = revision(&*store).await;
    for text in ["one", "two", "three"] {
        let made = put(&*store, "/a", text).await;
        assert!(made > last, "{made} does not follow {last}");
        assert!(store.known_revision().is_none_or(|known| known == made), "{:?}", store.known_revision());
        assert_eq!(revision(&*store).await, made);
        let found = get(&*store, "/a").await.expect("the key was put");
        assert_eq!((found.value, found.modified), (value(text), made));
        last = made;
    }
    let made = delete(&*store, "/a").await;
    assert!(made > last);
    assert_eq!(get(&*store, "/a").await, None);
}

pub(super) async fn a_key_remembers_the_commits_that_created_and_modified_it(rig: &dyn Rig) {
    let store = rig.create().await;
    let created = put(&*store, "/a", 1).await;
    let other = put(&*store, "/b", 1).await;
    let modified = put(&*store, "/a", 2).await;
    let a = get(&*store, "/a").await.expect("the key was put");
    assert_eq!((a.created, a.modified), (created, modified));
    let b = get(&*store, "/b").await.expect("the key was put");
    assert_eq!((b.created, b.modified), (other, other));
}

pub(super) async fn a_key_put_again_after_deletion_is_created_anew(rig: &dyn Rig) {
    let store = rig.create().await;
    put(&*store, "/a", 1).await;
    delete(&*store, "/a").await;
    let again = put(&*store, "/a", 2).await;
    let found = get(&*store, "/a").await.expect("the key was put");
    assert_eq!((found.created, found.modified), (again, again));
}

pub(super) async fn all_operations_of_a_commit_make_one_revision(rig: &dyn Rig) {
    let store = rig.create().await;
    put(&*store, "/gone", 1).await;
    let before = put(&*store, "/changed", 1).await;
    let made = commit(
        &*store,
        Commit::new()
            .put(key("/new"), value("new"))
            .delete(key("/gone"))
            .put(key("/changed"), value("changed")),
    )
    .await;
    assert!(made > before);
    let found = range(&*store, under("/")).await;
    assert_eq!(texts(&found.items), pairs([("/changed", "changed"), ("/new", "new")]));
    assert!(found.items.iter().all(|item| item.modified == made), "{found:?}");
    assert_eq!(found.revision, made);
}

pub(super) async fn writing_the_bytes_that_a_key_has_is_a_change(rig: &dyn Rig) {
    let store = rig.create().await;
    let first = put(&*store, "/a", "same").await;
    let second = put(&*store, "/a", "same").await;
    assert!(second > first);
    assert_eq!(get(&*store, "/a").await.expect("the key was put").modified, second);
}

pub(super) async fn deleting_an_absent_key_is_no_change(rig: &dyn Rig) {
    let store = rig.create().await;
    let before = put(&*store, "/a", 1).await;
    assert_eq!(delete(&*store, "/b").await, before);
    assert_eq!(revision(&*store).await, before);
    let made = commit(&*store, Commit::new().delete(key("/b")).put(key("/c"), value(1))).await;
    assert!(made > before, "the other operation is a change");
}

pub(super) async fn a_commit_without_operations_makes_no_revision(rig: &dyn Rig) {
    let store = rig.create().await;
    let empty = revision(&*store).await;
    assert_eq!(commit(&*store, Commit::new()).await, empty);
    let before = put(&*store, "/a", 1).await;
    assert_eq!(commit(&*store, Commit::new().if_modified_at(key("/a"), before)).await, before);
    assert_eq!(revision(&*store).await, before);
}

pub(super) async fn keys_and_values_are_arbitrary_bytes(rig: &dyn Rig) {
    let store = rig.create().await;
    let odd: [(&'static [u8], &'static [u8]); 5] =
        [(b"\0", b""), (b"\0\0", b"\0"), (b"a\xffb", b"\xff\xfe"), (b"\xff", b"{}"), (b"\xff\xff", b"\n")];
    for (key, value) in odd {
        commit(&*store, Commit::new().put(Key(Bytes::from_static(key)), Bytes::from_static(value))).await;
    }
    let found = range(&*store, under("")).await;
    let found: Vec<(&[u8], &[u8])> =
        found.items.iter().map(|item| (item.key.as_bytes(), &item.value[..])).collect();
    assert_eq!(found, odd);
}

pub(super) async fn a_dropped_commit_happens_whole_or_not_at_all(rig: &dyn Rig) {
    let store = rig.create().await;
    for round in 0..50 {
        let pair = Commit::new().put(key("/a"), value(round)).put(key("/b"), value(round));
        // Polled once, then dropped wherever that left it.
        if let Some(done) = store.commit(pair).now_or_never() {
            done.expect("the commit is in order");
        }
        let found = range(&*store, under("/")).await.items;
        let values: Vec<_> = found.iter().map(|item| (&item.value, item.modified)).collect();
        assert!(values.is_empty() || (values.len() == 2 && values[0] == values[1]), "{values:?}");
    }
    put(&*store, "/a", "still there").await;
    assert_eq!(get(&*store, "/a").await.expect("the key was put").value, value("still there"));
}
