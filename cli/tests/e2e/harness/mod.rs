//! What all end-to-end tests share: a machine to run on, a cluster that runs on it, and kubectl to drive it.

mod cluster;
mod docker;
#[cfg(feature = "etcd")]
mod etcd;
mod guardian;
mod https;
mod kubectl;
mod machine;
mod process;
mod ranges;
mod time;

pub use cluster::{Cluster, Namespace, namespace};
pub use docker::Container;
#[cfg(feature = "etcd")]
pub use etcd::Etcd;
pub use https::Credential;
pub use kubectl::{Kubectl, Streaming};
#[cfg(feature = "containerd")]
pub use machine::containerd;
pub use machine::{Machine, for_containers, for_simulation, has};
pub use process::{Bireme, refused};
pub use ranges::Ranges;
pub use time::{eventually, now};
