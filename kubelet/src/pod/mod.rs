//! A pod's life as a pure state machine.
//!
//! [`plan`](plan::plan) looks at what the API wants, what the engine holds and what the worker remembers, and
//! says what to do next, when to look again and what to report. It holds no clock and does nothing itself, so
//! that every state can be tested without an executor; the [`worker`](crate::worker) carries it out.

pub(crate) mod action;
pub(crate) mod admission;
pub(crate) mod backoff;
mod bring_up;
pub(crate) mod declared;
pub(crate) mod memory;
pub(crate) mod observed;
pub(crate) mod plan;
pub(crate) mod probe;
mod probing;
pub(crate) mod qos;
mod status;
mod teardown;
#[cfg(test)]
mod tests;
