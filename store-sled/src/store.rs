//! [`SledStore`]: the parts, running.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{Builder, JoinHandle};

use async_trait::async_trait;
use bireme_core::Environment;
use bireme_core::store::log::CommitLog;
use bireme_core::store::{
    Commit, Key, Limits, Operation, RangeRequest, RangeResponse, Revision, Store, StoreError, WatchStream,
};
use tokio::task::coop::consume_budget;

use crate::Options;
use crate::checkpointer::Checkpointer;
use crate::clean::Clean;
use crate::committer::Committer;
use crate::disk::{Disk, SystemDisk};
use crate::error::{During as _, Error};
use crate::folder::Folder;
use crate::indexer;
use crate::opening::{self, Opened};
use crate::queue::Queue;
use crate::view::View;

/// All operations of a commit together, in bytes.
const COMMIT_BYTES: usize = 200 << 20;

/// A [`Store`] in a folder of this machine; see the [crate's documentation](crate) for how it keeps its word.
///
/// Cheap to clone; clones are one store. [`close`](Self::close) it when it is no longer needed: dropping
/// the last clone does the same, but blocks the thread it is dropped on.
#[derive(Clone)]
pub struct SledStore {
    running: Arc<Running>,
}

struct Running {
    shared: Arc<Shared>,
    threads: Mutex<Option<Threads>>,
}

struct Shared {
    queue: Arc<Queue>,
    view: Arc<View>,
    /// Why the store is poisoned.
    failure: OnceLock<String>,
}

/// What ends with the store. The folder's lock goes last.
struct Threads {
    committer: Thread<Committer>,
    indexer: Thread<()>,
    folder: Arc<Folder>,
}

/// A thread of the store's; it returns what it worked on, or nothing if it has poisoned the store.
type Thread<T> = JoinHandle<Option<T>>;

impl SledStore {
    /// Opens the store in `folder`; makes the folder if it is missing, and a store of it if it is empty. Must be
    /// called inside a tokio runtime.
    ///
    /// # Errors
    ///
    /// [`Error::InUse`], [`Error::UnknownFormat`], [`Error::NotAStore`]; [`Error::Corrupt`] when something is
    /// missing that was durable (see [`export`](crate::export()) for what to do then).
    pub async fn open(
        folder: impl Into<PathBuf>,
        options: Options,
        env: &Environment,
    ) -> Result<Self, Error> {
        Self::open_on(Arc::new(SystemDisk), folder.into(), options, env).await
    }

    pub(crate) async fn open_on(
        disk: Arc<dyn Disk>,
        folder: PathBuf,
        options: Options,
        env: &Environment,
    ) -> Result<Self, Error> {
        let (path, env) = (folder.clone(), env.clone());
        let open = move || {
            let folder = Arc::new(Folder::existing_or_new(&folder, disk)?);
            let opened = opening::open(&folder, &options, &env)?;
            Self::start(folder, opened, &options, &env)
        };
        let opened = tokio::task::spawn_blocking(open).await;
        opened.map_err(std::io::Error::other).during("opening the store in", &path)?
    }

    fn start(
        folder: Arc<Folder>,
        opened: Opened,
        options: &Options,
        env: &Environment,
    ) -> Result<Self, Error> {
        let Opened { journal, index } = opened;
        let log = CommitLog::new(journal.durable(), options.history);
        let (queue, view) = (Arc::new(Queue::new()), Arc::new(View::new(index, log, options.waiting_bytes)));
        let shared = Arc::new(Shared { queue: queue.clone(), view: view.clone(), failure: OnceLock::new() });
        let checkpointer = Checkpointer::new(folder.clone(), env, options.segment_bytes);
        let committer = Committer::new(env.clone(), queue, journal, view.clone(), checkpointer);
        let indexer = shared.spawn("bireme-index", (), move |()| indexer::run(&view));
        let committer = shared.spawn("bireme-commit", committer, Committer::run);
        let threads = match (indexer, committer) {
            (Ok(indexer), Ok(committer)) => Threads { committer, indexer, folder },
            (indexer, committer) => {
                // Whichever did start ends by itself.
                shared.queue.close();
                shared.view.memtable.stop();
                let failed = indexer.map(drop).and(committer.map(drop));
                failed.during("starting the threads of", &folder.path)?;
                unreachable!("one of the two failed")
            }
        };
        Ok(Self { running: Arc::new(Running { shared, threads: Mutex::new(Some(threads)) }) })
    }

    /// Finishes the commits that are on their way, ends all watches, and leaves the folder so that it opens
    /// quickly. Whatever clones there are answer [`StoreError::Closed`] from then on. Closing twice does nothing.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] or [`Error::Index`] when the index cannot be made durable; what was committed is durable
    /// all the same.
    pub async fn close(&self) -> Result<(), Error> {
        let running = self.running.clone();
        let closed = tokio::task::spawn_blocking(move || running.close()).await;
        closed.map_err(std::io::Error::other).during("closing the store", Path::new(""))?
    }

