//! The server's side of a connection: its streams.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::codec::{FramedRead, FramedWrite};
use tokio_util::sync::CancellationToken;

use super::SpdyError;
use super::codec::{Codec, Frame, MAX_PIECE, Reset};
use super::headers::Headers;

/// How many streams may be open at once; more are refused.
const MAX_STREAMS: usize = 512;

/// How many pieces of data wait in a stream for whoever reads it.
const PIECES: usize = 2;

/// How many frames wait to be sent.
const FRAMES: usize = 8;

/// What a client has opened on a connection.
pub(in crate::streaming) struct Connection {
    /// The streams, as they are opened.
    pub(in crate::streaming) streams: mpsc::Receiver<Stream>,
    frames: mpsc::Sender<Frame>,
}

/// A stream that a client has opened.
pub(in crate::streaming) struct Stream {
    /// What it is for.
    pub(in crate::streaming) headers: Headers,
    /// What the client sends on it, until it has sent all.
    pub(in crate::streaming) input: mpsc::Receiver<Bytes>,
    /// Cancelled when the client gives the stream up, in both directions.
    pub(in crate::streaming) reset: CancellationToken,
    /// What the client is sent.
    pub(in crate::streaming) output: Writer,
}

/// The server's half of a stream. The client learns that it has ended by [`finish`](Writer::finish).
pub(in crate::streaming) struct Writer {
    id: u32,
    frames: mpsc::Sender<Frame>,
    /// The stream's place among those that may be open.
    _place: OwnedSemaphorePermit,
}

/// The client is gone.
#[derive(Debug)]
pub(in crate::streaming) struct Gone;

impl Writer {
    /// Sends bytes, in pieces, as fast as the client takes them.
    pub(in crate::streaming) async fn send(&self, mut bytes: Bytes) -> Result<(), Gone> {
        while !bytes.is_empty() {
            let piece = bytes.split_to(bytes.len().min(MAX_PIECE));
            self.frame(piece, false).await?;
        }
        Ok(())
    }

    /// Says that no more comes.
    pub(in crate::streaming) async fn finish(self) -> Result<(), Gone> {
        self.frame(Bytes::new(), true).await
    }

    async fn frame(&self, bytes: Bytes, fin: bool) -> Result<(), Gone> {
        self.frames.send(Frame::Data { id: self.id, bytes, fin }).await.map_err(|_| Gone)
    }
}

impl Connection {
    /// Says that all is done: the client is to close the connection once it has read what was sent.
    pub(in crate::streaming) async fn go_away(self) {
        // Which stream was the last that was taken is known by who sends this.
        if self.frames.send(Frame::GoAway { last: 0 }).await.is_err() {
            tracing::trace!("the client has gone by itself");
        }
    }
}

/// The connection, and what carries it: a future that must be driven for anything to move. It ends when the client
/// has closed the connection.
pub(in crate::streaming) fn connection<R, W>(
    reader: R,
    writer: W,
) -> (Connection, impl Future<Output = Result<(), SpdyError>> + Send)
where
    R: AsyncRead + Send + Unpin,
    W: AsyncWrite + Send + Unpin,
{
    let (opened, streams) = mpsc::channel(1);
    let (frames, outgoing) = mpsc::channel(FRAMES);
    let reading = Reading {
        streams: HashMap::new(),
        places: Arc::new(Semaphore::new(MAX_STREAMS)),
        last: 0,
        opened,
        frames: frames.clone(),
    };
    let driver = async move {
        let reading = async { reading.run(FramedRead::new(reader, Codec::new()?)).await };
        let mut reading = std::pin::pin!(reading);
        tokio::select! {
            read = &mut reading => return read,
            written = write(outgoing, FramedWrite::new(writer, Codec::new()?)) => written?,
        }
        // The last word has been said; what the client still sends is let go by.
        reading.await
    };
    (Connection { streams, frames }, driver)
}

