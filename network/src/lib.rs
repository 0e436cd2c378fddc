//! bireme's pod network on Linux: a [`PodNetwork`](bireme_core::network::PodNetwork) of point-to-point
//! links and routes, without a bridge, a daemon or a state file.
//!
//! A pod's network namespace gets one end of a veth pair as `eth0`, with the pod's address as a /32 and a
//! default route to a link-local gateway that stands for the host. The host has a /32 route to the other end. No
//! address is resolved on the link, because both ends know each other's. What belongs to which sandbox is written
//! into the host end's alias, so the kernel itself is the list of attachments, and a namespace that goes away takes
//! its link, address and route with it.
//!
//! [`Machine`] is what the nodes of one machine share: forwarding, translation of what leaves the cluster, the
//! machine's firewall, the nodes' own addresses. [`RoutedNetwork`] is one node's network. Both need
//! `CAP_NET_ADMIN`, and to enter the namespaces `CAP_SYS_ADMIN`; the firewall is set through the programs `nft`
//! and, where it is installed, `iptables`.

#![forbid(unsafe_code)]

mod firewall;
mod host_ports;
mod kernel;
mod machine;
mod namespace;
mod naming;
mod refusal;
mod routed;

pub use machine::{Machine, MachineConfig};
pub use routed::{NodeConfig, RoutedNetwork};
