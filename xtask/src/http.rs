//! One HTTP/1.0 request over any stream: for Docker's socket, and to see that the example answers.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use anyhow::{Context, bail};

/// A slower answer counts as none.
const PATIENCE: Duration = Duration::from_secs(30);

/// An answer with its body read whole.
pub struct Response {
    /// The status code, such as 200.
    pub status: u16,
    /// Everything after the head.
    pub body: String,
}

/// Sends one request without a body and reads the answer to its end. HTTP/1.0 asks the other side to close
/// the connection and not to send chunks.
pub fn request(
    mut stream: impl Read + Write,
    method: &str,
    host: &str,
    path: &str,
) -> anyhow::Result<Response> {
    write!(stream, "{method} {path} HTTP/1.0\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
    stream.flush()?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    let text = String::from_utf8(bytes).context("the answer is not text")?;
    parse(&text)
}

/// GETs `path` from `host:port`.
pub fn get(host: &str, port: u16, path: &str) -> anyhow::Result<Response> {
    let address = (host, port).to_socket_addrs()?.next().context("no address")?;
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    request(stream, "GET", host, path)
}

fn parse(text: &str) -> anyhow::Result<Response> {
    let Some((head, body)) = text.split_once("\r\n\r\n") else { bail!("the answer has no head") };
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    Ok(Response { status: status.context("the answer has no status")?, body: body.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_its_status_and_its_body() {
        let answer = parse("HTTP/1.1 404 Not Found\r\nServer: x\r\n\r\nno such\r\n\r\nthing").unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (404, "no such\r\n\r\nthing"));
    }

    #[test]
    fn an_answer_that_was_cut_off_is_an_error() {
        assert!(parse("HTTP/1.1 200 OK\r\nServer").is_err());
    }
}
