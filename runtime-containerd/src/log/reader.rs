//! Reading a log.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use bireme_core::runtime::{LogChunk, LogOptions, Output};
use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::watch;

use super::{Entry, Log, STREAMS};

/// A longer line comes in pieces of this size, as with Docker and with containerd's own tools.
const LONGEST_LINE: usize = 16 << 10;
/// How much is read before what was read is handed on.
const BATCH: usize = 256 << 10;

/// Where to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// With the oldest line that the options ask for.
    Lines(LogOptions),
    /// With what is written from now on, as it comes: not line by line.
    Now,
}

/// Reads a log from one point on. Its calls read files: they belong on a thread that may wait.
pub(crate) struct Reader {
    log: Arc<Log>,
    index: BufReader<File>,
    generation: u64,
    /// The beginning of an entry of which the end is not written yet.
    entry: String,
    files: [File; 2],
    /// Up to where each stream has been read.
    read: [u64; 2],
    /// What of an entry does not fit in a batch.
    rest: Option<Entry>,
    /// The beginning of a line of which the end is not written yet, and when it was written.
    lines: [Option<(Timestamp, Vec<u8>)>; 2],
    whole_lines: bool,
    since: Option<Timestamp>,
    pub(crate) changed: watch::Receiver<()>,
}

impl Reader {
    /// Opens a log, and reads what of its end is to be skipped.
    pub(crate) fn open(log: Arc<Log>, start: Start) -> io::Result<(Reader, Vec<LogChunk>)> {
        log.note(false)?;
        let changed = log.changed.subscribe();
        let (index, generation, noted) = {
            let state = log.state();
            (File::open(log.folder.join("index"))?, state.generation, state.noted)
        };
        let files = [File::open(Log::file(&log.folder, 0))?, File::open(Log::file(&log.folder, 1))?];
        let options = match start {
            Start::Lines(options) => Some(options),
            Start::Now => None,
        };
        let mut reader = Reader {
            log,
            index: BufReader::new(index),
            generation,
            entry: String::new(),
            files,
            read: if options.is_none() { noted } else { [0, 0] },
            rest: None,
            lines: [None, None],
            whole_lines: options.is_some(),
            since: options.and_then(|options| options.since),
            changed,
        };
        let mut last = VecDeque::new();
        if let Some(wanted) = options.and_then(|options| options.tail) {
            let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
            loop {
                let batch = reader.batch()?;
                if batch.is_empty() {
                    break;
                }
                last.extend(batch);
                last.drain(..last.len().saturating_sub(wanted));
            }
        }
        Ok((reader, last.into()))
    }

    /// What is noted and was not read, as much as is worth handing on; empty when all was read.
    pub(crate) fn batch(&mut self) -> io::Result<Vec<LogChunk>> {
        self.changed.borrow_and_update();
        let mut chunks = Vec::new();
        let mut size = 0;
        while size < BATCH {
            let Some(entry) = self.next_entry()? else { break };
            size += self.take(entry, &mut chunks)?;
        }
        if let Some(since) = self.since {
            chunks.retain(|chunk: &LogChunk| chunk.time >= since);
        }
        // Nothing but what is not wanted yet: what follows may be.
        if chunks.is_empty() && size >= BATCH { self.batch() } else { Ok(chunks) }
    }

    /// The lines of which the end was never written, once nothing more will be.
    pub(crate) fn unfinished(&mut self) -> Vec<LogChunk> {
        let lines =
            [0, 1].map(|stream| self.lines[stream].take().map(|(time, line)| chunk(stream, time, line)));
        let since = self.since;
        lines.into_iter().flatten().filter(|chunk| since.is_none_or(|since| chunk.time >= since)).collect()
    }

    fn next_entry(&mut self) -> io::Result<Option<Entry>> {
        if let Some(rest) = self.rest.take() {
            return Ok(Some(rest));
        }
        loop {
            let generation = self.log.state().generation;
            if self.index.read_line(&mut self.entry)? == 0 {
                if generation == self.generation {
                    return Ok(None);
                }
                // It was written anew, and goes on there; what was read is known by where it is.
                self.index = BufReader::new(File::open(self.log.folder.join("index"))?);
                self.generation = generation;
                self.entry.clear();
                continue;
            }
            if !self.entry.ends_with('\n') {
                continue;
            }
            let entry = Entry::read(self.entry.trim_end());
            self.entry.clear();
            // Two agents that followed one another closely may have noted the same part.
            let unread = |mut entry: Entry| {
                entry.start = entry.start.max(self.read[entry.stream]);
                (entry.start < entry.end).then_some(entry)
            };
            if let Some(entry) = entry.and_then(unread) {
                return Ok(Some(entry));
            }
        }
    }

    /// Reads what an entry is about, or its first part when it is long.
    fn take(&mut self, entry: Entry, chunks: &mut Vec<LogChunk>) -> io::Result<usize> {
        let Entry { time, stream, start, end } = entry;
        let length = (end - start).min(BATCH as u64);
        if start + length < end {
            self.rest = Some(Entry { start: start + length, ..entry });
        }
        self.read[stream] = start + length;
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(BATCH)];
        self.files[stream].read_exact_at(&mut bytes, start)?;
        let size = bytes.len();
        if self.whole_lines {
            self.split(stream, time, &bytes, chunks);
        } else {
            chunks.push(chunk(stream, time, bytes));
        }
        Ok(size)
    }

    fn split(&mut self, stream: usize, time: Timestamp, bytes: &[u8], chunks: &mut Vec<LogChunk>) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let mut piece = piece;
            while !piece.is_empty() {
                let (began, mut line) = self.lines[stream].take().unwrap_or((time, Vec::new()));
                let (fits, over) = piece.split_at(piece.len().min(LONGEST_LINE - line.len()));
                line.extend_from_slice(fits);
                piece = over;
                if line.ends_with(b"\n") || line.len() == LONGEST_LINE {
                    chunks.push(chunk(stream, began, line));
                } else {
                    self.lines[stream] = Some((began, line));
                }
            }
        }
    }
}

fn chunk(stream: usize, time: Timestamp, bytes: Vec<u8>) -> LogChunk {
    let bytes = Bytes::from(bytes);
    let output = if STREAMS[stream] == "stderr" { Output::Stderr(bytes) } else { Output::Stdout(bytes) };
    LogChunk { time, output }
}
