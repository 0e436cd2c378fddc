//! A watch that outlives its connections.

use std::time::Duration;

use bireme_core::environment::Instant;
use bireme_core::store::{Key, Revision, StoreError, WatchEvent, WatchStream};
use etcd_client::WatchOptions;
use etcd_client::proto::PbWatchResponse;
use futures::stream;

use crate::assembly::Assembly;
use crate::connection::{Connection, Pauses};
use crate::failure::Failure;
use crate::keys::{EVERY_KEY, Keyspace, number, revision};
use crate::position::Position;

/// Where a watch is, and the stream of etcd's that it now takes its events from.
///
/// It does nothing while nobody waits for its next event: etcd keeps the place of whoever does not read, and what is
/// on the way to them is bounded by their stream's window.
pub(crate) struct Watch {
    connection: Connection,
    keys: Keyspace,
    prefix: Key,
    silence: Duration,
    position: Position,
    stream: Option<Stream>,
    pauses: Pauses,
    /// Since when no stream has served the watch.
    failing: Option<Instant>,
    has_logged_in_anew: bool,
    has_ended: bool,
}

impl Watch {
    /// A watch from `after` on of a store that is at `current`. It waits `silence` for a sign of life.
    pub(crate) fn new(
        connection: Connection,
        silence: Duration,
        keys: Keyspace,
        prefix: Key,
        after: Revision,
        current: Revision,
    ) -> Self {
        Self {
            connection,
            keys,
            prefix,
            silence,
            position: Position::new(after, current),
            stream: None,
            pauses: Pauses::default(),
            failing: None,
            has_logged_in_anew: false,
            has_ended: false,
        }
    }

    /// The watch as the contract has it.
    pub(crate) fn into_stream(self) -> WatchStream {
        Box::pin(stream::unfold(self, |mut watch| async move { Some((watch.next().await?, watch)) }))
    }

    async fn next(&mut self) -> Option<Result<WatchEvent, StoreError>> {
        loop {
            if let Some(event) = self.position.ready.pop_front() {
                return Some(Ok(event));
            }
            if self.has_ended {
                return None;
            }
            if let Err(broken) = self.advance().await {
                self.stream = None;
                if let Err(error) = self.recover(broken).await {
                    self.has_ended = true;
                    return Some(Err(error));
                }
            }
        }
    }

    /// Takes the next response of etcd's, from a new stream if there is none.
    async fn advance(&mut self) -> Result<(), Broken> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            None => self.stream.insert(self.open().await?),
        };
        let Some(response) = stream.response(&self.connection, self.silence).await? else {
            return Ok(());
        };
        if response.canceled {
            return Err(Broken::canceled(response));
        }
        if response.created {
            return Ok(());
        }
        (self.failing, self.pauses, self.has_logged_in_anew) = (None, Pauses::default(), false);
        // What etcd sends when it was asked for it is of no watch (its number is negative), and may overtake events (before
        // 3.4.31 and 3.5.13). What it sends on its own comes in order.
        if response.events.is_empty() && response.watch_id >= 0 {
            let header = response.header.as_ref();
            self.position.see(header.map_or(Revision::ZERO, |header| revision(header.revision)));
        }
        for commit in stream.assembly.take(response.events, response.fragment) {
            self.position.deliver(commit);
        }
        self.position.tell_progress();
        Ok(())
    }

    /// A stream of all commits from the last one reached on. That one again, since only then does etcd refuse as soon
    /// as the next one may have been compacted; and those to all keys, since only then does every revision show itself.
    async fn open(&self) -> Result<Stream, Broken> {
        let (first, end) = EVERY_KEY;
        let options = WatchOptions::new()
            .with_range(end)
            .with_start_revision(number(self.position.reached()))
            .with_prev_key()
            .with_progress_notify()
            .with_fragment();
        let mut watches = self.connection.watches();
        let opening = watches.watch(first, Some(options));
        let responses = self.connection.env.timeout(self.connection.patience, opening).await;
        let responses = responses.map_err(Failure::from)?.map_err(Failure::from)?;
        let assembly = Assembly::new(self.keys.clone(), self.prefix.clone());
        Ok(Stream { responses, assembly, is_asked: false })
    }

    /// Gets ready for another stream, unless another would not help.
    async fn recover(&mut self, broken: Broken) -> Result<(), StoreError> {
        let failure = match broken {
            Broken::Compacted(compacted) => {
                return Err(StoreError::Compacted { requested: self.position.reached(), compacted });
            }
            Broken::Denied(_) if !self.has_logged_in_anew => {
                // etcd does not tell a token that has expired from a lack of permission.
                self.has_logged_in_anew = true;
                return self.connection.refresh().await.map_err(|failure| failure.of("logging in"));
            }
            Broken::Failed(failure) | Broken::Denied(failure) if failure.is_refusal() => {
                return Err(failure.of("watching"));
            }
            Broken::Failed(failure) | Broken::Denied(failure) => failure,
        };
        let env = &self.connection.env;
        let pause = self.pauses.next(env);
        let failing = *self.failing.get_or_insert(env.instant());
        if env.instant() + pause >= failing + self.connection.patience {
            return Err(failure.of("watching"));
        }
        tracing::debug!(%failure, after = %self.position.reached(), "a watch is opened again");
        env.sleep(pause).await;
        Ok(())
    }
}

/// A watch of etcd's.
struct Stream {
    responses: etcd_client::WatchStream,
    assembly: Assembly,
    /// Whether it owes a sign of life.
    is_asked: bool,
}

impl Stream {
    /// The next response; `None` when it was silent for so long that it has been asked for a sign of life.
    async fn response(
        &mut self,
        connection: &Connection,
        silence: Duration,
    ) -> Result<Option<PbWatchResponse>, Failure> {
        match connection.env.timeout(silence, self.responses.message()).await {
            Ok(response) => {
                self.is_asked = false;
                response?.map(|response| Some(response.0)).ok_or(Failure::Incomplete("the rest of the watch"))
            }
            Err(elapsed) if self.is_asked => Err(elapsed.into()),
            Err(_) => {
                self.is_asked = true;
                self.responses.request_progress().await?;
                Ok(None)
            }
        }
    }
}

/// Why a stream of etcd's ended.
enum Broken {
    /// It failed, which says nothing about another one.
    Failed(Failure),
    /// etcd does not let the user watch.
    Denied(Failure),
    /// What follows has been compacted; history begins here.
    Compacted(Revision),
}

impl From<Failure> for Broken {
    fn from(failure: Failure) -> Self {
        Broken::Failed(failure)
    }
}

impl Broken {
    fn canceled(response: PbWatchResponse) -> Self {
        match response.compact_revision {
            0 => Broken::Denied(Failure::Canceled(response.cancel_reason)),
            compacted => Broken::Compacted(revision(compacted)),
        }
    }
}
