//! Sandboxes: made, connected, closed.

use std::collections::BTreeMap;
use std::net::IpAddr;

use bireme_core::events::Severity;
use bireme_core::network::{AttachRequest, HostPort, NetworkError, Transport};
use bireme_core::object::Object;
use bireme_core::runtime::{PodIdentity, RuntimeError, SandboxId, SandboxSpec, SandboxStatus};
use k8s_openapi::api::core::v1::Pod;

use super::outcome::CloseError;
use crate::agent::Agent;
use crate::pod::declared;
use crate::volumes::hostname;

/// Labels by which people find a pod's containers in the engine, as upstream's have them.
pub(super) fn labels(pod: &Pod, container: Option<&str>) -> BTreeMap<String, String> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let mut labels = BTreeMap::from([
        ("io.kubernetes.pod.name".to_owned(), text(&pod.metadata.name)),
        ("io.kubernetes.pod.namespace".to_owned(), text(&pod.metadata.namespace)),
        ("io.kubernetes.pod.uid".to_owned(), text(&pod.metadata.uid)),
    ]);
    if let Some(container) = container {
        labels.insert("io.kubernetes.container.name".to_owned(), container.to_owned());
    }
    labels
}

pub(super) async fn run(
    agent: &Agent,
    object: &Object,
    pod: &Pod,
    attempt: u32,
) -> Result<SandboxId, RuntimeError> {
    let spec = declared::spec(pod);
    let sandbox = SandboxSpec {
        pod: PodIdentity { key: object.key().clone(), uid: object.uid().to_owned() },
        attempt,
        hostname: hostname(pod, &agent.config.node),
        host_network: declared::uses_host_network(pod),
        host_pid: spec.host_pid == Some(true),
        host_ipc: spec.host_ipc == Some(true),
        share_process_namespace: spec.share_process_namespace == Some(true),
        sysctls: declared::sysctls(pod).map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        labels: labels(pod, None),
    };
    let made = agent.runtime.run_sandbox(&sandbox).await;
    match &made {
        // Its events must find the worker from now on.
        Ok(id) => agent.table.own_sandbox(id, object.uid()),
        Err(error) => {
            let message = format!("Failed to create pod sandbox: {error}");
            agent.note(object, None, Severity::Warning, "FailedCreatePodSandBox", message);
        }
    }
    made
}

pub(super) fn attach_request(sandbox: &SandboxStatus, pod: &Pod) -> AttachRequest {
    AttachRequest {
        sandbox: sandbox.id.to_string(),
        // A sandbox that must be connected has one; without it the attach says that it cannot be entered.
        netns: sandbox.netns.clone().unwrap_or_default(),
        pod: sandbox.pod.key.to_string(),
        host_ports: host_ports(pod).collect(),
    }
}

/// The ports of the node that the pod's containers take. The API lets nobody write a port that is none.
fn host_ports(pod: &Pod) -> impl Iterator<Item = HostPort> {
    let ports = declared::all(declared::spec(pod)).flat_map(|declared| declared.spec.ports.iter().flatten());
    ports.filter_map(|port| {
        let number = |port: i32| u16::try_from(port).ok().filter(|port| *port > 0);
        let address = port.host_ip.as_deref().and_then(|address| address.parse::<IpAddr>().ok());
        let protocol = match port.protocol.as_deref() {
            Some("UDP") => Transport::Udp,
            Some("SCTP") => Transport::Sctp,
            _ => Transport::Tcp,
        };
        Some(HostPort {
            address: address.filter(|address| !address.is_unspecified()),
            protocol,
            port: number(port.host_port?)?,
            pod_port: number(port.container_port)?,
        })
    })
}

/// The sandbox stopped before it could be connected.
pub(super) fn gone(sandbox: &SandboxId) -> NetworkError {
    NetworkError::Namespace {
        pod: sandbox.to_string(),
        netns: std::path::PathBuf::new(),
        source: std::io::ErrorKind::NotFound.into(),
    }
}

/// Stops a sandbox and takes it off the network. Everything in it ends.
pub(super) async fn close(agent: &Agent, sandbox: &SandboxId) -> Result<(), CloseError> {
    agent.runtime.stop_sandbox(sandbox).await?;
    agent.network.detach(&sandbox.0).await?;
    Ok(())
}
