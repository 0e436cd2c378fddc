//! `bireme`: a Kubernetes-compatible cluster in one program.

mod agent;
mod arguments;
mod banner;
mod cluster;
mod data;
mod duty;
mod engine;
mod logging;
mod machine;
mod scheduler;
mod server;
mod signals;
mod storage;
mod store;

use std::process::ExitCode;

use clap::Parser as _;

use arguments::{Arguments, Command};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    logging::start(arguments.log.as_ref());
    match run(arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The whole chain in one line: what was done, and what it met with.
            eprintln!("bireme: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match command {
            Command::Cluster(options) => cluster::run(options).await,
            Command::Server(options) => server::run(options).await,
            Command::Agent(options) => agent::run(options).await,
            Command::NodeKubeconfig(options) => server::node_kubeconfig(&options),
            Command::Scheduler(command) => scheduler::run(command).await,
            Command::Store(command) => store::run(command),
        }
    })
}
