//! `bireme agent`: a node that joins a server.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use anyhow::Context as _;
use bireme::apiserver::pki::NodeCredential;
use bireme::client::RemoteClient;
use bireme::core::cache::Informers;
use bireme::kubelet::{KubeletConfig, Sources};
use bireme::{Client, Environment, Node};
use tokio::net::TcpListener;

use crate::arguments::{AgentOptions, Runtime};
use crate::data::Data;
use crate::duty;
use crate::machine::Machine;
use crate::signals;

pub(crate) async fn run(options: AgentOptions) -> anyhow::Result<()> {
    let env = Environment::system();
    let data = Data::open(&options.data)?;
    let client = RemoteClient::from_kubeconfig(&options.kubeconfig, "kubelet").await;
    let client: Arc<dyn Client> =
        Arc::new(client.with_context(|| format!("--kubeconfig {}", options.kubeconfig.display()))?);
    let credential = credential(&options)?;
    let machine = Machine::open(&options.machine, &data, &env).await?;
    let mut spec = machine.node(&options.node, options.index, 1, &data).await?;
    let listener = own_api(&options, &mut spec.config).await?;
    let informers = Informers::new(env.clone(), client.clone());
    let sources = Sources::of_node(env.clone(), client.clone(), &informers, &options.node);
    let pods = spec.network.clone();
    let mut node = Node::start(&env, client, sources, spec);
    node.serve(listener, &credential)?;
    let turn = machine.network().map(|network| {
        let (network, env, informers) = (network.clone(), env.clone(), informers.clone());
        let name = options.machine.name.clone();
        env.clone().spawn(async move { duty::serve_in_turn(&name, &network, &env, &informers).await })
    });
    println!("bireme {}: node {} has joined", env!("CARGO_PKG_VERSION"), options.node);
    signals::ended().await?;
    node.stop().await;
    if let Some(turn) = turn {
        turn.abort();
    }
    informers.stop().await;
    machine.leave(&*pods, &data).await
}

/// By what the server knows this node.
fn credential(options: &AgentOptions) -> anyhow::Result<NodeCredential> {
    let kubeconfig = || format!("--kubeconfig {}", options.kubeconfig.display());
    let text = std::fs::read_to_string(&options.kubeconfig).with_context(kubeconfig)?;
    NodeCredential::from_kubeconfig(&text).with_context(kubeconfig)
}

/// Opens the port of the node's own API, and has the node say where it is.
async fn own_api(options: &AgentOptions, config: &mut KubeletConfig) -> anyhow::Result<TcpListener> {
    // A simulated node has an address that is nobody's.
    let simulated = (options.machine.runtime == Runtime::Sim).then_some(IpAddr::from([127, 0, 0, 1]));
    if let Some(address) = options.node_ip.or(simulated) {
        config.addresses = vec![address];
    }
    let address = *config.addresses.first().context("the node has no address")?;
    let address = SocketAddr::new(address, options.port);
    let listener = TcpListener::bind(address).await;
    let listener = listener.with_context(|| format!("cannot listen on {address} (--node-ip, --port)"))?;
    config.port = Some(listener.local_addr()?.port());
    Ok(listener)
}
