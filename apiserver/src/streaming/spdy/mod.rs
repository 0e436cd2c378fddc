//! SPDY/3.1, as far as Kubernetes speaks it: many streams of bytes, opened by the client, over one connection.
//!
//! HTTP/2 has taken its place everywhere but here: clients from before WebSockets exec, attach and forward ports
//! with it. There are no requests in it, only streams whose headers say what they are for.
//!
//! [`codec`] and [`headers`] turn frames into bytes and back and do nothing else; [`mod@connection`] is who reads,
//! writes, and knows the streams.
//!
//! What a client can make the server hold is bounded: data is handed on as it arrives, however long its frame
//! says that it is; other frames and their headers have a longest length; there is a greatest number of streams,
//! and each holds a few pieces of data before the connection is read no further. That last is also what holds a
//! client back: those that Kubernetes has wait for no window. A stream that is not read therefore holds up its
//! connection's others, as upstream's does.

#[cfg(test)]
pub(super) mod client;
mod codec;
mod connection;
mod dictionary;
mod headers;

pub(super) use codec::MAX_PIECE;
pub(super) use connection::{Connection, Gone, Stream, Writer, connection};

/// What a client sends that is not SPDY, or more of it than is taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum SpdyError {
    #[error("reading or writing a SPDY connection: {0}")]
    Io(#[from] std::io::Error),
    #[error("a frame is of version {0} of SPDY")]
    Version(u16),
    #[error("a frame of {0} bytes is longer than is taken")]
    FrameTooLong(usize),
    #[error("a frame is shorter than what must be in it")]
    Truncated,
    #[error("a frame's headers are longer than is taken")]
    HeadersTooLong,
    #[error("a frame's headers are not text")]
    NotText,
    #[error("a frame's headers cannot be unpacked: {0}")]
    Compression(#[source] Box<dyn std::error::Error + Send + Sync>),
}
