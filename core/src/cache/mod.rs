//! What everything above the API knows of the cluster: caches that follow it by watch.
//!
//! An [`Informer`] lists one kind once and then follows it; its [`Cache`] is read without any request, and its
//! subscribers hear of every change. [`Informers`] is the set that a process shares: however many controllers
//! ask for pods, pods are watched once, and every reader holds the same `Arc` of a revision.
//!
//! ```no_run
//! # use std::sync::Arc;
//! # use bireme_core::{Environment, cache::{Informers, PODS_BY_NODE}, client::Client};
//! # use k8s_openapi::api::core::v1::Pod;
//! # async fn example(client: Arc<dyn Client>) -> Result<(), Box<dyn std::error::Error>> {
//! let informers = Informers::new(Environment::system(), client);
//! let pods = informers.of::<Pod>();
//! pods.cache().add_index(PODS_BY_NODE);
//! pods.synced().await?;
//! for pod in pods.cache().indexed(PODS_BY_NODE, "node-1") {
//!     println!("{}", pod.key());
//! }
//! # Ok(()) }
//! ```
//!
//! Nothing here drops a change and nothing grows without bound: a callback hears every delta in order and must
//! be quick; a stream of [`Deltas`] merges what its reader has not taken yet, object by object; a controller's
//! handler puts keys into a [`WorkQueue`](crate::queue::WorkQueue), which holds each key once.

mod contents;
mod delta;
mod deltas;
mod index;
mod informer;
mod informers;
mod progress;
mod reflector;

pub use contents::Cache;
pub use delta::{Delta, DeltaHandler};
pub use deltas::Deltas;
pub use index::{Index, PODS_BY_NODE};
pub use informer::{Informer, Subscription};
pub use informers::{Informers, Selection};
pub use progress::Stopped;

#[cfg(test)]
mod tests;
