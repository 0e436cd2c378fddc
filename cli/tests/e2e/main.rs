//! The `bireme` program end to end: an unmodified kubectl, real containers, real kills.
//!
//! Most tests share one cluster of three nodes, in a namespace each, one test at a time. `cargo xtask test`
//! makes the images and names them and kubectl in the environment (`BIREME_TEST_IMAGES`,
//! `BIREME_TEST_KUBECTL`); on a machine without what a test needs, it says what is missing and passes.

mod agents;
mod attaching;
#[cfg(feature = "containerd")]
mod containerd;
mod containers;
mod harness;
mod killed;
mod load;
mod manifests;
mod nodes;
mod objects;
mod probes;
mod reading;
mod refusals;
mod restart;
mod rolling;
mod rollouts;
mod scheduling;
#[cfg(feature = "etcd")]
mod servers;
mod shop;
mod startup;
mod watch;
