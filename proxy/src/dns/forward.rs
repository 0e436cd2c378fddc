//! Asking others.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use bireme_core::Environment;
use hickory_proto::op::{Message, MessageType};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};

/// How long one resolver is given before the next is asked.
const PATIENCE: Duration = Duration::from_secs(2);
const DNS_PORT: u16 = 53;

/// The resolvers that a `resolv.conf` names.
pub fn upstreams_of(resolv_conf: &str) -> Vec<SocketAddr> {
    let words = resolv_conf.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let address = |words: Vec<&str>| match words.as_slice() {
        ["nameserver", address, ..] => address.parse::<IpAddr>().ok(),
        _ => None,
    };
    words.filter_map(address).map(|address| SocketAddr::new(address, DNS_PORT)).collect()
}

/// The resolvers of the machine.
#[derive(Clone)]
pub(super) struct Forwarder {
    env: Environment,
    upstreams: Vec<SocketAddr>,
}

impl Forwarder {
    pub(super) fn new(env: &Environment, upstreams: Vec<SocketAddr>) -> Self {
        Self { env: env.clone(), upstreams }
    }

    /// The response of the first resolver that gives one, as it came but for the request's own number. `bytes` are
    /// those of `request`. Over TCP when the client came that way, so that it gets all that does not fit otherwise.
    pub(super) async fn ask(&self, request: &Message, bytes: &[u8], stream: bool) -> Option<Vec<u8>> {
        for upstream in &self.upstreams {
            // A number that nobody can guess, on a port that nobody can guess, so that nobody else can answer.
            let number = self.env.random_bytes::<2>();
            let mut question = bytes.to_vec();
            question.get_mut(..2)?.copy_from_slice(&number);
            let exchange = exchange(*upstream, request, &question, stream);
            match self.env.timeout(PATIENCE, exchange).await {
                Ok(Ok(mut response)) => {
                    response.get_mut(..2)?.copy_from_slice(bytes.get(..2)?);
                    return Some(response);
                }
                Ok(Err(error)) => tracing::debug!(%upstream, %error, "the resolver did not answer"),
                Err(elapsed) => tracing::debug!(%upstream, %elapsed, "the resolver did not answer"),
            }
        }
        None
    }
}

async fn exchange(
    upstream: SocketAddr,
    request: &Message,
    question: &[u8],
    stream: bool,
) -> io::Result<Vec<u8>> {
    if stream {
        let mut connection = TcpStream::connect(upstream).await?;
        write_framed(&mut connection, question).await?;
        let response = read_framed(&mut connection).await?;
        return match response {
            Some(response) if answers(request, question, &response) => Ok(response),
            _ => Err(io::ErrorKind::InvalidData.into()),
        };
    }
    let any = if upstream.is_ipv4() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED)
    } else {
        IpAddr::V6(Ipv6Addr::UNSPECIFIED)
    };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(upstream).await?;
    socket.send(question).await?;
    let mut buffer = vec![0; usize::from(u16::MAX)];
    loop {
        let length = socket.recv(&mut buffer).await?;
        if answers(request, question, &buffer[..length]) {
            buffer.truncate(length);
            return Ok(buffer);
        }
    }
}

/// Whether `response` has the number and the question that were sent.
fn answers(request: &Message, question: &[u8], response: &[u8]) -> bool {
    let same_number = response.get(..2) == question.get(..2);
    same_number
        && Message::from_vec(response).is_ok_and(|message| {
            message.metadata.message_type == MessageType::Response && message.queries == request.queries
        })
}

/// Reads one message with its length before it; `None` at the end of the stream.
pub(super) async fn read_framed(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Vec<u8>>> {
    let length = match stream.read_u16().await {
        Ok(length) => length,
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut message = vec![0; usize::from(length)];
    stream.read_exact(&mut message).await?;
    Ok(Some(message))
}

/// Writes one message with its length before it.
pub(super) async fn write_framed(stream: &mut (impl AsyncWrite + Unpin), message: &[u8]) -> io::Result<()> {
    let length = u16::try_from(message.len()).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    // In one piece, because some clients expect to read it so.
    let framed = [&length.to_be_bytes()[..], message].concat();
    stream.write_all(&framed).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machines_resolvers_are_read_from_its_resolv_conf() {
        let text = "# a comment\nsearch example.com\nnameserver 192.0.2.1\n nameserver\tfd00::53 # two\nnameserver x\n";
        let expected: [SocketAddr; 2] = ["192.0.2.1:53".parse().unwrap(), "[fd00::53]:53".parse().unwrap()];
        assert_eq!(upstreams_of(text), expected);
    }
}
