//! Times to live: leases that keys share.

use std::collections::BTreeMap;
use std::time::Duration;

use bireme_core::environment::Instant;
use tokio::sync::Mutex;

use crate::connection::Connection;
use crate::failure::Failure;

/// Keys of one lease at most, since etcd deletes all of them in one commit.
const KEYS: usize = 1000;

/// A key may live longer by this part of its time to live, and by no more than the limit: so long a lease is shared.
const SHARED: (u64, u64) = (20, 60);

/// The leases that more keys can have, by their time to live in seconds.
#[derive(Debug, Default)]
pub(crate) struct Leases(Mutex<BTreeMap<u64, Lease>>);

#[derive(Debug)]
struct Lease {
    id: i64,
    /// Until then, what gets the lease lives as long as it should.
    until: Instant,
    keys: usize,
}

impl Lease {
    fn is_open(&self, now: Instant) -> bool {
        now < self.until && self.keys < KEYS
    }
}

impl Leases {
    /// A lease for one more key, which then lives for `ttl` or somewhat longer.
    pub(crate) async fn lease(&self, ttl: Duration, connection: &Connection) -> Result<i64, Failure> {
        let seconds = ttl.as_secs() + u64::from(ttl.subsec_nanos() > 0);
        // Held while a lease is granted: who comes meanwhile shall share it.
        let mut leases = self.0.lock().await;
        let now = connection.env.instant();
        leases.retain(|_, lease| lease.is_open(now));
        if let Some(lease) = leases.get_mut(&seconds) {
            lease.keys += 1;
            return Ok(lease.id);
        }
        let longer = (seconds / SHARED.0).clamp(1, SHARED.1);
        let granted = i64::try_from(seconds.saturating_add(longer)).unwrap_or(i64::MAX);
        let id = connection.repeat(|| grant(connection, granted)).await?;
        leases.insert(seconds, Lease { id, until: now + Duration::from_secs(longer), keys: 1 });
        Ok(id)
    }

    /// Shares none of the leases any more: etcd does not know one of them.
    pub(crate) async fn forget(&self) {
        self.0.lock().await.clear();
    }
}

async fn grant(connection: &Connection, seconds: i64) -> Result<i64, etcd_client::Error> {
    Ok(connection.leases().grant(seconds, None).await?.id())
}

#[cfg(test)]
mod tests {
    use super::*;
    use bireme_core::Environment;

    #[tokio::test(start_paused = true)]
    async fn a_lease_is_shared_for_a_while_and_by_so_many() {
        let env = Environment::simulated(1);
        let lease = |keys| Lease { id: 1, until: env.instant() + Duration::from_secs(60), keys };
        assert!(lease(1).is_open(env.instant()));
        assert!(!lease(KEYS).is_open(env.instant()));
        assert!(!lease(1).is_open(env.instant() + Duration::from_secs(60)));
    }
}
