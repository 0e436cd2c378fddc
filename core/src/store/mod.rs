//! The [`Store`] contract: a revisioned key-value log, the part of etcd that Kubernetes uses.

mod decide;
mod error;
mod ext;
pub mod log;
mod memory;
pub mod read;
mod types;

pub use error::{ConflictError, StoreError};
pub use ext::StoreExt;
pub use memory::MemoryStore;
pub use types::{
    Change, Commit, CommitEvent, Condition, Key, KeyValue, Limits, Operation, RangeRequest, RangeResponse,
    Revision, WatchEvent, WatchStream,
};

use async_trait::async_trait;

/// A revisioned key-value log.
///
/// # Model
///
/// The store is a map from keys to values that changes only by [`commit`](Store::commit). Every commit
/// that changes something makes one new [`Revision`], one higher than the last; an empty store is at
/// revision 0 and the first commit makes revision 1. (An adapter over a log that others write too, such as
/// etcd, may skip revisions; they still strictly increase, and an empty store may start above 0.) Keys
/// are ordered bytewise.
///
/// # What every implementation promises
///
/// * **Linearizable.** A call that begins after another one returned sees at least what that one saw or did.
/// * **Atomic.** A commit happens whole or not at all, and readers and watchers never see a part of it.
/// * **Durable.** When `commit` returns `Ok`, its changes survive a kill of the process and, where the
///   adapter's documentation does not say otherwise, a loss of power, at any later moment.
/// * **Honest about failure.** [`StoreError::is_unknown`] tells whether a failed commit may still have
///   happened. After a failed sync the store is poisoned: every later call answers
///   [`StoreError::Poisoned`] until it is opened anew.
/// * **Bounded.** [`limits`](Store::limits) are stated, and what exceeds them is refused with
///   [`StoreError::TooLarge`] before anything is changed. A watcher that does not keep up is told
///   [`StoreError::WatchLagged`] and its stream ends; it never costs unbounded memory.
///
/// # Cancellation
///
/// Every method may be dropped at any await point. A dropped `commit` happens whole or not at all, and its
/// caller does not know which; a dropped read or watch has no effect.
///
/// The conformance suite in [`conformance`](crate::conformance) is this text as tests.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// The largest commit and value this store takes, and its optional abilities.
    fn limits(&self) -> Limits;

    /// The keys under a prefix, in order, with their values: as of now, or as of an earlier revision.
    ///
    /// The response's `revision` is the store's revision that the read saw (for a read at an earlier
    /// revision: that revision), also when nothing was found. With a limit, `more` tells whether keys were
    /// left out and `remaining` how many.
    ///
    /// # Errors
    ///
    /// [`StoreError::Compacted`] when `at` lies below the compaction point, [`StoreError::FutureRevision`]
    /// when it lies above the store's revision.
    async fn range(&self, request: RangeRequest) -> Result<RangeResponse, StoreError>;

    /// The store's present revision, where it is known without asking anybody, since nobody but this process commits: one
    /// that reads see, and not below that of any commit that has been answered. `None` where others may have
    /// committed, or the store cannot answer.
    fn known_revision(&self) -> Option<Revision> {
        None
    }

    /// Applies the operations if all the conditions hold, and returns the revision this made.
    ///
    /// Deleting an absent key is not a change. A commit that changes nothing makes no revision and no
    /// event, and returns the store's present revision. Writing the bytes that a key already has *is* a
    /// change. Concurrent commits may share one flush, but each is decided alone, in revision order.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] when a condition does not hold: nothing changed, and the error carries the
    /// first failed condition's key with its present value. [`StoreError::TooLarge`] beyond the limits,
    /// [`StoreError::Invalid`] when two operations name one key, or when a key is empty. These are found
    /// before the conditions are looked at.
    async fn commit(&self, commit: Commit) -> Result<Revision, StoreError>;

    /// Every commit after revision `after` that touches a key under `prefix`, in revision order.
    ///
    /// The stream begins with what history holds and goes on with what is committed later, without gap,
    /// duplicate or reordering. A commit is delivered whole, never split, reduced to the keys under the
    /// prefix. Every change carries the key's previous value; that of a change at or near the compaction
    /// point may be missing. A [`WatchEvent::Progress`] says that everything up to its revision has been
    /// delivered; a store sends one at least when the watch has caught up with the revision that it was
    /// opened at (or with `after`, if that is later), and may send more. `after` may lie in the future; what
    /// is committed until then is not delivered.
    ///
    /// # Errors
    ///
    /// [`StoreError::Compacted`] when history after `after` has been compacted away, here or as the last
    /// item of the stream; [`StoreError::WatchLagged`] as the last item when the consumer fell behind by
    /// more than the store buffers: open a new watch after the last revision received. The stream ends
    /// only after an error or when the store closes.
    async fn watch(&self, prefix: Key, after: Revision) -> Result<WatchStream, StoreError>;

    /// Forgets history below `revision`: reads at, and watches after, earlier revisions then fail with
    /// [`StoreError::Compacted`], as do reads and watches of a reopened store. The present state, and that
    /// at `revision` and later ones, stay readable. Compacting below the compaction point is no change.
    ///
    /// A store may compact on its own to stay within its bounds; its documentation says what it keeps.
    ///
    /// # Errors
    ///
    /// [`StoreError::FutureRevision`] when `revision` lies above the store's revision.
    async fn compact(&self, revision: Revision) -> Result<(), StoreError>;
}
