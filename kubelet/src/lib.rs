//! The node agent: it runs the pods that are bound to its node, on any container engine that keeps the
//! [`Runtime`](bireme_core::runtime::Runtime) contract.
//!
//! ```no_run
//! # use std::sync::Arc;
//! # use bireme_core::{Environment, cache::Informers, client::Client, network::SimNetwork, runtime::SimEngine};
//! # use bireme_kubelet::{Host, Kubelet, KubeletConfig, Sources};
//! # use tokio_util::sync::CancellationToken;
//! # async fn example(client: Arc<dyn Client>) -> Result<(), Box<dyn std::error::Error>> {
//! let env = Environment::system();
//! let informers = Informers::new(env.clone(), client.clone());
//! let kubelet = Kubelet::new(
//!     KubeletConfig::new("node-1", Host::simulated(8, 32 << 30)),
//!     env.clone(),
//!     client,
//!     Sources::shared(&informers),
//!     Arc::new(SimEngine::new(env).runtime("node-1")),
//!     Arc::new(SimNetwork::new("10.244.1.0/24".parse()?)),
//! );
//! let access = kubelet.node_access();
//! kubelet.run(CancellationToken::new()).await?;
//! # drop(access); Ok(()) }
//! ```
//!
//! Each pod has a worker of its own, and nothing else touches the pod's containers. What a worker does next is
//! decided by a pure state machine (`pod`), from what the API wants, what the engine holds, and the time. The
//! worker carries the decision out (`worker`) and looks again when something has happened: an idle pod costs
//! nothing. All state that matters is in the engine and in the API, so that a kubelet may be killed at any moment.

mod access;
mod agent;
mod config;
mod engine;
mod environment;
pub mod host;
mod kubelet;
mod node;
mod objects;
mod pod;
mod source;
mod volumes;
mod worker;

pub use config::{KubeletConfig, Timings};
pub use host::Host;
pub use kubelet::{Kubelet, KubeletError};
pub use node::{Threshold, ThresholdError, Thresholds};
pub use pod::backoff::BackOff;
pub use source::{Configs, Notice, PodRouter, SharedConfigs, Sources, WatchedConfigs};