    fn check(&self) -> Result<(), StoreError> {
        match self.running.shared.failure.get() {
            Some(reason) => Err(StoreError::Poisoned { reason: reason.clone() }),
            None => Ok(()),
        }
    }

    /// Why a commit could not be taken or was not answered.
    fn gone(&self) -> StoreError {
        self.check().err().unwrap_or(StoreError::Closed)
    }
}

impl Running {
    fn close(&self) -> Result<(), Error> {
        let threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Threads { committer, indexer, folder }) = threads else { return Ok(()) };
        let shared = &self.shared;
        shared.queue.close();
        let committer = committer.join().ok().flatten();
        shared.view.memtable.stop();
        let is_indexed = indexer.join().ok().flatten().is_some();
        shared.view.log.close();
        match committer.filter(|_| is_indexed) {
            Some(committer) => {
                let journal = committer.finish();
                if let Some(content) = shared.view.close(&folder)? {
                    Clean::new(journal.durable(), &journal.tail(), content).set(&folder)?;
                }
            }
            None => shared.view.abandon(),
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            tracing::warn!(error = &error as &dyn std::error::Error, "closing the store failed");
        }
    }
}

impl Shared {
    /// Starts a thread that works on something, whose failure poisons the store. What it worked on is dropped
    /// only after that: callers who see their commit dropped find the reason.
    fn spawn<T: Send + 'static>(
        self: &Arc<Self>,
        name: &str,
        mut object: T,
        work: impl FnOnce(&mut T) -> Result<(), Error> + Send + 'static,
    ) -> io::Result<Thread<T>> {
        let shared = self.clone();
        let run = move || match catch_unwind(AssertUnwindSafe(|| work(&mut object))) {
            Ok(Ok(())) => Some(object),
            Ok(Err(error)) => {
                shared.poison(causes(&error));
                None
            }
            Err(_) => {
                shared.poison("a thread of the store panicked".to_owned());
                None
            }
        };
        Builder::new().name(name.to_owned()).spawn(run)
    }

    fn poison(&self, reason: String) {
        tracing::error!(reason, "the store is poisoned");
        self.view.log.poison(&reason);
        self.failure.get_or_init(|| reason);
        self.queue.abandon();
        self.view.memtable.stop();
    }
}

/// The error with what caused it.
fn causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[async_trait]
impl Store for SledStore {
    fn limits(&self) -> Limits {
        Limits::default()
    }

    fn known_revision(&self) -> Option<Revision> {
        self.check().ok()?;
        self.running.shared.view.known_revision()
    }

    async fn range(&self, request: RangeRequest) -> Result<RangeResponse, StoreError> {
        self.check()?;
        consume_budget().await;
        let view = self.running.shared.view.clone();
        // Most reads are of one key. Another thread would take longer to come to it than this one to be done.
        if let Some(found) = view.brief_range(&request)? {
            return Ok(found);
        }
        let read = tokio::task::spawn_blocking(move || view.range(&request)).await;
        read.unwrap_or_else(|panic| {
            Err(StoreError::Unavailable {
                operation: "reading the index",
                unknown: false,
                source: Box::new(panic),
            })
        })
    }

    async fn commit(&self, commit: Commit) -> Result<Revision, StoreError> {
        self.check()?;
        self.limits().check(&commit)?;
        let bytes = weight(&commit);
        if bytes > COMMIT_BYTES {
            return Err(StoreError::TooLarge {
                what: "a commit in bytes",
                actual: bytes,
                limit: COMMIT_BYTES,
            });
        }
        let answer = self.running.shared.queue.push(commit, bytes).await.ok_or_else(|| self.gone())?;
        // Only a store that failed leaves a commit unanswered.
        answer.await.unwrap_or_else(|_| Err(self.gone()))
    }

    async fn watch(&self, prefix: Key, after: Revision) -> Result<WatchStream, StoreError> {
        self.check()?;
        self.running.shared.view.log.watch(prefix, after)
    }

    async fn compact(&self, revision: Revision) -> Result<(), StoreError> {
        self.check()?;
        self.running.shared.view.log.compact(revision)
    }
}

fn weight(commit: &Commit) -> usize {
    let operation = |operation: &Operation| match operation {
        Operation::Put { key, value, .. } => key.as_bytes().len() + value.len(),
        Operation::Delete { key } => key.as_bytes().len(),
    };
    let conditions = commit.conditions.iter().map(|condition| condition.key().as_bytes().len());
    commit.operations.iter().map(operation).chain(conditions).sum()
}
