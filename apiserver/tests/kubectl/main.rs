//! Unmodified `kubectl` against a server on a store in memory.
//!
//! The one that `BIREME_TEST_KUBECTL` names, else the one on the path, and the oldest that is supported, which
//! `BIREME_TEST_OLDEST_KUBECTL` names; where there is none, the tests say so and pass.
#![expect(clippy::unwrap_used, reason = "a helper that panics fails its test")]

mod applying;
mod cluster;
#[path = "../rest/echo.rs"]
mod echo;
mod kinds;
mod manifests;
mod objects;
mod reading;
mod streaming;
mod writing;
