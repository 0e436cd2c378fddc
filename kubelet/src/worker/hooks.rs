//! Hooks around a container's life, and what they share with probes: commands, requests and ports.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bireme_core::runtime::{ContainerId, ExecSpec, Output, RuntimeError, Stdio};
use futures::StreamExt;
use k8s_openapi::api::core::v1::{Container, GRPCAction, HTTPGetAction, LifecycleHandler};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::grpc::{self, CheckError, Health};
use super::http;
use crate::agent::Agent;

/// The most that is kept of a command's output, in bytes.
const OUTPUT_LIMIT: usize = 10 << 10;

/// What probes call themselves.
const USER_AGENT: &str = concat!("kube-probe/", env!("CARGO_PKG_VERSION"));

/// The container that a hook or probe is about.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) id: ContainerId,
    /// The pod's address; the node's for a pod in its network.
    pub(super) address: Option<IpAddr>,
    pub(super) container: Arc<Container>,
}

/// Why an action could not be done at all, or what went wrong in it.
#[derive(Debug, thiserror::Error)]
pub(super) enum ActionError {
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    #[error("Get \"{scheme}://{host}:{port}{path}\": {source}")]
    Http { scheme: &'static str, host: String, port: u16, path: String, source: std::io::Error },
    #[error("dial tcp {host}:{port}: {source}")]
    Tcp { host: String, port: u16, source: std::io::Error },
    #[error(transparent)]
    Grpc(#[from] CheckError),
    #[error("the container has no port {0}")]
    NoPort(String),
    #[error("the pod has no address yet")]
    NoAddress,
}

/// Runs a hook, and says what it said if it failed.
pub(super) async fn run(
    agent: &Agent,
    target: &Target,
    hook: Option<&LifecycleHandler>,
) -> Result<(), String> {
    let Some(hook) = hook else { return Ok(()) };
    if let Some(exec) = &hook.exec {
        let command = exec.command.clone().unwrap_or_default();
        return match execute(agent, target, command).await {
            Ok((0, _)) => Ok(()),
            Ok((code, output)) => Err(format!("command exited with {code}: {output}")),
            Err(error) => Err(error.to_string()),
        };
    }
    if let Some(get) = &hook.http_get {
        return match request(agent, target, get).await {
            Ok((status, _)) if status < 400 => Ok(()),
            Ok((status, _)) => Err(format!("HTTP request returned {status}")),
            Err(error) => Err(error.to_string()),
        };
    }
    if let Some(sleep) = &hook.sleep {
        agent.env.sleep(Duration::from_secs(sleep.seconds.max(0).unsigned_abs())).await;
    }
    Ok(())
}

/// Runs a command in the container: its exit code and the beginning of its output.
pub(super) async fn execute(
    agent: &Agent,
    target: &Target,
    command: Vec<String>,
) -> Result<(i32, String), ActionError> {
    let stdio = Stdio { stdout: true, stderr: true, ..Stdio::default() };
    let mut session = agent.runtime.exec(&target.id, &ExecSpec { command, stdio }).await?;
    let mut output = Vec::new();
    while let Some(chunk) = session.output.next().await {
        let (Output::Stdout(bytes) | Output::Stderr(bytes)) = chunk?;
        let room = OUTPUT_LIMIT.saturating_sub(output.len());
        output.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }
    let code = session.exit.await?;
    Ok((code, String::from_utf8_lossy(&output).into_owned()))
}

/// Makes an HTTP request: its status and the beginning of the body.
pub(super) async fn request(
    agent: &Agent,
    target: &Target,
    get: &HTTPGetAction,
) -> Result<(u16, String), ActionError> {
    let (host, port) = endpoint(target, get.host.as_deref(), &get.port)?;
    let path = get.path.clone().unwrap_or_else(|| "/".to_owned());
    let secure = get.scheme.as_deref() == Some("HTTPS");
    let scheme = if secure { "https" } else { "http" };
    let failed = |source| ActionError::Http { scheme, host: host.clone(), port, path: path.clone(), source };
    let dialer = &agent.config.host.dialer;
    let stream =
        if secure { dialer.connect_securely(&host, port).await } else { dialer.connect(&host, port).await };
    let stream = stream.map_err(failed)?;
    let named = format!("{host}:{port}");
    let request = http::Request {
        host: &named,
        path: &path,
        headers: get.http_headers.as_deref().unwrap_or_default(),
        agent: USER_AGENT,
    };
    http::get(stream, &request).await.map_err(failed)
}

/// Asks for the health of a service by gRPC.
pub(super) async fn check(
    agent: &Agent,
    target: &Target,
    action: &GRPCAction,
) -> Result<Health, ActionError> {
    let (host, port) = endpoint(target, None, &IntOrString::Int(action.port))?;
    let failed = |source| ActionError::Tcp { host: host.clone(), port, source };
    let stream = agent.config.host.dialer.connect(&host, port).await.map_err(failed)?;
    let service = action.service.as_deref().unwrap_or_default();
    Ok(grpc::check(stream, &format!("{host}:{port}"), service, USER_AGENT).await?)
}

/// Opens and closes a connection.
pub(super) async fn connect(
    agent: &Agent,
    target: &Target,
    host: Option<&str>,
    port: &IntOrString,
) -> Result<(), ActionError> {
    let (host, port) = endpoint(target, host, port)?;
    let connected = agent.config.host.dialer.connect(&host, port).await;
    connected.map(drop).map_err(|source| ActionError::Tcp { host, port, source })
}

fn endpoint(target: &Target, host: Option<&str>, port: &IntOrString) -> Result<(String, u16), ActionError> {
    let own = || target.address.map(|address| address.to_string()).ok_or(ActionError::NoAddress);
    let host = host.filter(|host| !host.is_empty()).map(str::to_owned).map_or_else(own, Ok)?;
    Ok((host, port_number(&target.container, port)?))
}

/// A port by number, or by its name among the container's ports.
fn port_number(container: &Container, port: &IntOrString) -> Result<u16, ActionError> {
    let number = match port {
        IntOrString::Int(number) => Some(*number),
        IntOrString::String(name) => {
            let mut ports = container.ports.iter().flatten();
            let named = ports.find(|port| port.name.as_ref() == Some(name)).map(|port| port.container_port);
            named.or_else(|| name.parse().ok())
        }
    };
    let number = number.and_then(|number| u16::try_from(number).ok()).filter(|number| *number > 0);
    number.ok_or_else(|| {
        ActionError::NoPort(match port {
            IntOrString::Int(number) => number.to_string(),
            IntOrString::String(name) => name.clone(),
        })
    })
}
