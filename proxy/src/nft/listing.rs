//! Reading the table back.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::Value;

use super::script::{HAIRPINS, NODE_PORTS, SERVICES};
use crate::rules::{Backends, Endpoint, Frontend, Protocol, Rules, ServicePort};

/// The rules that `nft -j list table` shows.
///
/// A chain that does not read as [one of ours](super::script) has no endpoints here, and so differs from whatever is
/// wanted of it and is set again.
pub(super) fn rules(listing: &Value) -> Rules {
    let mut rules = Rules::default();
    let mut chains: BTreeMap<ServicePort, Vec<&Value>> = BTreeMap::new();
    for item in listing["nftables"].as_array().into_iter().flatten() {
        if let Some(map) = item.get("map") {
            rules
                .frontends
                .extend(elements(map).filter_map(|element| frontend(map["name"].as_str()?, element)));
        } else if item["set"]["name"] == HAIRPINS {
            rules.hairpins.extend(elements(&item["set"]).filter_map(|pair| address(&pair["concat"][0])));
        } else if let Some(port) = item["chain"]["name"].as_str().and_then(ServicePort::from_chain) {
            chains.entry(port).or_default();
        } else if let Some(port) = item["rule"]["chain"].as_str().and_then(ServicePort::from_chain) {
            chains.entry(port).or_default().push(&item["rule"]["expr"]);
        }
    }
    rules.backends = chains.into_iter().map(|(port, expressions)| (port, chain(&expressions))).collect();
    rules
}

fn chain(rules: &[&Value]) -> Backends {
    let protocol =
        rules.first().and_then(|rule| protocol(&rule[0]["match"]["right"])).unwrap_or(Protocol::Tcp);
    let endpoints =
        rules.iter().enumerate().map(|(index, rule)| endpoint(rule, protocol, rules.len() - index));
    Backends { protocol, endpoints: endpoints.collect::<Option<_>>().unwrap_or_default() }
}

/// The endpoint that a rule sends one in `left` connections to.
fn endpoint(rule: &Value, expected: Protocol, left: usize) -> Option<Endpoint> {
    let expressions = rule.as_array()?;
    let target = match expressions.as_slice() {
        [_, target] if left == 1 => target,
        [_, chance, target]
            if chance["match"]["right"] == 0 && chance["match"]["left"]["numgen"]["mod"] == left =>
        {
            target
        }
        _ => return None,
    };
    (protocol(&rule[0]["match"]["right"])? == expected).then_some(())?;
    Some(Endpoint { address: address(&target["dnat"]["addr"])?, port: number(&target["dnat"]["port"])? })
}

fn elements(set: &Value) -> impl Iterator<Item = &Value> {
    set["elem"].as_array().into_iter().flatten()
}

fn frontend(map: &str, element: &Value) -> Option<(Frontend, ServicePort)> {
    let key = &element[0]["concat"];
    let port = ServicePort::from_chain(element[1]["goto"]["target"].as_str()?)?;
    let frontend = match map {
        SERVICES => Frontend::Service(address(&key[0])?, protocol(&key[1])?, number(&key[2])?),
        NODE_PORTS => Frontend::Node(protocol(&key[0])?, number(&key[1])?),
        _ => return None,
    };
    Some((frontend, port))
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
