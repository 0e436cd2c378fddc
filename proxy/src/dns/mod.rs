//! Cluster DNS: the names of services, answered from caches; all others, asked of the machine's own resolvers.

mod forward;
mod message;
mod server;
mod zone;

pub use forward::upstreams_of;
pub use server::{Dns, DnsConfig, DnsError};
pub use zone::{Answer, Entry, Target, Zone};
