//! What the machine must do with packets to services, and how one such state becomes another.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// A transport protocol that services are offered over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl Protocol {
    /// The name in lower case, as nftables and DNS write it.
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
            Protocol::Sctp => "sctp",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text names no [`Protocol`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not one of TCP, UDP and SCTP")]
pub struct UnknownProtocol(pub String);

impl FromStr for Protocol {
    type Err = UnknownProtocol;

    /// Reads a name in upper case, as in the Kubernetes API, or in lower case.
    fn from_str(name: &str) -> Result<Self, UnknownProtocol> {
        match name {
            "TCP" | "tcp" => Ok(Protocol::Tcp),
            "UDP" | "udp" => Ok(Protocol::Udp),
            "SCTP" | "sctp" => Ok(Protocol::Sctp),
            _ => Err(UnknownProtocol(name.to_owned())),
        }
    }
}

/// Where clients send their packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Frontend {
    /// A port of a service's own address.
    Service(IpAddr, Protocol, u16),
    /// A port of every address of the machine but the loopback range.
    Node(Protocol, u16),
}

impl Frontend {
    /// The protocol that it is about.
    pub fn protocol(&self) -> Protocol {
        match self {
            Frontend::Service(_, protocol, _) | Frontend::Node(protocol, _) => *protocol,
        }
    }
}

/// Who answers to a frontend.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Behind {
    /// The endpoints of this port.
    Port(ServicePort),
    /// A service that has no endpoint for it: clients are told at once.
    Nobody,
}

impl fmt::Display for Behind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Behind::Port(port) => port.fmt(f),
            Behind::Nobody => f.write_str("nobody"),
        }
    }
}

/// Where a packet ends up: an address and a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// The address, of a pod as a rule.
    pub address: IpAddr,
    /// The port there.
    pub port: u16,
}

/// The endpoints of one port of a service, of which each new connection gets any.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Backends {
    /// The protocol of the port.
    pub protocol: Protocol,
    /// At least one, in order.
    pub endpoints: BTreeSet<Endpoint>,
    /// How many seconds after its last connection a client still gets the endpoint that it had, where it does: so long
    /// each endpoint [remembers](Rules::memories) it.
    pub sticky: Option<u32>,
}

/// The clients that an endpoint of a service port has had; it prints as the set that holds them is called,
/// `clients-<service port>/<address>/<port>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Memory {
    /// The service port.
    pub port: ServicePort,
    /// The endpoint.
    pub endpoint: Endpoint,
}

impl Memory {
    const PREFIX: &'static str = "clients-";

    /// Reads what the kernel calls a set; `None` for sets that hold no clients.
    pub(crate) fn from_set(name: &str) -> Option<Self> {
        let mut parts = name.strip_prefix(Self::PREFIX)?.rsplitn(3, '/');
        let (number, address) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let port = ServicePort::from_chain(parts.next()?)?;
        Some(Self { port, endpoint: Endpoint { address, port: number } })
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}/{}/{}", Self::PREFIX, self.port, self.endpoint.address, self.endpoint.port)
    }
}

/// One port of one service; it prints as `service-<namespace>/<name>/<protocol>/<port>`, as its chain is called.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServicePort(String);

impl ServicePort {
    const PREFIX: &'static str = "service-";

    /// The name of a port; `None` when namespace or name are none that Kubernetes allows, and so might mean
    /// something else to whoever reads the name.
    pub fn new(namespace: &str, name: &str, protocol: Protocol, port: u16) -> Option<Self> {
        let dns =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'.';
        let valid = |text: &str| (1..=63).contains(&text.len()) && text.bytes().all(dns);
        (valid(namespace) && valid(name))
            .then(|| Self(format!("{}{namespace}/{name}/{protocol}/{port}", Self::PREFIX)))
    }

    /// Reads what the kernel calls a chain; `None` for chains that belong to no service.
    pub(crate) fn from_chain(name: &str) -> Option<Self> {
        name.starts_with(Self::PREFIX).then(|| Self(name.to_owned()))
    }
}

impl fmt::Display for ServicePort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The data plane's state, of one service or of all: what is wanted, or what the kernel has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Who answers to which frontend.
    pub frontends: BTreeMap<Frontend, Behind>,
    /// The endpoints of each service port that has any.
    pub backends: BTreeMap<ServicePort, Backends>,
    /// How many seconds after its last connection a client is remembered, for each endpoint of sticky service ports.
    pub memories: BTreeMap<Memory, u32>,
    /// Addresses of endpoints that may reach themselves through a service, and must then not see themselves as
    /// the source, because they would answer past the translation.
    pub hairpins: BTreeSet<IpAddr>,
}

impl Rules {
    /// Adds all of `other`. Where both claim a frontend, `other` has it.
    pub fn extend(&mut self, other: &Rules) {
        self.frontends.extend(other.frontends.clone());
        self.backends.extend(other.backends.clone());
        self.memories.extend(other.memories.clone());
        self.hairpins.extend(&other.hairpins);
    }

