//! Reading the table back.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde_json::Value;

use super::script::{HAIRPINS, NODE_PORTS, REFUSED, REFUSED_NODE_PORTS, SERVICES};
use super::steps::{Condition, Step, steps};
use crate::rules::{Backends, Behind, Endpoint, Frontend, Memory, Protocol, Rules, ServicePort};

/// The rules that `nft -j list table` shows.
///
/// A chain that does not read as [one of ours](super::script) has no endpoints here, and so differs from whatever is
/// wanted of it and is set again.
pub(super) fn rules(listing: &Value) -> Rules {
    let mut rules = Rules::default();
    let mut chains: BTreeMap<ServicePort, Vec<&Value>> = BTreeMap::new();
    for item in listing["nftables"].as_array().into_iter().flatten() {
        let (set, chain, rule) = (&item["set"], &item["chain"], &item["rule"]);
        if let Some(map) = item.get("map") {
            rules
                .frontends
                .extend(elements(map).filter_map(|element| frontend(map["name"].as_str()?, element)));
        } else if set["name"] == HAIRPINS {
            rules.hairpins.extend(elements(set).filter_map(|pair| address(&pair["concat"][0])));
        } else if let Some(memory) = set["name"].as_str().and_then(Memory::from_set) {
            rules.memories.insert(memory, seconds(set).unwrap_or_default());
        } else if let Some(port) = chain["name"].as_str().and_then(ServicePort::from_chain) {
            chains.entry(port).or_default();
        } else if let Some(port) = rule["chain"].as_str().and_then(ServicePort::from_chain) {
            chains.entry(port).or_default().push(&rule["expr"]);
        }
    }
    let backends = chains.into_iter().map(|(port, expressions)| {
        let backends = backends(&port, &expressions, &rules.memories);
        (port, backends)
    });
    let backends = backends.collect();
    Rules { backends, ..rules }
}

/// How long a set remembers.
fn seconds(set: &Value) -> Option<u32> {
    set["timeout"].as_u64()?.try_into().ok()
}

/// What a chain does, if that is what a chain of ours would do.
fn backends(port: &ServicePort, rules: &[&Value], memories: &BTreeMap<Memory, u32>) -> Backends {
    let protocol =
        rules.first().and_then(|rule| protocol(&rule[0]["match"]["right"])).unwrap_or(Protocol::Tcp);
    let found: Option<Vec<Step>> = rules.iter().map(|rule| step(port, protocol, rule)).collect();
    let found = found.unwrap_or_default();
    let endpoints = found.iter().map(|step| step.endpoint).collect();
    let remembers = found.iter().find(|step| step.remembers);
    let seconds =
        |step: &Step| memories.get(&Memory { port: port.clone(), endpoint: step.endpoint }).copied();
    let read = Backends { protocol, endpoints, sticky: remembers.and_then(seconds) };
    if !read.endpoints.is_empty() && steps(&read).eq(found) {
        return read;
    }
    Backends { protocol, endpoints: BTreeSet::new(), sticky: None }
}

/// One rule, whose chain is of `port`.
fn step(port: &ServicePort, expected: Protocol, rule: &Value) -> Option<Step> {
    let (first, rest) = rule.as_array()?.split_first()?;
    let (last, between) = rest.split_last()?;
    (protocol(&first["match"]["right"])? == expected).then_some(())?;
    let endpoint =
        Endpoint { address: address(&last["dnat"]["addr"])?, port: number(&last["dnat"]["port"])? };
    let set = format!("@{}", Memory { port: port.clone(), endpoint });
    let (mut condition, mut remembers) = (Condition::Always, false);
    for expression in between {
        let left = &expression["match"]["left"];
        if expression["set"]["op"] == "update" && expression["set"]["set"] == *set {
            remembers = true;
        } else if expression["match"]["right"] == *set && left["payload"]["field"] == "saddr" {
            condition = Condition::Remembered;
        } else if expression["match"]["right"] == 0 && left["numgen"]["mode"] == "random" {
            condition = Condition::OneIn(left["numgen"]["mod"].as_u64()?.try_into().ok()?);
        } else {
            return None;
        }
    }
    Some(Step { condition, endpoint, remembers })
}

fn elements(set: &Value) -> impl Iterator<Item = &Value> {
    set["elem"].as_array().into_iter().flatten()
}

fn frontend(map: &str, element: &Value) -> Option<(Frontend, Behind)> {
    let key = &element[0]["concat"];
    let target = element[1]["goto"]["target"].as_str()?;
    let frontend = match map {
        SERVICES | REFUSED => Frontend::Service(address(&key[0])?, protocol(&key[1])?, number(&key[2])?),
        NODE_PORTS | REFUSED_NODE_PORTS => Frontend::Node(protocol(&key[0])?, number(&key[1])?),
        _ => return None,
    };
    let behind = match map {
        SERVICES | NODE_PORTS => Behind::Port(ServicePort::from_chain(target)?),
        _ => Behind::Nobody,
    };
    Some((frontend, behind))
}

fn address(value: &Value) -> Option<IpAddr> {
    value.as_str()?.parse().ok()
}

fn protocol(value: &Value) -> Option<Protocol> {
    value.as_str()?.parse().ok()
}

fn number(value: &Value) -> Option<u16> {
    value.as_u64()?.try_into().ok()
}
