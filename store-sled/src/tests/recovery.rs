//! Opening what a process left that was killed, and what it costs.

use super::*;
use crate::checkpointer::discard_superseded;
use crate::disk::SystemDisk;
use crate::folder::Folder;

#[tokio::test]
async fn a_killed_store_opens_with_everything() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await.unwrap();
    for index in 0..300 {
        put(&store, &format!("/{}", index % 50), &format!("{index} {}", "x".repeat(200))).await;
    }
    let gone = store.commit(Commit::new().delete(Key::from("/7"))).await.unwrap();
    let left = kill(store, folder.path());
    let store = open(left.path()).await.unwrap();
    assert_eq!(store.revision().await.unwrap(), gone);
    assert_eq!(value(&store, "/7").await, None);
    for key in (0..50).filter(|key| *key != 7) {
        let found = value(&store, &format!("/{key}")).await.unwrap();
        assert!(found.starts_with(&format!("{} ", 250 + key)), "{found}");
    }
}

#[tokio::test]
async fn the_journal_is_cut_by_checkpoints() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await.unwrap();
    for index in 0..500 {
        put(&store, &format!("/{}", index % 10), &"x".repeat(500)).await;
    }
    store.close().await.unwrap();
    let bytes: u64 = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("journal-"))
        .map(|entry| entry.metadata().unwrap().len())
        .sum();
    assert!(bytes < 100 << 10, "250 KiB were written, {bytes} bytes are left");
    let report = crate::verify(folder.path()).unwrap();
    assert!(report.checkpoint.is_some());
    assert_eq!((report.revision, report.keys), (Revision(500), 10));
}

#[tokio::test]
async fn a_journal_of_few_segments_is_not_checkpointed() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path()).await.unwrap();
    let mut commits = 0;
    // A checkpoint is taken beside the commits; when, is up to the machine.
    while !names(root.path()).iter().any(|name| name.to_string_lossy().starts_with("checkpoint-")) {
        put(&store, &format!("/{}", commits % 3), &"x".repeat(400)).await;
        commits += 1;
    }
    // 4 KiB take ten of these commits.
    assert!(commits >= 18, "commit {commits} made a checkpoint of less than two segments");
}

#[tokio::test]
async fn files_that_a_removal_left_behind_do_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await.unwrap();
    for index in 0..20 {
        put(&store, "/a", &index.to_string()).await;
    }
    store.close().await.unwrap();
    let first = folder.path().join(format!("journal-{:020}", 1));
    let kept = std::fs::read(&first).unwrap();
    let store = open(folder.path()).await.unwrap();
    for index in 20..200 {
        put(&store, "/a", &format!("{index} {}", "x".repeat(200))).await;
    }
    store.close().await.unwrap();
    assert!(!first.exists(), "the first segment was not checkpointed away");
    std::fs::write(&first, kept).unwrap();
    std::fs::remove_file(folder.path().join("clean")).unwrap();
    let store = open(folder.path()).await.unwrap();
    assert_eq!(store.revision().await.unwrap(), Revision(200));
    assert!(!first.exists(), "it is removed again");
}

#[tokio::test]
async fn a_properly_closed_store_uses_its_index_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await.unwrap();
    put(&store, "/a", "kept").await;
    store.close().await.unwrap();
    assert_eq!(crate::verify(folder.path()).unwrap().index, crate::IndexState::Current);
    // Without its records the journal cannot make the index anew, so what opens is the old one.
    let journal = folder.path().join(format!("journal-{:020}", 1));
    let length = std::fs::metadata(&journal).unwrap().len();
    std::fs::write(&journal, vec![0; length as usize]).unwrap();
    let store = open(folder.path()).await.unwrap();
    assert_eq!(value(&store, "/a").await.unwrap(), "kept");
}

#[tokio::test]
async fn an_index_that_lacks_a_key_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await.unwrap();
    put(&store, "/a", "a").await;
    put(&store, "/b", "b").await;
    store.close().await.unwrap();
    let db = sled::open(folder.path().join("index")).unwrap();
    db.remove("/a").unwrap();
    drop(db);
    let unclean = kill(open(folder.path()).await.unwrap(), folder.path());
    for folder in [folder.path(), unclean.path()] {
        let store = open(folder).await.unwrap();
        assert_eq!(value(&store, "/a").await.unwrap(), "a");
    }
}

#[test]
fn discarding_keeps_the_segment_that_a_checkpoint_ends_in() {
    let root = tempfile::tempdir().unwrap();
    let folder = Folder::existing_or_new(root.path(), Arc::new(SystemDisk)).unwrap();
    for first in [1, 10, 20, 30] {
        std::fs::write(folder.segment(Revision(first)), "").unwrap();
    }
    discard_superseded(&folder, Revision(18)).unwrap();
    let left: Vec<_> = folder.segments().unwrap().iter().map(|segment| segment.revision.0).collect();
    assert_eq!(left, [10, 20, 30]);
    discard_superseded(&folder, Revision(19)).unwrap();
    let left: Vec<_> = folder.segments().unwrap().iter().map(|segment| segment.revision.0).collect();
    assert_eq!(left, [20, 30], "the next revision is the first of a segment");
}
