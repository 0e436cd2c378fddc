//! Container logs, with the engine's own time stamps.

use bireme_core::runtime::{ContainerId, LogChunk, LogOptions, LogStream, Output, RuntimeError};
use bollard::container::LogOutput;
use bollard::query_parameters::LogsOptionsBuilder;
use bytes::Bytes;
use futures::{StreamExt as _, future};
use jiff::Timestamp;

use crate::error::engine;
use crate::{DockerRuntime, status};

/// What a container wrote, oldest first.
pub(crate) async fn read(
    runtime: &DockerRuntime,
    id: &ContainerId,
    options: LogOptions,
) -> Result<LogStream, RuntimeError> {
    if status::inspect(runtime, &id.0).await?.is_none() {
        return Err(RuntimeError::NotFound { what: "container", id: id.to_string() });
    }
    // The engine counts whole seconds; what it sends too much of the first one is left out below.
    let since = options.since.map_or(0, |since| i32::try_from(since.as_second()).unwrap_or(i32::MAX));
    let tail = options.tail.map_or_else(|| "all".to_owned(), |tail| tail.to_string());
    let query = LogsOptionsBuilder::new()
        .follow(options.follow)
        .stdout(true)
        .stderr(true)
        .timestamps(true)
        .since(since)
        .tail(&tail)
        .build();
    let socket = runtime.socket.clone();
    let mut last = Timestamp::UNIX_EPOCH;
    let chunks = runtime.docker.logs(&id.0, Some(query)).map(move |item| match item {
        Ok(output) => {
            let chunk = stamped(output, last);
            last = chunk.time;
            Ok(chunk)
        }
        Err(error) => Err(engine("reading a log", &socket, error)),
    });
    let wanted = move |item: &Result<LogChunk, RuntimeError>| {
        future::ready(match (item, options.since) {
            (Ok(chunk), Some(since)) => chunk.time >= since,
            _ => true,
        })
    };
    Ok(chunks.filter(wanted).boxed())
}

/// Takes the time stamp off the front; a piece without one continues the line before it.
fn stamped(output: LogOutput, last: Timestamp) -> LogChunk {
    let is_error = matches!(output, LogOutput::StdErr { .. });
    let message = output.into_bytes();
    let stamp = message.iter().position(|byte| *byte == b' ').and_then(|end| {
        let text = std::str::from_utf8(&message[..end]).ok()?;
        Some((text.parse::<Timestamp>().ok()?, end + 1))
    });
    let (time, begin) = stamp.unwrap_or((last, 0));
    let text: Bytes = message.slice(begin..);
    LogChunk { time, output: if is_error { Output::Stderr(text) } else { Output::Stdout(text) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_stamp_is_taken_off_the_line() {
        let message = Bytes::from_static(b"2026-01-02T03:04:05.5Z hello world\n");
        let chunk = stamped(LogOutput::StdErr { message }, Timestamp::UNIX_EPOCH);
        assert_eq!(chunk.output, Output::Stderr(Bytes::from_static(b"hello world\n")));
        assert_eq!(chunk.time, "2026-01-02T03:04:05.5Z".parse().unwrap());
    }

    #[test]
    fn a_piece_without_a_time_stamp_continues_the_line() {
        let last: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        let chunk = stamped(LogOutput::StdOut { message: Bytes::from_static(b"rest of it\n") }, last);
        assert_eq!((chunk.time, chunk.output), (last, Output::Stdout(Bytes::from_static(b"rest of it\n"))));
    }
}
