//! Sandboxes: containers of the pause image that hold a pod's namespaces.

use std::sync::Arc;
use std::time::Duration;

use bireme_core::runtime::{ImageImport, Marks, RuntimeError, SandboxId, SandboxSpec};
use bollard::models::{ContainerCreateBody, HostConfig, HostConfigLogConfig};

use crate::status::labelled;
use crate::{DockerRuntime, container, image, status};

/// The name of the pause image; its tag changes with the program.
const PAUSE_IMAGE: &str = "bireme.dev/pause:1";

/// Makes and starts the sandbox, or finds the one that is there.
pub(crate) async fn run(runtime: &DockerRuntime, spec: &SandboxSpec) -> Result<SandboxId, RuntimeError> {
    let image = runtime.pause_image.get_or_try_init(|| import_pause(runtime)).await?;
    let marks = Marks::of_sandbox(spec);
    let body = ContainerCreateBody {
        image: Some(image.clone()),
        hostname: (!spec.host_network).then(|| spec.hostname.clone()),
        labels: Some(status::labels(runtime, &marks, &spec.labels)),
        host_config: Some(host_config(spec)),
        ..ContainerCreateBody::default()
    };
    let id = container::create_named(runtime, &marks, body).await?;
    container::start_id(runtime, &id).await?;
    Ok(SandboxId(id.into()))
}

fn host_config(spec: &SandboxSpec) -> HostConfig {
    HostConfig {
        network_mode: Some(if spec.host_network { "host" } else { "none" }.to_owned()),
        ipc_mode: Some(if spec.host_ipc { "host" } else { "shareable" }.to_owned()),
        pid_mode: spec.host_pid.then(|| "host".to_owned()),
        log_config: Some(HostConfigLogConfig { typ: Some("none".to_owned()), config: None }),
        readonly_rootfs: Some(true),
        sysctls: Some(
            spec.sysctls.iter().map(|(name, value)| (name.replace('/', "."), value.clone())).collect(),
        ),
        security_opt: Some(vec!["no-new-privileges".to_owned()]),
        ..HostConfig::default()
    }
}

/// Stops the sandbox and every container in it, at once.
pub(crate) async fn stop(runtime: &DockerRuntime, id: &SandboxId) -> Result<(), RuntimeError> {
    let members = status::list_ids(runtime, &labelled(runtime.scope.of_sandbox(&id.0))).await?;
    status::for_each_at_once(members, |member| async move {
        container::stop(runtime, &member, Duration::ZERO).await
    })
    .await?;
    container::stop_own(runtime, &id.0, Duration::ZERO).await
}

/// Removes the sandbox after every container in it, so that a crash in between leaves what lists them back.
pub(crate) async fn remove(runtime: &DockerRuntime, id: &SandboxId) -> Result<(), RuntimeError> {
    let members = status::list_ids(runtime, &labelled(runtime.scope.of_sandbox(&id.0))).await?;
    status::for_each_at_once(members, |member| container::remove(runtime, member)).await?;
    container::remove_own(runtime, &id.0).await
}

async fn import_pause(runtime: &DockerRuntime) -> Result<String, RuntimeError> {
    let import = ImageImport {
        reference: PAUSE_IMAGE.to_owned(),
        layer: bireme_pause::layer().into(),
        entrypoint: vec![bireme_pause::PATH.to_owned()],
        command: Vec::new(),
        env: Vec::new(),
    };
    Ok(image::import(runtime, &import).await?.id)
}

/// A sandbox's id from the engine's.
pub(crate) fn sandbox_id(id: &str) -> SandboxId {
    SandboxId(Arc::from(id))
}
