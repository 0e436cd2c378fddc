//! The REST API as clients meet it, in process and over TLS, on a store in memory.

#![expect(clippy::unwrap_used, reason = "a helper that panics fails its test")]

mod apply;
mod attach;
mod authentication;
mod discovery;
mod echo;
mod errors;
mod forms;
mod in_process;
mod limits;
mod node;
mod port_forward;
mod remote;
mod rig;
mod spdy;
mod tls;
mod verbs;
mod watch;
