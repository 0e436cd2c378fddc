//! Clients that others have written, against whole clusters of one simulated node: what they trip over is a bug
//! of the server.
#![expect(clippy::unwrap_used, reason = "a helper that panics fails its test")]

mod kube;
mod python;
mod rig;
