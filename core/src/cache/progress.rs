//! How far a cache has come.

use tokio::sync::watch;

use crate::store::Revision;

/// The informer was stopped, so that what is waited for will not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the informer has stopped")]
pub struct Stopped;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct State {
    synced: bool,
    stopped: bool,
    revision: Revision,
}

/// The revision that a cache and its handlers have reached, to be waited for.
pub(super) struct Progress(watch::Sender<State>);

impl Progress {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(State::default()))
    }

    pub(super) fn reach(&self, revision: Revision) {
        self.0.send_if_modified(|state| {
            let ahead = revision > state.revision;
            state.revision = state.revision.max(revision);
            ahead
        });
    }

    /// The first full state is there.
    pub(super) fn sync(&self, revision: Revision) {
        self.0.send_modify(|state| {
            state.synced = true;
            state.revision = state.revision.max(revision);
        });
    }

    pub(super) fn stop(&self) {
        self.0.send_modify(|state| state.stopped = true);
    }

    pub(super) fn revision(&self) -> Revision {
        self.0.borrow().revision
    }

    pub(super) fn is_synced(&self) -> bool {
        self.0.borrow().synced
    }

    pub(super) async fn synced(&self) -> Result<(), Stopped> {
        self.until(|state| state.synced).await
    }

    pub(super) async fn wait_for(&self, revision: Revision) -> Result<(), Stopped> {
        self.until(|state| state.synced && state.revision >= revision).await
    }

    pub(super) async fn until(&self, holds: impl Fn(&State) -> bool) -> Result<(), Stopped> {
        let mut receiver = self.0.subscribe();
        let state = receiver.wait_for(|state| holds(state) || state.stopped).await.map_err(|_| Stopped)?;
        if holds(&state) { Ok(()) } else { Err(Stopped) }
    }
}
