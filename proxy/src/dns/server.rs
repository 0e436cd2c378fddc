//! Listening for questions.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bireme_core::Environment;
use bireme_core::cache::Informers;
use hickory_proto::ProtoError;
use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{Name, Record, RecordType};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::forward::{Forwarder, read_framed, write_framed};
use super::message::{alias, datagram, known, no_such_name, refusal, response};
use super::zone::{Answer, Zone};

/// How many questions may wait for other resolvers, and how many connections may be open.
const LIMIT: usize = 512;
/// How long a connection may be silent.
const IDLE: Duration = Duration::from_secs(10);
/// How many ports are looked at for one that is free in both transports.
const PORTS: usize = 64;
/// How many names one may stand for, one after the other.
const ALIASES: usize = 8;
const RECOVERY: Duration = Duration::from_millis(100);

/// What cluster DNS needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsConfig {
    /// Where to listen, over UDP and TCP; with port zero, on any port that is free.
    pub listen: SocketAddr,
    /// The domain of the cluster.
    pub domain: String,
    /// Whom to ask for all other names, one after the other; with none they all fail. See
    /// [`upstreams_of`](super::upstreams_of).
    pub upstreams: Vec<SocketAddr>,
}

impl Default for DnsConfig {
    /// `cluster.local` on 10.96.0.10, port 53, without upstreams.
    fn default() -> Self {
        let listen = SocketAddr::from(([10, 96, 0, 10], 53));
        Self { listen, domain: "cluster.local".to_owned(), upstreams: Vec::new() }
    }
}

