//! What there is to see: the index, the memtable laid over it, and the log that leads back from there.

use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use bireme_core::store::log::CommitLog;
use bireme_core::store::read::Overlay;
use bireme_core::store::{Key, KeyValue, RangeRequest, RangeResponse, Revision, StoreError};
use bytes::Bytes;
use sled::IVec;

use crate::error::Error;
use crate::folder::Folder;
use crate::index::{self, Content, Index};
use crate::memtable::Memtable;

/// Keys that a brief read looks at, at most, in the index and in the memtable.
const FEW: usize = 16;

/// The present state and its past as far as the log goes.
pub(crate) struct View {
    pub(crate) log: CommitLog,
    pub(crate) memtable: Memtable,
    /// Empty once the store is closed; nobody else locks it for writing.
    index: RwLock<Option<Index>>,
}

impl View {
    pub(crate) fn new(index: Index, log: CommitLog, waiting_bytes: usize) -> Self {
        let memtable = Memtable::new(log.revision(), waiting_bytes);
        Self { log, memtable, index: RwLock::new(Some(index)) }
    }

    /// Reads a range of the present or the past, however long that takes.
    pub(crate) fn range(&self, request: &RangeRequest) -> Result<RangeResponse, StoreError> {
        let index = self.lock();
        let index = index.as_ref().ok_or(StoreError::Closed)?;
        let (reader, overlay) = self.memtable.read(request);
        let present = reader.revision;
        let at = request.at.unwrap_or(present);
        if at > present {
            return Err(StoreError::FutureRevision { requested: at, current: present });
        }
        self.log.resolve(Some(at))?;
        let overlay = overlay.under(self.log.overlay(&request.prefix, present, at)?);
        request.respond(at, index.from(request.first()), overlay, decode)
    }

    /// The revision that readers see; nothing once the store is closed.
    pub(crate) fn known_revision(&self) -> Option<Revision> {
        self.lock().as_ref().map(|_| self.memtable.present())
    }

    /// The same for a range of the present in which there are few keys to look at; nothing for any other.
    pub(crate) fn brief_range(&self, request: &RangeRequest) -> Result<Option<RangeResponse>, StoreError> {
        let index = self.lock();
        let index = index.as_ref().ok_or(StoreError::Closed)?;
        let Some((reader, overlay)) = self.memtable.read_few(request, FEW).filter(|_| request.at.is_none())
        else {
            return Ok(None);
        };
        let mut looked_at = 0;
        let entries = index.from(request.first()).take(FEW).inspect(|_| looked_at += 1);
        let response = request.respond(reader.revision, entries, overlay, decode)?;
        Ok((looked_at < FEW).then_some(response))
    }

    /// The key as the last durable commit left it; for the thread that commits.
    ///
    /// Between the two look-ups the key cannot come into the memtable, since only the caller puts keys there; so
    /// what the index has of it does not change either.
    pub(crate) fn find(&self, key: &Key) -> Result<Option<KeyValue>, StoreError> {
        match self.memtable.get(key) {
            Some(item) => Ok(item),
            None => self.lock().as_ref().ok_or(StoreError::Closed)?.get(key),
        }
    }

    /// Visits all keys in the index in order, with `overlay` laid over them, until `visit` says no. Tells whether
    /// it got to the end.
    pub(crate) fn scan(
        &self,
        overlay: Overlay,
        mut visit: impl FnMut(Result<KeyValue, StoreError>) -> Result<bool, Error>,
    ) -> Result<bool, Error> {
        let index = self.lock();
        let Some(index) = index.as_ref() else { return Ok(false) };
        for item in overlay.over(index.from(&Key::default()), decode) {
            if !visit(item)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Carries keys over to the index, if there still is one.
    pub(crate) fn apply<'a>(
        &self,
        changes: impl Iterator<Item = (&'a Key, Option<&'a KeyValue>)>,
    ) -> Result<(), Error> {
        self.lock().as_ref().map_or(Ok(()), |index| index.apply(changes))
    }

    /// Takes the index away from readers and makes it durable. Returns what it holds; nothing if it is closed.
    pub(crate) fn close(&self, folder: &Folder) -> Result<Option<Content>, Error> {
        self.take().map(|index| index.close(folder)).transpose()
    }

    /// Takes an index that failed away from readers.
    pub(crate) fn abandon(&self) {
        if let Some(index) = self.take() {
            index.abandon();
        }
    }

    fn take(&self) -> Option<Index> {
        self.index.write().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn lock(&self) -> RwLockReadGuard<'_, Option<Index>> {
        // After a panic of sled's the store is poisoned; what can still be read is not worse for it.
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }
}

fn decode(key: IVec, value: IVec) -> Result<KeyValue, StoreError> {
    index::decode(Bytes::copy_from_slice(&key), &value)
}
