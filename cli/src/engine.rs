//! The container engine that runs a node's containers.

use std::sync::Arc;

use anyhow::Context as _;
use bireme::Environment;
use bireme::core::runtime::{Runtime, Scope};
use bireme::runtime_docker::DockerRuntime;

use crate::arguments::{self, MachineOptions};
use crate::data::Data;

/// Whose containers are meant, and where what belongs to them is.
pub(crate) struct Place<'a> {
    pub(crate) options: &'a MachineOptions,
    #[cfg_attr(not(feature = "containerd"), expect(dead_code, reason = "Docker keeps all of it"))]
    pub(crate) data: &'a Data,
    pub(crate) cluster: &'a str,
}

/// A connection to a real engine.
pub(crate) enum Engine {
    Docker(Arc<DockerRuntime>),
    #[cfg(feature = "containerd")]
    Containerd(Arc<bireme::runtime_containerd::ContainerdRuntime>),
}

impl Engine {
    /// Connects to the engine that the options name, for one node.
    pub(crate) async fn connect(place: &Place<'_>, node: &str, env: &Environment) -> anyhow::Result<Engine> {
        let scope = Scope { cluster: place.cluster.to_owned(), node: node.to_owned() };
        match place.options.runtime {
            arguments::Runtime::Docker => {
                let connected =
                    DockerRuntime::connect(&place.options.docker_socket, scope, env.clone()).await;
                Ok(Engine::Docker(Arc::new(connected.context("is Docker running?")?)))
            }
            #[cfg(feature = "containerd")]
            arguments::Runtime::Containerd => {
                let options = bireme::runtime_containerd::Options {
                    socket: place.options.containerd_socket.clone(),
                    root: place.data.containers_folder(),
                };
                let connected =
                    bireme::runtime_containerd::ContainerdRuntime::connect(&options, scope, env.clone())
                        .await;
                Ok(Engine::Containerd(Arc::new(connected.context("is containerd running?")?)))
            }
            #[cfg(not(feature = "containerd"))]
            arguments::Runtime::Containerd => {
                anyhow::bail!(
                    "this bireme was built without containerd; build it with `--features containerd`"
                )
            }
            arguments::Runtime::Sim => anyhow::bail!("simulated nodes have no engine"),
        }
    }

    pub(crate) fn runtime(&self) -> Arc<dyn Runtime> {
        match self {
            Engine::Docker(runtime) => runtime.clone(),
            #[cfg(feature = "containerd")]
            Engine::Containerd(runtime) => runtime.clone(),
        }
    }

    /// Removes every sandbox and container of the cluster.
    pub(crate) async fn remove_cluster(&self) -> anyhow::Result<()> {
        match self {
            Engine::Docker(runtime) => runtime.remove_cluster().await?,
            #[cfg(feature = "containerd")]
            Engine::Containerd(runtime) => runtime.remove_cluster().await?,
        }
        Ok(())
    }
}
