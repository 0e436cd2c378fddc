//! The table in the kernel's own language.
//!
//! It says what [`script`](super::script) says, which is read to the kernel by `nft`: that program reads all chains of a
//! table before each change of it, and the kernel waits before it lets a program end that has removed something.

use std::net::IpAddr;

use netlink_packet_core::{DefaultNla, NLM_F_APPEND, NLM_F_CREATE};
use netlink_packet_netfilter::nftables::{
    ChainAttribute, ChainMessage, Cmp, DataAttribute, Expressions, Immediate, ListAttribute, Lookup, Meta,
    MetaKey, NfTablesMessage, Operator, Payload, Register, RuleAttribute, RuleMessage, SetAttribute,
    SetElementAttribute, SetElementList, SetElementMessage, SetFlags, SetMessage, Verdict, VerdictAttribute,
};

use super::script::HAIRPINS;
use super::steps::{Condition, Step, entry, steps};
use crate::netlink::Request;
use crate::rules::{Behind, Changes, Frontend, Memory, Protocol, ServicePort};

// As include/uapi/linux/netfilter/nf_tables.h has them.
const NFTA_NG_DREG: u16 = 1;
const NFTA_NG_MODULUS: u16 = 2;
const NFTA_NG_TYPE: u16 = 3;
const NFT_NG_RANDOM: u32 = 1;
const NFTA_NAT_TYPE: u16 = 1;
const NFT_NAT_DNAT: u32 = 1;
const NFTA_NAT_FAMILY: u16 = 2;
const NFPROTO_IPV4: u32 = 2;
const NFTA_NAT_REG_ADDR_MIN: u16 = 3;
const NFTA_NAT_REG_PROTO_MIN: u16 = 5;
const NFTA_DYNSET_SET_NAME: u16 = 1;
const NFTA_DYNSET_OP: u16 = 3;
const NFT_DYNSET_OP_UPDATE: u32 = 1;
const NFTA_DYNSET_SREG_KEY: u16 = 4;
const NFT_PAYLOAD_NETWORK_HEADER: u32 = 1;
/// What `nft` calls an IPv4 address, among the types of keys.
const TYPE_IPV4_ADDR: u32 = 7;
/// Where an IPv4 header has the source, and how long it is.
const SOURCE: (u32, u32) = (12, 4);

/// The changes as the requests of one transaction: what refers to a chain or a set comes after it, and goes before it.
pub(super) fn requests(table: &str, changes: &Changes) -> Vec<Request> {
    let mut transaction = Transaction { table, requests: Vec::new(), sets: 0 };
    for port in changes.backends_set.keys().chain(&changes.backends_gone) {
        // One that came and went within a batch was never there, and can only be deleted when it is.
        transaction.empty_chain(port);
    }
    for memory in &changes.memories_gone {
        transaction.delete_set(memory);
    }
    for (memory, seconds) in &changes.memories_new {
        transaction.create_set(memory, *seconds);
    }
    for (port, backends) in &changes.backends_set {
        for step in steps(backends) {
            transaction.rule(port, backends.protocol, &step);
        }
    }
    for (frontend, behind) in &changes.frontends_gone {
        transaction.element(false, frontend, behind);
    }
    for (frontend, behind) in &changes.frontends_new {
        transaction.element(true, frontend, behind);
    }
    for port in &changes.backends_gone {
        transaction.delete_chain(port);
    }
    for address in &changes.hairpins_gone {
        transaction.hairpin(false, *address);
    }
    for address in &changes.hairpins_new {
        transaction.hairpin(true, *address);
    }
    transaction.requests
}

struct Transaction<'a> {
    table: &'a str,
    requests: Vec<Request>,
    /// How many sets are created, which numbers them.
    sets: u32,
}

