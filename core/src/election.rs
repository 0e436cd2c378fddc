//! Leader election: of several programs that could act, one does.
//!
//! The leader holds a Lease and renews it; the others wait until it is given up, or has not been renewed for as long as
//! it lasts. The rules are those of client-go's `leaderelection`, so that candidates of both may compete for one Lease.
//!
//! Candidates' clocks need not agree: each measures with its own how long the Lease has not changed. What a leader
//! still has under way when it loses the lead is not held back by this: writes carry preconditions for that.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use tracing::{info, warn};

use crate::Environment;
use crate::client::{Client, ClientExt, Part, WriteOptions};
use crate::environment::Instant;
use crate::error::ApiError;
use crate::object::ObjectKey;

/// What is competed for, and how patiently. The durations of [`new`](Self::new) are upstream's.
#[derive(Clone, Debug)]
pub struct ElectionConfig {
    /// The Lease.
    pub lease: ObjectKey,
    /// The candidate's name, which no other candidate has, and no earlier one had that may still act.
    pub identity: String,
    /// How long a Lease that is not renewed keeps others from the lead. Whole seconds.
    pub duration: Duration,
    /// How long a leader that cannot renew its Lease goes on trying before it counts itself out. Must be shorter than
    /// `duration` by more than its work takes to stop.
    pub renew_deadline: Duration,
    /// The time between two attempts.
    pub retry_period: Duration,
}

impl ElectionConfig {
    /// The Lease of that name in `kube-system`: it lasts for 15 seconds, a leader gives up after 10, and an attempt is
    /// made every 2.
    pub fn new(lease: &str, identity: impl Into<String>) -> Self {
        Self {
            lease: ObjectKey::namespaced("kube-system", lease),
            identity: identity.into(),
            duration: Duration::from_secs(15),
            renew_deadline: Duration::from_secs(10),
            retry_period: Duration::from_secs(2),
        }
    }
}

/// One who could lead.
pub struct Candidate {
    env: Environment,
    client: Arc<dyn Client>,
    config: ElectionConfig,
    seen: Option<Seen>,
    /// When the last attempt began that was won.
    renewed: Instant,
}

/// The Lease as it was last seen.
struct Seen {
    lease: Arc<Lease>,
    /// Since when it has been like this: the earliest that this candidate can be sure of.
    since: Instant,
}

/// How an attempt to get or keep the lead ended.
#[derive(Debug, PartialEq, Eq)]
enum Attempt {
    /// The Lease is this candidate's, from just before the attempt on.
    Won,
    /// Another one holds it.
    Held,
    /// Another one was faster, or it cannot be told.
    Open,
}

impl Candidate {
    /// One who competes with `config` through `client`.
    pub fn new(env: Environment, client: Arc<dyn Client>, config: ElectionConfig) -> Self {
        Self { renewed: env.instant(), env, client, config, seen: None }
    }

    /// The candidate's name.
    pub fn identity(&self) -> &str {
        &self.config.identity
    }

    /// Waits until this candidate leads; from then on it must [`keep`](Self::keep) the lead. Cancel-safe, but for a
    /// Lease that may have been got: [`resign`](Self::resign) gives that up.
    pub async fn elected(&mut self) {
        let mut waiting_for = None;
        while self.attempt_in_time(self.config.renew_deadline).await != Attempt::Won {
            let holder = self.holder().map(str::to_owned);
            if holder.is_some() && holder != waiting_for {
                info!(lease = %self.config.lease, identity = %self.config.identity, holder, "another one leads");
                waiting_for = holder;
            }
            // Candidates that failed together do not try again together.
            let jitter = self.config.retry_period.as_millis() as usize / 5 + 1;
            let jitter = Duration::from_millis(self.env.random_below(jitter) as u64);
            self.env.sleep(self.config.retry_period + jitter).await;
        }
        info!(lease = %self.config.lease, identity = %self.config.identity, "elected");
    }

    /// Keeps the lead, and returns when it is lost. Whatever the leader does must then stop within what is left of the
    /// Lease: its duration less the renew deadline, at least.
    pub async fn keep(&mut self) {
        loop {
            self.env.sleep(self.config.retry_period.min(self.left())).await;
            match self.attempt_in_time(self.left()).await {
                Attempt::Won => {}
                Attempt::Open if !self.left().is_zero() => {}
                Attempt::Open | Attempt::Held => break,
            }
        }
        warn!(lease = %self.config.lease, identity = %self.config.identity, "the lead is lost");
    }

