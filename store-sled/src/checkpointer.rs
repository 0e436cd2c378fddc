//! Checkpoints while commits go on, so that the journal does not grow for ever.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use bireme_core::Environment;
use bireme_core::store::Revision;

use crate::checkpoint;
use crate::error::{During as _, Error};
use crate::folder::{Folder, Numbered};
use crate::view::View;

/// Full segments that a journal has at least before it is checkpointed. Reading them again takes an opening a
/// fraction of a second; a small store that is busy would otherwise write little but checkpoints.
const SEGMENTS: u64 = 2;

/// Takes checkpoints, one at a time, each on a thread of its own.
pub(crate) struct Checkpointer {
    folder: Arc<Folder>,
    env: Environment,
    /// Journals up to this many bytes are not checkpointed.
    least: u64,
    running: Option<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
}

impl Checkpointer {
    pub(crate) fn new(folder: Arc<Folder>, env: &Environment, segment_bytes: u64) -> Self {
        let least = segment_bytes.saturating_mul(SEGMENTS);
        Self { folder, env: env.clone(), least, running: None, stop: Arc::default() }
    }

    /// Starts a checkpoint if none is being taken, and the journal has some segments and has outgrown the last
    /// one: writing all keys then costs no more than what the commits since have cost already.
    pub(crate) fn start_if_due(&mut self, view: &Arc<View>) {
        let is_due = is_due(&self.folder, self.least).unwrap_or_else(|error| {
            tracing::warn!(%error, "cannot tell whether a checkpoint is due");
            false
        });
        if !is_due || self.running.as_ref().is_some_and(|thread| !thread.is_finished()) {
            return;
        }
        let (folder, env, view, stop) =
            (self.folder.clone(), self.env.clone(), view.clone(), self.stop.clone());
        let take = move || {
            // The journal still has everything: the next attempt is soon enough.
            if let Err(error) = take(&folder, &env, &view, &stop) {
                tracing::warn!(error = &error as &dyn std::error::Error, "taking a checkpoint failed");
            }
        };
        match std::thread::Builder::new().name("bireme-checkpoint".to_owned()).spawn(take) {
            Ok(thread) => self.running = Some(thread),
            Err(error) => tracing::warn!(%error, "no thread for a checkpoint"),
        }
    }
}

impl Drop for Checkpointer {
    /// Gives up the checkpoint that is being taken, and waits until its thread has let go of the folder.
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if self.running.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::warn!("the checkpoint's thread panicked");
        }
    }
}

fn is_due(folder: &Folder, least: u64) -> Result<bool, Error> {
    let size = |files: Vec<Numbered>| {
        files
            .iter()
            .map(|file| Ok(file.path.metadata().during("reading", &file.path)?.len()))
            .sum::<Result<u64, Error>>()
    };
    Ok(size(folder.segments()?)? > size(folder.checkpoints()?)?.max(least))
}

fn take(folder: &Folder, env: &Environment, view: &View, stop: &AtomicBool) -> Result<(), Error> {
    // What the index does not have now it need not get: later commits are all that the scan may miss or see.
    let (base, overlay) = view.memtable.all();
    let mut writer = checkpoint::Writer::new(folder, env, base)?;
    let is_whole = view.scan(overlay, |item| match item {
        Ok(_) if stop.load(Ordering::Relaxed) => Ok(false),
        Ok(item) => writer.push(&item).map(|()| true),
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "the index cannot be read");
            Ok(false)
        }
    })?;
    if !is_whole {
        return writer.abandon();
    }
    writer.finish(view.memtable.present())?;
    discard_superseded(folder, base)
}

/// Removes what a durable checkpoint at `base` makes superfluous. Interrupted, it leaves files that nobody
/// misses or minds.
pub(crate) fn discard_superseded(folder: &Folder, base: Revision) -> Result<(), Error> {
    let checkpoints = folder.checkpoints()?;
    let segments = folder.segments()?;
    let needed = segments.iter().rposition(|segment| segment.revision <= base.next()).unwrap_or(0);
    let old = checkpoints.iter().filter(|checkpoint| checkpoint.revision < base);
    for file in old.chain(&segments[..needed]) {
        folder.remove(&file.path)?;
    }
    Ok(())
}
