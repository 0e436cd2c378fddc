//! The kubelet over a registry, on a simulated engine.

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;
mod lifecycle;
mod node;
mod probes;
mod restarts;
mod scale;
