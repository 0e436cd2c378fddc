//! Exporting a store to, and importing it from, lines of JSON that people and other programs can read.
//!
//! The first line names the format and the store's revision, the last one counts the keys, and each in between
//! is a key. Keys and values that are not UTF-8 are in base64 under another name.

use std::io::{BufRead, Write};
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bireme_core::Environment;
use bireme_core::store::{Key, KeyValue, Revision};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::Options;
use crate::checkpoint;
use crate::disk::SystemDisk;
use crate::error::{Corruption, Error};
use crate::folder::Folder;
use crate::index::{self, Index};
use crate::journal;
use crate::opening::{self, Loader, SCRATCH};

const FORMAT: &str = "bireme store export 1";

#[derive(Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Line {
    Head { format: String, revision: Revision },
    Tail { keys: u64 },
    Item(Item),
}

#[derive(Serialize, Deserialize)]
struct Item {
    #[serde(flatten)]
    key: KeyText,
    created: Revision,
    modified: Revision,
    #[serde(flatten)]
    value: ValueText,
}

#[derive(Serialize, Deserialize)]
enum KeyText {
    #[serde(rename = "key")]
    Text(String),
    #[serde(rename = "keyBase64")]
    Base64(String),
}

#[derive(Serialize, Deserialize)]
enum ValueText {
    #[serde(rename = "value")]
    Text(String),
    #[serde(rename = "valueBase64")]
    Base64(String),
}

/// What [`export`] wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// The revision of the state that was written.
    pub revision: Revision,
    /// How many keys it has.
    pub keys: u64,
    /// Where something durable is missing from it; only in a salvage.
    pub damage: Vec<Corruption>,
}

/// What [`import`] made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Imported {
    /// The new store's revision.
    pub revision: Revision,
    /// How many keys it holds.
    pub keys: u64,
}

/// Writes all keys of a store that is not open to `out`. The folder needs room for a copy of them meanwhile.
/// Blocks; changes no data.
///
/// With `salvage`, a damaged store is exported as far as it is whole: every intact key of the checkpoint, and the
/// journal up to the first damage.
///
/// # Errors
///
/// [`Error::Corrupt`] without `salvage`; [`Error::Export`], [`Error::InUse`], [`Error::NotAStore`],
/// [`Error::UnknownFormat`].
pub fn export(folder: &Path, out: &mut dyn Write, salvage: bool) -> Result<Exported, Error> {
    let folder = Folder::existing(folder, Arc::new(SystemDisk))?;
    let index = opening::new_index(&folder, SCRATCH, Options::default().cache_bytes)?;
    let mut loader = Loader::new(&index);
    let mut set = |key, item| loader.set(key, item);
    let (revision, damage) = match salvage {
        true => restore_whatever_is_whole(&folder, &mut set)?,
        false => (opening::restore(&folder, &mut set)?.replayed.last, Vec::new()),
    };
    loader.finish()?;
    let keys = write(&index, revision, out)?;
    drop(index);
    folder.remove_folder(SCRATCH)?;
    Ok(Exported { revision, keys, damage })
}

fn restore_whatever_is_whole(
    folder: &Folder,
    set: &mut dyn FnMut(Key, Option<KeyValue>) -> Result<(), Error>,
) -> Result<(Revision, Vec<Corruption>), Error> {
    let mut damage = Vec::new();
    let mut base = Revision::ZERO;
    if let Some(file) = folder.checkpoints()?.pop() {
        base = file.revision;
        // Read twice, so that the first pass says what the second leaves out.
        note(checkpoint::read(&file.path, |_| Ok(())).map(drop), &mut damage)?;
        note(checkpoint::salvage(&file.path, |item| set(item.key.clone(), Some(item))), &mut damage)?;
    }
    let mut last = base;
    let replayed = journal::replay(folder, base, |record| {
        last = record.revision;
        opening::set_all(record, set)
    });
    note(replayed.map(drop), &mut damage)?;
    damage.dedup();
    Ok((last, damage))
}

/// Notes a corruption and goes on; other errors stay errors.
fn note(result: Result<(), Error>, damage: &mut Vec<Corruption>) -> Result<(), Error> {
    match result {
        Err(Error::Corrupt(corruption)) => {
            damage.push(corruption);
            Ok(())
        }
        other => other,
    }
}

