//! Tests that need to stand where the power can fail.

mod answers;
mod damage;
mod lossy;
mod memtable;
mod power;
mod recovery;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::sync::Arc;

use bireme_core::Environment;
use bireme_core::store::{Commit, Key, Revision, Store as _, StoreExt as _};
use bytes::Bytes;
use tempfile::TempDir;

use crate::disk::Disk;
use crate::{Error, Options, SledStore};

/// Small segments, so that tests see several of them, and checkpoints.
fn small() -> Options {
    Options { segment_bytes: 4 << 10, ..Options::default() }
}

async fn open(folder: &Path) -> Result<SledStore, Error> {
    SledStore::open(folder, small(), &Environment::system()).await
}

async fn open_on(disk: Arc<dyn Disk>, folder: &Path, options: Options) -> SledStore {
    SledStore::open_on(disk, folder.to_owned(), options, &Environment::system()).await.unwrap()
}

async fn put(store: &SledStore, key: &str, value: &str) -> Revision {
    let commit = Commit::new().put(Key::from(key), Bytes::copy_from_slice(value.as_bytes()));
    store.commit(commit).await.unwrap()
}

async fn value(store: &SledStore, key: &str) -> Option<String> {
    let (found, _) = store.get(&Key::from(key)).await.unwrap();
    found.map(|item| String::from_utf8(item.value.to_vec()).unwrap())
}

/// Leaves the folder as a killed process would: nothing is flushed, closed or marked.
///
/// A checkpoint may be under way. A copy is the folder of one moment all the same if no name came or went while it
/// was made: nobody commits, so the journal does not grow, an unfinished checkpoint is one at any length,
/// and what sled writes to its files nobody believes after a kill.
fn kill(store: SledStore, folder: &Path) -> TempDir {
    let left = loop {
        let (left, before) = (tempfile::tempdir().unwrap(), names(folder));
        match copy(folder, left.path()) {
            Ok(()) if names(folder) == before => break left,
            Err(error) if error.kind() != io::ErrorKind::NotFound => panic!("{error}"),
            _ => {}
        }
    };
    drop(store);
    left
}

fn names(folder: &Path) -> BTreeSet<OsString> {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect()
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
