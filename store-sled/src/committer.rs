//! The thread that commits: decides commits in order and makes each group of them durable with one sync.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bireme_core::Environment;
use bireme_core::store::{Change, CommitEvent, Key, KeyValue, Revision, StoreError};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::checkpointer::Checkpointer;
use crate::error::Error;
use crate::journal::Journal;
use crate::queue::{Queue, Request};
use crate::view::View;

/// The share of a sync's time that is spent waiting for others to share it.
const PATIENCE: u32 = 8;

/// Answers that are worth a task that gives them.
const MANY: usize = 8;

pub(crate) struct Committer {
    env: Environment,
    queue: Arc<Queue>,
    journal: Journal,
    view: Arc<View>,
    checkpointer: Checkpointer,
    /// What the group that is being made durable makes of its keys.
    group: HashMap<Key, Option<KeyValue>>,
    /// What the group that is being made durable will be told.
    answers: Vec<Answer>,
    /// Where a caller of that group runs.
    runtime: Option<Handle>,
}

/// Who is told, what, and the room in the queue that is free by then.
type Answer =
    (oneshot::Sender<Result<Revision, StoreError>>, Result<Revision, StoreError>, OwnedSemaphorePermit);

/// The answers of a durable group. They are given when this is dropped, so that they are in any case.
struct Answers(Vec<Answer>);

impl Committer {
    pub(crate) fn new(
        env: Environment,
        queue: Arc<Queue>,
        journal: Journal,
        view: Arc<View>,
        checkpointer: Checkpointer,
    ) -> Self {
        let (group, answers) = (HashMap::new(), Vec::new());
        Self { env, queue, journal, view, checkpointer, group, answers, runtime: None }
    }

    /// Commits until the queue is closed and empty. After an error nobody knows whether the last group happened;
    /// it is answered by dropping this.
    pub(crate) fn run(&mut self) -> Result<(), Error> {
        let (mut expected, mut patience) = (1, Duration::ZERO);
        while let Some(group) = self.queue.take(expected, patience) {
            expected = group.len();
            self.view.memtable.wait_for_room();
            let events = self.decide(group);
            let begin = self.env.instant();
            self.journal.sync()?;
            if !events.is_empty() {
                patience = self.env.instant().since(begin) / PATIENCE;
            }
            self.view.memtable.publish(events, &self.view.log);
            self.answer();
            self.group.clear();
            if self.journal.roll_if_full()? {
                self.checkpointer.start_if_due(&self.view);
            }
        }
        Ok(())
    }

    /// Answers the group. A runtime is slow to wake its tasks from a thread that is not its own, so when there are
    /// many, a task in the callers' runtime gives the answers. A runtime that has shut down drops that task,
    /// which gives them too.
    fn answer(&mut self) {
        let answers = Answers(std::mem::take(&mut self.answers));
        if let Some(runtime) = self.runtime.take().filter(|_| answers.0.len() >= MANY) {
            let _inside = runtime.enter();
            drop(self.env.spawn(async move { drop(answers) }));
        }
    }

    /// Waits for what goes on beside, and hands out the journal.
    pub(crate) fn finish(self) -> Journal {
        drop(self.checkpointer);
        self.journal
    }

    /// Decides each commit against what the ones before it leave behind, and stages those that change
    /// something. No answer may be given before the sync: a conflict, too, tells of other commits.
    fn decide(&mut self, group: Vec<Request>) -> Vec<Arc<CommitEvent>> {
        let mut revision = self.journal.durable();
        let mut events = Vec::with_capacity(group.len());
        for Request { commit, answer, room, runtime } in group {
            let decided = commit.decide(revision.next(), |key| match self.group.get(key) {
                Some(item) => Ok(item.clone()),
                None => self.view.find(key),
            });
            let result = decided.map(|event| {
                if let Some(event) = event {
                    revision = event.revision;
                    self.journal.stage(&event);
                    let outcome = |change: &Change| (change.key().clone(), change.current().cloned());
                    self.group.extend(event.changes.iter().map(outcome));
                    events.push(Arc::new(event));
                }
                revision
            });
            self.answers.push((answer, result, room));
            self.runtime = runtime;
        }
        events
    }
}

impl Drop for Answers {
    fn drop(&mut self) {
        for (caller, answer, _room) in self.0.drain(..) {
            // A caller that has gone does not want to know.
            drop(caller.send(answer));
        }
    }
}
