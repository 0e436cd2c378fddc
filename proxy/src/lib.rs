//! The service data plane of a machine and cluster DNS.
//!
//! [`Proxy`] follows Services and EndpointSlices and keeps one nftables table: a map from (address, protocol, port)
//! to a chain per service port, which sends each new connection to one of its endpoints. A change of one service
//! is one transaction about that service; a restart adopts the table that it finds; nothing but the table is ever
//! touched. There is one proxy for a machine, however many nodes the machine has.

#![forbid(unsafe_code)]

mod conntrack;
pub mod dns;
mod netlink;
pub mod nft;
pub mod proxy;
pub mod rules;
pub mod service;
pub mod table;

pub use proxy::{Proxy, ProxyConfig, ProxyError};