    /// Gives the lead up, so that another candidate has it with its next attempt. To be called when everything that the
    /// leader does has stopped.
    ///
    /// # Errors
    ///
    /// Of the API. The Lease then runs out by itself.
    pub async fn resign(&mut self) -> Result<(), ApiError> {
        let Some(seen) = self.seen.take().filter(|seen| self.is_own(&seen.lease)) else { return Ok(()) };
        let mut lease = Lease::clone(&seen.lease);
        let spec = lease.spec.get_or_insert_default();
        // As upstream: a Lease that nobody holds lasts for a second.
        (spec.holder_identity, spec.lease_duration_seconds) = (Some(String::new()), Some(1));
        spec.renew_time = Some(MicroTime(self.env.now()));
        match self.client.update_typed(lease, Part::Main, &self.options()).await {
            // It was another one's already.
            Err(error) if error.is_conflict() || error.is_not_found() => Ok(()),
            resigned => resigned.map(drop),
        }
    }

    /// The time in which the Lease must be renewed again.
    fn left(&self) -> Duration {
        self.config.renew_deadline.saturating_sub(self.env.instant().since(self.renewed))
    }

    /// An attempt that has failed when it takes longer than `limit`.
    async fn attempt_in_time(&mut self, limit: Duration) -> Attempt {
        let (env, lease) = (self.env.clone(), self.config.lease.clone());
        let begin = env.instant();
        match env.timeout(limit, self.attempt()).await {
            Ok(Ok(attempt)) => {
                if attempt == Attempt::Won {
                    self.renewed = begin;
                }
                return attempt;
            }
            Ok(Err(error)) => warn!(%lease, %error, "the lease cannot be got"),
            Err(elapsed) => warn!(%lease, error = %elapsed, "the lease cannot be got"),
        }
        Attempt::Open
    }

    async fn attempt(&mut self) -> Result<Attempt, ApiError> {
        let written = match self.client.fetch::<Lease>(&self.config.lease).await {
            Ok(lease) => {
                self.see(lease.clone());
                if !self.may_take(&lease) {
                    return Ok(Attempt::Held);
                }
                self.client.update_typed(self.own(&lease), Part::Main, &self.options()).await
            }
            Err(error) if error.is_not_found() => {
                self.client.create_typed(self.own(&Lease::default()), &self.options()).await
            }
            Err(error) => return Err(error),
        };
        match written {
            Ok(lease) => {
                self.see(lease);
                Ok(Attempt::Won)
            }
            Err(error) if error.is_conflict() || error.is_already_exists() => Ok(Attempt::Open),
            Err(error) => Err(error),
        }
    }

    /// Takes note of the Lease, and of the time if it has changed.
    fn see(&mut self, lease: Arc<Lease>) {
        if self.seen.as_ref().is_none_or(|seen| seen.lease.spec != lease.spec) {
            self.seen = Some(Seen { lease, since: self.env.instant() });
        } else if let Some(seen) = &mut self.seen {
            seen.lease = lease;
        }
    }

    /// Whether the Lease is this candidate's, nobody's, or has not been renewed for as long as it lasts.
    fn may_take(&self, lease: &Lease) -> bool {
        let lasts = lease.spec.as_ref().and_then(|spec| spec.lease_duration_seconds);
        let lasts = lasts.and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs);
        let unchanged =
            self.seen.as_ref().map_or(Duration::ZERO, |seen| self.env.instant().since(seen.since));
        holder(lease).is_none() || self.is_own(lease) || unchanged >= lasts.unwrap_or(self.config.duration)
    }

    /// `lease`, held by this candidate from now on.
    fn own(&self, lease: &Lease) -> Lease {
        let now = self.env.now();
        let was = lease.spec.clone().unwrap_or_default();
        let (acquired, transitions) = if self.is_own(lease) {
            (was.acquire_time.unwrap_or(MicroTime(now)), was.lease_transitions)
        } else {
            // The first leader of all takes it from nobody.
            let taken = i32::from(lease.spec.is_some());
            (MicroTime(now), Some(was.lease_transitions.unwrap_or(0).saturating_add(taken)))
        };
        let spec = LeaseSpec {
            holder_identity: Some(self.config.identity.clone()),
            lease_duration_seconds: Some(i32::try_from(self.config.duration.as_secs()).unwrap_or(i32::MAX)),
            acquire_time: Some(acquired),
            renew_time: Some(MicroTime(now)),
            lease_transitions: transitions,
            ..was
        };
        let metadata = ObjectMeta {
            name: Some(self.config.lease.name().to_owned()),
            namespace: self.config.lease.namespace().map(str::to_owned),
            ..lease.metadata.clone()
        };
        Lease { metadata, spec: Some(spec) }
    }

    fn is_own(&self, lease: &Lease) -> bool {
        holder(lease) == Some(&self.config.identity)
    }

    /// Who was last seen to lead.
    fn holder(&self) -> Option<&str> {
        self.seen.as_ref().and_then(|seen| holder(&seen.lease))
    }

    fn options(&self) -> WriteOptions {
        WriteOptions::manager("leader-election")
    }
}

/// Who holds a Lease, if anybody does.
fn holder(lease: &Lease) -> Option<&str> {
    let holder = lease.spec.as_ref()?.holder_identity.as_deref()?;
    Some(holder).filter(|holder| !holder.is_empty())
}