impl Transaction<'_> {
    fn push(&mut self, message: NfTablesMessage, flags: u16) {
        self.requests.push(Request { message: message.into(), flags });
    }

    /// A chain without rules, whether it was there before or not.
    fn empty_chain(&mut self, port: &ServicePort) {
        let attributes =
            vec![ChainAttribute::Table(self.table.to_owned()), ChainAttribute::Name(port.to_string())];
        self.push(NfTablesMessage::NewChain(ChainMessage { attributes }), NLM_F_CREATE);
        let attributes =
            vec![RuleAttribute::Table(self.table.to_owned()), RuleAttribute::Chain(port.to_string())];
        self.push(NfTablesMessage::DeleteRule(RuleMessage { attributes }), 0);
    }

    fn delete_chain(&mut self, port: &ServicePort) {
        let attributes =
            vec![ChainAttribute::Table(self.table.to_owned()), ChainAttribute::Name(port.to_string())];
        self.push(NfTablesMessage::DeleteChain(ChainMessage { attributes }), 0);
    }

    fn create_set(&mut self, memory: &Memory, seconds: u32) {
        self.sets += 1;
        let attributes = vec![
            SetAttribute::Table(self.table.to_owned()),
            SetAttribute::Name(memory.to_string()),
            SetAttribute::Flags(SetFlags::Timeout | SetFlags::Eval),
            SetAttribute::KeyType(TYPE_IPV4_ADDR),
            SetAttribute::KeyLen(SOURCE.1),
            SetAttribute::Id(self.sets),
            SetAttribute::Timeout(u64::from(seconds) * 1000),
        ];
        self.push(NfTablesMessage::NewSet(SetMessage { attributes }), NLM_F_CREATE);
    }

    fn delete_set(&mut self, memory: &Memory) {
        let attributes =
            vec![SetAttribute::Table(self.table.to_owned()), SetAttribute::Name(memory.to_string())];
        self.push(NfTablesMessage::DeleteSet(SetMessage { attributes }), 0);
    }

    fn rule(&mut self, port: &ServicePort, protocol: Protocol, step: &Step) {
        let mut expressions = vec![
            Expressions::Meta(vec![Meta::Key(MetaKey::L4Proto), Meta::DestinationRegister(Register::Reg1)]),
            equal(vec![number(protocol)]),
        ];
        let memory = || Memory { port: port.clone(), endpoint: step.endpoint }.to_string();
        match step.condition {
            Condition::Always => {}
            Condition::OneIn(left) => {
                let attributes = [
                    (NFTA_NG_DREG, u32::from(Register::Reg1)),
                    (NFTA_NG_MODULUS, left),
                    (NFTA_NG_TYPE, NFT_NG_RANDOM),
                ];
                expressions.push(other("numgen", attributes.map(numeric).into()));
                expressions.push(equal(vec![0; 4]));
            }
            Condition::Remembered => {
                expressions.push(source());
                expressions.push(Expressions::Lookup(vec![
                    Lookup::Set(memory()),
                    Lookup::SourceRegister(Register::Reg1),
                ]));
            }
        }
        if step.remembers {
            expressions.push(source());
            let name = DefaultNla::new(NFTA_DYNSET_SET_NAME, [memory().as_bytes(), b"\0"].concat());
            let attributes =
                [(NFTA_DYNSET_OP, NFT_DYNSET_OP_UPDATE), (NFTA_DYNSET_SREG_KEY, Register::Reg1.into())];
            expressions.push(other("dynset", [name].into_iter().chain(attributes.map(numeric)).collect()));
        }
        expressions.push(immediate(Register::Reg1, octets(step.endpoint.address)));
        expressions.push(immediate(Register::Reg2, step.endpoint.port.to_be_bytes().into()));
        let attributes = [
            (NFTA_NAT_TYPE, NFT_NAT_DNAT),
            (NFTA_NAT_FAMILY, NFPROTO_IPV4),
            (NFTA_NAT_REG_ADDR_MIN, Register::Reg1.into()),
            (NFTA_NAT_REG_PROTO_MIN, Register::Reg2.into()),
        ];
        expressions.push(other("nat", attributes.map(numeric).into()));
        let attributes = vec![
            RuleAttribute::Table(self.table.to_owned()),
            RuleAttribute::Chain(port.to_string()),
            RuleAttribute::Expressions(expressions.into_iter().map(ListAttribute::from).collect()),
        ];
        self.push(NfTablesMessage::NewRule(RuleMessage { attributes }), NLM_F_CREATE | NLM_F_APPEND);
    }

    fn element(&mut self, is_new: bool, frontend: &Frontend, behind: &Behind) {
        let (map, chain) = entry(frontend, behind);
        // The parts of a key begin at multiples of four.
        let tail = |protocol: &Protocol, port: &u16| {
            let port = port.to_be_bytes();
            [number(*protocol), 0, 0, 0, port[0], port[1], 0, 0]
        };
        let key = match frontend {
            Frontend::Service(address, protocol, port) => {
                [octets(*address), tail(protocol, port).into()].concat()
            }
            Frontend::Node(protocol, port) => tail(protocol, port).into(),
        };
        let goto = vec![VerdictAttribute::Code(Verdict::Goto), VerdictAttribute::Chain(chain)];
        self.set_element(is_new, map, key, Some(DataAttribute::Verdict(goto)));
    }

    fn hairpin(&mut self, is_new: bool, address: IpAddr) {
        self.set_element(is_new, HAIRPINS, [octets(address), octets(address)].concat(), None);
    }

    fn set_element(&mut self, is_new: bool, set: &str, key: Vec<u8>, data: Option<DataAttribute>) {
        let key = SetElementAttribute::Key(DataAttribute::Value(key));
        let element = [key].into_iter().chain(data.map(SetElementAttribute::Data)).collect();
        let attributes = vec![
            SetElementList::Table(self.table.to_owned()),
            SetElementList::Set(set.to_owned()),
            SetElementList::Elements(vec![ListAttribute::Element(element)]),
        ];
        let message = SetElementMessage { attributes };
        if is_new {
            self.push(NfTablesMessage::NewSetElement(message), NLM_F_CREATE);
        } else {
            self.push(NfTablesMessage::DeleteSetElement(message), 0);
        }
    }
}

/// Loads the address of the sender.
fn source() -> Expressions {
    Expressions::Payload(vec![
        Payload::DestinationRegister(Register::Reg1),
        Payload::Base(NFT_PAYLOAD_NETWORK_HEADER),
        Payload::Offset(SOURCE.0),
        Payload::Len(SOURCE.1),
    ])
}

/// Goes on where the first register has this value.
fn equal(value: Vec<u8>) -> Expressions {
    Expressions::Cmp(vec![
        Cmp::SourceRegister(Register::Reg1),
        Cmp::Op(Operator::Equal),
        Cmp::Data(DataAttribute::Value(value)),
    ])
}

fn immediate(register: Register, value: Vec<u8>) -> Expressions {
    Expressions::Immediate(vec![
        Immediate::DestinationRegister(register),
        Immediate::Data(DataAttribute::Value(value)),
    ])
}

fn other(name: &str, attributes: Vec<DefaultNla>) -> Expressions {
    Expressions::Other { expression_type: name.to_owned(), attributes }
}

fn numeric((kind, value): (u16, u32)) -> DefaultNla {
    DefaultNla::new(kind, value.to_be_bytes().into())
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().into(),
        IpAddr::V6(address) => address.octets().into(),
    }
}

/// The protocol's number, as IANA assigned it.
fn number(protocol: Protocol) -> u8 {
    match protocol {
        Protocol::Tcp => 6,
        Protocol::Udp => 17,
        Protocol::Sctp => 132,
    }
}
