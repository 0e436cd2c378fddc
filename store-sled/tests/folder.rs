//! The data folder: who may open it, what it says about itself, and how it moves to another machine.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;

use bireme_core::Environment;
use bireme_core::store::{Commit, Key, RangeRequest, Revision, Store as _, StoreError, StoreExt as _};
use bireme_store_sled::{Error, IndexState, Options, SledStore, export, import, verify};
use bytes::Bytes;

async fn open(folder: &Path) -> Result<SledStore, Error> {
    SledStore::open(folder, Options::default(), &Environment::system()).await
}

async fn put(store: &SledStore, key: &str, value: &'static [u8]) -> Revision {
    store.commit(Commit::new().put(Key::from(key), Bytes::from_static(value))).await.unwrap()
}

#[tokio::test]
async fn a_folder_in_use_is_not_opened_twice() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await.unwrap();
    put(&store, "/a", b"1").await;
    let refused = open(folder.path()).await.err().unwrap();
    assert!(matches!(refused, Error::InUse { .. }), "{refused:?}");
    assert!(refused.to_string().ends_with("in use by another process"), "{refused}");
    assert!(matches!(verify(folder.path()), Err(Error::InUse { .. })));
    store.close().await.unwrap();
    let store = open(folder.path()).await.unwrap();
    assert_eq!(store.revision().await.unwrap(), Revision(1));
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await.unwrap();
    put(&store, "/a", b"1").await;
    let clone = store.clone();
    store.close().await.unwrap();
    store.close().await.unwrap();
    assert!(matches!(clone.commit(Commit::new()).await, Err(StoreError::Closed)));
    assert!(matches!(clone.range(RangeRequest::default()).await, Err(StoreError::Closed)));
    assert!(matches!(clone.watch(Key::default(), Revision::ZERO).await.err(), Some(StoreError::Closed)));
}

#[tokio::test]
async fn a_dropped_store_can_be_opened_at_once() {
    let folder = tempfile::tempdir().unwrap();
    for revision in 1..=5 {
        let store = open(folder.path()).await.unwrap();
        assert_eq!(put(&store, "/a", b"1").await, Revision(revision));
    }
}

#[tokio::test]
async fn a_folder_of_another_format_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()).await.unwrap());
    std::fs::write(folder.path().join("format"), "bireme store 2\n").unwrap();
    match open(folder.path()).await.err().unwrap() {
        Error::UnknownFormat { found, .. } => assert_eq!(found, "bireme store 2"),
        other => panic!("expected an unknown format, got {other:?}"),
    }
    assert!(matches!(verify(folder.path()), Err(Error::UnknownFormat { .. })));
}

#[tokio::test]
async fn a_folder_of_somebody_else_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("thesis.txt"), "precious").unwrap();
    let refused = open(folder.path()).await.err().unwrap();
    assert!(matches!(refused, Error::NotAStore { .. }), "{refused:?}");
    assert!(matches!(verify(folder.path()), Err(Error::NotAStore { .. })));
    let left: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| name == "thesis.txt" || name == "lock"), "{left:?}");
}

#[tokio::test]
async fn an_export_imports_as_the_same_store() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await.unwrap();
    put(&store, "/text", b"{\"kind\":\"Pod\"}\n").await;
    put(&store, "/binary", b"k8s\0\xff\xfe").await;
    put(&store, "/gone", b"").await;
    put(&store, "/text", b"again").await;
    let odd = Key(Bytes::from_static(b"/odd\xff"));
    store.commit(Commit::new().put(odd, Bytes::new()).delete(Key::from("/gone"))).await.unwrap();
    let expected = store.range(RangeRequest::default()).await.unwrap();
    store.close().await.unwrap();

    let mut lines = Vec::new();
    let exported = export(folder.path(), &mut lines, false).unwrap();
    assert_eq!((exported.revision, exported.keys), (Revision(5), 3));
    assert_eq!(exported.damage, []);

    let parent = tempfile::tempdir().unwrap();
    let other = parent.path().join("new/folder");
    import(&other, &mut &lines[..], &Environment::system()).unwrap();
    assert_eq!(verify(&other).unwrap().keys, 3);
    let store = open(&other).await.unwrap();
    assert_eq!(store.range(RangeRequest::default()).await.unwrap(), expected);
    assert_eq!(put(&store, "/a", b"1").await, Revision(6));
    store.close().await.unwrap();
    assert_eq!(verify(&other).unwrap().index, IndexState::Current);
    let twice = import(&other, &mut &lines[..], &Environment::system());
    assert!(matches!(twice, Err(Error::AlreadyAStore { .. })), "{twice:?}");
}

#[tokio::test]
async fn a_torn_export_makes_no_store() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await.unwrap();
    put(&store, "/a", b"1").await;
    put(&store, "/b", b"2").await;
    store.close().await.unwrap();
    let mut lines = Vec::new();
    export(folder.path(), &mut lines, false).unwrap();
    let text = String::from_utf8(lines).unwrap();
    let torn: Vec<&str> = text.lines().take(3).collect();
    for broken in [torn.join("\n"), text.replace("\"keys\":2", "\"keys\":3"), String::new(), "{}".to_owned()]
    {
        let other = tempfile::tempdir().unwrap();
        let refused = import(other.path(), &mut broken.as_bytes(), &Environment::system());
        assert!(matches!(refused, Err(Error::Import { .. })), "{refused:?}");
        assert!(matches!(verify(other.path()), Err(Error::NotAStore { .. })));
    }
}
