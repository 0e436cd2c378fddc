//! Connections from this machine.

use std::io;

use async_trait::async_trait;
use bireme_core::node_access::ByteStream;
use tokio::net::TcpStream;

use super::Dialer;

/// Connections through the machine's own network, from which every pod can be reached.
#[derive(Clone, Copy, Debug, Default)]
pub struct MachineNetwork;

#[async_trait]
impl Dialer for MachineNetwork {
    async fn connect(&self, host: &str, port: u16) -> io::Result<Box<dyn ByteStream>> {
        Ok(Box::new(TcpStream::connect((host, port)).await?))
    }
}
