//! Running a probe.

use bireme_core::environment::Elapsed;
use k8s_openapi::api::core::v1::Probe;

use super::grpc::Health;
use super::hooks::{self, ActionError, Target};
use crate::agent::Agent;
use crate::pod::probe::{ProbeKind, timeout};

/// What a probe found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// All is well.
    Success,
    /// It is not, for this reason.
    Failure(String),
    /// Nothing: the probe itself could not be done, which says nothing about the container.
    Nothing(String),
}

pub(super) async fn run(agent: &Agent, target: &Target, kind: ProbeKind) -> Finding {
    let Some(probe) = kind.of(&target.container) else { return Finding::Success };
    match agent.env.timeout(timeout(probe), ask(agent, target, probe)).await {
        Ok(Ok(finding)) => finding,
        Ok(Err(error @ ActionError::NoPort(_))) => Finding::Nothing(error.to_string()),
        Ok(Err(error)) => Finding::Failure(error.to_string()),
        Err(Elapsed(limit)) => Finding::Failure(format!("timed out after {}s", limit.as_secs())),
    }
}

async fn ask(agent: &Agent, target: &Target, probe: &Probe) -> Result<Finding, ActionError> {
    if let Some(exec) = &probe.exec {
        let (code, output) = hooks::execute(agent, target, exec.command.clone().unwrap_or_default()).await?;
        return Ok(if code == 0 { Finding::Success } else { Finding::Failure(output) });
    }
    if let Some(get) = &probe.http_get {
        let (status, _) = hooks::request(agent, target, get).await?;
        let failure = || Finding::Failure(format!("HTTP probe failed with statuscode: {status}"));
        return Ok(if (200..400).contains(&status) { Finding::Success } else { failure() });
    }
    if let Some(socket) = &probe.tcp_socket {
        hooks::connect(agent, target, socket.host.as_deref(), &socket.port).await?;
        return Ok(Finding::Success);
    }
    if let Some(grpc) = &probe.grpc {
        let health = hooks::check(agent, target, grpc).await?;
        let failure = || format!("service unhealthy (responded with \"{}\")", health.name());
        return Ok(if health == Health::Serving { Finding::Success } else { Finding::Failure(failure()) });
    }
    Ok(Finding::Success)
}
