//! What containers wrote, and write from now on, as streams.

use std::sync::Arc;

use bireme_core::runtime::{ContainerId, ContainerState, LogChunk, LogOptions, LogStream, RuntimeError};
use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _, future, stream};
use tracing::warn;

use crate::error::file;
use crate::log::{Log, Reader, Start};
use crate::session::no_container;
use crate::{ContainerdRuntime, events, status, task};

/// What a container wrote, oldest first.
pub(crate) async fn read_log(
    runtime: &ContainerdRuntime,
    id: &ContainerId,
    options: LogOptions,
) -> Result<LogStream, RuntimeError> {
    let status = status::container(runtime, id).await?.ok_or_else(|| no_container(id))?;
    let end = end_of_output(runtime, id, &status.state).await?;
    let log = runtime.recorder.log(&id.0).map_err(|error| file("opening a log", error))?;
    let end = if options.follow { end } else { future::ready(()).boxed() };
    read(log, Start::Lines(options), end).await
}

/// When nothing more will be written: now, when the container has ended; with its end, otherwise.
pub(crate) async fn end_of_output(
    runtime: &ContainerdRuntime,
    id: &ContainerId,
    state: &ContainerState,
) -> Result<BoxFuture<'static, ()>, RuntimeError> {
    match state {
        ContainerState::Exited(_) => {
            status::settle(runtime, &id.0).await?;
            Ok(future::ready(()).boxed())
        }
        ContainerState::Created | ContainerState::Running { .. } => {
            let (runtime, id) = (runtime.clone(), id.clone());
            Ok(async move { until_ended(&runtime, &id).await }.boxed())
        }
    }
}

/// Waits for the end of a container, and until what it wrote is complete.
async fn until_ended(runtime: &ContainerdRuntime, id: &ContainerId) {
    let ended = async {
        let mut events = None;
        loop {
            match status::container(runtime, id).await?.map(|status| status.state) {
                None => return Ok(()),
                Some(ContainerState::Exited(_)) => return status::settle(runtime, &id.0).await,
                Some(ContainerState::Running { .. }) => task::wait(runtime, &id.0).await?,
                // It has no process to wait for; its start is an event. Looked at again once events are told.
                Some(ContainerState::Created) => match &mut events {
                    None => events = Some(events::subscribe(runtime).await?),
                    Some(events) => drop(events.next().await),
                },
            }
        }
    };
    let ended: Result<(), RuntimeError> = ended.await;
    if let Err(error) = ended {
        warn!(%error, "a container's end was not awaited");
    }
}

struct Reading {
    reader: Option<Reader>,
    end: BoxFuture<'static, ()>,
    is_over: bool,
}

/// Reads a log from one point on, until `end` has come and all was read.
pub(crate) async fn read(
    log: Arc<Log>,
    start: Start,
    end: BoxFuture<'static, ()>,
) -> Result<LogStream, RuntimeError> {
    let reading = |error| file("reading a log", error);
    let opened = tokio::task::spawn_blocking(move || Reader::open(log, start)).await;
    let (reader, first) = opened.map_err(|error| reading(error.into()))?.map_err(reading)?;
    let state = Reading { reader: Some(reader), end, is_over: false };
    let rest = stream::try_unfold(state, move |mut state| async move {
        Ok(state.next().await.map_err(reading)?.map(|chunks| (chunks, state)))
    });
    let chunks = stream::iter([Ok::<_, RuntimeError>(first)]).chain(rest);
    Ok(chunks.map_ok(|chunks| stream::iter(chunks.into_iter().map(Ok))).try_flatten().boxed())
}

impl Reading {
    /// The next part; `None` when all was read and nothing more will be written.
    async fn next(&mut self) -> std::io::Result<Option<Vec<LogChunk>>> {
        while let Some(mut reader) = self.reader.take() {
            let (mut reader, batch) = tokio::task::spawn_blocking(move || {
                let batch = reader.batch();
                (reader, batch)
            })
            .await?;
            let batch = batch?;
            if batch.is_empty() && self.is_over {
                let unfinished = reader.unfinished();
                return Ok((!unfinished.is_empty()).then_some(unfinished));
            }
            if batch.is_empty() {
                let changed = Box::pin(reader.changed.changed());
                if let future::Either::Right(_) = future::select(changed, &mut self.end).await {
                    self.is_over = true;
                }
            }
            self.reader = Some(reader);
            if !batch.is_empty() {
                return Ok(Some(batch));
            }
        }
        Ok(None)
    }
}
