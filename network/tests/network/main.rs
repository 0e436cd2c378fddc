//! The pod network in the kernel: each test on a machine of its own, which is a network namespace.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod attachments;
mod machine;
mod traffic;
