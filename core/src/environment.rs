//! Where time, randomness, identifiers and tasks come from.
//!
//! Nothing in bireme reads the clock, draws a random number or starts a task except through an
//! [`Environment`]; `clippy.toml` bans the calls. A whole cluster given [`Environment::simulated`] on a
//! current-thread tokio runtime with paused time therefore runs under virtual time, repeatably from a seed.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::task::JoinHandle;

/// The letters Kubernetes draws generated name suffixes from: no vowels, so no words; no look-alikes.
const SUFFIX_ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// A source of time, randomness and tasks. Cheap to clone; clones share the clock and the random stream.
#[derive(Clone)]
pub struct Environment {
    clock: Clock,
    random: Arc<Mutex<StdRng>>,
}

#[derive(Clone, Copy)]
enum Clock {
    /// The machine's wall clock.
    System,
    /// `epoch` plus what tokio's clock says has passed since `start`; virtual where tokio's time is paused.
    Virtual { epoch: Timestamp, start: tokio::time::Instant },
}

/// A point on the monotonic clock; comparable only with others of the same [`Environment`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(tokio::time::Instant);

impl Instant {
    /// The time from `earlier` to this point; zero when `earlier` is the later one.
    pub fn since(self, earlier: Instant) -> Duration {
        self.0.saturating_duration_since(earlier.0)
    }
}

impl std::ops::Add<Duration> for Instant {
    type Output = Instant;

    fn add(self, rhs: Duration) -> Instant {
        Instant(self.0 + rhs)
    }
}

/// The operation did not end within the time it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not done within {0:?}")]
pub struct Elapsed(pub Duration);

impl Environment {
    /// The machine's clock and operating-system randomness.
    #[allow(clippy::disallowed_methods, reason = "this is where the rest of bireme gets its randomness from")]
    pub fn system() -> Self {
        Self { clock: Clock::System, random: Arc::new(Mutex::new(rand::make_rng())) }
    }

    /// A clock that starts at 2026-01-01T00:00:00Z and follows tokio's (pausable) time, and randomness
    /// that is a function of `seed`. Must be called inside a tokio runtime.
    #[allow(clippy::disallowed_methods, reason = "this is where the rest of bireme gets its time from")]
    pub fn simulated(seed: u64) -> Self {
        let epoch = Timestamp::from_second(1_767_225_600).unwrap_or(Timestamp::UNIX_EPOCH);
        Self {
            clock: Clock::Virtual { epoch, start: tokio::time::Instant::now() },
            random: Arc::new(Mutex::new(StdRng::seed_from_u64(seed))),
        }
    }

    /// The wall-clock time.
    #[allow(clippy::disallowed_methods, reason = "this is where the rest of bireme gets its time from")]
    pub fn now(&self) -> Timestamp {
        match self.clock {
            Clock::System => Timestamp::now(),
            Clock::Virtual { epoch, start } => {
                epoch.checked_add(tokio::time::Instant::now() - start).unwrap_or(Timestamp::MAX)
            }
        }
    }

    /// The monotonic time, for measuring and for deadlines.
    #[allow(clippy::disallowed_methods, reason = "this is where the rest of bireme gets its time from")]
    pub fn instant(&self) -> Instant {
        Instant(tokio::time::Instant::now())
    }

    /// Waits for `duration`. Cancel-safe.
    #[allow(clippy::disallowed_methods, reason = "this is where the rest of bireme gets its time from")]
    pub fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send + use<> {
        tokio::time::sleep(duration)
    }

    /// Waits until `deadline`; returns at once when it has passed. Cancel-safe.
    pub fn sleep_until(&self, deadline: Instant) -> impl Future<Output = ()> + Send + use<> {
        tokio::time::sleep_until(deadline.0)
    }

    /// Runs `work` for at most `limit`, and drops it then.
    #[allow(clippy::disallowed_methods, reason = "this is where the rest of bireme gets its time from")]
    pub async fn timeout<T>(&self, limit: Duration, work: impl Future<Output = T>) -> Result<T, Elapsed> {
        tokio::time::timeout(limit, work).await.map_err(|_| Elapsed(limit))
    }

    /// Starts a task. Whoever needs its end keeps the handle; dropping it detaches the task.
    #[allow(clippy::disallowed_methods, reason = "this is where the rest of bireme starts its tasks from")]
    pub fn spawn<F>(&self, task: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        tokio::spawn(task)
    }

    /// A random (version 4) UUID in its usual form, as Kubernetes uses for `metadata.uid`.
    pub fn uid(&self) -> String {
        let mut b = self.random_bytes::<16>();
        b[6] = (b[6] & 0x0f) | 0x40;
        b[8] = (b[8] & 0x3f) | 0x80;
        let hex = |range: &[u8]| range.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        [hex(&b[0..4]), hex(&b[4..6]), hex(&b[6..8]), hex(&b[8..10]), hex(&b[10..16])].join("-")
    }

    /// `length` random characters of the alphabet that Kubernetes draws generated names from.
    pub fn name_suffix(&self, length: usize) -> String {
        (0..length).map(|_| char::from(SUFFIX_ALPHABET[self.random_below(SUFFIX_ALPHABET.len())])).collect()
    }

    /// A random number below `bound`, which must not be zero.
    pub fn random_below(&self, bound: usize) -> usize {
        // The modulo's bias is below 2^-32 for every bound that names and jitter need.
        (self.locked_random().next_u64() % bound as u64) as usize
    }

    /// Random bytes fit for identifiers and, under [`Environment::system`], for secrets: the generator is
    /// a cryptographic one seeded by the operating system.
    pub fn random_bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.locked_random().fill_bytes(&mut bytes);
        bytes
    }

    fn locked_random(&self) -> std::sync::MutexGuard<'_, StdRng> {
        // The generator has no invariant that a panic could leave broken.
        self.random.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn simulated_time_follows_the_paused_clock() {
        let env = Environment::simulated(1);
        let (wall, begin) = (env.now(), env.instant());
        env.sleep(Duration::from_secs(3600)).await;
        assert_eq!(env.now().duration_since(wall).as_secs(), 3600);
        assert_eq!(env.instant().since(begin), Duration::from_secs(3600));
    }

    #[tokio::test]
    async fn a_seed_repeats_its_identifiers() {
        let draw = |seed| {
            let env = Environment::simulated(seed);
            (env.uid(), env.name_suffix(5))
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[tokio::test]
    async fn uids_are_version_4_uuids() {
        let uid = Environment::simulated(1).uid();
        let parts: Vec<_> = uid.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12]);
        assert_eq!(uid.as_bytes()[14], b'4');
        assert!(b"89ab".contains(&uid.as_bytes()[19]));
    }
}