/// Why cluster DNS could not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum DnsError {
    /// The domain is none.
    #[error("{domain:?} is not a domain")]
    Domain {
        /// The domain given.
        domain: String,
        /// What is wrong with it.
        source: ProtoError,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
    /// No more questions can be received.
    #[error("cannot receive questions")]
    Receive(#[source] io::Error),
}

/// Cluster DNS, listening.
pub struct Dns {
    socket: Arc<UdpSocket>,
    listener: TcpListener,
    resolver: Arc<Resolver>,
    env: Environment,
    tasks: TaskTracker,
}

impl Dns {
    /// Begins to listen. Questions wait until [`run`](Self::run).
    ///
    /// # Errors
    /// [`DnsError::Domain`], [`DnsError::Listen`].
    pub async fn bind(config: DnsConfig, env: &Environment, informers: &Informers) -> Result<Self, DnsError> {
        let DnsConfig { listen, domain, mut upstreams } = config;
        let fqdn = format!("{}.", domain.trim_end_matches('.'));
        let name =
            Name::from_ascii(&fqdn).map_err(|source| DnsError::Domain { domain: domain.clone(), source })?;
        let refused = |source| DnsError::Listen { address: listen, source };
        let (socket, listener) = sockets(listen).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        // A machine that itself asks cluster DNS would be asked in turn, without end.
        upstreams.retain(|upstream| *upstream != address);
        let (services, slices) = (informers.of::<Service>(), informers.of::<EndpointSlice>());
        let resolver = Resolver {
            zone: Zone::new(&domain, services.cache().clone(), slices.cache().clone()),
            domain: name,
            forwarder: Forwarder::new(env, upstreams),
            env: env.clone(),
        };
        let (resolver, socket) = (Arc::new(resolver), Arc::new(socket));
        Ok(Self { socket, listener, resolver, env: env.clone(), tasks: TaskTracker::new() })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// When the operating system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers until `stop`, and then lets those finish that are being answered.
    ///
    /// # Errors
    /// [`DnsError::Receive`].
    pub async fn run(self, stop: CancellationToken) -> Result<(), DnsError> {
        let ended = tokio::select! {
            biased;
            () = stop.cancelled() => Ok(()),
            ended = self.receive() => ended,
            () = self.accept(&stop) => Ok(()),
        };
        self.tasks.close();
        self.tasks.wait().await;
        ended
    }

    async fn receive(&self) -> Result<(), DnsError> {
        let waiting = Arc::new(Semaphore::new(LIMIT));
        let mut buffer = vec![0; usize::from(u16::MAX)];
        loop {
            let (length, client) = self.socket.recv_from(&mut buffer).await.map_err(DnsError::Receive)?;
            let bytes = &buffer[..length];
            // What is not even a request gets no answer: its sender may be somebody else's victim.
            let Some(request) = read(bytes) else { continue };
            let route = self.resolver.route(&request);
            if let Route::Here(response) = route {
                send(&self.socket, client, datagram(&request, &response)).await;
            } else if let Ok(permit) = waiting.clone().try_acquire_owned() {
                let (resolver, socket, bytes) = (self.resolver.clone(), self.socket.clone(), bytes.to_vec());
                drop(self.env.spawn(self.tasks.track_future(async move {
                    let answer = resolver.follow(route, &request, &bytes, Transport::Datagram).await;
                    send(&socket, client, answer).await;
                    drop(permit);
                })));
            } else {
                send(&self.socket, client, response(&request, ResponseCode::ServFail).to_vec()).await;
            }
        }
    }

    async fn accept(&self, stop: &CancellationToken) {
        let open = Arc::new(Semaphore::new(LIMIT));
        loop {
            // Never closed: the semaphore lives as long as this loop.
            let Ok(permit) = open.clone().acquire_owned().await else { return };
            match self.listener.accept().await {
                Ok((connection, _)) => {
                    let (resolver, stop) = (self.resolver.clone(), stop.clone());
                    drop(self.env.spawn(self.tasks.track_future(async move {
                        let conversation = resolver.converse(connection);
                        if let Some(Err(error)) = stop.run_until_cancelled(conversation).await {
                            tracing::debug!(%error, "a connection to cluster DNS broke");
                        }
                        drop(permit);
                    })));
                }
                Err(error) => {
                    // Too many open files, as a rule; it passes when some are closed, which no event tells.
                    tracing::warn!(%error, "cluster DNS cannot take a connection");
                    self.env.sleep(RECOVERY).await;
                }
            }
        }
    }
}

/// One port over both transports. A port that the operating system chose for one may be taken in the other: it
/// is held until the end, so that the next choice is another.
async fn sockets(listen: SocketAddr) -> io::Result<(UdpSocket, TcpListener)> {
    let mut held = Vec::new();
    loop {
        let socket = UdpSocket::bind(listen).await?;
        match TcpListener::bind(socket.local_addr()?).await {
            Ok(listener) => return Ok((socket, listener)),
            Err(error)
                if listen.port() == 0 && error.kind() == io::ErrorKind::AddrInUse && held.len() < PORTS =>
            {
                held.push(socket);
            }
            Err(error) => return Err(error),
        }
    }
}

/// How a question came, and its answer goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Transport {
    Datagram,
    Stream,
}

/// What is behind the sockets.
struct Resolver {
    zone: Zone,
    domain: Name,
    forwarder: Forwarder,
    env: Environment,
}

/// Where the answer to a question is found.
enum Route {
    /// Here: this is it.
    Here(Message),
    /// Elsewhere, and as it is.
    Elsewhere,
    /// Elsewhere, under another name, to which these aliases lead.
    Alias(Vec<Record>, Name),
}

impl Resolver {
    fn route(&self, request: &Message) -> Route {
        if let Some(code) = refusal(request) {
            return Route::Here(response(request, code));
        }
        let Some(question) = request.queries.first() else { return Route::Elsewhere };
        let (mut name, mut aliases) = (question.name.clone(), Vec::new());
        loop {
            let mut entry = match self.find(&name) {
                Answer::Known(entry) => entry,
                Answer::NoSuchName => {
                    return Route::Here(no_such_name(request, &self.domain, &aliases));
                }
                Answer::Unready => return Route::Here(response(request, ResponseCode::ServFail)),
                Answer::Foreign if aliases.is_empty() => return Route::Elsewhere,
                Answer::Foreign => return Route::Alias(aliases, name),
            };
            let target = entry.alias.take().and_then(|target| Name::from_ascii(target).ok());
            match target {
                // A ring of aliases, or a chain that nobody means.
                Some(_) if aliases.len() == ALIASES => {
                    return Route::Here(response(request, ResponseCode::ServFail));
                }
                Some(target) => {
                    aliases.push(alias(&name, &target));
                    if question.query_type == RecordType::CNAME {
                        return Route::Here(known(request, &self.domain, &aliases, &name, &entry));
                    }
                    name = target;
                }
                None => {
                    // Clients take the first; so each gets another first.
                    if !entry.addresses.is_empty() {
                        let first = self.env.random_below(entry.addresses.len());
                        entry.addresses.rotate_left(first);
                    }
                    return Route::Here(known(request, &self.domain, &aliases, &name, &entry));
                }
            }
        }
    }

    fn find(&self, name: &Name) -> Answer {
        match self.zone.resolve(name.iter()) {
            Answer::Foreign => {}
            answer => return answer,
        }
        // The name of one address, and not of a network of them.
        match name.parse_arpa_name() {
            Ok(network) if network.prefix_len() == network.max_prefix_len() => {
                self.zone.reverse(network.addr())
            }
            _ => Answer::Foreign,
        }
    }

    /// The answer, from wherever it is found, in the form of the transport.
    async fn follow(
        &self,
        route: Route,
        request: &Message,
        bytes: &[u8],
        transport: Transport,
    ) -> Result<Vec<u8>, ProtoError> {
        let stream = transport == Transport::Stream;
        let answer = match route {
            Route::Here(response) => Some(response),
            Route::Elsewhere => match self.forwarder.ask(request, bytes, stream).await {
                Some(answer) => return Ok(answer),
                None => None,
            },
            Route::Alias(aliases, name) => self.behind(aliases, name, request, stream).await?,
        };
        let answer = answer.unwrap_or_else(|| response(request, ResponseCode::ServFail));
        if stream { answer.to_vec() } else { datagram(request, &answer) }
    }

    /// What others say of a name that one of ours stands for, since hardly a client asks on by itself.
    async fn behind(
        &self,
        aliases: Vec<Record>,
        name: Name,
        request: &Message,
        stream: bool,
    ) -> Result<Option<Message>, ProtoError> {
        let Some(asked) = request.queries.first() else { return Ok(None) };
        let mut question = Message::new(request.metadata.id, MessageType::Query, OpCode::Query);
        question.metadata.recursion_desired = true;
        question.add_query(Query::query(name, asked.query_type));
        let Some(theirs) = self.forwarder.ask(&question, &question.to_vec()?, stream).await else {
            return Ok(None);
        };
        let theirs = Message::from_vec(&theirs)?;
        let mut answer = response(request, theirs.metadata.response_code);
        answer.metadata.truncation = theirs.metadata.truncation;
        answer.add_answers(aliases.into_iter().chain(theirs.answers));
        answer.add_authorities(theirs.authorities);
        Ok(Some(answer))
    }

    /// Answers the questions of one connection, one after the other.
    async fn converse(&self, mut connection: TcpStream) -> io::Result<()> {
        while let Ok(next) = self.env.timeout(IDLE, read_framed(&mut connection)).await {
            let Some(bytes) = next? else { break };
            let Some(request) = read(&bytes) else { break };
            let route = self.route(&request);
            let answer = self.follow(route, &request, &bytes, Transport::Stream).await;
            write_framed(&mut connection, &answer.map_err(io::Error::other)?).await?;
        }
        Ok(())
    }
}

fn read(bytes: &[u8]) -> Option<Message> {
    Message::from_vec(bytes).ok().filter(|message| message.metadata.message_type == MessageType::Query)
}

/// Sends a datagram. One that is lost here is as one that is lost on the way: the client asks again.
async fn send(socket: &UdpSocket, client: SocketAddr, answer: Result<Vec<u8>, ProtoError>) {
    match answer {
        Ok(bytes) => {
            if let Err(error) = socket.send_to(&bytes, client).await {
                tracing::debug!(%client, %error, "an answer could not be sent");
            }
        }
        Err(error) => tracing::warn!(%error, "an answer could not be written"),
    }
}
