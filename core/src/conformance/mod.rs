//! The contracts as tests: public suites that every adapter runs.

pub mod client;
pub mod runtime;
pub mod store;

mod shared;
