//! Answers in DNS's own form.

use std::net::Ipv4Addr;

use hickory_proto::ProtoError;
use hickory_proto::op::{Edns, Message, MessageType, Metadata, OpCode, ResponseCode};
use hickory_proto::rr::rdata::{A, SOA};
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};

/// How long, in seconds, others may remember what was said: pods come and go.
const TTL: u32 = 5;
/// The largest datagram that no network on the way breaks into pieces (as the resolvers' vendors agreed in 2020).
const DATAGRAM: u16 = 1232;

/// The answer to a question whose name the cluster knows: `addresses`, or the word that there are none.
pub(super) fn addresses(request: &Message, domain: &Name, addresses: &[Ipv4Addr]) -> Message {
    let mut response = response(request, ResponseCode::NoError);
    response.metadata.authoritative = true;
    if let Some(question) = request.queries.first() {
        let wanted = matches!(question.query_type, RecordType::A | RecordType::ANY);
        for address in addresses.iter().filter(|_| wanted) {
            let record = Record::from_rdata(question.name.clone(), TTL, RData::A(A(*address)));
            response.add_answer(record);
        }
    }
    if response.answers.is_empty() {
        response.add_authority(authority(domain));
    }
    response
}

/// The word that the cluster does not have the name.
pub(super) fn no_such_name(request: &Message, domain: &Name) -> Message {
    let mut response = response(request, ResponseCode::NXDomain);
    response.metadata.authoritative = true;
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
