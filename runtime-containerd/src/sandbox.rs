//! Sandboxes: containers of the pause image that hold a pod's namespaces.

use std::collections::HashMap;

use bireme_core::runtime::{ImageImport, Marks, RuntimeError, SandboxId, SandboxSpec};
use containerd_client::types::v1::Status;

use crate::error::file;
use crate::{ContainerdRuntime, cgroup, container, ids, image, labels, spec, status, task};

/// The name of the pause image; its tag changes with the program.
const PAUSE_IMAGE: &str = "bireme.dev/pause:1";

/// Makes and starts the sandbox, or finds the one that is there.
pub(crate) async fn run(
    runtime: &ContainerdRuntime,
    wanted: &SandboxSpec,
) -> Result<SandboxId, RuntimeError> {
    let pause = runtime.pause.get_or_try_init(|| import_pause(runtime)).await?;
    let marks = Marks::of_sandbox(wanted);
    let id = ids::id(&runtime.scope, &marks);
    let whole = spec::sandbox(wanted, &cgroup::path(&id));
    runtime
        .files
        .make_sandbox(&id, &wanted.hostname, wanted.host_ipc)
        .map_err(|error| file("making a sandbox's files", error))?;
    let rootfs = runtime.engine.prepare(&id, &pause.chain).await?;
    let mut marked: HashMap<_, _> = runtime.scope.mark(&marks, &wanted.labels);
    marked.extend(labels::host_network(wanted.host_network));
    container::keep(runtime, &id, PAUSE_IMAGE, marked, &whole).await?;
    match task::look(runtime, &id).await? {
        Some(process) if process.status() != Status::Created => {}
        _ => {
            task::create(runtime, &id, rootfs, task::Streams::default()).await.map_err(container::refused)?;
            task::start(runtime, &id).await.map_err(container::refused)?;
        }
    }
    Ok(SandboxId(id.into()))
}

/// Stops the sandbox and every container in it, at once.
pub(crate) async fn stop(runtime: &ContainerdRuntime, id: &SandboxId) -> Result<(), RuntimeError> {
    let members = members(runtime, id).await?;
    task::for_each_at_once(members, |member| end(runtime, member)).await?;
    if status::own(runtime, &id.0).await?.is_some() {
        task::kill(runtime, &id.0).await?;
        task::release(runtime, &id.0).await?;
    }
    Ok(())
}

async fn end(runtime: &ContainerdRuntime, member: String) -> Result<(), RuntimeError> {
    task::kill(runtime, &member).await?;
    status::note_end(runtime, &member).await
}

/// Removes the sandbox after every container in it, so that a crash in between leaves what lists them back.
pub(crate) async fn remove(runtime: &ContainerdRuntime, id: &SandboxId) -> Result<(), RuntimeError> {
    let members = members(runtime, id).await?;
    task::for_each_at_once(members, |member| task::remove(runtime, member)).await?;
    match status::own(runtime, &id.0).await? {
        Some(found) => task::remove(runtime, found.id).await,
        None => Ok(()),
    }
}

async fn members(runtime: &ContainerdRuntime, id: &SandboxId) -> Result<Vec<String>, RuntimeError> {
    let members = status::list(runtime, labels::filter(runtime.scope.of_sandbox(&id.0))).await?;
    Ok(members.into_iter().map(|member| member.id).collect())
}

async fn import_pause(runtime: &ContainerdRuntime) -> Result<image::Present, RuntimeError> {
    let import = ImageImport {
        reference: PAUSE_IMAGE.to_owned(),
        layer: bireme_pause::layer().into(),
        entrypoint: vec![bireme_pause::PATH.to_owned()],
        command: Vec::new(),
        env: Vec::new(),
    };
    runtime.bring(&import).await?;
    let missing = || RuntimeError::NotFound { what: "image", id: PAUSE_IMAGE.to_owned() };
    image::open(&runtime.engine, PAUSE_IMAGE).await?.ok_or_else(missing)
}
