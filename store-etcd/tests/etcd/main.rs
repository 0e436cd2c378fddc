//! The adapter on etcd itself: clusters that the tests start, and stop, as processes of this machine.
//!
//! Where there is no etcd, every test says so and ends; `cargo xtask test` provides it.

#![expect(clippy::unwrap_used, reason = "a helper that panics fails its test")]

mod access;
mod cluster;
mod conformance;
mod kills;
mod layout;
mod leases;
mod machine;
mod slow;
mod tasks;
