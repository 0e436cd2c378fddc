//! A checkpoint: all keys in one file, so that the journal before it can go.
//!
//! A checkpoint is taken while commits go on, so it is fuzzy: each key is as it was at some revision from
//! `base` to `exact`. The journal after `base` makes the state of every revision from `exact` on out of it, since
//! repeating a commit that a key already has seen is harmless.

use std::path::{Path, PathBuf};

use bireme_core::Environment;
use bireme_core::store::{KeyValue, Revision};
use bytes::{Buf as _, BufMut as _};

use crate::error::{During as _, Error};
use crate::folder::Folder;
use crate::frame::{self, Frames, Next};
use crate::record::{self, Header};

pub(crate) const KIND: &[u8] = b"bireme checkpoint 1";

/// Bytes that are written at once.
const CHUNK: usize = 1 << 18;

/// Tells the footer from a key, whose payload begins with a length.
const FOOTER: u32 = u32::MAX;

/// A checkpoint being written.
pub(crate) struct Writer<'a> {
    folder: &'a Folder,
    path: PathBuf,
    file: Box<dyn crate::disk::Appendable>,
    salt: u64,
    buffer: Vec<u8>,
    keys: u64,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(folder: &'a Folder, env: &Environment, base: Revision) -> Result<Self, Error> {
        let path = folder.checkpoint(base);
        let unfinished = Folder::unfinished(&path);
        let file = folder.disk.create(&unfinished).during("creating", &unfinished)?;
        let salt = u64::from_le_bytes(env.random_bytes());
        let mut buffer = Vec::with_capacity(CHUNK);
        frame::push(&mut buffer, 0, |payload| Header::write(KIND, base, salt, payload));
        Ok(Self { folder, path, file, salt, buffer, keys: 0 })
    }

    pub(crate) fn push(&mut self, item: &KeyValue) -> Result<(), Error> {
        frame::push(&mut self.buffer, self.salt, |payload| record::write_item(item, payload));
        self.keys += 1;
        if self.buffer.len() < CHUNK { Ok(()) } else { self.flush() }
    }

    /// Completes the checkpoint, which is durable then.
    pub(crate) fn finish(mut self, exact: Revision) -> Result<(), Error> {
        let keys = self.keys;
        frame::push(&mut self.buffer, self.salt, |payload| {
            payload.put_u32_le(FOOTER);
            payload.put_u64_le(exact.0);
            payload.put_u64_le(keys);
        });
        self.flush()?;
        self.file.sync().during("syncing", &self.path)?;
        self.folder.finish(&self.path)
    }

    /// Gives up; what was written so far goes.
    pub(crate) fn abandon(self) -> Result<(), Error> {
        self.folder.remove(&Folder::unfinished(&self.path))
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.file.append(&self.buffer).during("writing", &self.path)?;
        self.buffer.clear();
        Ok(())
    }
}

/// A checkpoint that has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    pub(crate) base: Revision,
    /// The revision from which on the journal makes exact states out of it.
    pub(crate) exact: Revision,
    pub(crate) keys: u64,
}

impl Checkpoint {
    /// The checkpoint of a store that never had one.
    pub(crate) const NONE: Self = Self { base: Revision::ZERO, exact: Revision::ZERO, keys: 0 };
}

/// Reads a checkpoint. Anything but a whole one is [`Error::Corrupt`]: it was durable before it had its name.
pub(crate) fn read(
    path: &Path,
    mut visit: impl FnMut(KeyValue) -> Result<(), Error>,
) -> Result<Checkpoint, Error> {
    let mut frames = Frames::open(path)?;
    let base = header(&mut frames)?;
    let mut keys = 0;
    loop {
        match frames.next()? {
            Next::Frame(payload) if payload.starts_with(&FOOTER.to_le_bytes()) => {
                let footer = footer(&payload).filter(|(_, count)| *count == keys);
                return match footer {
                    Some((exact, keys)) => Ok(Checkpoint { base, exact, keys }),
                    None => Err(frames.corruption("the checkpoint's end does not match its content").into()),
                };
            }
            Next::Frame(payload) => match record::read_item(payload) {
                Some(item) => visit(item)?,
                None => return Err(frames.corruption("the frame before is not a key").into()),
            },
            Next::Bad(reason) => return Err(frames.corruption(reason).into()),
            Next::End => return Err(frames.corruption("the checkpoint's end is missing").into()),
        }
        keys += 1;
    }
}

/// Reads what is left of a damaged checkpoint: every key whose frame is whole.
pub(crate) fn salvage(
    path: &Path,
    mut visit: impl FnMut(KeyValue) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut frames = Frames::open(path)?;
    header(&mut frames)?;
    loop {
        match frames.next()? {
            Next::Frame(payload) => match record::read_item(payload) {
                Some(item) => visit(item)?,
                None => return Ok(()),
            },
            Next::Bad(_) if frames.search(|_| true)? => {}
            Next::Bad(_) | Next::End => return Ok(()),
        }
    }
}

fn header(frames: &mut Frames) -> Result<Revision, Error> {
    if let Next::Frame(payload) = frames.next()?
        && let Some(header) = Header::read(payload).filter(|header| *header.kind == *KIND)
    {
        frames.salt = header.salt;
        return Ok(header.revision);
    }
    Err(frames.corruption("a checkpoint has no header").into())
}

fn footer(mut payload: &[u8]) -> Option<(Revision, u64)> {
    payload.advance(size_of::<u32>());
    Some((Revision(payload.try_get_u64_le().ok()?), payload.try_get_u64_le().ok()?))
}
