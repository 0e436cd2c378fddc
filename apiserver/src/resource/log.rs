//! log: what a container wrote.

use std::sync::Arc;
use std::time::Duration;

use bireme_core::error::ApiError;
use bireme_core::runtime::{LogChunk, LogOptions, LogStream, Output};
use bytes::{Bytes, BytesMut};
use futures::{StreamExt, stream};
use http::{HeaderValue, StatusCode};
use jiff::Timestamp;
use tokio::sync::OwnedSemaphorePermit;

use super::{Target, pod};
use crate::http::{BoxError, Reply, ReplyBody, reply};
use crate::limits::too_many;
use crate::query::Query;
use crate::server::Api;

pub(super) async fn log(api: &Arc<Api>, target: &Target) -> Result<Reply, ApiError> {
    let query = &target.call.query;
    let (options, format) = (options(query, api.env.now())?, Format::of(query)?);
    let previous = query.flag("previous")?;
    let place = api.streams.clone().try_acquire_owned().map_err(|_| too_many("streams"))?;
    let located = pod::locate(api, target, "get", "log").await?;
    let chunks = located.node.logs(&located.container, previous, &options).await?;
    let log = Log { chunks, format, within_line: false, api: api.clone(), _place: place };
    let body = stream::unfold(log, |mut log| async move { Some((log.next().await?, log)) });
    let media = HeaderValue::from_static("text/plain; charset=utf-8");
    Ok(reply::with_type(StatusCode::OK, media, ReplyBody::stream(body)))
}

/// Which part of a log a query asks for.
pub(crate) fn options(query: &Query, now: Timestamp) -> Result<LogOptions, ApiError> {
    let since_time = query.text("sinceTime").map(|text| {
        text.parse::<Timestamp>()
            .map_err(|error| ApiError::bad_request(format!("invalid parameter sinceTime: {text:?}: {error}")))
    });
    let since_seconds: Option<u64> = query.number("sinceSeconds")?;
    if since_time.is_some() && since_seconds.is_some() {
        return Err(ApiError::bad_request("at most one of sinceTime or sinceSeconds may be specified"));
    }
    let ago = |seconds| now.saturating_sub(Duration::from_secs(seconds)).unwrap_or(Timestamp::MIN);
    Ok(LogOptions {
        follow: query.flag("follow")?,
        tail: query.number("tailLines")?,
        since: since_time.transpose()?.or(since_seconds.map(ago)),
    })
}

/// How a log is written out.
struct Format {
    timestamps: bool,
    stdout: bool,
    stderr: bool,
    /// How many bytes may still be sent.
    left: Option<usize>,
}

impl Format {
    fn of(query: &Query) -> Result<Format, ApiError> {
        let (stdout, stderr) = match query.text("stream") {
            None | Some("All") => (true, true),
            Some("Stdout") => (true, false),
            Some("Stderr") => (false, true),
            Some(other) => {
                return Err(ApiError::bad_request(format!(
                    "invalid parameter stream: {other:?}: must be All, Stdout or Stderr"
                )));
            }
        };
        let left = query.number("limitBytes")?;
        if left == Some(0) {
            return Err(ApiError::bad_request("invalid parameter limitBytes: must be greater than 0"));
        }
        Ok(Format { timestamps: query.flag("timestamps")?, stdout, stderr, left })
    }
}

struct Log {
    chunks: LogStream,
    format: Format,
    /// Whether the line that was written last goes on.
    within_line: bool,
    api: Arc<Api>,
    /// Held as long as the log is read.
    _place: OwnedSemaphorePermit,
}

impl Log {
    async fn next(&mut self) -> Option<Result<Bytes, BoxError>> {
        loop {
            if self.format.left == Some(0) {
                return None;
            }
            let chunk = tokio::select! {
                biased;
                () = self.api.closing.cancelled() => return None,
                chunk = self.chunks.next() => chunk?,
            };
            match chunk {
                Ok(chunk) => {
                    let mut text = self.text(chunk);
                    if let Some(left) = &mut self.format.left {
                        text.truncate(*left);
                        *left -= text.len();
                    }
                    if !text.is_empty() {
                        return Some(Ok(text));
                    }
                }
                Err(error) => return Some(Err(error.into())),
            }
        }
    }

    /// What is sent of a chunk.
    fn text(&mut self, LogChunk { time, output }: LogChunk) -> Bytes {
        let written = match output {
            Output::Stdout(bytes) if self.format.stdout => bytes,
            Output::Stderr(bytes) if self.format.stderr => bytes,
            _ => return Bytes::new(),
        };
        let begins_line = !self.within_line;
        self.within_line = !written.ends_with(b"\n");
        if !self.format.timestamps || !begins_line {
            return written;
        }
        let mut text = BytesMut::from(format!("{time:.9} ").as_bytes());
        text.extend_from_slice(&written);
        text.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_become_options() {
        let now = Timestamp::from_second(1000).unwrap();
        let query = Query::parse(Some("follow=true&tailLines=5&sinceSeconds=60"));
        let expected =
            LogOptions { follow: true, tail: Some(5), since: Some(Timestamp::from_second(940).unwrap()) };
        assert_eq!(options(&query, now).unwrap(), expected);
        for bad in ["tailLines=-1", "sinceTime=yesterday", "sinceSeconds=1&sinceTime=2026-01-01T00:00:00Z"] {
            assert!(options(&Query::parse(Some(bad)), now).is_err(), "{bad}");
        }
        assert!(Format::of(&Query::parse(Some("limitBytes=0"))).is_err());
        assert!(Format::of(&Query::parse(Some("stream=both"))).is_err());
    }
}
