//! The HTTP that probes and hooks speak: one request on a connection of its own, of whose answer the status counts.

use std::io;

use bireme_core::node_access::ByteStream;
use k8s_openapi::api::core::v1::HTTPHeader;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The most that is read of an answer; the status line is at its beginning.
const LIMIT: u64 = 10 << 10;

/// A request to be made.
pub(super) struct Request<'a> {
    /// Whom to name in `Host`, unless the headers do.
    pub(super) host: &'a str,
    pub(super) path: &'a str,
    pub(super) headers: &'a [HTTPHeader],
    pub(super) agent: &'a str,
}

/// Makes a GET request and answers its status and the beginning of what came after the headers.
pub(super) async fn get(mut stream: Box<dyn ByteStream>, request: &Request<'_>) -> io::Result<(u16, String)> {
    stream.write_all(head(request).as_bytes()).await?;
    stream.flush().await?;
    let mut answer = Vec::new();
    let mut limited = (&mut stream).take(LIMIT);
    while !is_complete(&answer) && limited.read_buf(&mut answer).await? > 0 {}
    let text = String::from_utf8_lossy(&answer);
    let status =
        status(&text).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "malformed HTTP response"))?;
    let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    Ok((status, body.to_owned()))
}

fn head(request: &Request<'_>) -> String {
    let path =
        if request.path.starts_with('/') { request.path.to_owned() } else { format!("/{}", request.path) };
    let named = |name: &str| request.headers.iter().any(|header| header.name.eq_ignore_ascii_case(name));
    let mut head = format!("GET {path} HTTP/1.1\r\n");
    for (name, value) in [("Host", request.host), ("User-Agent", request.agent), ("Accept", "*/*")] {
        if !named(name) {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    for header in request.headers {
        head.push_str(&format!("{}: {}\r\n", header.name, header.value));
    }
    head.push_str("Connection: close\r\n\r\n");
    head
}

/// Whether all of an answer is there, going by its own length; without one it ends with the connection.
fn is_complete(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    length.is_some_and(|length| body.len() >= length)
}

fn status(text: &str) -> Option<u16> {
    let line = text.lines().next()?.strip_prefix("HTTP/1.")?;
    line.split(' ').nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn answered(answer: &'static [u8]) -> (io::Result<(u16, String)>, String) {
        let (near, mut far) = tokio::io::duplex(4096);
        let headers = [HTTPHeader { name: "X-Probe".to_owned(), value: "1".to_owned() }];
        let request = Request { host: "10.0.0.1:80", path: "healthz", headers: &headers, agent: "test" };
        far.write_all(answer).await.unwrap();
        far.shutdown().await.unwrap();
        let result = get(Box::new(near), &request).await;
        let mut sent = String::new();
        far.read_to_string(&mut sent).await.unwrap();
        (result, sent)
    }

    #[tokio::test]
    async fn the_request_is_what_a_server_expects() {
        let (_, sent) = answered(b"HTTP/1.1 200 OK\r\n\r\n").await;
        assert!(sent.starts_with("GET /healthz HTTP/1.1\r\nHost: 10.0.0.1:80\r\n"), "{sent}");
        assert!(sent.contains("X-Probe: 1\r\n") && sent.ends_with("\r\n\r\n"), "{sent}");
    }

    #[tokio::test]
    async fn the_status_is_read_and_nonsense_is_refused() {
        let (ok, _) = answered(b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n").await;
        assert_eq!(ok.unwrap().0, 204);
        let (bad, _) = answered(b"HTTP/1.0 503 Down\r\n\r\nsorry").await;
        assert_eq!(bad.unwrap(), (503, "sorry".to_owned()));
        for nonsense in [&b""[..], b"hello", b"HTTP/1.1 abc"] {
            assert!(answered(nonsense).await.0.is_err());
        }
    }
}
