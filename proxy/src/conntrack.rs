//! What the kernel remembers of where datagrams go.

use std::collections::BTreeSet;
use std::io;
use std::net::IpAddr;

use netlink_packet_netfilter::NetfilterMessageInner;
use netlink_packet_netfilter::conntrack::{
    ConntrackAttribute, ConntrackMessage, IPTuple, ProtoTuple, Protocol, Tuple,
};

use crate::netlink::Connection;
use crate::rules::{Endpoint, Flow, Frontend};

/// Makes the kernel forget the flows, of which only those of datagrams outlive their endpoint; how many there were.
pub(crate) fn forget(connection: &mut Connection, flows: &BTreeSet<Flow>) -> io::Result<usize> {
    let mut forgotten = 0;
    for entry in connection.dump(ConntrackMessage::Get(Vec::new()).into())? {
        let NetfilterMessageInner::Conntrack(ConntrackMessage::New(attributes)) = entry else { continue };
        let Some(original) = attributes.iter().find_map(|attribute| match attribute {
            ConntrackAttribute::CtaTupleOrig(tuple) => Some(tuple),
            _ => None,
        }) else {
            continue;
        };
        if !flows.iter().any(|flow| is_of(&attributes, flow)) {
            continue;
        }
        let delete = ConntrackMessage::Delete(vec![ConntrackAttribute::CtaTupleOrig(original.clone())]);
        match connection.request(delete.into()) {
            Ok(()) => forgotten += 1,
            // It has ended by itself.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(forgotten)
}

/// Whether an entry is about datagrams to the frontend that go to the endpoint.
fn is_of(entry: &[ConntrackAttribute], flow: &Flow) -> bool {
    let ends =
        |wanted: fn(&ConntrackAttribute) -> Option<&Vec<Tuple>>| entry.iter().find_map(wanted).map(Ends::of);
    let original = ends(|attribute| match attribute {
        ConntrackAttribute::CtaTupleOrig(tuple) => Some(tuple),
        _ => None,
    });
    let reply = ends(|attribute| match attribute {
        ConntrackAttribute::CtaTupleReply(tuple) => Some(tuple),
        _ => None,
    });
    let (Some(original), Some(reply)) = (original, reply) else { return false };
    let from = match flow.frontend {
        Frontend::Service(address, _, port) => original.destination == (Some(address), Some(port)),
        Frontend::Node(_, port) => original.destination.1 == Some(port),
    };
    let Endpoint { address, port } = flow.endpoint;
    original.protocol == Some(Protocol::Udp) && from && reply.source == (Some(address), Some(port))
}

/// The two ends of one direction.
#[derive(Default)]
struct Ends {
    protocol: Option<Protocol>,
    source: (Option<IpAddr>, Option<u16>),
    destination: (Option<IpAddr>, Option<u16>),
}

impl Ends {
    fn of(tuple: &Vec<Tuple>) -> Self {
        let mut ends = Self::default();
        for part in tuple {
            match part {
                Tuple::Ip(addresses) => {
                    for address in addresses {
                        match address {
                            IPTuple::SourceAddress(address) => ends.source.0 = Some(*address),
                            IPTuple::DestinationAddress(address) => ends.destination.0 = Some(*address),
                            _ => {}
                        }
                    }
                }
                Tuple::Proto(parts) => {
                    for part in parts {
                        match part {
                            ProtoTuple::Protocol(protocol) => ends.protocol = Some(*protocol),
                            ProtoTuple::SourcePort(port) => ends.source.1 = Some(*port),
                            ProtoTuple::DestinationPort(port) => ends.destination.1 = Some(*port),
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        ends
    }
}