/// Sends frames, until the one that says that it was the last.
async fn write<W: AsyncWrite + Unpin>(
    mut outgoing: mpsc::Receiver<Frame>,
    mut sink: FramedWrite<W, Codec>,
) -> Result<(), SpdyError> {
    let mut taken = 0;
    while let Some(mut frame) = outgoing.recv().await {
        let done = match &mut frame {
            Frame::SynReply { id } => {
                taken = *id;
                false
            }
            Frame::GoAway { last } => {
                *last = taken;
                true
            }
            _ => false,
        };
        sink.feed(frame).await?;
        if outgoing.is_empty() || done {
            sink.flush().await?;
        }
        if done {
            break;
        }
    }
    Ok(())
}

/// The half that reads.
struct Reading {
    /// The streams on which the client still sends.
    streams: HashMap<u32, Open>,
    places: Arc<Semaphore>,
    /// The id of the stream opened last.
    last: u32,
    opened: mpsc::Sender<Stream>,
    frames: mpsc::Sender<Frame>,
}

struct Open {
    input: mpsc::Sender<Bytes>,
    reset: CancellationToken,
}

impl Reading {
    async fn run<R: AsyncRead + Unpin>(
        mut self,
        mut incoming: FramedRead<R, Codec>,
    ) -> Result<(), SpdyError> {
        while let Some(frame) = incoming.next().await {
            match frame? {
                Frame::SynStream { id, headers, fin } => self.open(id, headers, fin).await,
                Frame::Data { id, bytes, fin } => self.data(id, bytes, fin).await,
                Frame::RstStream { id, .. } => {
                    if let Some(open) = self.streams.remove(&id) {
                        open.reset.cancel();
                    }
                }
                // An even one answers the server's, which sends none.
                Frame::Ping { id } if !id.is_multiple_of(2) => self.answer(Frame::Ping { id }).await,
                // Its streams go on until it closes the connection. Windows are not waited for.
                Frame::GoAway { .. }
                | Frame::WindowUpdate { .. }
                | Frame::SynReply { .. }
                | Frame::Ping { .. } => {}
            }
        }
        Ok(())
    }

    async fn open(&mut self, id: u32, headers: Headers, fin: bool) {
        if id.is_multiple_of(2) || id <= self.last {
            return self.answer(Frame::RstStream { id, reset: Reset::PROTOCOL_ERROR }).await;
        }
        self.last = id;
        // A stream that is over here may not be over for the client.
        self.streams.retain(|_, open| !open.input.is_closed());
        let place = self.places.clone().try_acquire_owned();
        let (Ok(place), true) = (place, self.streams.len() < MAX_STREAMS) else {
            return self.answer(Frame::RstStream { id, reset: Reset::REFUSED }).await;
        };
        self.answer(Frame::SynReply { id }).await;
        let (sender, input) = mpsc::channel(PIECES);
        let reset = CancellationToken::new();
        if !fin {
            self.streams.insert(id, Open { input: sender, reset: reset.clone() });
        }
        let output = Writer { id, frames: self.frames.clone(), _place: place };
        if self.opened.send(Stream { headers, input, reset, output }).await.is_err() {
            tracing::trace!("streams are not taken any more");
        }
    }

    /// Hands data on to whoever reads the stream; what nobody reads is dropped.
    async fn data(&mut self, id: u32, bytes: Bytes, fin: bool) {
        let Some(open) = self.streams.get(&id) else { return };
        let delta = bytes.len() as u32;
        let read = delta == 0 || open.input.send(bytes).await.is_ok();
        if fin || !read {
            self.streams.remove(&id);
        } else if delta > 0 {
            // Upstream's clients do not look at it; one that keeps to the protocol's windows waits for it.
            self.answer(Frame::WindowUpdate { id, delta }).await;
        }
    }

