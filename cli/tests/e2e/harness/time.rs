//! Waiting in real time, always with a limit: the only place of these tests that reads the clock.

use std::thread;
use std::time::{Duration, Instant};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// The present moment, of a clock that never goes back.
#[expect(clippy::disallowed_methods, reason = "the processes under test live in real time")]
pub fn now() -> Instant {
    Instant::now()
}

/// Looks again and again until `look` finds something. A test fails when that takes longer than `limit`,
/// saying what it has waited for.
pub fn eventually<T>(limit: Duration, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    within(limit, &mut look).unwrap_or_else(|| panic!("not within {limit:?}: {what}"))
}

/// Looks again and again until `look` finds something; `None` when that takes longer than `limit`.
pub fn within<T>(limit: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let start = now();
    loop {
        if let Some(found) = look() {
            return Some(found);
        }
        if start.elapsed() > limit {
            return None;
        }
        thread::sleep(PAUSE);
    }
}
