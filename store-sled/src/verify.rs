//! Checking a data folder without opening the store.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bireme_core::store::{Key, KeyValue, Revision};
use bytes::Bytes;

use crate::Options;
use crate::clean::Clean;
use crate::disk::SystemDisk;
use crate::error::{Corruption, Error};
use crate::folder::Folder;
use crate::index::{self, Index};
use crate::opening::{self, INDEX, Restored};

/// What [`verify`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The store's revision.
    pub revision: Revision,
    /// How many keys it holds.
    pub keys: u64,
    /// The revision of the checkpoint that the journal goes on from.
    pub checkpoint: Option<Revision>,
    /// How many segments the journal has.
    pub segments: usize,
    /// Bytes at the journal's end that were being written when the process or the power went. They belong to
    /// no acknowledged commit and are dropped on opening.
    pub torn_bytes: u64,
    /// Whether the index agrees.
    pub index: IndexState,
}

/// What [`verify`] found about the index, which no data depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexState {
    /// It holds what checkpoint and journal say.
    Current,
    /// The store was not closed properly (or never opened); the index is made anew on opening.
    Stale,
    /// It does not hold what checkpoint and journal say. It has been marked to be made anew on opening.
    Wrong,
}

/// The revisions of a key, and a checksum of its value.
type Digest = (Revision, Revision, u32);

/// Reads everything in the folder of a store that is not open, and compares it with its checksums and with each
/// other. Takes memory for every key, not for the values. Blocks; changes no data.
///
/// # Errors
///
/// [`Error::Corrupt`] with the first place where something durable is missing or damaged; [`Error::InUse`],
/// [`Error::NotAStore`], [`Error::UnknownFormat`].
pub fn verify(folder: &Path) -> Result<Report, Error> {
    let folder = Folder::existing(folder, Arc::new(SystemDisk))?;
    let mut keys = BTreeMap::new();
    let Restored { checkpoint, replayed } = opening::restore(&folder, &mut |key, item| {
        match item {
            Some(item) => keys.insert(key, digest(&item)),
            None => keys.remove(&key),
        };
        Ok(())
    })?;
    Ok(Report {
        revision: replayed.last,
        keys: keys.len() as u64,
        checkpoint: folder.checkpoints()?.pop().map(|_| checkpoint.base),
        segments: folder.segments()?.len(),
        torn_bytes: replayed.torn,
        index: verify_index(&folder, replayed.last, keys)?,
    })
}

fn digest(item: &KeyValue) -> Digest {
    (item.created, item.modified, crc32fast::hash(&item.value))
}

/// Compares the index of a store that was closed properly. sled may write to its files as soon as they are
/// open, so the mark is taken away meanwhile, and comes back only if everything agrees.
fn verify_index(
    folder: &Folder,
    revision: Revision,
    keys: BTreeMap<Key, Digest>,
) -> Result<IndexState, Error> {
    let Some(clean) = Clean::read(folder)? else { return Ok(IndexState::Stale) };
    let Some(tail) = clean.tail(folder)? else {
        let detail = format!("the journal has changed since the store was closed at {}", clean.revision);
        return Err(Corruption::new(&folder.path, 0, detail).into());
    };
    if clean.revision != revision {
        let detail =
            format!("the journal ends at {revision}, but the store was closed at {}", clean.revision);
        return Err(Corruption::new(&tail.segment, tail.length, detail).into());
    }
    Clean::remove(folder)?;
    let path = folder.join(INDEX);
    let Some(index) = opening::reopen_index(&path, Options::default().cache_bytes, clean.content) else {
        return Ok(IndexState::Wrong);
    };
    let agrees = agrees(&index, keys);
    let content = index.close(folder)?;
    if !agrees {
        return Ok(IndexState::Wrong);
    }
    Clean::new(revision, &tail, content).set(folder)?;
    Ok(IndexState::Current)
}

fn agrees(index: &Index, mut keys: BTreeMap<Key, Digest>) -> bool {
    let is_expected = |entry: Result<(sled::IVec, sled::IVec), _>| {
        let item = entry.and_then(|(key, value)| index::decode(Bytes::copy_from_slice(&key), &value));
        item.is_ok_and(|item| keys.remove(&item.key) == Some(digest(&item)))
    };
    index.from(&Key::default()).all(is_expected) && keys.is_empty()
}
