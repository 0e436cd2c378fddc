//! Channels over a WebSocket: the first byte of a message says which it belongs to.

use bytes::{BufMut, Bytes, BytesMut};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};

/// The longest message that is taken or sent.
pub(super) const MAX_MESSAGE: usize = 1 << 20;

/// A WebSocket on a connection that has been upgraded.
pub(super) type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// A WebSocket on a connection that has been upgraded.
pub(super) async fn web_socket(upgraded: Upgraded, role: Role) -> Socket {
    let config =
        WebSocketConfig::default().max_message_size(Some(MAX_MESSAGE)).max_frame_size(Some(MAX_MESSAGE));
    WebSocketStream::from_raw_socket(TokioIo::new(upgraded), role, Some(config)).await
}

pub(super) fn message(channel: u8, bytes: &[u8]) -> Message {
    let mut message = BytesMut::with_capacity(bytes.len() + 1);
    message.put_u8(channel);
    message.extend_from_slice(bytes);
    Message::Binary(message.freeze())
}

/// The channel and the content of a message; none of one that is empty.
pub(super) fn split(mut message: Bytes) -> Option<(u8, Bytes)> {
    let channel = message.split_to(message.len().min(1)).first().copied()?;
    Some((channel, message))
}

/// The message that ends it all well. Clients take a close without a code for a failure.
pub(super) fn close() -> Message {
    Message::Close(Some(CloseFrame { code: CloseCode::Normal, reason: "".into() }))
}
