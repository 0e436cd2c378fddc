//! Frames: how the files of a store are cut into pieces that prove themselves.
//!
//! A frame is a mark, the length of its payload, a checksum and the payload. The checksum covers the file's
//! salt too, so that bytes of another file, or a frame inside a value, are never taken for one.

use std::fs::File;
use std::io::{BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use bytes::{BufMut as _, Bytes};

use crate::error::{Corruption, During as _, Error};

const MARK: [u8; 4] = [0xb1, 0x4e, 0x0e, 0x5a];

/// Mark, payload length and checksum.
const HEAD: usize = 12;

/// No payload is longer: 128 operations of 1.5 MiB each, and then some.
const LONGEST: usize = 1 << 28;

/// Appends a frame to `buffer`, with the payload that `write` appends.
pub(crate) fn push(buffer: &mut Vec<u8>, salt: u64, write: impl FnOnce(&mut Vec<u8>)) {
    let start = buffer.len();
    buffer.put_slice(&MARK);
    buffer.put_bytes(0, HEAD - MARK.len());
    write(buffer);
    let length = (buffer.len() - start - HEAD) as u32;
    let sum = checksum(salt, length, &buffer[start + HEAD..]);
    buffer[start + 4..start + 8].copy_from_slice(&length.to_le_bytes());
    buffer[start + 8..start + 12].copy_from_slice(&sum.to_le_bytes());
}

fn checksum(salt: u64, length: u32, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&salt.to_le_bytes());
    hasher.update(&length.to_le_bytes());
    hasher.update(payload);
    hasher.finalize()
}

/// The length and checksum that a frame's head states; nothing if it is not one.
fn head(bytes: &[u8]) -> Option<(usize, u32)> {
    let (head, _) = bytes.split_first_chunk::<HEAD>()?;
    let word = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let length = word(4) as usize;
    (head.starts_with(&MARK) && length <= LONGEST).then(|| (length, word(8)))
}

/// The payload of the frame that `bytes` begin with, if it is whole.
fn whole(bytes: &[u8], salt: u64) -> Option<&[u8]> {
    let (length, sum) = head(bytes)?;
    let payload = bytes[HEAD..].get(..length)?;
    (checksum(salt, length as u32, payload) == sum).then_some(payload)
}

/// What stands where a frame should.
pub(crate) enum Next {
    /// A frame's payload.
    Frame(Bytes),
    /// Nothing: the file ends here.
    End,
    /// Something that is not a whole frame.
    Bad(&'static str),
}

/// Reads the frames of a file one after the other.
pub(crate) struct Frames {
    path: PathBuf,
    file: BufReader<File>,
    length: u64,
    offset: u64,
    /// What the checksums are salted with; set once the first frame has told it.
    pub(crate) salt: u64,
}

impl Frames {
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).during("opening", path)?;
        let length = file.metadata().during("reading", path)?.len();
        let file = BufReader::with_capacity(1 << 16, file);
        Ok(Self { path: path.to_owned(), file, length, offset: 0, salt: 0 })
    }

    /// Where the next frame begins.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// The length of the file.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    pub(crate) fn corruption(&self, detail: impl Into<String>) -> Corruption {
        Corruption::new(&self.path, self.offset, detail)
    }

    /// The next frame. After a bad one the position is still in front of it.
    pub(crate) fn next(&mut self) -> Result<Next, Error> {
        let left = self.length - self.offset;
        if left == 0 {
            return Ok(Next::End);
        }
        if left < HEAD as u64 {
            return Ok(Next::Bad("a frame is cut off"));
        }
        let mut start = [0; HEAD];
        self.read(&mut start)?;
        let Some((length, sum)) = head(&start) else {
            return self.bad("there is no frame");
        };
        if left < (HEAD + length) as u64 {
            return self.bad("a frame is cut off");
        }
        let mut payload = vec![0; length];
        self.read(&mut payload)?;
        if checksum(self.salt, length as u32, &payload) != sum {
            return self.bad("a checksum does not match");
        }
        self.offset += (HEAD + length) as u64;
        Ok(Next::Frame(payload.into()))
    }

    /// Searches on from the present position for the next whole frame whose payload `accept` takes, and moves
    /// in front of it.
    pub(crate) fn search(&mut self, accept: impl Fn(&[u8]) -> bool) -> Result<bool, Error> {
        let mut rest = Vec::with_capacity((self.length - self.offset) as usize);
        self.file.read_to_end(&mut rest).during("reading", &self.path)?;
        let found = (0..rest.len()).find(|at| whole(&rest[*at..], self.salt).is_some_and(&accept));
        self.rewind(self.offset + found.unwrap_or(rest.len()) as u64)?;
        Ok(found.is_some())
    }

    /// Moves to another place.
    pub(crate) fn rewind(&mut self, offset: u64) -> Result<(), Error> {
        self.offset = offset;
        self.file.seek(SeekFrom::Start(offset)).during("reading", &self.path).map(drop)
    }

    fn bad(&mut self, reason: &'static str) -> Result<Next, Error> {
        self.rewind(self.offset)?;
        Ok(Next::Bad(reason))
    }

    fn read(&mut self, into: &mut [u8]) -> Result<(), Error> {
        self.file.read_exact(into).during("reading", &self.path)
    }
}
