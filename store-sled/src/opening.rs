//! From a data folder to a running store.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use bireme_core::Environment;
use bireme_core::store::{Key, KeyValue, Revision};

use crate::Options;
use crate::checkpoint::{self, Checkpoint};
use crate::checkpointer::discard_superseded;
use crate::clean::Clean;
use crate::error::{Corruption, Error};
use crate::folder::Folder;
use crate::index::{Content, Index};
use crate::journal::{self, Journal, Replayed};
use crate::record::{Outcome, Record};

/// Bytes that are gathered before they go to the index, in key order and each key once.
const BATCH: usize = 8 << 20;

pub(crate) const INDEX: &str = "index";
pub(crate) const SCRATCH: &str = "scratch";

/// The parts of a store that is about to run.
pub(crate) struct Opened {
    pub(crate) journal: Journal,
    /// Exactly at the revision that the journal ends at.
    pub(crate) index: Index,
}

/// Opens what is in the folder, or begins with nothing.
pub(crate) fn open(folder: &Arc<Folder>, options: &Options, env: &Environment) -> Result<Opened, Error> {
    folder.remove_unfinished()?;
    folder.remove_folder(SCRATCH)?;
    if let Some(opened) = open_clean(folder, options, env)? {
        return Ok(opened);
    }
    let index = new_index(folder, INDEX, options.cache_bytes)?;
    let restored = restore_index(folder, &index)?;
    let (last, segment_bytes) = (restored.replayed.last, options.segment_bytes);
    let journal = match restored.replayed.tail {
        Some(tail) => Journal::resume(folder.clone(), env, last, segment_bytes, tail)?,
        None => Journal::create(folder.clone(), env, last, segment_bytes)?,
    };
    if let Some(stillborn) = restored.replayed.stillborn.filter(|path| *path != journal.tail().segment) {
        folder.remove(&stillborn)?;
    }
    discard_superseded(folder, restored.checkpoint.base)?;
    Ok(Opened { journal, index })
}

/// Opens a store that was closed properly, whose index can be used as it is.
fn open_clean(folder: &Arc<Folder>, options: &Options, env: &Environment) -> Result<Option<Opened>, Error> {
    let Some(clean) = Clean::read(folder)? else { return Ok(None) };
    let tail = clean.tail(folder)?;
    Clean::remove(folder)?;
    let Some(tail) = tail else { return Ok(None) };
    let Some(index) = reopen_index(&folder.join(INDEX), options.cache_bytes, clean.content) else {
        return Ok(None);
    };
    let journal = Journal::resume(folder.clone(), env, clean.revision, options.segment_bytes, tail)?;
    Ok(Some(Opened { journal, index }))
}

/// The index of a store that was closed properly; nothing if it is not what was closed.
pub(crate) fn reopen_index(path: &Path, cache_bytes: u64, content: Content) -> Option<Index> {
    // sled panics on some damage.
    let reason = match catch_unwind(AssertUnwindSafe(|| Index::reopen(path, cache_bytes, content))) {
        Ok(Ok(Some(index))) => return Some(index),
        Ok(Ok(None)) => "something is missing in it".to_owned(),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "sled panicked".to_owned(),
    };
    tracing::warn!(reason, "the index is made anew");
    None
}

/// An empty index, whatever was there before.
pub(crate) fn new_index(folder: &Folder, name: &str, cache_bytes: u64) -> Result<Index, Error> {
    folder.remove_folder(name)?;
    Index::open(&folder.join(name), cache_bytes)
}

/// What checkpoint and journal had to say.
pub(crate) struct Restored {
    pub(crate) checkpoint: Checkpoint,
    pub(crate) replayed: Replayed,
}

/// Fills an empty index.
fn restore_index(folder: &Folder, index: &Index) -> Result<Restored, Error> {
    let mut loader = Loader::new(index);
    let restored = restore(folder, &mut |key, item| loader.set(key, item))?;
    loader.finish()?;
    if restored.replayed.torn > 0 {
        tracing::info!(bytes = restored.replayed.torn, "dropping a commit that was being written");
    }
    Ok(restored)
}

/// Reads the last checkpoint and the journal after it; `set` hears what each key becomes, in order.
pub(crate) fn restore(
    folder: &Folder,
    set: &mut dyn FnMut(Key, Option<KeyValue>) -> Result<(), Error>,
) -> Result<Restored, Error> {
    let checkpoint = match folder.checkpoints()?.pop() {
        Some(file) => checkpoint::read(&file.path, |item| set(item.key.clone(), Some(item)))?,
        None => Checkpoint::NONE,
    };
    let replayed = journal::replay(folder, checkpoint.base, |record| set_all(record, set))?;
    check_is_complete(folder, &checkpoint, replayed.last)?;
    Ok(Restored { checkpoint, replayed })
}

/// Passes on what a record makes of its keys.
pub(crate) fn set_all(
    record: Record,
    set: &mut dyn FnMut(Key, Option<KeyValue>) -> Result<(), Error>,
) -> Result<(), Error> {
    record.changes.into_iter().try_for_each(|outcome| match outcome {
        Outcome::Put(item) => set(item.key.clone(), Some(item)),
        Outcome::Delete(key) => set(key, None),
    })
}

fn check_is_complete(folder: &Folder, checkpoint: &Checkpoint, last: Revision) -> Result<(), Error> {
    if last >= checkpoint.exact {
        return Ok(());
    }
    let detail = format!("the journal ends at revision {last}, although {} was durable", checkpoint.exact);
    Err(Corruption::new(&folder.path, 0, detail).into())
}

/// Carries keys to an index in large, sorted steps.
pub(crate) struct Loader<'a> {
    index: &'a Index,
    keys: BTreeMap<Key, Option<KeyValue>>,
    /// Of everything that was set, even if set again.
    bytes: usize,
}

impl<'a> Loader<'a> {
    pub(crate) fn new(index: &'a Index) -> Self {
        Self { index, keys: BTreeMap::new(), bytes: 0 }
    }

    pub(crate) fn set(&mut self, key: Key, item: Option<KeyValue>) -> Result<(), Error> {
        self.bytes += key.as_bytes().len() + item.as_ref().map_or(0, |item| item.value.len());
        self.keys.insert(key, item);
        if self.bytes < BATCH { Ok(()) } else { self.flush() }
    }

    pub(crate) fn finish(mut self) -> Result<(), Error> {
        self.flush()
    }

    fn flush(&mut self) -> Result<(), Error> {
        let keys = std::mem::take(&mut self.keys);
        self.bytes = 0;
        self.index.apply(keys.iter().map(|(key, item)| (key, item.as_ref())))
    }
}
