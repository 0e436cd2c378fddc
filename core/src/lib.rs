//! The heart of bireme: the object model, the traits [`Store`](store::Store), `Runtime`, `Scheduler`,
//! `Reconciler` and `Client` with their contracts, and what all components share.
//!
//! No HTTP, no TLS, no database, no container engine, no file and no socket is to be found here.

pub mod cache;
pub mod client;
#[cfg(any(test, doc, feature = "conformance"))]
pub mod conformance;
pub mod election;
pub mod environment;
pub mod error;
pub mod events;
pub mod network;
pub mod node_access;
pub mod object;
pub mod quantity;
pub mod queue;
pub mod reconciler;
pub mod runtime;
pub mod scheduler;
pub mod selector;
pub mod store;

pub use environment::Environment;
