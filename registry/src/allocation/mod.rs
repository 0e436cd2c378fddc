//! What Services are given: an address of the cluster's range, and ports of every node.
//!
//! Each address and port that is taken is a key of the store, put in the same commit as the Service under the
//! condition that it is absent, and deleted in the same commit that takes it from the Service. So nothing is
//! ever given twice, whatever the number of registries, and nothing is lost by a crash. What a registry
//! remembers in memory only spares it most collisions.

mod pool;
mod service;

pub(crate) use service::Allocations;
pub use service::ServiceRanges;
