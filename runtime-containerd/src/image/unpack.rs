//! From layers to the snapshot of a file system.

use bireme_core::runtime::RuntimeError;
use containerd_client::services::v1 as services;
use containerd_client::services::v1::snapshots;
use tonic::Status;

use super::{Blob, chain_id};
use crate::ContainerdRuntime;
use crate::error::{found, made};

/// Makes a snapshot of each layer on top of those before it; what is there already stays.
pub(super) async fn layers(
    runtime: &ContainerdRuntime,
    layers: &[Blob],
    diff_ids: &[String],
) -> Result<(), RuntimeError> {
    let engine = &runtime.engine;
    let failed = engine.failed("unpacking an image");
    if layers.len() != diff_ids.len() {
        return Err(failed(Status::invalid_argument("it has not as many layers as it says")));
    }
    let mut parent = String::new();
    for (index, layer) in layers.iter().enumerate() {
        let chain = chain_id(&diff_ids[..=index]);
        let request =
            snapshots::StatSnapshotRequest { snapshotter: engine.snapshotter.clone(), key: chain.clone() };
        if found(engine.snapshots().stat(request).await).map_err(&failed)?.is_none() {
            let key = format!("unpack-{}-{chain}", runtime.random_name());
            let unpacked = unpack(runtime, layer, &diff_ids[index], &parent, &key, &chain).await;
            if !matches!(unpacked, Ok(Committed::Here)) {
                engine.remove_snapshot(&key).await?;
            }
            unpacked?;
        }
        parent = chain;
    }
    Ok(())
}

enum Committed {
    Here,
    /// By somebody else at the same time.
    There,
}

async fn unpack(
    runtime: &ContainerdRuntime,
    layer: &Blob,
    diff_id: &str,
    parent: &str,
    key: &str,
    chain: &str,
) -> Result<Committed, RuntimeError> {
    let engine = &runtime.engine;
    let failed = engine.failed("unpacking an image");
    let mounts = engine.prepare(key, parent).await?;
    let request = services::ApplyRequest { diff: Some(layer.descriptor()), mounts, ..Default::default() };
    let applied = engine.diff().apply(request).await.map_err(&failed)?.into_inner().applied;
    if applied.is_none_or(|applied| applied.digest != diff_id) {
        return Err(failed(Status::data_loss("a layer's content is not what its image says")));
    }
    let request = snapshots::CommitSnapshotRequest {
        snapshotter: engine.snapshotter.clone(),
        name: chain.to_owned(),
        key: key.to_owned(),
        ..Default::default()
    };
    let committed = made(engine.snapshots().commit(request).await).map_err(&failed)?;
    Ok(if committed.is_some() { Committed::Here } else { Committed::There })
}
