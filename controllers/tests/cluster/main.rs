//! The controllers over a registry, in simulated time.

#![allow(clippy::unwrap_used, reason = "tests")]

mod kinds;
mod rollouts;
mod upkeep;
mod world;
