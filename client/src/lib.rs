//! The [`Client`](bireme_core::client::Client) contract over HTTPS.
//!
//! Whatever is written against `Client` (a scheduler, a controller, the kubelet) works through it on another
//! machine, or on somebody else's Kubernetes. The transport is kube-client's: kubeconfig, TLS, HTTP/2.

mod decode;
mod path;
mod query;
mod remote;
mod watch;

pub use remote::{ConnectError, RemoteClient};
