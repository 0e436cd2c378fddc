//! As much of HTTP/1.1 as the shop needs: requests without a body, one to a connection.

use std::io::{self, BufRead, BufReader, Read, Write};

/// A longer head is refused.
const LONGEST_HEAD: u64 = 16 * 1024;

/// An answer.
#[derive(Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The media type of the body.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
}

impl Response {
    /// A short answer in plain text.
    pub fn text(status: u16, body: impl Into<String>) -> Response {
        Response { status, content_type: "text/plain; charset=utf-8", body: body.into() + "\n" }
    }

    /// Writes the answer, after which the connection is closed.
    pub fn write(&self, mut to: impl Write) -> io::Result<()> {
        let Response { status, content_type, body } = self;
        write!(
            to,
            "HTTP/1.1 {status} {}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{body}",
            reason(*status),
            body.len()
        )?;
        to.flush()
    }
}

/// Reads a request's head and returns the path that it GETs, without its query; an answer when there is
/// none.
pub fn read_path(from: impl Read) -> io::Result<Result<String, Response>> {
    let mut lines = BufReader::new(from.take(LONGEST_HEAD));
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") && lines.read_line(&mut head)? > 0 {}
    let mut words = head.lines().next().unwrap_or_default().split(' ');
    Ok(match (words.next(), words.next()) {
        (Some("GET"), Some(target)) if head.ends_with("\r\n\r\n") => {
            Ok(target.split('?').next().unwrap_or_default().to_owned())
        }
        (Some("GET"), _) | (_, None) => Err(Response::text(400, "this is no HTTP request")),
        _ => Err(Response::text(405, "only GET is allowed")),
    })
}

/// Reads an answer to its end and returns its status and body.
pub fn read_response(mut from: impl Read) -> io::Result<(u16, String)> {
    let mut text = String::new();
    from.read_to_string(&mut text)?;
    let broken = || io::Error::new(io::ErrorKind::InvalidData, "the answer is not HTTP");
    let (head, body) = text.split_once("\r\n\r\n").ok_or_else(broken)?;
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or_else(broken)?;
    Ok((status, body.to_owned()))
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        _ => "Internal Server Error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_as_it_was_written() {
        let mut bytes = Vec::new();
        Response::text(502, "no stock").write(&mut bytes).unwrap();
        assert_eq!(read_response(bytes.as_slice()).unwrap(), (502, "no stock\n".to_owned()));
    }

    #[test]
    fn the_path_is_taken_without_its_query() {
        let path = read_path("GET /stock?all HTTP/1.1\r\nHost: shop\r\n\r\n".as_bytes()).unwrap();
        assert_eq!(path.unwrap(), "/stock");
    }

    #[test]
    fn what_is_not_a_whole_get_is_refused() {
        for (request, status) in [("POST / HTTP/1.1\r\n\r\n", 405), ("GET / HT", 400), ("", 400)] {
            let refused = read_path(request.as_bytes()).unwrap().unwrap_err();
            assert_eq!(refused.status, status, "{request}");
        }
    }
}
