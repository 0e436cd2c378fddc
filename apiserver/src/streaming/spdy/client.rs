//! The client's side of a connection, for tests.

use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use tokio::io::DuplexStream;
use tokio_util::codec::Framed;

use super::SpdyError;
use super::codec::{Codec, Frame, Reset};
use super::headers::Headers;

pub(in crate::streaming) struct Client {
    pub(super) framed: Framed<DuplexStream, Codec>,
    next: u32,
}

impl Client {
    pub(in crate::streaming) fn new(stream: DuplexStream) -> Client {
        Client { framed: Framed::new(stream, Codec::new().unwrap()), next: 1 }
    }

    /// Opens a stream, and returns its id once the server has taken it; none when it is refused.
    pub(in crate::streaming) async fn open(&mut self, headers: &[(&str, &str)]) -> Option<u32> {
        let (id, owned) = (self.next, |text: &str| text.to_owned());
        self.next += 2;
        let headers = headers.iter().map(|(name, value)| (owned(name), owned(value))).collect();
        self.send(Frame::SynStream { id, headers: Headers(headers), fin: false }).await;
        match self.next().await? {
            Frame::SynReply { id: taken } => (taken == id).then_some(id),
            _ => None,
        }
    }

    pub(super) async fn send(&mut self, frame: Frame) {
        self.framed.send(frame).await.unwrap();
    }

    pub(in crate::streaming) async fn data(&mut self, id: u32, bytes: &[u8], fin: bool) {
        self.send(Frame::Data { id, bytes: Bytes::copy_from_slice(bytes), fin }).await;
    }

    /// The next frame that is not about windows.
    pub(super) async fn next(&mut self) -> Option<Frame> {
        loop {
            let frame: Result<Frame, SpdyError> = self.framed.next().await?;
            match frame.unwrap() {
                Frame::WindowUpdate { .. } => {}
                frame => return Some(frame),
            }
        }
    }

    /// Gives up a stream.
    pub(in crate::streaming) async fn reset(&mut self, id: u32) {
        self.send(Frame::RstStream { id, reset: Reset::CANCEL }).await;
    }

    /// The next data, and the stream that it is for.
    pub(in crate::streaming) async fn next_data(&mut self) -> (u32, String) {
        match self.next().await {
            Some(Frame::Data { id, bytes, .. }) => (id, String::from_utf8(bytes.to_vec()).unwrap()),
            other => panic!("{other:?} instead of data"),
        }
    }

    /// What comes on a stream until the server has sent all, with nothing on others.
    pub(in crate::streaming) async fn rest(&mut self, wanted: u32) -> String {
        let mut all = Vec::new();
        loop {
            match self.next().await {
                Some(Frame::Data { id, bytes, fin }) if id == wanted => {
                    all.extend_from_slice(&bytes);
                    if fin {
                        return String::from_utf8(all).unwrap();
                    }
                }
                other => panic!("{other:?} instead of the rest of stream {wanted}"),
            }
        }
    }

    /// Whether the server says that all is done.
    pub(in crate::streaming) async fn is_told_to_go(&mut self) -> bool {
        matches!(self.next().await, Some(Frame::GoAway { .. }))
    }
}
