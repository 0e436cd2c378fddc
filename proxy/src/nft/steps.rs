//! What the table says of a service port, before it is put into anybody's language.

use super::script::{NODE_PORTS, REFUSE, REFUSED, REFUSED_NODE_PORTS, SERVICES};
use crate::rules::{Backends, Behind, Endpoint, Frontend};

/// The map that says who answers to a frontend, and the chain that it leads to.
pub(super) fn entry(frontend: &Frontend, behind: &Behind) -> (&'static str, String) {
    let (services, node_ports, chain) = match behind {
        Behind::Port(port) => (SERVICES, NODE_PORTS, port.to_string()),
        Behind::Nobody => (REFUSED, REFUSED_NODE_PORTS, REFUSE.to_owned()),
    };
    match frontend {
        Frontend::Service(..) => (services, chain),
        Frontend::Node(..) => (node_ports, chain),
    }
}

/// One rule: connections that meet the condition go to the endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) condition: Condition,
    pub(super) endpoint: Endpoint,
    /// Whether the endpoint remembers the client from then on.
    pub(super) remembers: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// Whatever comes so far.
    Always,
    /// One in so many, drawn by lot.
    OneIn(u32),
    /// The endpoint remembers the client.
    Remembered,
}

/// The rules that send a connection to one of the endpoints: to the one that remembers the client, or else to each as
/// likely as to any other. The first takes one in as many as there are, the next one in as many as are left, the last
/// all that is left.
///
/// One rule with a map from a random number would say the same, but the kernel keeps such maps in one list for the
/// whole table, and setting up ten thousand services takes it six times as long.
pub(super) fn steps(backends: &Backends) -> impl Iterator<Item = Step> {
    let (count, sticky) = (backends.endpoints.len(), backends.sticky.is_some());
    let step =
        move |condition, endpoint: &Endpoint| Step { condition, endpoint: *endpoint, remembers: sticky };
    let known = backends.endpoints.iter().filter(move |_| sticky);
    let known = known.map(move |endpoint| step(Condition::Remembered, endpoint));
    let drawn = backends.endpoints.iter().enumerate().map(move |(index, endpoint)| {
        let left = u32::try_from(count - index).unwrap_or(u32::MAX);
        step(if left == 1 { Condition::Always } else { Condition::OneIn(left) }, endpoint)
    });
    known.chain(drawn)
}
