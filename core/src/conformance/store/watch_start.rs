//! Where a watch begins, and when it has caught up.

use std::sync::Arc;

use super::Rig;
use super::kit::*;
use crate::store::{Revision, WatchEvent};

pub(super) async fn a_watch_from_the_past_delivers_history_in_order(rig: &dyn Rig) {
    let store = rig.create().await;
    let begin = revision(&*store).await;
    let mut made = Vec::new();
    for index in 0..200 {
        made.push(put(&*store, format!("/{}", index % 7), index).await);
    }
    let mut watch = Watching::new(&*store, "/", begin).await;
    assert_eq!(revisions(&watch.commits(200).await), made);
    let mut watch = Watching::new(&*store, "/", made[99]).await;
    assert_eq!(revisions(&watch.commits(100).await), made[100..]);
}

pub(super) async fn a_watch_goes_from_history_to_live_without_gap_or_duplicate(rig: &dyn Rig) {
    const COMMITS: usize = 200;
    let store = rig.create().await;
    let begin = revision(&*store).await;
    let writer = {
        let store = store.clone();
        async move {
            let mut made = Vec::new();
            for index in 0..COMMITS {
                made.push(put(&*store, "/a", index).await);
            }
            (made, Vec::new())
        }
    };
    // Each watch opens at another moment of the writing.
    let watchers = (0..8).map(|watcher| {
        let store = store.clone();
        async move {
            let mut watch = Watching::new(&*store, "/", begin).await;
            watch.commits(watcher * COMMITS / 8).await;
            let mut late = Watching::new(&*store, "/", begin).await;
            (Vec::new(), revisions(&late.commits(COMMITS).await))
        }
    });
    let tasks = std::iter::once(futures::future::Either::Left(writer))
        .chain(watchers.map(futures::future::Either::Right));
    let results = together(tasks).await;
    let made = &results[0].0;
    for (_, watched) in &results[1..] {
        assert_eq!(watched, made);
    }
}

pub(super) async fn a_watch_from_the_present_delivers_what_follows(rig: &dyn Rig) {
    let store = rig.create().await;
    let before = put(&*store, "/a", 1).await;
    let mut watch = Watching::new(&*store, "/", before).await;
    let made = put(&*store, "/a", 2).await;
    assert_eq!(watch.commit().await.revision, made);
}

pub(super) async fn a_watch_from_the_future_delivers_only_what_comes_after_it(rig: &dyn Rig) {
    let store = rig.create().await;
    let now = put(&*store, "/a", 0).await;
    let after = Revision(now.0 + 3);
    let mut watch = Watching::new(&*store, "/", after).await;
    let mut expected = Vec::new();
    while expected.len() < 2 {
        let made = put(&*store, "/a", "again").await;
        if made > after {
            expected.push(made);
        }
    }
    assert_eq!(revisions(&watch.commits(2).await), expected);
}

pub(super) async fn a_watch_reports_progress_when_it_has_caught_up(rig: &dyn Rig) {
    let store = rig.create().await;
    let begin = revision(&*store).await;
    let first = put(&*store, "/a", 1).await;
    let opened_at = put(&*store, "/b", 2).await;
    let mut watch = Watching::new(&*store, "/a", begin).await;
    assert_eq!(revisions(&watch.until_progress(opened_at).await), [first]);
    let mut quiet = Watching::new(&*store, "/nothing", begin).await;
    assert_eq!(quiet.until_progress(opened_at).await, []);
    let mut present = Watching::new(&*store, "/a", opened_at).await;
    assert_eq!(present.until_progress(opened_at).await, []);
}

pub(super) async fn a_watch_of_an_empty_store_reports_progress(rig: &dyn Rig) {
    let store = rig.create().await;
    let begin = revision(&*store).await;
    let mut watch = Watching::new(&*store, "/", begin).await;
    assert_eq!(watch.until_progress(begin).await, []);
}

pub(super) async fn progress_is_never_ahead_of_what_was_delivered(rig: &dyn Rig) {
    const COMMITS: u64 = 300;
    let store = rig.create().await;
    let begin = revision(&*store).await;
    let writer = {
        let store = store.clone();
        async move {
            for index in 0..COMMITS {
                put(&*store, format!("/{}", index % 2), index).await;
            }
        }
    };
    let watchers = (0..4).map(|_| {
        let store = Arc::clone(&store);
        async move {
            let mut watch = Watching::new(&*store, "/1", begin).await;
            let (mut reached, mut seen) = (begin, 0);
            while seen < COMMITS / 2 {
                match watch.event().await {
                    WatchEvent::Commit(event) => {
                        assert!(event.revision > reached, "{} comes after {reached}", event.revision);
                        (reached, seen) = (event.revision, seen + 1);
                    }
                    WatchEvent::Progress(progress) => {
                        assert!(progress >= reached, "progress goes back to {progress} from {reached}");
                        assert!(progress <= revision(&*store).await, "progress {progress} is invented");
                        reached = progress;
                    }
                }
            }
        }
    });
    let tasks = std::iter::once(futures::future::Either::Left(writer))
        .chain(watchers.map(futures::future::Either::Right));
    together(tasks).await;
}
