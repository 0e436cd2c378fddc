//! What the frames' payloads say.

use bireme_core::store::{Change, CommitEvent, Key, KeyValue, Revision};
use bytes::{Buf as _, BufMut as _, Bytes};

const PUT: u8 = 1;
const DELETE: u8 = 2;

/// The first frame of every file.
pub(crate) struct Header {
    /// What the file is, and the version of its format.
    pub(crate) kind: Bytes,
    /// Of a journal segment the first revision it may hold; of a checkpoint its base.
    pub(crate) revision: Revision,
    /// What the checksums of the following frames are salted with.
    pub(crate) salt: u64,
}

impl Header {
    pub(crate) fn write(kind: &[u8], revision: Revision, salt: u64, payload: &mut Vec<u8>) {
        put_bytes(payload, kind);
        payload.put_u64_le(revision.0);
        payload.put_u64_le(salt);
    }

    pub(crate) fn read(mut payload: Bytes) -> Option<Self> {
        let kind = take_bytes(&mut payload)?;
        let revision = take_revision(&mut payload)?;
        let salt = payload.try_get_u64_le().ok()?;
        Some(Self { kind, revision, salt })
    }
}

/// A commit in the journal: what it made of each key. Repeating it is harmless.
pub(crate) struct Record {
    pub(crate) revision: Revision,
    /// The last revision that was durable when this was written. A record that reads back proves that
    /// everything up to there was acknowledged.
    pub(crate) durable: Revision,
    pub(crate) changes: Vec<Outcome>,
}

/// What a commit made of a key.
pub(crate) enum Outcome {
    Put(KeyValue),
    Delete(Key),
}

impl Record {
    pub(crate) fn write(event: &CommitEvent, durable: Revision, payload: &mut Vec<u8>) {
        payload.put_u64_le(event.revision.0);
        payload.put_u64_le(durable.0);
        for change in &event.changes {
            match change {
                Change::Put { current, .. } => {
                    payload.put_u8(PUT);
                    put_bytes(payload, current.key.as_bytes());
                    payload.put_u64_le(current.created.0);
                    put_bytes(payload, &current.value);
                }
                Change::Delete { key, .. } => {
                    payload.put_u8(DELETE);
                    put_bytes(payload, key.as_bytes());
                }
            }
        }
    }

    pub(crate) fn read(mut payload: Bytes) -> Option<Self> {
        let revision = take_revision(&mut payload)?;
        let durable = take_revision(&mut payload)?;
        let mut changes = Vec::new();
        while payload.has_remaining() {
            let tag = payload.get_u8();
            let key = Key(take_bytes(&mut payload)?);
            changes.push(match tag {
                PUT => {
                    let created = take_revision(&mut payload)?;
                    let value = take_bytes(&mut payload)?;
                    Outcome::Put(KeyValue { key, value, created, modified: revision })
                }
                DELETE => Outcome::Delete(key),
                _ => return None,
            });
        }
        Some(Self { revision, durable, changes })
    }
}

/// A key of a checkpoint.
pub(crate) fn write_item(item: &KeyValue, payload: &mut Vec<u8>) {
    put_bytes(payload, item.key.as_bytes());
    payload.put_u64_le(item.created.0);
    payload.put_u64_le(item.modified.0);
    put_bytes(payload, &item.value);
}

pub(crate) fn read_item(mut payload: Bytes) -> Option<KeyValue> {
    let key = Key(take_bytes(&mut payload)?);
    let created = take_revision(&mut payload)?;
    let modified = take_revision(&mut payload)?;
    let value = take_bytes(&mut payload)?;
    payload.is_empty().then_some(KeyValue { key, value, created, modified })
}

fn put_bytes(payload: &mut Vec<u8>, bytes: &[u8]) {
    payload.put_u32_le(bytes.len() as u32);
    payload.put_slice(bytes);
}

fn take_bytes(payload: &mut Bytes) -> Option<Bytes> {
    let length = payload.try_get_u32_le().ok()? as usize;
    (length <= payload.len()).then(|| payload.split_to(length))
}

fn take_revision(payload: &mut Bytes) -> Option<Revision> {
    payload.try_get_u64_le().ok().map(Revision)
}
