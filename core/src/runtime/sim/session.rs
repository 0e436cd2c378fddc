//! Logs, exec and attach of a simulated engine.

use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use tokio::sync::mpsc;

use super::engine::Node;
use super::script::SimProcess;
use crate::Environment;
use crate::runtime::{
    ContainerId, ContainerState, ExecSession, LogChunk, LogOptions, LogStream, Output, RuntimeError, Stdio,
};

/// What was written so far and the options let through.
fn selected(log: &[LogChunk], options: &LogOptions) -> Vec<LogChunk> {
    let since = |chunk: &&LogChunk| options.since.is_none_or(|since| chunk.time >= since);
    let chunks: Vec<&LogChunk> = log.iter().filter(since).collect();
    let skip = options.tail.map_or(0, |tail| chunks.len().saturating_sub(tail as usize));
    chunks.into_iter().skip(skip).cloned().collect()
}

/// A container's log from the engine's memory.
pub(super) fn logs(
    node: Arc<Node>,
    id: &ContainerId,
    options: &LogOptions,
) -> Result<LogStream, RuntimeError> {
    let (first, seen, changed) = {
        let state = node.state();
        let container = state.containers.get(id).ok_or_else(|| super::no_container(id))?;
        (selected(&container.log, options), container.log.len(), container.changed.subscribe())
    };
    let first = stream::iter(first.into_iter().map(Ok));
    if !options.follow {
        return Ok(first.boxed());
    }
    let follow =
        stream::unfold((node, id.clone(), seen, changed), |(node, id, seen, mut changed)| async move {
            loop {
                changed.borrow_and_update();
                let (new, ended) = {
                    let state = node.state();
                    let container = state.containers.get(&id)?;
                    (container.log[seen..].to_vec(), container.has_exited())
                };
                if !new.is_empty() {
                    let seen = seen + new.len();
                    return Some((stream::iter(new.into_iter().map(Ok)), (node, id, seen, changed)));
                }
                if ended || changed.changed().await.is_err() {
                    return None;
                }
            }
        });
    Ok(first.chain(follow.flatten()).boxed())
}

/// A session with a container's main process: what it writes from now on, which is also all that is sent to it.
pub(super) fn attach(
    env: &Environment,
    node: Arc<Node>,
    id: &ContainerId,
    stdio: Stdio,
) -> Result<ExecSession, RuntimeError> {
    let new = LogOptions { follow: true, tail: Some(0), since: None };
    let output = logs(node.clone(), id, &new)?.map_ok(|chunk| chunk.output);
    let output = output.try_filter(move |output| {
        std::future::ready(match output {
            Output::Stdout(_) => stdio.stdout,
            Output::Stderr(_) => stdio.stderr,
        })
    });
    let (stdin, mut input) = mpsc::channel::<Bytes>(16);
    if stdio.stdin {
        let (own, node, id) = (env.clone(), node.clone(), id.clone());
        // It ends by itself: with the session's input, or the container.
        drop(env.spawn(async move {
            while let Some(bytes) = input.recv().await {
                if node.echo(&own, &id, bytes).is_none() {
                    return;
                }
            }
        }));
    }
    let (resize, mut sizes) = mpsc::channel(1);
    sizes.close();
    let id = id.clone();
    let exit = async move {
        let state = node.state();
        Ok(match state.containers.get(&id).map(|container| &container.status.state) {
            Some(ContainerState::Exited(exit)) => exit.code,
            _ => 0,
        })
    };
    Ok(ExecSession {
        stdin: stdio.stdin.then_some(stdin),
        output: output.boxed(),
        resize: stdio.tty.then_some(resize),
        exit: Box::pin(exit),
    })
}

/// A session with a process that writes its output, then everything that is sent to it, and then ends.
pub(super) fn session(process: SimProcess, stdio: Stdio) -> ExecSession {
    let written = process.output.iter().map(|line| Bytes::from(format!("{line}\n")));
    let written: Vec<Bytes> = if stdio.stdout { written.collect() } else { Vec::new() };
    let output = stream::iter(written.into_iter().map(|bytes| Ok(Output::Stdout(bytes))));
    let (stdin, echo) = mpsc::channel::<Bytes>(16);
    let echo = stream::unfold(echo, |mut echo| async move {
        let bytes = echo.recv().await?;
        Some((Ok(Output::Stdout(bytes)), echo))
    });
    let (resize, mut sizes) = mpsc::channel(1);
    sizes.close();
    ExecSession {
        stdin: stdio.stdin.then_some(stdin),
        output: if stdio.stdin { output.chain(echo).boxed() } else { output.boxed() },
        resize: stdio.tty.then_some(resize),
        exit: Box::pin(async move { Ok(process.exit_code) }),
    }
}
