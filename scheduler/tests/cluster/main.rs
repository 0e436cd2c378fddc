//! The loop over a real registry, in simulated time.

#![allow(clippy::unwrap_used, reason = "tests")]

mod binding;
mod chaos;
mod preemption;
mod rig;