    /// What must change for these rules to become `target`.
    pub fn changes_to(&self, target: &Rules) -> Changes {
        let memories_gone: BTreeSet<_> = difference(&self.memories, &target.memories).into_keys().collect();
        let memories_new = difference(&target.memories, &self.memories);
        let mut backends_set = difference(&target.backends, &self.backends);
        // A set can only be replaced while no rule names it, so the rules are written again.
        for memory in memories_gone.iter().chain(memories_new.keys()) {
            let backends = target.backends.get(&memory.port);
            backends_set.extend(backends.map(|backends| (memory.port.clone(), backends.clone())));
        }
        Changes {
            frontends_gone: difference(&self.frontends, &target.frontends),
            frontends_new: difference(&target.frontends, &self.frontends),
            backends_gone: self
                .backends
                .keys()
                .filter(|port| !target.backends.contains_key(port))
                .cloned()
                .collect(),
            backends_set,
            memories_gone,
            memories_new,
            hairpins_gone: self.hairpins.difference(&target.hairpins).copied().collect(),
            hairpins_new: target.hairpins.difference(&self.hairpins).copied().collect(),
            flows_gone: self.flows().filter(|flow| !target.leads(flow)).collect(),
        }
    }

    /// Where datagrams go. Nobody notices when their endpoint is gone, as the two ends of a connection do.
    fn flows(&self) -> impl Iterator<Item = Flow> {
        let datagrams = self.frontends.iter().filter(|(frontend, _)| frontend.protocol() == Protocol::Udp);
        datagrams.flat_map(|(frontend, behind)| {
            let to = |endpoint: &Endpoint| Flow { frontend: *frontend, endpoint: *endpoint };
            self.endpoints(behind).map(to)
        })
    }

    fn leads(&self, flow: &Flow) -> bool {
        let behind = self.frontends.get(&flow.frontend);
        behind.is_some_and(|behind| self.endpoints(behind).any(|endpoint| *endpoint == flow.endpoint))
    }

    fn endpoints(&self, behind: &Behind) -> impl Iterator<Item = &Endpoint> {
        let backends = match behind {
            Behind::Port(port) => self.backends.get(port),
            Behind::Nobody => None,
        };
        backends.into_iter().flat_map(|backends| &backends.endpoints)
    }
}

/// The entries that the other map does not have, or has with another value.
fn difference<K: Ord + Clone, V: PartialEq + Clone>(
    of: &BTreeMap<K, V>,
    other: &BTreeMap<K, V>,
) -> BTreeMap<K, V> {
    let differs = |(key, value): &(&K, &V)| other.get(*key) != Some(*value);
    of.iter().filter(differs).map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// Datagrams to a frontend that the kernel sends to an endpoint, once it has begun to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Flow {
    /// Where the client sends them.
    pub frontend: Frontend,
    /// Where they end up.
    pub endpoint: Endpoint,
}

/// The difference of two [`Rules`], carried out as one transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Frontends that nobody answers to any more, or somebody else, with who did.
    pub frontends_gone: BTreeMap<Frontend, Behind>,
    /// Frontends with who answers to them now.
    pub frontends_new: BTreeMap<Frontend, Behind>,
    /// Service ports that are no more; some may not have been there before either.
    pub backends_gone: BTreeSet<ServicePort>,
    /// Service ports that are new or have other endpoints.
    pub backends_set: BTreeMap<ServicePort, Backends>,
    /// Endpoints that need to remember nobody any more, or for another time.
    pub memories_gone: BTreeSet<Memory>,
    /// Endpoints that must remember their clients, and for how many seconds.
    pub memories_new: BTreeMap<Memory, u32>,
    /// Addresses that are endpoints of nothing any more.
    pub hairpins_gone: BTreeSet<IpAddr>,
    /// Addresses that are endpoints now.
    pub hairpins_new: BTreeSet<IpAddr>,
    /// What the kernel must forget after the transaction, so that what follows goes where the new rules say.
    pub flows_gone: BTreeSet<Flow>,
}

impl Changes {
    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Adds the changes that follow these, so that both are one transaction. What one gives up and the other takes, or
    /// the other way round, does not change.
    pub fn merge(&mut self, other: Changes) {
        for (frontend, behind) in other.frontends_gone {
            // What has only just been added was not there before.
            if self.frontends_new.remove(&frontend).is_none() {
                self.frontends_gone.insert(frontend, behind);
            }
        }
        for (frontend, behind) in other.frontends_new {
            if self.frontends_gone.get(&frontend) == Some(&behind) {
                self.frontends_gone.remove(&frontend);
            } else {
                self.frontends_new.insert(frontend, behind);
            }
        }
        for port in other.backends_gone {
            self.backends_set.remove(&port);
            self.backends_gone.insert(port);
        }
        for (port, backends) in other.backends_set {
            self.backends_gone.remove(&port);
            self.backends_set.insert(port, backends);
        }
        for memory in other.memories_gone {
            // What has only just been added was not there before, or for another time.
            if self.memories_new.remove(&memory).is_none() {
                self.memories_gone.insert(memory);
            }
        }
        self.memories_new.extend(other.memories_new);
        self.flows_gone.extend(other.flows_gone);
        for address in other.hairpins_gone {
            if !self.hairpins_new.remove(&address) {
                self.hairpins_gone.insert(address);
            }
        }
        for address in other.hairpins_new {
            if !self.hairpins_gone.remove(&address) {
                self.hairpins_new.insert(address);
            }
        }
    }
}
