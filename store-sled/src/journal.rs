//! The journal: every commit, in order, in segments. It is the authority on what was committed.

use std::path::PathBuf;
use std::sync::Arc;

use bireme_core::Environment;
use bireme_core::store::{CommitEvent, Revision};

use crate::disk::Appendable;
use crate::error::{During as _, Error};
use crate::folder::Folder;
use crate::frame::{self, Frames, Next};
use crate::record::{Header, Record};

pub(crate) const KIND: &[u8] = b"bireme journal 1";

/// Buffers larger than this are given back after use.
const KEPT_BUFFER: usize = 1 << 20;

/// The end of the journal, where it grows.
pub(crate) struct Journal {
    folder: Arc<Folder>,
    env: Environment,
    segment: PathBuf,
    file: Box<dyn Appendable>,
    salt: u64,
    /// The segment's length.
    length: u64,
    /// A segment longer than this gets no more.
    segment_bytes: u64,
    durable: Revision,
    staged: Vec<u8>,
    staged_to: Revision,
}

/// Where a journal ends, so that it can go on there.
pub(crate) struct Tail {
    pub(crate) segment: PathBuf,
    /// The length of what is whole.
    pub(crate) length: u64,
    pub(crate) salt: u64,
}

impl Journal {
    /// The journal of a store at revision `durable`, in a new segment.
    pub(crate) fn create(
        folder: Arc<Folder>,
        env: &Environment,
        durable: Revision,
        segment_bytes: u64,
    ) -> Result<Self, Error> {
        let (segment, file, salt, length) = new_segment(&folder, env, durable.next())?;
        let (env, staged, staged_to) = (env.clone(), Vec::new(), durable);
        Ok(Self { folder, env, segment, file, salt, length, segment_bytes, durable, staged, staged_to })
    }

    /// The journal of a store at revision `durable` that ends as `tail` says. What is behind it was never
    /// acknowledged; it is cut off. What is in front of it may only have been written, not synced, by a
    /// process that was killed; it is made durable, since it will be seen from now on.
    pub(crate) fn resume(
        folder: Arc<Folder>,
        env: &Environment,
        durable: Revision,
        segment_bytes: u64,
        tail: Tail,
    ) -> Result<Self, Error> {
        let Tail { segment, length, salt } = tail;
        let mut file = folder.disk.reopen(&segment, length).during("opening", &segment)?;
        file.sync().during("syncing", &segment)?;
        folder.sync()?;
        let (env, staged, staged_to) = (env.clone(), Vec::new(), durable);
        Ok(Self { folder, env, segment, file, salt, length, segment_bytes, durable, staged, staged_to })
    }

    /// Prepares a commit for the next [`sync`](Self::sync).
    pub(crate) fn stage(&mut self, event: &CommitEvent) {
        let durable = self.durable;
        frame::push(&mut self.staged, self.salt, |payload| Record::write(event, durable, payload));
        self.staged_to = event.revision;
    }

    /// Makes everything staged durable with one sync. After a failure nobody knows what is on the disk, and
    /// the journal must not be used any more.
    pub(crate) fn sync(&mut self) -> Result<(), Error> {
        if self.staged.is_empty() {
            return Ok(());
        }
        self.file.append(&self.staged).during("writing", &self.segment)?;
        self.file.sync().during("syncing", &self.segment)?;
        self.length += self.staged.len() as u64;
        self.durable = self.staged_to;
        self.staged.clear();
        self.staged.shrink_to(KEPT_BUFFER);
        Ok(())
    }

    /// Starts a new segment if this one is full; tells whether it was.
    pub(crate) fn roll_if_full(&mut self) -> Result<bool, Error> {
        if self.length < self.segment_bytes {
            return Ok(false);
        }
        (self.segment, self.file, self.salt, self.length) =
            new_segment(&self.folder, &self.env, self.durable.next())?;
        Ok(true)
    }

    pub(crate) fn durable(&self) -> Revision {
        self.durable
    }

    pub(crate) fn tail(&self) -> Tail {
        Tail { segment: self.segment.clone(), length: self.length, salt: self.salt }
    }
}

/// A segment with its header. Both it and its name are durable before anything is appended, so that a header
/// that does not read back means that nothing behind it was ever acknowledged.
fn new_segment(
    folder: &Folder,
    env: &Environment,
    first: Revision,
) -> Result<(PathBuf, Box<dyn Appendable>, u64, u64), Error> {
    let path = folder.segment(first);
    let salt = u64::from_le_bytes(env.random_bytes());
    let mut header = Vec::new();
    frame::push(&mut header, 0, |payload| Header::write(KIND, first, salt, payload));
    let mut file = folder.disk.create(&path).during("creating", &path)?;
    file.append(&header).and_then(|()| file.sync()).during("writing", &path)?;
    folder.sync()?;
    Ok((path, file, salt, header.len() as u64))
}

