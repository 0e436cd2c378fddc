//! A Kubernetes-compatible orchestrator as a library.
//!
//! ```no_run
//! use bireme::{Cluster, ClientExt, ListOptions, NodeSpec};
//! use k8s_openapi::api::core::v1::Pod;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let cluster = Cluster::builder().node(NodeSpec::simulated("node-1")).start().await?;
//! let (pods, _) = cluster.client().fetch_all::<Pod>(&ListOptions::default()).await?;
//! println!("{} pods", pods.len());
//! cluster.stop().await;
//! # Ok(()) }
//! ```
//!
//! A [`Cluster`] is an API server's registry, the controllers, a scheduler and any number of nodes in this
//! process, with no global state: start as many as you like. By default everything is in memory and nothing
//! listens; [`ClusterBuilder`] gives it a store on disk, an address for `kubectl`, and nodes with real
//! containers. Everything is replaceable by the four traits of [`core`]: `Store`, `Runtime`, `Scheduler`,
//! `Reconciler`.
//!
//! | feature | what it brings | default |
//! | --- | --- | --- |
//! | `sled` | [`store_sled`]: a durable store on disk | yes |
//! | `etcd` | `store_etcd`: a store in an etcd cluster, for several API servers; needs `protoc` to build | no |
//! | `docker` | [`runtime_docker`]: containers on Docker Engine | yes |
//! | `containerd` | `runtime_containerd`: containers on containerd; needs `protoc` to build | no |
//! | `network` | [`HostNetwork`]: pods and Services with addresses of their own (Linux, root) | yes |
//! | `kube` | `Cluster::kube_client`: kube-rs in the same process, for tests of operators | no |

mod builder;
mod cluster;
mod control;
mod error;
#[cfg(feature = "network")]
mod host;
#[cfg(feature = "kube")]
mod kube;
mod node;
mod tasks;

pub use bireme_apiserver as apiserver;
pub use bireme_client as client;
pub use bireme_controllers as controllers;
pub use bireme_core as core;
pub use bireme_kubelet as kubelet;
#[cfg(feature = "network")]
pub use bireme_network as network;
#[cfg(feature = "network")]
pub use bireme_proxy as proxy;
pub use bireme_registry as registry;
#[cfg(feature = "containerd")]
pub use bireme_runtime_containerd as runtime_containerd;
#[cfg(feature = "docker")]
pub use bireme_runtime_docker as runtime_docker;
pub use bireme_scheduler as scheduler;
#[cfg(feature = "etcd")]
pub use bireme_store_etcd as store_etcd;
#[cfg(feature = "sled")]
pub use bireme_store_sled as store_sled;

pub use bireme_core::Environment;
pub use bireme_core::client::{Client, ClientExt, DeleteOptions, ListOptions, WatchOptions, WriteOptions};
pub use bireme_core::object::{Kind, Object, ObjectKey};
pub use builder::{ApiAddress, ClusterBuilder};
pub use cluster::Cluster;
pub use error::StartError;
#[cfg(feature = "network")]
pub use host::{HostNetwork, HostNetworkConfig, HostServices, NodePlace};
pub use node::{Node, NodeSpec};
