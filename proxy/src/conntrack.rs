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
        let (mut original, mut reply) = (None, None);
        for attribute in &attributes {
            match attribute {
                ConntrackAttribute::CtaTupleOrig(tuple) => original = Some(tuple),
                ConntrackAttribute::CtaTupleReply(tuple) => reply = Some(tuple),
                _ => {}
            }
        }
        let Some((original, reply)) = original.zip(reply) else { continue };
        if !is_among(flows, &Ends::of(original), &Ends::of(reply)) {
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

/// Whether an entry is about datagrams to the frontend of a flow that go to its endpoint.
fn is_among(flows: &BTreeSet<Flow>, original: &Ends, reply: &Ends) -> bool {
    let ((Some(to), Some(port)), (Some(address), Some(own_port))) = (original.destination, reply.source)
    else {
        return false;
    };
    let endpoint = Endpoint { address, port: own_port };
    let udp = crate::rules::Protocol::Udp;
    let frontends = [Frontend::Service(to, udp, port), Frontend::Node(udp, port)];
    original.protocol == Some(Protocol::Udp)
        && frontends.into_iter().any(|frontend| flows.contains(&Flow { frontend, endpoint }))
}

/// The two ends of one direction.
#[derive(Default)]
struct Ends {
    protocol: Option<Protocol>,
    source: (Option<IpAddr>, Option<u16>),
    destination: (Option<IpAddr>, Option<u16>),
}

impl Ends {
    fn of(tuple: &[Tuple]) -> Self {
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
