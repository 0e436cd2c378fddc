//! `bireme cluster`: everything in one process.

use std::net::SocketAddr;

use bireme::Environment;

use crate::arguments::{ClusterOptions, Runtime};
use crate::data::Data;
use crate::machine::Machine;
use crate::storage::Storage;
use crate::{banner, server};

pub(crate) async fn run(mut options: ClusterOptions) -> anyhow::Result<()> {
    let env = Environment::system();
    let data = Data::open(&options.server.data)?;
    // First, since it tells whether somebody else has this cluster.
    let storage = Storage::open(&options.server.storage, &data, &env).await?;
    let machine = Machine::open(&options.machine, &data, &env).await?;
    let mut nodes = Vec::new();
    for index in 0..options.nodes {
        let name = format!("node-{}", index + 1);
        nodes.push(machine.node(&name, index, options.nodes, &data).await?);
    }
    advertise(&mut options, nodes.first().and_then(|node| node.config.addresses.first().copied()));
    let builder = server::builder(&options.server, &data, &env)?;
    let mut builder = storage.under(builder).service_range(options.machine.service_range);
    if let Some(network) = machine.network() {
        builder = builder.host_network(network.clone());
    }
    builder = nodes.into_iter().fold(builder, |builder, node| builder.node(node));
    let cluster = builder.start().await?;
    server::started(&cluster, &data)?;
    let what = match options.machine.runtime {
        Runtime::Docker => "nodes on Docker",
        Runtime::Containerd => "nodes on containerd",
        Runtime::Sim => "simulated nodes",
    };
    banner::print(&cluster, &format!("{} {what}", options.nodes), &storage.description(&data))?;
    let ended = server::until_told(&cluster).await;
    cluster.stop().await;
    storage.close().await?;
    // Who has to begin anew finds the containers as they are.
    ended?;
    machine.clean_up(&data).await
}

/// Lets pods reach the API, at the address of the machine's first node, unless they are told another one.
fn advertise(options: &mut ClusterOptions, first_node: Option<std::net::IpAddr>) {
    let server = &mut options.server;
    let port = server.listen.first().map(SocketAddr::port).filter(|port| *port != 0);
    let (None, Some(address), Some(port)) = (server.advertise, first_node, port) else { return };
    if options.machine.runtime == Runtime::Sim {
        return;
    }
    let address = SocketAddr::new(address, port);
    server.advertise = Some(address);
    if server.listen.iter().all(|listening| listening.ip().is_loopback()) {
        server.listen.push(address);
    }
}
