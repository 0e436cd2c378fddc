//! watch: events as they happen, one line of JSON each.

use std::sync::Arc;

use bireme_core::client::{ApiEvent, EventStream};
use bireme_core::error::ApiError;
use bireme_core::object::DecodeError;
use bireme_core::selector::FieldRequirement;
use bytes::{Bytes, BytesMut};
use futures::{FutureExt, StreamExt, stream};
use http::{HeaderValue, StatusCode};
use tokio::sync::OwnedSemaphorePermit;

use super::Target;
use crate::http::{BoxError, Reply, ReplyBody, reply};
use crate::limits::too_many;
use crate::present::{Presenter, error_frame};
use crate::server::Api;

/// About how many bytes of events that are there already go out together.
const CHUNK: usize = 32 << 10;

pub(super) async fn watch(api: &Arc<Api>, target: &Target) -> Result<Reply, ApiError> {
    let place = api.streams.clone().try_acquire_owned().map_err(|_| too_many("watches"))?;
    let presenter = target.presenter(api)?;
    let mut options = target.call.query.watch_options(target.path.namespace.as_deref())?;
    if let Some(name) = &target.path.name {
        let one = FieldRequirement { field: "metadata.name".to_owned(), value: name.clone(), equal: true };
        options.fields.requirements.push(one);
    }
    let events = api.registry.watch(&target.context()?, target.kind, &options).await?;
    let watch = Watch { presenter, events, api: api.clone(), ended: false, _place: place };
    let frames = stream::unfold(watch, |mut watch| async move { Some((watch.next().await?, watch)) });
    let body = ReplyBody::stream(frames);
    Ok(reply::with_type(StatusCode::OK, HeaderValue::from_static("application/json"), body))
}

struct Watch {
    presenter: Presenter,
    events: EventStream,
    api: Arc<Api>,
    ended: bool,
    /// Held as long as the watch is open.
    _place: OwnedSemaphorePermit,
}

impl Watch {
    /// The next frames, as many as are there; none when the watch is over.
    async fn next(&mut self) -> Option<Result<Bytes, BoxError>> {
        if self.ended {
            return None;
        }
        let first = tokio::select! {
            biased;
            () = self.api.closing.cancelled() => return None,
            event = self.events.next() => event?,
        };
        self.presenter.now = self.api.env.now();
        let mut out = BytesMut::new();
        let mut written = self.write(&first, &mut out);
        while written.is_ok() && !self.ended && out.len() < CHUNK {
            match self.events.next().now_or_never() {
                Some(Some(event)) => written = self.write(&event, &mut out),
                Some(None) => self.ended = true,
                None => break,
            }
        }
        self.ended |= written.is_err();
        Some(written.map(|()| out.freeze()).map_err(Into::into))
    }

    /// Appends an event, or the error that ends the watch.
    fn write(&mut self, event: &Result<ApiEvent, ApiError>, out: &mut BytesMut) -> Result<(), DecodeError> {
        match event {
            Ok(event) => self.presenter.write_event(event, out),
            Err(error) => {
                self.ended = true;
                error_frame(error, out)
            }
        }
    }
}
