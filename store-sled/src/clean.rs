//! The mark of a store that was closed properly: its index is durable, exact, and may be used again.

use bireme_core::store::Revision;
use bytes::{Buf as _, BufMut as _};

use crate::error::{During as _, Error};
use crate::folder::Folder;
use crate::frame::{self, Frames, Next};
use crate::index::Content;
use crate::journal::Tail;

const NAME: &str = "clean";

/// What the mark says.
pub(crate) struct Clean {
    pub(crate) revision: Revision,
    /// The length of the journal's last segment.
    length: u64,
    salt: u64,
    /// What the index holds.
    pub(crate) content: Content,
}

impl Clean {
    pub(crate) fn new(revision: Revision, tail: &Tail, content: Content) -> Self {
        Self { revision, length: tail.length, salt: tail.salt, content }
    }

    /// Sets the mark; the index must be durable.
    pub(crate) fn set(&self, folder: &Folder) -> Result<(), Error> {
        let mut content = Vec::new();
        frame::push(&mut content, 0, |payload| {
            payload.put_u64_le(self.revision.0);
            payload.put_u64_le(self.length);
            payload.put_u64_le(self.salt);
            payload.put_u64_le(self.content.keys);
            payload.put_u64_le(self.content.sum);
        });
        folder.write_whole(NAME, &content)
    }

    /// The mark, if it is set and readable.
    pub(crate) fn read(folder: &Folder) -> Result<Option<Self>, Error> {
        let path = folder.join(NAME);
        if !path.exists() {
            return Ok(None);
        }
        let Next::Frame(mut payload) = Frames::open(&path)?.next()? else { return Ok(None) };
        let mut numbers = [0; 5];
        for number in &mut numbers {
            match payload.try_get_u64_le() {
                Ok(found) => *number = found,
                Err(_) => return Ok(None),
            }
        }
        let [revision, length, salt, keys, sum] = numbers;
        Ok(Some(Self { revision: Revision(revision), length, salt, content: Content { keys, sum } }))
    }

    /// Removes the mark, durably: from now on the index changes.
    pub(crate) fn remove(folder: &Folder) -> Result<(), Error> {
        let path = folder.join(NAME);
        if path.exists() {
            folder.remove(&path)?;
            folder.sync()?;
        }
        Ok(())
    }

    /// Where the journal goes on, if its last segment is the one that the mark was set behind.
    pub(crate) fn tail(&self, folder: &Folder) -> Result<Option<Tail>, Error> {
        let Some(segment) = folder.segments()?.pop() else { return Ok(None) };
        let length = segment.path.metadata().during("reading", &segment.path)?.len();
        let fits = length == self.length && segment.revision <= self.revision.next();
        Ok(fits.then_some(Tail { segment: segment.path, length, salt: self.salt }))
    }
}
