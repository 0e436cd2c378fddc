//! Damage to what was durable: told from what a power loss leaves, reported, and recovered from.

use std::path::PathBuf;

use super::*;
use crate::{Corruption, IndexState, export, import, verify};

/// A closed store with 40 keys, all in one segment of the journal.
async fn closed() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let store = SledStore::open(folder.path(), Options::default(), &Environment::system()).await.unwrap();
    for index in 0..40 {
        put(&store, &format!("/{index:02}"), &format!("value {index}")).await;
    }
    store.close().await.unwrap();
    let journal = folder.path().join(format!("journal-{:020}", 1));
    (folder, journal)
}

fn flip(file: &Path, at: usize) {
    let mut content = std::fs::read(file).unwrap();
    content[at] ^= 0x10;
    std::fs::write(file, content).unwrap();
}

/// Opens as after a crash, which reads everything.
async fn open_unclean(folder: &Path) -> Result<SledStore, Error> {
    match std::fs::remove_file(folder.join("clean")) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => panic!("{error}"),
        _ => open(folder).await,
    }
}

fn corruption<T>(result: Result<T, Error>) -> Corruption {
    match result {
        Err(Error::Corrupt(corruption)) => corruption,
        Err(other) => panic!("expected a corrupt store, got {other:?}"),
        Ok(_) => panic!("the damage was not noticed"),
    }
}

#[tokio::test]
async fn damage_to_acknowledged_commits_is_reported_with_its_place() {
    let (folder, journal) = closed().await;
    let middle = std::fs::metadata(&journal).unwrap().len() as usize / 2;
    flip(&journal, middle);
    let found = corruption(verify(folder.path()));
    assert_eq!(found.file, journal);
    assert!((middle - 60..=middle).contains(&(found.offset as usize)), "{found}");
    assert_eq!(corruption(open_unclean(folder.path()).await), found);
    assert_eq!(corruption(export(folder.path(), &mut Vec::new(), false)), found);
}

#[tokio::test]
async fn every_damaged_byte_of_the_journal_is_noticed() {
    let (folder, journal) = closed().await;
    let whole = std::fs::read(&journal).unwrap();
    for at in (0..whole.len()).step_by(7) {
        flip(&journal, at);
        match verify(folder.path()) {
            Err(Error::Corrupt(_)) => {}
            other => panic!("byte {at} of {}: {other:?}", whole.len()),
        }
        std::fs::write(&journal, &whole).unwrap();
    }
    assert_eq!(verify(folder.path()).unwrap().keys, 40);
}

#[tokio::test]
async fn a_damaged_store_is_salvaged_up_to_the_damage() {
    let (folder, journal) = closed().await;
    let middle = std::fs::metadata(&journal).unwrap().len() as usize / 2;
    flip(&journal, middle);
    let mut lines = Vec::new();
    let exported = export(folder.path(), &mut lines, true).unwrap();
    assert_eq!(exported.damage.len(), 1);
    assert_eq!(exported.revision.0, exported.keys, "each commit made one key");
    assert!((15..=20).contains(&exported.keys), "{exported:?}");

    let fresh = tempfile::tempdir().unwrap();
    let imported = import(fresh.path(), &mut &lines[..], &Environment::system()).unwrap();
    assert_eq!((imported.revision, imported.keys), (exported.revision, exported.keys));
    let store = open(fresh.path()).await.unwrap();
    assert_eq!(value(&store, "/10").await.unwrap(), "value 10");
    assert_eq!(put(&store, "/new", "x").await, exported.revision.next());
}

#[tokio::test]
async fn a_missing_segment_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await.unwrap();
    for index in 0..200 {
        put(&store, "/a", &format!("{index} {}", "x".repeat(200))).await;
    }
    let left = kill(store, folder.path());
    let mut names: Vec<_> = std::fs::read_dir(left.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("journal-"))
        .collect();
    names.sort();
    let last = names.pop().unwrap();
    std::fs::rename(&last, left.path().join(format!("journal-{:020}", 1_000_000))).unwrap();
    corruption(open(left.path()).await);
}

#[tokio::test]
async fn a_damaged_checkpoint_is_reported_and_salvaged_key_by_key() {
    let (folder, _) = closed().await;
    let mut lines = Vec::new();
    export(folder.path(), &mut lines, false).unwrap();
    let imported = tempfile::tempdir().unwrap();
    import(imported.path(), &mut &lines[..], &Environment::system()).unwrap();
    let checkpoint = imported.path().join(format!("checkpoint-{:020}", 40));
    let middle = std::fs::metadata(&checkpoint).unwrap().len() as usize / 2;
    flip(&checkpoint, middle);
    assert_eq!(corruption(verify(imported.path())).file, checkpoint);
    corruption(open(imported.path()).await);
    let exported = export(imported.path(), &mut Vec::new(), true).unwrap();
    assert_eq!((exported.keys, exported.damage.len()), (39, 1));
}

#[tokio::test]
async fn a_commit_that_was_being_written_is_dropped() {
    let (folder, journal) = closed().await;
    let whole = std::fs::read(&journal).unwrap();
    for torn in [&[0; 4096][..], &whole[200..230], &[0xb1, 0x4e, 0x0e, 0x5a, 9, 0, 0, 0]] {
        std::fs::write(&journal, [&whole, torn].concat()).unwrap();
        let store = open_unclean(folder.path()).await.unwrap();
        assert_eq!(store.revision().await.unwrap(), Revision(40));
        store.close().await.unwrap();
        assert_eq!(std::fs::read(&journal).unwrap(), whole, "the tail is cut off");
    }
}

#[tokio::test]
async fn a_damaged_index_costs_nothing_but_time() {
    let (folder, _) = closed().await;
    std::fs::write(folder.path().join("index/db"), vec![0xaa; 700_000]).unwrap();
    let store = open(folder.path()).await.unwrap();
    assert_eq!(value(&store, "/39").await.unwrap(), "value 39");
    store.close().await.unwrap();
    assert_eq!(verify(folder.path()).unwrap().index, IndexState::Current);
}
