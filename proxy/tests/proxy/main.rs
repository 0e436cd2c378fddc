//! The proxy and cluster DNS over a real API, with real packets: each test of the data plane on a machine of its own,
//! which is a network namespace.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod cluster;
mod dns;
mod following;
mod machine;
mod nft;
