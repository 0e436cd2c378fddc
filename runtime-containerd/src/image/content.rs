//! containerd's content store.

use std::collections::HashMap;

use bireme_core::runtime::RuntimeError;
use bytes::Bytes;
use containerd_client::services::v1 as services;
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::de::DeserializeOwned;
use services::{WriteAction, WriteContentRequest};
use tokio::sync::mpsc;
use tonic::{Code, Status};

use crate::ContainerdRuntime;
use crate::engine::Engine;
use crate::error::found;

/// How much of a blob goes in one message; containerd takes up to 16 MiB.
const PIECE: usize = 1 << 20;
/// How many pieces wait for containerd before the sender does.
const WAITING: usize = 4;

/// The description of an image; larger ones are none.
const LARGEST_JSON: usize = 4 << 20;

/// A small blob, decoded; `None` when it is not there.
pub(super) async fn read_json<T: DeserializeOwned>(
    engine: &Engine,
    digest: &str,
) -> Result<Option<T>, RuntimeError> {
    let request = services::ReadContentRequest { digest: digest.to_owned(), ..Default::default() };
    let failed = engine.failed("reading an image's description");
    let Some(answer) = found(engine.content().read(request).await).map_err(&failed)? else { return Ok(None) };
    let mut pieces = answer.into_inner();
    let mut bytes = Vec::new();
    loop {
        match found(pieces.message().await).map_err(&failed)? {
            Some(Some(piece)) if bytes.len() + piece.data.len() <= LARGEST_JSON => bytes.extend(piece.data),
            Some(Some(_)) => return Err(failed(Status::out_of_range("it is larger than 4 MiB"))),
            Some(None) => break,
            None => return Ok(None),
        }
    }
    let decoded = serde_json::from_slice(&bytes);
    decoded.map(Some).map_err(|error| RuntimeError::Engine {
        operation: "reading an image's description",
        source: Box::new(error),
    })
}

/// Whether a blob is there; what garbage collection is to know of it is noted again.
pub(super) async fn is_present(
    engine: &Engine,
    digest: &str,
    labels: &HashMap<String, String>,
) -> Result<bool, RuntimeError> {
    let request = services::InfoRequest { digest: digest.to_owned() };
    let failed = engine.failed("looking for a blob");
    let Some(answer) = found(engine.content().info(request).await).map_err(&failed)? else {
        return Ok(false);
    };
    let mut info = answer.into_inner().info.unwrap_or_default();
    if labels.iter().any(|(key, value)| info.labels.get(key) != Some(value)) {
        info.labels.extend(labels.clone());
        let update_mask = Some(prost_types::FieldMask { paths: vec!["labels".to_owned()] });
        let request = services::UpdateRequest { info: Some(info), update_mask };
        return Ok(found(engine.content().update(request).await).map_err(&failed)?.is_some());
    }
    Ok(true)
}

/// Writes a blob, unless it is there already.
pub(super) async fn write(
    runtime: &ContainerdRuntime,
    digest: &str,
    bytes: Bytes,
    labels: HashMap<String, String>,
) -> Result<(), RuntimeError> {
    if is_present(&runtime.engine, digest, &labels).await? {
        return Ok(());
    }
    let size = bytes.len() as u64;
    let pieces = stream::iter([Ok::<_, std::io::Error>(bytes)]).boxed();
    write_stream(runtime, digest, size, pieces, labels).await
}

/// Writes a blob of which the pieces come one by one. containerd checks its digest.
pub(super) async fn write_stream(
    runtime: &ContainerdRuntime,
    digest: &str,
    size: u64,
    mut pieces: BoxStream<'_, std::io::Result<Bytes>>,
    labels: HashMap<String, String>,
) -> Result<(), RuntimeError> {
    let engine = &runtime.engine;
    let total = i64::try_from(size).unwrap_or(i64::MAX);
    let r#ref = format!("bireme-{}-{digest}", runtime.random_name());
    let message = |action: WriteAction, offset, data| WriteContentRequest {
        action: action.into(),
        r#ref: r#ref.clone(),
        total,
        expected: digest.to_owned(),
        offset,
        data,
        labels: HashMap::new(),
    };
    let (sender, receiver) = mpsc::channel::<WriteContentRequest>(WAITING);
    let messages = stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|message| (message, receiver))
    });
    let feed = async move {
        let mut offset = 0;
        while let Some(piece) = pieces.try_next().await? {
            for part in piece.chunks(PIECE) {
                let sent = sender.send(message(WriteAction::Write, offset, part.to_vec())).await;
                // Who no longer takes it has said why in the answer.
                if sent.is_err() {
                    return Ok(());
                }
                offset += part.len() as i64;
            }
        }
        let last = WriteContentRequest { labels, ..message(WriteAction::Commit, offset, Vec::new()) };
        // As above.
        let (Ok(()) | Err(_)) = sender.send(last).await;
        Ok::<_, std::io::Error>(())
    };
    let mut client = engine.content();
    let drain = async move {
        let mut answers = client.write(messages).await?.into_inner();
        while answers.message().await?.is_some() {}
        Ok::<_, Status>(())
    };
    let (fed, drained) = futures::join!(feed, drain);
    let done = match (fed, drained) {
        (Ok(()), Ok(())) => Ok(()),
        (Ok(()), Err(status)) if status.code() == Code::AlreadyExists => Ok(()),
        (Ok(()), Err(status)) => Err(engine.failed("writing a blob")(status)),
        (Err(error), _) => Err(crate::error::file("fetching a blob", error)),
    };
    if done.is_err() {
        let aborted = engine.content().abort(services::AbortRequest { r#ref: r#ref.clone() }).await;
        found(aborted).map_err(engine.failed("giving a blob up"))?;
    }
    done
}
