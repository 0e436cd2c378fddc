//! Requests to whichever member answers.

use std::time::Duration;

use bireme_core::Environment;
use bireme_core::environment::Elapsed;
use etcd_client::{Channel, Client, ConnectOptions, KvClient, LeaseClient, WatchClient};

use crate::Error;
use crate::endpoint::endpoints;
use crate::failure::Failure;
use crate::options::Options;

/// The pauses between attempts grow from the one to the other.
const PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(250));

/// Connections to the members of a cluster. Cheap to clone; clones share them.
#[derive(Clone)]
pub(crate) struct Connection {
    client: Client,
    pub(crate) env: Environment,
    /// How long a request may take.
    pub(crate) patience: Duration,
}

impl Connection {
    /// Prepares connections, and logs in if the options name a user.
    pub(crate) async fn open(options: &Options, env: &Environment) -> Result<Self, Error> {
        let channel = tonic::transport::Channel::balance_list(endpoints(options)?.into_iter());
        // A member that has lost the others says so, instead of answering with what it had then.
        let mut connect = ConnectOptions::new().with_require_leader(true);
        if let Some(user) = &options.user {
            connect = connect.with_user(&user.name, &user.password).with_auto_token_refresh(true);
        }
        let log_in = || Client::from_channel(Channel::Tonic(channel.clone()), Some(connect.clone()));
        let client = persist(env, options.request_timeout, log_in, |failure| !failure.is_refusal());
        let client = client.await.map_err(|failure| Error::Unreachable(failure.of("logging in")))?;
        Ok(Self { client, env: env.clone(), patience: options.request_timeout })
    }

    pub(crate) fn keys(&self) -> KvClient {
        // What is received is bounded by what was asked for, not here.
        self.client.kv_client().max_decoding_message_size(usize::MAX)
    }

    pub(crate) fn watches(&self) -> WatchClient {
        // The server sends fragments.
        self.client.watch_client().max_decoding_message_size(usize::MAX)
    }

    pub(crate) fn leases(&self) -> LeaseClient {
        self.client.lease_client()
    }

    /// Logs in anew.
    pub(crate) async fn refresh(&self) -> Result<(), Failure> {
        self.repeat(|| self.client.refresh_token()).await
    }

    /// A request that may be made twice: it is, until a member answers.
    pub(crate) async fn repeat<T, F>(&self, request: impl Fn() -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, etcd_client::Error>>,
    {
        persist(&self.env, self.patience, request, |failure| !failure.is_refusal()).await
    }

    /// A request that must not be made twice: it is made again only if it was never sent.
    pub(crate) async fn once<T, F>(&self, request: impl Fn() -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, etcd_client::Error>>,
    {
        persist(&self.env, self.patience, request, Failure::is_unsent).await
    }
}

/// Makes the request for at most `limit`, with pauses, as long as `again` says so of its failures.
async fn persist<T, F>(
    env: &Environment,
    limit: Duration,
    request: impl Fn() -> F,
    again: impl Fn(&Failure) -> bool,
) -> Result<T, Failure>
where
    F: Future<Output = Result<T, etcd_client::Error>>,
{
    let deadline = env.instant() + limit;
    let mut pauses = Pauses::default();
    loop {
        let left = deadline.since(env.instant());
        let failure = match env.timeout(left, request()).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => Failure::from(error),
            Err(_) => return Err(Elapsed(limit).into()),
        };
        let pause = pauses.next(env);
        if !again(&failure) || env.instant() + pause >= deadline {
            return Err(failure);
        }
        env.sleep(pause).await;
    }
}

/// Ever longer pauses, each of a random length, so that many who wait do not come back at once.
pub(crate) struct Pauses(Duration);

impl Default for Pauses {
    fn default() -> Self {
        Self(PAUSES.0)
    }
}

impl Pauses {
    pub(crate) fn next(&mut self, env: &Environment) -> Duration {
        let most = self.0;
        self.0 = (most * 2).min(PAUSES.1);
        most.mul_f64(0.5 + env.random_below(512) as f64 / 1024.0)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use tonic::{ConnectError, Status};

    const LIMIT: Duration = Duration::from_secs(5);

    fn unreachable() -> etcd_client::Error {
        let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        Status::from_error(ConnectError(refused.into()).into()).into()
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_never_sent_is_sent_again() {
        let env = Environment::simulated(1);
        let attempts = Cell::new(0);
        let third = || {
            attempts.set(attempts.get() + 1);
            let answer = if attempts.get() < 3 { Err(unreachable()) } else { Ok(attempts.get()) };
            async move { answer }
        };
        assert_eq!(persist(&env, LIMIT, third, Failure::is_unsent).await.expect("the third is answered"), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_have_arrived_is_not_sent_again() {
        let env = Environment::simulated(1);
        let attempts = Cell::new(0);
        let lost = || {
            attempts.set(attempts.get() + 1);
            async { Err::<(), _>(Status::unavailable("the connection broke").into()) }
        };
        let failure = persist(&env, LIMIT, lost, Failure::is_unsent).await.expect_err("it was not answered");
        assert!(failure.of_commit().is_unknown());
        assert_eq!(attempts.get(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_tried_for_longer_than_its_limit() {
        let env = Environment::simulated(1);
        let begin = env.instant();
        let never = || async { Err::<(), _>(unreachable()) };
        let failure = persist(&env, LIMIT, never, |_| true).await.expect_err("it was not answered");
        assert!(!failure.of_commit().is_unknown(), "it was never sent");
        let silent = || std::future::pending::<Result<(), _>>();
        let failure = persist(&env, LIMIT, silent, |_| true).await.expect_err("it was not answered");
        assert!(failure.of_commit().is_unknown());
        assert!(env.instant().since(begin) <= LIMIT * 2);
    }
}
