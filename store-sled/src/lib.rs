//! bireme's [`Store`](bireme_core::store::Store) on one machine: a commit journal, and sled as its index.
//!
//! # How a commit becomes durable
//!
//! sled 0.34 alone does not keep the promise of the contract. What it calls a flush is `sync_file_range`, which
//! survives a kill of the process but not a loss of power: it neither empties the disk's cache nor writes the
//! metadata that finds the data again. An `fdatasync` of one's own behind each flush does not mend that:
//! sled puts new data into segments of its file that it has just freed, and what it freed them for is only
//! ordered by those flushes. Between two of one's own syncs the disk may hold the new content of a segment
//! but not yet the place where the old content went; recovery then finds neither. sled also tells nobody,
//! after a power loss, that something it had confirmed is missing.
//!
//! So the authority is a journal of this crate's own, and sled, which is good at finding keys, is an index
//! that can be made anew from it:
//!
//! * One thread takes the commits that wait, decides each of them in revision order, appends them to the journal
//!   as checksummed frames, makes them all durable with one `fdatasync`, and only then answers. Many concurrent
//!   commits share one sync.
//! * The segments of the journal are only appended to, and a segment's name is durable before anything is
//!   acknowledged in it. Each frame says which revision was durable when it was written. What a power loss leaves
//!   of the last, never acknowledged group is therefore told apart from damage to what was acknowledged:
//!   the one is cut off on opening, the other is [`Error::Corrupt`].
//! * What sled does not have yet is in a table in memory, which readers and the committing thread lay over it.
//!   Another thread carries keys over when there are many or some seconds have passed, so that sled sees a key
//!   once that is written several times in a row. Nobody waits for that thread unless
//!   [`Options::waiting_bytes`] are exceeded twofold: a key only leaves the table when sled has it, and nothing
//!   newer than what somebody reads goes to sled until the reader is done.
//! * A read that has few keys to look at, such as that of one key, is answered on the caller's thread: that takes
//!   some microseconds, less than the way to another thread. What is not in sled's cache is read from its file
//!   for it, a page or two. All other reads have a thread of their own.
//! * When the journal has some segments and has outgrown the last checkpoint, all keys are written to a new checkpoint, synced, and the journal before it
//!   is removed. At any moment the newest checkpoint and the journal after it hold everything.
//! * sled is trusted after a proper close, which syncs its files behind its back and sets a mark, and
//!   at no other time: after a crash it is made anew.
//! * When a sync fails, nobody knows what is on the disk: the store is poisoned until it is opened again.
//!
//! # What is kept
//!
//! Past revisions are kept in memory as far as [`Options::history`] says, and until they are compacted. They do
//! not outlive the process: a reopened store begins its history at the revision that it was closed at, and
//! says [`Compacted`](bireme_core::store::StoreError::Compacted) to whoever asks for an earlier one.
//!
//! # When a folder does not open
//!
//! [`verify`] says what is wrong with it, [`export()`] saves what is still whole, and [`import`] makes a
//! new store of that.

mod checkpoint;
mod checkpointer;
mod clean;
mod committer;
mod disk;
mod error;
mod folder;
mod frame;
mod index;
mod indexer;
mod journal;
mod memtable;
mod opening;
mod options;
mod queue;
mod record;
mod store;
mod transfer;
mod verify;
mod view;

#[cfg(test)]
mod tests;

pub use error::{Corruption, Error};
pub use options::Options;
pub use store::SledStore;
pub use transfer::{Exported, Imported, export, import};
pub use verify::{IndexState, Report, verify};