/// A journal read to its end.
pub(crate) struct Replayed {
    /// The last revision in it.
    pub(crate) last: Revision,
    /// Where it can go on; nothing if there is no segment to go on with.
    pub(crate) tail: Option<Tail>,
    /// Bytes behind the tail that were written but never acknowledged.
    pub(crate) torn: u64,
    /// A last segment whose creation was interrupted.
    pub(crate) stillborn: Option<PathBuf>,
}

/// Reads every commit after `base` in order. With `base` a checkpoint's, a journal that does not join it, has
/// a gap, or lost what had been acknowledged is [`Error::Corrupt`].
pub(crate) fn replay(
    folder: &Folder,
    base: Revision,
    mut visit: impl FnMut(Record) -> Result<(), Error>,
) -> Result<Replayed, Error> {
    let mut segments = folder.segments()?;
    // Those that a later one makes superfluous were being removed.
    let needed = segments.iter().rposition(|segment| segment.revision <= base.next()).unwrap_or(0);
    segments.drain(..needed);
    let mut replayed = Replayed { last: base, tail: None, torn: 0, stillborn: None };
    for (index, segment) in segments.iter().enumerate() {
        let is_last = index + 1 == segments.len();
        let mut reader = Segment::open(segment.path.clone())?;
        let header = match reader.header()? {
            Some(header) => header,
            None if is_last && reader.may_be_stillborn() => {
                replayed.stillborn = Some(segment.path.clone());
                break;
            }
            None => return Err(reader.frames.corruption("a journal segment has no header").into()),
        };
        let expected = replayed.last.next();
        let joins = header.revision == expected || (index == 0 && header.revision < expected);
        if header.revision != segment.revision || !joins {
            let detail = format!("a segment begins at revision {}, not at {expected}", header.revision);
            return Err(reader.frames.corruption(detail).into());
        }
        replayed.last = reader.records(is_last, base, &mut visit)?;
        replayed.torn = reader.frames.length() - reader.frames.offset();
        replayed.tail =
            Some(Tail { segment: segment.path.clone(), length: reader.frames.offset(), salt: header.salt });
    }
    Ok(replayed)
}

struct Segment {
    frames: Frames,
    first: Revision,
}

impl Segment {
    fn open(path: PathBuf) -> Result<Self, Error> {
        Ok(Self { frames: Frames::open(&path)?, first: Revision::ZERO })
    }

    /// The segment's header, if it has one; from then on its records can be read.
    fn header(&mut self) -> Result<Option<Header>, Error> {
        let Next::Frame(payload) = self.frames.next()? else { return Ok(None) };
        let Some(header) = Header::read(payload).filter(|header| *header.kind == *KIND) else {
            return Ok(None);
        };
        self.frames.salt = header.salt;
        self.first = header.revision;
        Ok(Some(header))
    }

    /// Whether the segment, which has no header, may be one whose creation the power loss interrupted:
    /// nothing is appended before the header is durable.
    fn may_be_stillborn(&self) -> bool {
        let mut header = Vec::new();
        frame::push(&mut header, 0, |payload| Header::write(KIND, Revision::ZERO, 0, payload));
        self.frames.length() <= header.len() as u64
    }

    /// Visits the records after `base`, leaves the position behind the last one, and returns its revision.
    fn records(
        &mut self,
        is_last: bool,
        base: Revision,
        visit: &mut impl FnMut(Record) -> Result<(), Error>,
    ) -> Result<Revision, Error> {
        let mut last = Revision(self.first.0.saturating_sub(1));
        loop {
            match self.frames.next()? {
                Next::End => return Ok(last),
                Next::Bad(reason) if is_last => {
                    self.check_was_never_acknowledged(last.next(), reason)?;
                    return Ok(last);
                }
                Next::Bad(reason) => return Err(self.frames.corruption(reason).into()),
                Next::Frame(payload) => {
                    let record = Record::read(payload);
                    let Some(record) = record.filter(|record| record.revision == last.next()) else {
                        let detail = format!("the frame before is not revision {}", last.next());
                        return Err(self.frames.corruption(detail).into());
                    };
                    last = record.revision;
                    if record.revision > base {
                        visit(record)?;
                    }
                }
            }
        }
    }

    /// A bad frame at the end of the journal is what a power loss leaves of a commit that was being written.
    /// It is corruption if a later frame proves that it had been durable.
    fn check_was_never_acknowledged(&mut self, revision: Revision, reason: &str) -> Result<(), Error> {
        let torn = self.frames.offset();
        let corruption =
            self.frames.corruption(format!("{reason}, although revision {revision} was durable"));
        let proves = |payload: &[u8]| {
            Record::read(bytes::Bytes::copy_from_slice(payload))
                .is_some_and(|record| record.revision > revision && record.durable >= revision)
        };
        if self.frames.search(proves)? {
            return Err(corruption.into());
        }
        self.frames.rewind(torn)
    }
}
