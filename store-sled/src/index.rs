//! The index: all keys as of one revision, in sled.
//!
//! sled is never relied on for durability, so nothing is flushed while it is open; it is only trusted after
//! a proper [`close`](Index::close), and made anew otherwise.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use bireme_core::store::{Key, KeyValue, Revision, StoreError};
use bytes::Bytes;
use sled::{Db, IVec};

use crate::error::{During as _, Error};
use crate::folder::Folder;

/// In front of each value: the revisions that created and modified the key.
const REVISIONS: usize = 16;

/// An open sled.
pub(crate) struct Index {
    db: Db,
    path: PathBuf,
    /// Locked only to be changed: one thread at a time does that.
    content: Mutex<Content>,
}

/// How many keys an index holds, and a sum over them with their revisions. sled does not tell when it finds
/// less in its files than it wrote; this does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) keys: u64,
    pub(crate) sum: u64,
}

impl Content {
    fn add(&mut self, key: &[u8], value: &[u8]) {
        self.keys += 1;
        self.sum = self.sum.wrapping_add(fingerprint(key, value));
    }

    fn subtract(&mut self, key: &[u8], value: &[u8]) {
        self.keys -= 1;
        self.sum = self.sum.wrapping_sub(fingerprint(key, value));
    }
}

/// A key with its revisions, which tell its value, as one number.
fn fingerprint(key: &[u8], value: &[u8]) -> u64 {
    let revisions = &value[..value.len().min(REVISIONS)];
    let low = crc32fast::hash(key);
    let mut hasher = crc32fast::Hasher::new_with_initial(low);
    hasher.update(revisions);
    (u64::from(hasher.finalize()) << 32) | u64::from(low)
}

impl Index {
    pub(crate) fn open(path: &Path, cache_bytes: u64) -> Result<Self, Error> {
        let config = sled::Config::new().path(path).cache_capacity(cache_bytes).flush_every_ms(None);
        let db = config.open().map_err(Error::index("opening the index"))?;
        Ok(Self { db, path: path.to_owned(), content: Mutex::default() })
    }

    /// Opens an index that was closed with this content; nothing if sled finds another one.
    pub(crate) fn reopen(path: &Path, cache_bytes: u64, content: Content) -> Result<Option<Self>, Error> {
        let mut index = Self::open(path, cache_bytes)?;
        let mut found = Content::default();
        for entry in index.db.iter() {
            let (key, value) = entry.map_err(Error::index("reading the index"))?;
            found.add(&key, &value);
        }
        index.content = Mutex::new(found);
        Ok((found == content).then_some(index))
    }

    pub(crate) fn get(&self, key: &Key) -> Result<Option<KeyValue>, StoreError> {
        let found = self.db.get(key.as_bytes()).map_err(|error| unavailable("reading the index", error))?;
        found.map(|value| decode(Bytes::copy_from_slice(key.as_bytes()), &value)).transpose()
    }

    /// Keys and undecoded values in order from `first` on.
    pub(crate) fn from(&self, first: &Key) -> impl Iterator<Item = Result<(IVec, IVec), StoreError>> + use<> {
        let entries = self.db.range(first.as_bytes()..);
        entries.map(|entry| entry.map_err(|error| unavailable("reading the index", error)))
    }

    /// Carries the changes out, one key after the other. sled's batches would make them atomic, which nobody
    /// needs here, and would apply them in random order, which is slower.
    pub(crate) fn apply<'a>(
        &self,
        changes: impl IntoIterator<Item = (&'a Key, Option<&'a KeyValue>)>,
    ) -> Result<(), Error> {
        let mut content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, item) in changes {
            let key = key.as_bytes();
            let before = match item.map(encode) {
                Some(value) => {
                    content.add(key, &value);
                    self.db.insert(key, value)
                }
                None => self.db.remove(key),
            };
            if let Some(before) = before.map_err(Error::index("writing the index"))? {
                content.subtract(key, &before);
            }
        }
        Ok(())
    }

    /// Writes everything out and makes it durable; returns what it is.
    pub(crate) fn close(self, folder: &Folder) -> Result<Content, Error> {
        if let Err(error) = self.db.flush() {
            self.abandon();
            return Err(Error::index("flushing the index")(error));
        }
        drop(self.db);
        for file in files(&self.path)? {
            folder.disk.sync_file(&file).during("syncing", &file)?;
        }
        folder.disk.sync_folder(&self.path).during("syncing", &self.path)?;
        Ok(self.content.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// Gives up an index that failed. Dropping a sled waits for its last writes, and after an error for ever, so
    /// it is left where it is: its folder goes when the store is opened anew.
    pub(crate) fn abandon(self) {
        std::mem::forget(self.db);
    }
}

/// The files of a sled, those in folders of it too.
fn files(path: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).during("reading", path)? {
        let entry = entry.during("reading", path)?.path();
        if entry.is_dir() {
            files.extend(self::files(&entry)?);
        }
        files.push(entry);
    }
    Ok(files)
}

fn encode(item: &KeyValue) -> Vec<u8> {
    let mut value = Vec::with_capacity(REVISIONS + item.value.len());
    value.extend_from_slice(&item.created.0.to_le_bytes());
    value.extend_from_slice(&item.modified.0.to_le_bytes());
    value.extend_from_slice(&item.value);
    value
}

/// The item that the index holds as `value` under `key`.
pub(crate) fn decode(key: Bytes, value: &[u8]) -> Result<KeyValue, StoreError> {
    let Some((created, rest)) = value.split_first_chunk::<8>() else { return Err(malformed(&key)) };
    let Some((modified, rest)) = rest.split_first_chunk::<8>() else { return Err(malformed(&key)) };
    Ok(KeyValue {
        key: Key(key),
        value: Bytes::copy_from_slice(rest),
        created: Revision(u64::from_le_bytes(*created)),
        modified: Revision(u64::from_le_bytes(*modified)),
    })
}

fn malformed(key: &Bytes) -> StoreError {
    StoreError::Corrupt { detail: format!("the index entry of {}", key.escape_ascii()), source: None }
}

fn unavailable(operation: &'static str, error: sled::Error) -> StoreError {
    match error {
        sled::Error::Corruption { .. } => {
            StoreError::Corrupt { detail: "the index".to_owned(), source: Some(Box::new(error)) }
        }
        error => StoreError::Unavailable { operation, unknown: false, source: Box::new(error) },
    }
}
