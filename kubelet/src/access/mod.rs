//! Reaching into the node's pods: logs, exec, attach, port-forward.

use std::sync::Arc;

use async_trait::async_trait;
use bireme_core::error::{ApiError, Reason};
use bireme_core::node_access::{ByteStream, ContainerRef, NodeAccess, PodRef};
use bireme_core::object::Kind;
use bireme_core::runtime::{
    ContainerState, ContainerStatus, ExecSession, ExecSpec, LogOptions, LogStream, Runtime, RuntimeError,
    Stdio,
};
use k8s_openapi::api::core::v1::Pod;

use crate::agent::{KnownPod, PodTable};
use crate::host::Dialer;

/// The node's own way to its pods. What there is to reach is asked of the engine each time.
pub(crate) struct LocalAccess {
    node: String,
    runtime: Arc<dyn Runtime>,
    dialer: Arc<dyn Dialer>,
    table: Arc<PodTable>,
}

impl LocalAccess {
    pub(crate) fn new(
        node: String,
        runtime: Arc<dyn Runtime>,
        dialer: Arc<dyn Dialer>,
        table: Arc<PodTable>,
    ) -> Self {
        Self { node, runtime, dialer, table }
    }

    fn pod(&self, pod: &PodRef) -> Result<KnownPod, ApiError> {
        let known = self.table.pod(&pod.key).filter(|known| known.uid == pod.uid);
        known.ok_or_else(|| ApiError::not_found(Kind::of::<Pod>(), pod.key.name()))
    }

    /// The instances of a container, newest first.
    async fn instances(&self, container: &ContainerRef) -> Result<Vec<ContainerStatus>, ApiError> {
        self.pod(&container.pod)?;
        let all = self.runtime.containers().await.map_err(|error| self.api_error(error))?;
        let wanted =
            |found: &ContainerStatus| found.pod.uid == container.pod.uid && found.name == container.container;
        let mut instances: Vec<_> = all.into_iter().filter(wanted).collect();
        instances.sort_by_key(|found| std::cmp::Reverse(found.attempt));
        Ok(instances)
    }

    /// The instance whose log is wanted. One that has been made and not started has none yet.
    async fn logged(&self, container: &ContainerRef, previous: bool) -> Result<ContainerStatus, ApiError> {
        let name = &container.container;
        let pod = container.pod.key.name();
        let mut started = self.instances(container).await?;
        started.retain(|found| found.state != ContainerState::Created);
        let wanted = started.into_iter().nth(usize::from(previous));
        wanted.ok_or_else(|| {
            ApiError::bad_request(match previous {
                true => format!("previous terminated container \"{name}\" in pod \"{pod}\" not found"),
                false => {
                    format!("container \"{name}\" in pod \"{pod}\" is waiting to start: ContainerCreating")
                }
            })
        })
    }

    async fn running(&self, container: &ContainerRef) -> Result<ContainerStatus, ApiError> {
        let newest = self.instances(container).await?.into_iter().next();
        let running = newest.filter(|found| matches!(found.state, ContainerState::Running { .. }));
        running.ok_or_else(|| {
            let (name, pod) = (&container.container, &container.pod.key);
            ApiError::bad_request(format!("container \"{name}\" of pod \"{pod}\" is not running"))
        })
    }

    fn api_error(&self, error: RuntimeError) -> ApiError {
        let (node, message) = (&self.node, error.to_string());
        match error {
            RuntimeError::NotFound { .. } | RuntimeError::State { .. } | RuntimeError::Unsupported(_) => {
                ApiError::bad_request(message)
            }
            RuntimeError::Unavailable { .. } => {
                ApiError::new(Reason::ServiceUnavailable, format!("node {node}: {message}")).caused_by(error)
            }
            error => ApiError::internal(format!("node {node}: {message}"), error),
        }
    }
}

#[async_trait]
impl NodeAccess for LocalAccess {
    async fn logs(
        &self,
        container: &ContainerRef,
        previous: bool,
        options: &LogOptions,
    ) -> Result<LogStream, ApiError> {
        let found = self.logged(container, previous).await?;
        self.runtime.logs(&found.id, options).await.map_err(|error| self.api_error(error))
    }

    async fn exec(&self, container: &ContainerRef, spec: &ExecSpec) -> Result<ExecSession, ApiError> {
        let found = self.running(container).await?;
        self.runtime.exec(&found.id, spec).await.map_err(|error| self.api_error(error))
    }

    async fn attach(&self, container: &ContainerRef, stdio: Stdio) -> Result<ExecSession, ApiError> {
        let found = self.running(container).await?;
        self.runtime.attach(&found.id, stdio).await.map_err(|error| self.api_error(error))
    }

    async fn port_forward(&self, pod: &PodRef, port: u16) -> Result<Box<dyn ByteStream>, ApiError> {
        let known = self.pod(pod)?;
        let address = known.address.ok_or_else(|| {
            ApiError::bad_request(format!("unable to forward port because pod is not running: {}", pod.key))
        })?;
        let connected = self.dialer.connect(&address.to_string(), port).await;
        connected.map_err(|error| {
            let message = format!("cannot connect to port {port} of pod {}: {error}", pod.key);
            ApiError::new(Reason::ServiceUnavailable, message).caused_by(error)
        })
    }
}