    async fn answer(&self, frame: Frame) {
        if self.frames.send(frame).await.is_err() {
            tracing::trace!("nothing is sent any more");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::streaming::spdy::client::Client;
    use bireme_core::Environment;
    use tokio::io::AsyncWriteExt;

    /// A client, and the connection that it has, which is driven.
    fn connected() -> (Client, Connection) {
        let (ours, theirs) = tokio::io::duplex(64 << 10);
        let (reader, writer) = tokio::io::split(ours);
        let (connection, driver) = connection(reader, writer);
        drop(Environment::system().spawn(driver));
        (Client::new(theirs), connection)
    }

    #[tokio::test]
    async fn a_stream_carries_bytes_both_ways_until_their_end() {
        let (mut client, mut connection) = connected();
        let id = client.open(&[("streamtype", "data")]).await.unwrap();
        let mut stream = connection.streams.recv().await.unwrap();
        assert_eq!(stream.headers.get("streamtype"), Some("data"));
        client.data(id, b"hello", false).await;
        client.data(id, b"", true).await;
        assert_eq!(stream.input.recv().await.unwrap(), "hello");
        assert_eq!(stream.input.recv().await, None);
        let long = "x".repeat(3 * MAX_PIECE);
        stream.output.send(long.clone().into()).await.unwrap();
        stream.output.finish().await.unwrap();
        assert_eq!(client.rest(id).await, long);
        connection.go_away().await;
        assert_eq!(client.next().await, Some(Frame::GoAway { last: id }));
    }

    #[tokio::test]
    async fn a_ping_comes_back() {
        let (mut client, _connection) = connected();
        client.send(Frame::Ping { id: 1 }).await;
        assert_eq!(client.next().await, Some(Frame::Ping { id: 1 }));
    }

    #[tokio::test]
    async fn a_reset_is_the_end_of_a_stream() {
        let (mut client, mut connection) = connected();
        let id = client.open(&[]).await.unwrap();
        let mut stream = connection.streams.recv().await.unwrap();
        client.send(Frame::RstStream { id, reset: Reset::PROTOCOL_ERROR }).await;
        stream.reset.cancelled().await;
        assert_eq!(stream.input.recv().await, None);
    }

    #[tokio::test]
    async fn an_id_is_not_used_twice() {
        let (mut client, mut connection) = connected();
        let id = client.open(&[]).await.unwrap();
        connection.streams.recv().await.unwrap();
        client.send(Frame::SynStream { id, headers: Headers::default(), fin: false }).await;
        let refused = Frame::RstStream { id, reset: Reset::PROTOCOL_ERROR };
        assert_eq!(client.next().await, Some(refused));
    }

    #[tokio::test]
    async fn there_is_a_greatest_number_of_streams() {
        let (mut client, mut connection) = connected();
        let mut open = Vec::new();
        for _ in 0..MAX_STREAMS {
            client.open(&[]).await.unwrap();
            open.push(connection.streams.recv().await.unwrap());
        }
        assert_eq!(client.open(&[]).await, None);
        open.pop();
        assert!(client.open(&[]).await.is_some(), "the place of one that is over is free");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_is_held_back_by_what_is_not_read() {
        let (mut client, mut connection) = connected();
        let id = client.open(&[]).await.unwrap();
        let mut stream = connection.streams.recv().await.unwrap();
        let all = 1 << 20;
        let env = Environment::system();
        let bytes = vec![b'x'; all];
        let sent = client.data(id, &bytes, true);
        let mut sent = std::pin::pin!(sent);
        env.timeout(Duration::from_secs(9), &mut sent).await.unwrap_err();
        let read = async {
            let mut read = 0;
            while let Some(bytes) = stream.input.recv().await {
                read += bytes.len();
            }
            read
        };
        assert_eq!(futures::join!(sent, read).1, all);
    }

    #[tokio::test]
    async fn nonsense_ends_the_connection() {
        let (ours, mut theirs) = tokio::io::duplex(1024);
        let (reader, writer) = tokio::io::split(ours);
        let (_connection, driver) = connection(reader, writer);
        theirs.write_all(b"\x80\x02\0\x01\0\0\0\0").await.unwrap();
        assert!(matches!(driver.await, Err(SpdyError::Version(2))));
    }
}
