//! The API of a node: logs, exec, attach and port-forward over HTTPS, for nodes of other processes.
//!
//! A [`NodeServer`] serves the paths of upstream's kubelet on the node's address; [`RemoteNodes`] is how the API
//! server finds and speaks to it. Both show certificates of the cluster's authority: the node's is for its name,
//! so that it does not matter at which address it is found; the client must be an administrator, as the API
//! server is, which has checked who asked.

mod log_lines;
mod path;
mod remote;
mod remote_nodes;
mod server;

pub use remote_nodes::RemoteNodes;
pub use server::NodeServer;

/// What a connection is upgraded to that carries the bytes of a port.
const TCP: &str = "tcp";
