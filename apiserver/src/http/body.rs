//! The bodies of answers: slices that are sent one after the other, never glued or encoded again.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::stream::{BoxStream, Stream};
use http_body::{Frame, SizeHint};

use crate::activity::Running;

/// An error of whatever kind.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The body of an answer: chunks that are there, then, for lists, watches and logs, chunks that come.
pub struct ReplyBody {
    chunks: VecDeque<Bytes>,
    rest: Option<BoxStream<'static, Result<Bytes, BoxError>>>,
    running: Option<Running>,
}

impl ReplyBody {
    /// No body.
    pub fn empty() -> Self {
        Self::chunks([])
    }

    /// A body that is there.
    pub fn full(bytes: impl Into<Bytes>) -> Self {
        Self::chunks([bytes.into()])
    }

    /// A body that is there, in pieces.
    pub fn chunks(chunks: impl IntoIterator<Item = Bytes>) -> Self {
        let chunks = chunks.into_iter().filter(|chunk| !chunk.is_empty()).collect();
        Self { chunks, rest: None, running: None }
    }

    /// A body that comes piece by piece, as fast as it is taken.
    pub fn stream(rest: impl Stream<Item = Result<Bytes, BoxError>> + Send + 'static) -> Self {
        Self { chunks: VecDeque::new(), rest: Some(Box::pin(rest)), running: None }
    }

    /// Says of the request that it is for whether the client takes it, until it has been sent or given up.
    pub(crate) fn watched(self, running: Running) -> Self {
        running.waits_for_client();
        Self { running: Some(running), ..self }
    }

    fn next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Some(chunk) = self.chunks.pop_front() {
            return Poll::Ready(Some(Ok(Frame::data(chunk))));
        }
        match &mut self.rest {
            None => Poll::Ready(None),
            Some(rest) => rest.as_mut().poll_next(cx).map(|next| next.map(|chunk| chunk.map(Frame::data))),
        }
    }
}

impl http_body::Body for ReplyBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let next = self.next(cx);
        if let Some(running) = &self.running {
            match next {
                Poll::Ready(_) => running.waits_for_client(),
                Poll::Pending => running.waits_for_more(),
            }
        }
        next
    }

    fn is_end_stream(&self) -> bool {
        self.chunks.is_empty() && self.rest.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let length = self.chunks.iter().map(|chunk| chunk.len() as u64).sum();
        match self.rest {
            None => SizeHint::with_exact(length),
            Some(_) => SizeHint::default(),
        }
    }
}
