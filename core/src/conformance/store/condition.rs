//! The conditions of a commit.

use super::Rig;
use super::kit::*;
use crate::store::{Commit, Revision};

pub(super) async fn absence_is_required_as_stated(rig: &dyn Rig) {
    let store = rig.create().await;
    let create = || Commit::new().if_absent(key("/a")).put(key("/a"), value("created"));
    commit(&*store, create()).await;
    conflict(&*store, create()).await;
    delete(&*store, "/a").await;
    commit(&*store, create()).await;
}

pub(super) async fn a_revision_is_required_as_stated(rig: &dyn Rig) {
    let store = rig.create().await;
    let update =
        |revision| Commit::new().if_modified_at(key("/a"), revision).put(key("/a"), value("updated"));
    conflict(&*store, update(Revision::ZERO)).await;
    let first = put(&*store, "/a", 1).await;
    let other = put(&*store, "/b", 1).await;
    conflict(&*store, update(other)).await;
    conflict(&*store, update(Revision::ZERO)).await;
    let second = commit(&*store, update(first)).await;
    conflict(&*store, update(first)).await;
    let gone = delete(&*store, "/a").await;
    conflict(&*store, update(second)).await;
    conflict(&*store, update(gone)).await;
}

pub(super) async fn a_failed_condition_changes_nothing(rig: &dyn Rig) {
    let store = rig.create().await;
    put(&*store, "/a", 1).await;
    let before = put(&*store, "/b", 1).await;
    let refused = Commit::new()
        .if_modified_at(key("/b"), before)
        .if_absent(key("/a"))
        .put(key("/b"), value(2))
        .put(key("/c"), value(2))
        .delete(key("/a"));
    conflict(&*store, refused).await;
    let found = range(&*store, under("/")).await;
    assert_eq!(texts(&found.items), pairs([("/a", "1"), ("/b", "1")]));
    assert_eq!(found.revision, before);
    let mut watch = Watching::new(&*store, "/", before).await;
    let marker = put(&*store, "/marker", "").await;
    assert_eq!(watch.commit().await.revision, marker, "a refused commit was watched");
}

pub(super) async fn a_conflict_carries_the_first_failed_condition_as_it_is_now(rig: &dyn Rig) {
    let store = rig.create().await;
    put(&*store, "/a", "old").await;
    let holds = put(&*store, "/holds", "").await;
    put(&*store, "/a", "new").await;
    let refused = Commit::new()
        .if_modified_at(key("/holds"), holds)
        .if_absent(key("/a"))
        .if_modified_at(key("/missing"), holds)
        .put(key("/b"), value(1));
    let error = conflict(&*store, refused).await;
    assert_eq!(error.key, key("/a"));
    assert_eq!(error.current, get(&*store, "/a").await);
    assert_eq!(error.current.expect("the key is there").value, value("new"));

    let refused = Commit::new().if_modified_at(key("/missing"), holds).if_absent(key("/a"));
    let error = conflict(&*store, refused).await;
    assert_eq!((error.key, error.current), (key("/missing"), None));
}

pub(super) async fn a_condition_may_name_a_key_that_is_not_written(rig: &dyn Rig) {
    let store = rig.create().await;
    let guard = put(&*store, "/guard", 1).await;
    let guarded = |revision| {
        Commit::new()
            .if_modified_at(key("/guard"), revision)
            .if_absent(key("/absent"))
            .put(key("/a"), value("written"))
    };
    commit(&*store, guarded(guard)).await;
    put(&*store, "/guard", 2).await;
    assert_eq!(conflict(&*store, guarded(guard)).await.key, key("/guard"));
}

pub(super) async fn conditions_are_decided_without_operations_too(rig: &dyn Rig) {
    let store = rig.create().await;
    put(&*store, "/a", 1).await;
    conflict(&*store, Commit::new().if_absent(key("/a"))).await;
    conflict(&*store, Commit::new().if_absent(key("/a")).delete(key("/absent"))).await;
}
