//! `bireme cluster`: everything in one process.

use std::net::SocketAddr;

use anyhow::Context as _;
use bireme::Environment;

use crate::arguments::{ClusterOptions, Runtime};
use crate::data::Data;
use crate::machine::Machine;
use crate::{banner, server, signals};

pub(crate) async fn run(mut options: ClusterOptions) -> anyhow::Result<()> {
    let env = Environment::system();
    let data = Data::open(&options.server.data)?;
    // First, since it tells whether somebody else has this cluster.
    let store = data.store(&env).await?;
    let machine = Machine::open(&options.machine, &data, &env).await?;
    let mut nodes = Vec::new();
    for index in 0..options.nodes {
        let name = format!("node-{}", index + 1);
        nodes.push(machine.node(&name, index, options.nodes, &data).await?);
    }
    advertise(&mut options, nodes.first().and_then(|node| node.config.addresses.first().copied()));
    let mut builder = server::builder(&options.server, &data, &env)?
        .store(store.clone())
        .service_range(options.machine.service_range);
    if let Some(network) = machine.network() {
        builder = builder.host_network(network.clone());
    }
    builder = nodes.into_iter().fold(builder, |builder, node| builder.node(node));
    let cluster = builder.start().await?;
    server::started(&cluster, &data)?;
    let what = match options.machine.runtime {
        Runtime::Docker => "nodes on Docker",
        Runtime::Sim => "simulated nodes",
    };
    banner::print(&cluster, &format!("{} {what}", options.nodes), &data.folder)?;
    signals::ended().await?;
    cluster.stop().await;
    store.close().await.context("closing the store")?;
    machine.clean_up().await
}

/// Lets pods reach the API, at the address of the machine's first node, unless they are told another one.
fn advertise(options: &mut ClusterOptions, first_node: Option<std::net::IpAddr>) {
    let server = &mut options.server;
    let port = server.listen.first().map(SocketAddr::port).filter(|port| *port != 0);
    let (Runtime::Docker, None, Some(address), Some(port)) =
        (options.machine.runtime, server.advertise, first_node, port)
    else {
        return;
    };
    let address = SocketAddr::new(address, port);
    server.advertise = Some(address);
    if server.listen.iter().all(|listening| listening.ip().is_loopback()) {
        server.listen.push(address);
    }
}
