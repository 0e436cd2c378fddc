//! How long to wait after a failure.

use std::time::Duration;

use bireme_core::runtime::Exit;
use jiff::Timestamp;

/// A wait that doubles with each failure in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackOff {
    /// The wait after the first failure.
    pub initial: Duration,
    /// The longest wait.
    pub max: Duration,
}

impl BackOff {
    /// The wait after this many failures in a row, of which there is at least one.
    pub(crate) fn after(&self, failures: u32) -> Duration {
        let factor = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
        self.initial.saturating_mul(factor).min(self.max)
    }
}

/// A step that failed and is to be tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// Why, as Kubernetes names it: `ErrImagePull`, `CreateContainerConfigError`, …
    pub(crate) reason: &'static str,
    /// What went wrong, for people.
    pub(crate) message: String,
    /// How many times in a row.
    pub(crate) count: u32,
    /// When it may be tried again.
    pub(crate) retry_at: Timestamp,
}

impl Failure {
    /// The failure that follows `previous`.
    pub(crate) fn after(
        previous: Option<&Failure>,
        reason: &'static str,
        message: String,
        backoff: &BackOff,
        now: Timestamp,
    ) -> Self {
        let count = previous.map_or(1, |previous| previous.count + 1);
        Self { reason, message, count, retry_at: later(now, backoff.after(count)) }
    }
}

/// How long a container that ends again and again has to wait for its next start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Crash {
    /// The starts in a row that soon ended.
    pub(crate) count: u32,
}

impl Crash {
    /// What is known of a container from its attempt alone, as after a restart of the agent: as if every
    /// start before had soon ended.
    pub(crate) fn of_attempt(attempt: u32) -> Self {
        Self { count: attempt }
    }

    /// When the container may be started again: the first time at once, then after the doubling wait, and as if
    /// for the first time after it ran longer than `reset`.
    pub(crate) fn retry_at(&self, exit: &Exit, backoff: &BackOff, reset: Duration) -> Option<Timestamp> {
        let ran = exit.started_at.map(|start| exit.finished_at.duration_since(start).unsigned_abs());
        if self.count == 0 || ran.is_some_and(|ran| ran > reset) {
            return None;
        }
        Some(later(exit.finished_at, backoff.after(self.count)))
    }

    /// The state after one more start.
    pub(crate) fn restarted(&self, exit: &Exit, reset: Duration) -> Self {
        let ran = exit.started_at.map(|start| exit.finished_at.duration_since(start).unsigned_abs());
        if ran.is_some_and(|ran| ran > reset) { Self { count: 1 } } else { Self { count: self.count + 1 } }
    }
}

/// A point in time after `time`; the end of time if it lies beyond.
pub(crate) fn later(time: Timestamp, wait: Duration) -> Timestamp {
    time.checked_add(wait).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CRASH: BackOff = BackOff { initial: Duration::from_secs(10), max: Duration::from_secs(300) };
    const RESET: Duration = Duration::from_secs(600);

    fn exit(ran: i64) -> Exit {
        let start = Timestamp::from_second(1_000).unwrap();
        let finished_at = Timestamp::from_second(1_000 + ran).unwrap();
        Exit { code: 1, oom_killed: false, started_at: Some(start), finished_at, message: None }
    }

    #[test]
    fn the_wait_doubles_up_to_its_maximum() {
        let waits: Vec<u64> = [1, 2, 3, 5, 6, 40, u32::MAX].map(|n| CRASH.after(n).as_secs()).into();
        assert_eq!(waits, [10, 20, 40, 160, 300, 300, 300]);
    }

    #[test]
    fn the_first_restart_is_immediate_and_later_ones_wait() {
        let mut crash = Crash::of_attempt(0);
        let mut waits = Vec::new();
        for _ in 0..4 {
            let exit = exit(3);
            waits.push(
                crash.retry_at(&exit, &CRASH, RESET).map(|at| at.duration_since(exit.finished_at).as_secs()),
            );
            crash = crash.restarted(&exit, RESET);
        }
        assert_eq!(waits, [None, Some(10), Some(20), Some(40)]);
    }

    #[test]
    fn a_long_run_is_forgiven() {
        let crash = Crash::of_attempt(9);
        assert_eq!(crash.retry_at(&exit(601), &CRASH, RESET), None);
        assert_eq!(crash.restarted(&exit(601), RESET), Crash { count: 1 });
        assert!(crash.retry_at(&exit(599), &CRASH, RESET).is_some());
    }

    #[test]
    fn failures_in_a_row_are_counted() {
        let now = Timestamp::UNIX_EPOCH;
        let first = Failure::after(None, "ErrImagePull", "gone".to_owned(), &CRASH, now);
        let second = Failure::after(Some(&first), "ErrImagePull", "gone".to_owned(), &CRASH, now);
        assert_eq!((first.count, first.retry_at.as_second()), (1, 10));
        assert_eq!((second.count, second.retry_at.as_second()), (2, 20));
    }
}
