//! Connections to simulated containers: whatever they are asked, they are well.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use async_trait::async_trait;
use bireme_core::node_access::ByteStream;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadBuf};

use super::Dialer;

/// Answers every HTTP request with an empty success, and every gRPC health check with "serving".
pub(super) struct Answering;

/// What may be on its way in each direction.
const BUFFER: usize = 16 << 10;
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
/// How HTTP/2 begins, as far as no method of HTTP/1.1 does.
const PREFACE: &[u8; 3] = b"PRI";
/// A framed `HealthCheckResponse` that says `SERVING`.
const SERVING: &[u8] = &[0, 0, 0, 0, 2, 8, 1];

#[async_trait]
impl Dialer for Answering {
    async fn connect(&self, _host: &str, _port: u16) -> io::Result<Box<dyn ByteStream>> {
        let (near, far) = tokio::io::duplex(BUFFER);
        Ok(Box::new(Connection { near, far: Some(Box::pin(serve(far))) }))
    }

    /// There is nothing to be kept from anybody.
    async fn connect_securely(&self, host: &str, port: u16) -> io::Result<Box<dyn ByteStream>> {
        self.connect(host, port).await
    }
}

/// A connection whose far end does its work while the near end is read.
struct Connection {
    near: DuplexStream,
    far: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

async fn serve(mut far: DuplexStream) {
    let mut begin = [0; PREFACE.len()];
    if far.read_exact(&mut begin).await.is_err() {
        return;
    }
    if begin == *PREFACE {
        let (reader, writer) = tokio::io::split(far);
        let reader = io::Cursor::new(begin).chain(reader);
        // A client that breaks off has lost interest.
        drop(serve_health(tokio::io::join(reader, writer)).await);
    } else {
        drop(far.write_all(ANSWER).await);
        drop(far.shutdown().await);
    }
}

async fn serve_health(stream: impl AsyncRead + AsyncWrite + Unpin) -> Result<(), h2::Error> {
    let mut connection = h2::server::handshake(stream).await?;
    while let Some(request) = connection.accept().await {
        let (_, mut respond) = request?;
        let mut body = respond.send_response(Response::new(()), false)?;
        body.send_data(Bytes::from_static(SERVING), false)?;
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from_static("0"));
        body.send_trailers(trailers)?;
    }
    Ok(())
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(far) = &mut self.far
            && far.as_mut().poll(context).is_ready()
        {
            self.far = None;
        }
        Pin::new(&mut self.near).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.near).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.near).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.near).poll_shutdown(context)
    }
}
