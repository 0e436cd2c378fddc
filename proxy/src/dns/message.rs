//! Answers in DNS's own form.

use std::net::IpAddr;

use hickory_proto::ProtoError;
use hickory_proto::op::{Edns, Message, MessageType, Metadata, OpCode, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CNAME, PTR, SOA, SRV, TXT};
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};

use super::zone::Entry;

/// How long, in seconds, others may remember what was said: pods come and go.
const TTL: u32 = 5;
/// The largest datagram that no network on the way breaks into pieces (as the resolvers' vendors agreed in 2020).
const DATAGRAM: u16 = 1232;

/// The answer to a question whose name the cluster knows, after the aliases that led there: what of `entry` is asked
/// for, or the word that there is none of it.
pub(super) fn known(
    request: &Message,
    domain: &Name,
    aliases: &[Record],
    name: &Name,
    entry: &Entry,
) -> Message {
    let mut response = response(request, ResponseCode::NoError);
    response.metadata.authoritative = true;
    response.add_answers(aliases.iter().cloned());
    let wanted = request.queries.first().map_or(RecordType::ANY, |question| question.query_type);
    let found =
        records(name, entry).filter(|record| wanted == RecordType::ANY || record.record_type() == wanted);
    let count = response.answers.len();
    response.add_answers(found);
    if response.answers.len() == count {
        response.add_authority(authority(domain));
    } else if wanted == RecordType::SRV {
        // Whoever asks where to go asks next for the addresses.
        for target in &entry.targets {
            let Ok(name) = Name::from_ascii(&target.name) else { continue };
            response.add_additionals(target.addresses.iter().map(|to| record(&name, of_address(*to))));
        }
    }
    response
}

/// Everything under a name. What is no name in DNS, which the API lets nobody write, is left out.
fn records(name: &Name, entry: &Entry) -> impl Iterator<Item = Record> {
    let addresses = entry.addresses.iter().map(|address| of_address(*address));
    let targets = entry.targets.iter().filter_map(|target| {
        let name = Name::from_ascii(&target.name).ok()?;
        Some(RData::SRV(SRV::new(0, target.weight, target.port, name)))
    });
    let names = entry.names.iter().filter_map(|name| Some(RData::PTR(PTR(Name::from_ascii(name).ok()?))));
    let text = entry.text.iter().map(|text| RData::TXT(TXT::new(vec![(*text).to_owned()])));
    addresses.chain(targets).chain(names).chain(text).map(|data| record(name, data))
}

/// The record of an alias.
pub(super) fn alias(name: &Name, of: &Name) -> Record {
    record(name, RData::CNAME(CNAME(of.clone())))
}

fn record(name: &Name, data: RData) -> Record {
    Record::from_rdata(name.clone(), TTL, data)
}

fn of_address(address: IpAddr) -> RData {
    match address {
        IpAddr::V4(address) => RData::A(A(address)),
        IpAddr::V6(address) => RData::AAAA(AAAA(address)),
    }
}

/// The word that the cluster does not have the name, to which aliases may have led.
pub(super) fn no_such_name(request: &Message, domain: &Name, aliases: &[Record]) -> Message {
    let mut response = response(request, ResponseCode::NXDomain);
    response.metadata.authoritative = true;
    response.add_answers(aliases.iter().cloned());
    response.add_authority(authority(domain));
    response
}

/// A response without any record.
pub(super) fn response(request: &Message, code: ResponseCode) -> Message {
    let mut response = Message::new(request.metadata.id, MessageType::Response, OpCode::Query);
    response.metadata = Metadata::response_from_request(&request.metadata);
    response.metadata.recursion_available = true;
    response.metadata.response_code = code;
    response.add_queries(request.queries.iter().cloned());
    if request.edns.is_some() {
        let mut edns = Edns::new();
        edns.set_max_payload(DATAGRAM);
        response.set_edns(edns);
    }
    response
}

/// Why a request is refused before its name is looked at.
pub(super) fn refusal(request: &Message) -> Option<ResponseCode> {
    if request.metadata.op_code != OpCode::Query {
        return Some(ResponseCode::NotImp);
    }
    match request.queries.as_slice() {
        [question] if question.query_class == DNSClass::IN => None,
        [_] => Some(ResponseCode::Refused),
        _ => Some(ResponseCode::FormErr),
    }
}

/// The bytes of a response in a datagram for whoever sent `request`: without its records, and marked so that
/// the client asks again over TCP, if they do not fit.
pub(super) fn datagram(request: &Message, response: &Message) -> Result<Vec<u8>, ProtoError> {
    let bytes = response.to_vec()?;
    if bytes.len() <= usize::from(request.max_payload().min(DATAGRAM)) {
        return Ok(bytes);
    }
    response.truncate().to_vec()
}

/// The record that goes with every denial and says how long it may be remembered.
fn authority(domain: &Name) -> Record {
    let below = |label: &str| domain.prepend_label(label).unwrap_or_else(|_| domain.clone());
    let soa = SOA::new(below("ns"), below("hostmaster"), 1, 7200, 1800, 86400, TTL);
    Record::from_rdata(domain.clone(), TTL, RData::SOA(soa))
}
