//! What all end-to-end tests share: a machine to run on, a cluster that runs on it, and kubectl to drive it.

mod cluster;
mod docker;
mod guardian;
mod https;
mod kubectl;
mod machine;
mod process;
mod ranges;
mod time;

pub use cluster::{Cluster, Namespace, namespace};
pub use docker::Container;
pub use https::Credential;
pub use kubectl::{Kubectl, Streaming};
pub use machine::{Machine, for_containers, for_simulation, has};
pub use process::{Bireme, refused};
pub use ranges::Ranges;
pub use time::eventually;
