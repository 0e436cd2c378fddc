//! What containers write.
//!
//! The engine's shim appends to two plain files, whether an agent runs or not, so nothing that is written is lost or
//! waits for one. When it was written the agent notes in a third: lines of `nanoseconds stream start end`, appended when
//! inotify says that a file has grown. What was written without an agent is noted by the next one, with the time at
//! which the file last changed. Above a limit the oldest part of a file is given back to the disk.

mod reader;
mod recorder;

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bireme_core::Environment;
use jiff::Timestamp;
use rustix::fs::FallocateFlags;
use tokio::sync::watch;

pub(crate) use reader::{Reader, Start};
pub(crate) use recorder::Recorder;

/// How much of what a container wrote to one stream is kept, and how much goes at once when it is more.
const KEPT: u64 = 50 << 20;
const CUT: u64 = 10 << 20;

/// The names of the files, by stream.
const STREAMS: [&str; 2] = ["stdout", "stderr"];

/// The log of one container.
pub(crate) struct Log {
    folder: PathBuf,
    env: Environment,
    state: Mutex<State>,
    /// Says that something was noted.
    changed: watch::Sender<()>,
    /// Held while the container's process is let go.
    pub(crate) releasing: tokio::sync::Mutex<()>,
}

struct State {
    index: File,
    /// Up to where each stream is noted.
    noted: [u64; 2],
    /// From where on each stream is kept.
    kept: [u64; 2],
    /// How often the index was written anew.
    generation: u64,
}

/// A part of a stream, and when it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    time: Timestamp,
    stream: usize,
    start: u64,
    end: u64,
}

impl Entry {
    fn line(&self) -> String {
        format!("{} {} {} {}\n", self.time.as_nanosecond(), self.stream, self.start, self.end)
    }

    /// `None` for what is no entry, such as the end of one whose writing was cut short.
    fn read(line: &str) -> Option<Entry> {
        let mut words = line.split(' ');
        let entry = Entry {
            time: Timestamp::from_nanosecond(words.next()?.parse().ok()?).ok()?,
            stream: words.next()?.parse().ok().filter(|stream| *stream < STREAMS.len())?,
            start: words.next()?.parse().ok()?,
            end: words.next()?.parse().ok()?,
        };
        words.next().is_none().then_some(entry)
    }
}

impl Log {
    /// The file that the engine writes a stream to.
    pub(crate) fn file(folder: &Path, stream: usize) -> PathBuf {
        folder.join("io").join(STREAMS[stream])
    }

    /// Makes the files of a container's log; those that are there stay.
    pub(crate) fn make(folder: &Path) -> io::Result<()> {
        std::fs::create_dir_all(folder.join("io"))?;
        for stream in 0..STREAMS.len() {
            OpenOptions::new().append(true).create(true).open(Self::file(folder, stream))?;
        }
        Ok(())
    }

    /// Opens the log that is kept in a folder.
    fn open(folder: PathBuf, env: Environment) -> io::Result<Log> {
        let index = OpenOptions::new().read(true).append(true).create(true).open(folder.join("index"))?;
        let text = io::read_to_string(&index)?;
        let mut noted = [0, 0];
        let mut kept = [u64::MAX; 2];
        for entry in text.lines().filter_map(Entry::read) {
            noted[entry.stream] = noted[entry.stream].max(entry.end);
            kept[entry.stream] = kept[entry.stream].min(entry.start);
        }
        let state = State {
            index,
            noted,
            kept: [0, 1].map(|s| if kept[s] == u64::MAX { 0 } else { kept[s] }),
            generation: 0,
        };
        let log = Log {
            folder,
            env,
            state: Mutex::new(state),
            changed: watch::Sender::new(()),
            releasing: tokio::sync::Mutex::new(()),
        };
        if !text.is_empty() && !text.ends_with('\n') {
            // Its end was cut off by a crash: no entry, and the next one begins on a line of its own.
            log.state().index.write_all(b"\n")?;
        }
        log.note(true)?;
        Ok(log)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // What a panic may have left undone is noted by the next call.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what was written since the last time. What an agent `missed` was written when the file last changed.
    pub(crate) fn note(&self, missed: bool) -> io::Result<()> {
        let mut state = self.state();
        let mut entries = String::new();
        for stream in 0..STREAMS.len() {
            let metadata = std::fs::metadata(Self::file(&self.folder, stream))?;
            let (start, end) = (state.noted[stream], metadata.len());
            if end <= start {
                continue;
            }
            let time = if missed { modified(&metadata) } else { self.env.now() };
            entries.push_str(&Entry { time, stream, start, end }.line());
            state.noted[stream] = end;
        }
        if entries.is_empty() {
            return Ok(());
        }
        state.index.write_all(entries.as_bytes())?;
        for stream in 0..STREAMS.len() {
            if state.noted[stream] - state.kept[stream] > KEPT {
                self.cut(&mut state, stream)?;
            }
        }
        drop(state);
        self.changed.send_replace(());
        Ok(())
    }

    /// Gives the oldest part of a stream back to the disk, at the end of an entry.
    fn cut(&self, state: &mut State, stream: usize) -> io::Result<()> {
        let path = self.folder.join("index");
        let wanted = state.noted[stream] - (KEPT - CUT);
        let text = std::fs::read_to_string(&path)?;
        let stays = |entry: &Entry| entry.stream != stream || entry.end > wanted;
        let mut entries: Vec<Entry> = text.lines().filter_map(Entry::read).filter(stays).collect();
        for entry in entries.iter_mut().filter(|entry| entry.stream == stream) {
            entry.start = entry.start.max(wanted);
        }
        let next = self.folder.join("index.next");
        let lines: String = entries.iter().map(Entry::line).collect();
        std::fs::write(&next, lines)?;
        std::fs::rename(&next, &path)?;
        state.index = OpenOptions::new().append(true).open(&path)?;
        state.kept[stream] = wanted;
        state.generation += 1;
        let file = OpenOptions::new().write(true).open(Self::file(&self.folder, stream))?;
        let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        match rustix::fs::fallocate(&file, hole, 0, wanted) {
            // A file system that cannot do it keeps the bytes, and the log is right all the same.
            Err(rustix::io::Errno::OPNOTSUPP) | Ok(()) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

fn modified(metadata: &std::fs::Metadata) -> Timestamp {
    let nanoseconds = i32::try_from(metadata.mtime_nsec()).unwrap_or_default();
    Timestamp::new(metadata.mtime(), nanoseconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests;
