//! As much of HTTP/1.1 as the shop needs: requests without a body, one to a connection.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

/// How long another tier may take.
const PATIENCE: Duration = Duration::from_secs(3);
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

/// What somebody asks for.
#[derive(Debug, PartialEq, Eq)]
pub struct Request {
    /// The path that is to be got, without its query.
    pub path: String,
    /// The token by which the client proves who it is, if it does.
    pub token: Option<String>,
}

/// Reads a request's head; an answer when it is no GET.
pub fn read_request(from: impl Read) -> io::Result<Result<Request, Response>> {
    let mut lines = BufReader::new(from.take(LONGEST_HEAD));
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") && lines.read_line(&mut head)? > 0 {}
    let mut words = head.lines().next().unwrap_or_default().split(' ');
    Ok(match (words.next(), words.next()) {
        (Some("GET"), Some(target)) if head.ends_with("\r\n\r\n") => {
            let path = target.split('?').next().unwrap_or_default().to_owned();
            let bearer = |line: &str| {
                let (name, value) = line.split_once(':')?;
                let is_it = name.eq_ignore_ascii_case("authorization");
                value.trim().strip_prefix("Bearer ").filter(|_| is_it).map(str::to_owned)
            };
            Ok(Request { path, token: head.lines().find_map(bearer) })
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

/// GETs `path` from a Service, with a token if there is one. Its name is looked up each time: Services come and go.
pub fn ask(service: &str, path: &str, token: Option<&str>) -> io::Result<(u16, String)> {
    let unknown = || io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    let address = service.to_socket_addrs()?.next().ok_or_else(unknown)?;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let proof = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {service}\r\n{proof}Connection: close\r\n\r\n")?;
    read_response(stream)
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
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
        let request = read_request("GET /stock?all HTTP/1.1\r\nHost: shop\r\n\r\n".as_bytes()).unwrap();
        assert_eq!(request.unwrap(), Request { path: "/stock".into(), token: None });
    }

    #[test]
    fn a_token_is_what_the_header_says_in_any_case() {
        let text = "GET / HTTP/1.1\r\nX: Bearer no\r\nAUTHORIZATION: Bearer secret\r\n\r\n";
        let request = read_request(text.as_bytes()).unwrap().unwrap();
        assert_eq!(request.token.as_deref(), Some("secret"));
    }

    #[test]
    fn what_is_not_a_whole_get_is_refused() {
        for (request, status) in [("POST / HTTP/1.1\r\n\r\n", 405), ("GET / HT", 400), ("", 400)] {
            let refused = read_request(request.as_bytes()).unwrap().unwrap_err();
            assert_eq!(refused.status, status, "{request}");
        }
    }
}