fn write(index: &Index, revision: Revision, out: &mut dyn Write) -> Result<u64, Error> {
    let mut line = |line: &Line| {
        serde_json::to_writer(&mut *out, line).map_err(std::io::Error::from)?;
        out.write_all(b"\n")
    };
    line(&Line::Head { format: FORMAT.to_owned(), revision }).map_err(Error::Export)?;
    let mut keys = 0;
    for entry in index.from(&Key::default()) {
        let item = entry
            .and_then(|(key, value)| index::decode(Bytes::copy_from_slice(&key), &value))
            .map_err(|error| Error::Export(std::io::Error::other(error)))?;
        line(&Line::Item(Item::from(&item))).map_err(Error::Export)?;
        keys += 1;
    }
    line(&Line::Tail { keys }).map_err(Error::Export)?;
    out.flush().map_err(Error::Export)?;
    Ok(keys)
}

/// Makes a store in `folder`, which is missing or empty, of what [`export`] wrote. Keys keep their revisions, and
/// the store goes on at the exported one's. Blocks.
///
/// # Errors
///
/// [`Error::Import`] when `from` is not a whole export, [`Error::AlreadyAStore`], [`Error::NotAStore`].
pub fn import(folder: &Path, from: &mut dyn BufRead, env: &Environment) -> Result<Imported, Error> {
    if Folder::is_store(folder) {
        return Err(Error::AlreadyAStore { folder: folder.to_owned() });
    }
    let mut imported = Imported { revision: Revision::ZERO, keys: 0 };
    let fill = |folder: &Folder| {
        imported = fill(folder, &mut Lines { from, number: 0 }, env)?;
        Ok(())
    };
    Folder::new(folder, Arc::new(SystemDisk), fill)?;
    Ok(imported)
}

fn fill(folder: &Folder, lines: &mut Lines<'_>, env: &Environment) -> Result<Imported, Error> {
    let revision = match lines.next()? {
        Some(Line::Head { format, revision }) if format == FORMAT => revision,
        _ => return Err(lines.error("an export begins otherwise", None)),
    };
    let mut writer = checkpoint::Writer::new(folder, env, revision)?;
    let mut keys = 0;
    loop {
        match lines.next()? {
            Some(Line::Item(item)) => {
                let item = item.decode().map_err(|error| lines.error("not base64", Some(error.into())))?;
                if item.key.as_bytes().is_empty() || item.modified > revision || item.created > item.modified
                {
                    return Err(lines.error("no key of a store at that revision", None));
                }
                writer.push(&item)?;
                keys += 1;
            }
            Some(Line::Tail { keys: count }) if count == keys => break,
            _ => return Err(lines.error("the export is not whole", None)),
        }
    }
    writer.finish(revision)?;
    Ok(Imported { revision, keys })
}

struct Lines<'a> {
    from: &'a mut dyn BufRead,
    number: u64,
}

impl Lines<'_> {
    fn next(&mut self) -> Result<Option<Line>, Error> {
        self.number += 1;
        let mut line = Vec::new();
        let read = self.from.read_until(b'\n', &mut line);
        if read.map_err(|error| self.error("cannot be read", Some(error.into())))? == 0 {
            return Ok(None);
        }
        let parsed = serde_json::from_slice(&line);
        parsed.map(Some).map_err(|error| self.error("not of an export", Some(error.into())))
    }

    fn error(&self, reason: &'static str, source: Option<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        Error::Import { line: self.number, reason, source }
    }
}

impl From<&KeyValue> for Item {
    fn from(item: &KeyValue) -> Self {
        let key = match std::str::from_utf8(item.key.as_bytes()) {
            Ok(text) => KeyText::Text(text.to_owned()),
            Err(_) => KeyText::Base64(BASE64_STANDARD.encode(item.key.as_bytes())),
        };
        let value = match std::str::from_utf8(&item.value) {
            Ok(text) => ValueText::Text(text.to_owned()),
            Err(_) => ValueText::Base64(BASE64_STANDARD.encode(&item.value)),
        };
        Item { key, created: item.created, modified: item.modified, value }
    }
}

impl Item {
    fn decode(self) -> Result<KeyValue, base64::DecodeError> {
        let key = match self.key {
            KeyText::Text(text) => Key::from(text),
            KeyText::Base64(text) => Key(BASE64_STANDARD.decode(text)?.into()),
        };
        let value = match self.value {
            ValueText::Text(text) => Bytes::from(text),
            ValueText::Base64(text) => BASE64_STANDARD.decode(text)?.into(),
        };
        Ok(KeyValue { key, value, created: self.created, modified: self.modified })
    }
}
