//! Notices what containers write.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bireme_core::Environment;
use futures::StreamExt as _;
use inotify::{Inotify, WatchDescriptor, WatchMask, Watches};
use tokio_util::task::AbortOnDropHandle;
use tracing::warn;

use super::Log;
use crate::files::Files;

/// Room for what inotify tells at once: a few hundred events of files whose names are short.
const BUFFER: usize = 16 << 10;

/// The logs of a node's containers.
pub(crate) struct Recorder {
    files: Files,
    env: Environment,
    watches: Watches,
    logs: Mutex<Logs>,
}

#[derive(Default)]
struct Logs {
    by_id: HashMap<String, (WatchDescriptor, Arc<Log>)>,
    by_watch: HashMap<WatchDescriptor, Arc<Log>>,
}

impl Recorder {
    /// Begins to note what containers write, until the handle is dropped.
    pub(crate) fn start(
        files: Files,
        env: &Environment,
    ) -> io::Result<(Arc<Recorder>, AbortOnDropHandle<()>)> {
        let inotify = Inotify::init()?;
        let watches = inotify.watches();
        let recorder = Arc::new(Recorder { files, env: env.clone(), watches, logs: Mutex::default() });
        let mut events = inotify.into_event_stream(vec![0; BUFFER])?;
        let weak: Weak<Recorder> = Arc::downgrade(&recorder);
        let noting = env.spawn(async move {
            while let Some(event) = events.next().await {
                let Some(recorder) = weak.upgrade() else { return };
                match event {
                    Ok(event) if event.mask.contains(inotify::EventMask::Q_OVERFLOW) => recorder.note_all(),
                    Ok(event) => recorder.note(&event.wd),
                    Err(error) => {
                        warn!(%error, "what containers write is not noticed any more");
                        return;
                    }
                }
            }
        });
        Ok((recorder, AbortOnDropHandle::new(noting)))
    }

    fn logs(&self) -> MutexGuard<'_, Logs> {
        // The two maps are changed together, by calls that cannot panic in between.
        self.logs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The log of a container, of which the files are there.
    pub(crate) fn log(&self, id: &str) -> io::Result<Arc<Log>> {
        let mut logs = self.logs();
        if let Some((_, log)) = logs.by_id.get(id) {
            return Ok(log.clone());
        }
        let folder = self.files.of(id);
        // Watched before it is read, so that nothing is written between the two.
        let watch = self.watches.clone().add(folder.join("io"), WatchMask::MODIFY)?;
        let log = Arc::new(Log::open(folder, self.env.clone())?);
        logs.by_id.insert(id.to_owned(), (watch.clone(), log.clone()));
        logs.by_watch.insert(watch, log.clone());
        Ok(log)
    }

    /// Forgets a container's log, before its files go.
    pub(crate) fn forget(&self, id: &str) {
        let mut logs = self.logs();
        if let Some((watch, log)) = logs.by_id.remove(id) {
            logs.by_watch.remove(&watch);
            if let Err(error) = self.watches.clone().remove(watch) {
                warn!(%error, "a container's log is watched on");
            }
            // Whoever follows it looks again, and finds that it is over.
            log.changed.send_replace(());
        }
    }

    fn note(&self, watch: &WatchDescriptor) {
        let log = self.logs().by_watch.get(watch).cloned();
        if let Some(log) = log {
            warn_of(log.note(false));
        }
    }

    fn note_all(&self) {
        let logs: Vec<_> = self.logs().by_watch.values().cloned().collect();
        for log in logs {
            warn_of(log.note(false));
        }
    }
}

fn warn_of(noted: io::Result<()>) {
    if let Err(error) = noted {
        warn!(%error, "what a container wrote was not noted");
    }
}
