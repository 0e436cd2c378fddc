//! How a store is opened.

use bireme_core::store::log::History;

/// How much a store keeps where. The defaults suit a cluster of up to some hundred thousand objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// The past that is kept in memory.
    pub history: History,
    /// The journal is cut into segments of about this many bytes, and is checkpointed when it has two of them and
    /// is larger than the last checkpoint. A store that was not closed properly reads that checkpoint and the
    /// journal after it on opening.
    pub segment_bytes: u64,
    /// What sled may keep of its file in memory, in bytes; it uses a multiple of that in all.
    pub cache_bytes: u64,
    /// The newest keys and values that wait in memory for their way to the index, in bytes. With twice as many,
    /// or with one commit more than that, commits wait. What waits there, the history mostly holds too.
    pub waiting_bytes: usize,
}

impl Default for Options {
    /// The usual history, segments of 16 MiB, a cache of 8 MiB, and 8 MiB that wait.
    fn default() -> Self {
        Self {
            history: History::default(),
            segment_bytes: 16 << 20,
            cache_bytes: 8 << 20,
            waiting_bytes: 8 << 20,
        }
    }
}
