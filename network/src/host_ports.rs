//! Ports of the node that lead to pods.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};

use bireme_core::network::{HostPort, NetworkError};
use serde_json::Value;

use crate::firewall::run;
use crate::refusal::Refusal as _;

/// The map from address, protocol and port of a node to those of a pod.
const PORTS: &str = "host-ports";
/// The same for ports of every address of the machine.
const EVERYWHERE: &str = "host-ports-everywhere";
/// The addresses of pods that have such ports, each paired with itself: one that reaches itself by its node must not see
/// itself as the source, because it would answer past the translation.
const HAIRPINS: &str = "host-port-pods";

/// What of the firewall's table does not depend on pods. What the maps hold stays.
///
/// It comes after the Services', so that these have the ports that two claim.
pub(crate) fn frame(table: &str) -> String {
    let dispatch = |chain: &str, hook: &str| {
        format!(
            "add chain ip {table} {chain} {{ type nat hook {hook} priority -99; policy accept; }}; \
             flush chain ip {table} {chain}; \
             add rule ip {table} {chain} dnat ip to ip daddr . meta l4proto . th dport map @{PORTS}; \
             add rule ip {table} {chain} ip daddr != 127.0.0.0/8 fib daddr type local \
             dnat ip to meta l4proto . th dport map @{EVERYWHERE}; "
        )
    };
    format!(
        "add map ip {table} {PORTS} {{ type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }}; \
         add map ip {table} {EVERYWHERE} {{ type inet_proto . inet_service : ipv4_addr . inet_service; }}; \
         add set ip {table} {HAIRPINS} {{ type ipv4_addr . ipv4_addr; }}; {}{}",
        dispatch("host-ports-in", "prerouting"),
        dispatch("host-ports-out", "output"),
    )
}

/// The rule for pods that reach themselves, for the chain `postrouting`.
pub(crate) fn hairpin_rule(table: &str) -> String {
    format!("; add rule ip {table} postrouting ct status dnat ip saddr . ip daddr @{HAIRPINS} masquerade")
}

/// The elements of the table that lead to pods, by the pod's address: each as nft writes it, after the map's name.
type Present = BTreeMap<Ipv4Addr, Vec<String>>;

/// The ports of one machine's pods.
#[derive(Debug)]
pub(crate) struct HostPorts {
    table: String,
    present: Present,
}

impl HostPorts {
    /// Reads what is there.
    pub(crate) async fn read(table: String) -> Result<Self, NetworkError> {
        let mut present = Present::new();
        for map in [PORTS, EVERYWHERE] {
            let listing =
                run("nft", &["-j", "list", "map", "ip", &table, map]).await.refused("list the map", map)?;
            let listing: Value = serde_json::from_str(&listing).refused("read the map", map)?;
            let maps = listing["nftables"].as_array().into_iter().flatten();
            for element in maps.flat_map(|item| item["map"]["elem"].as_array().into_iter().flatten()) {
                if let Some((pod, text)) = written(map, element) {
                    present.entry(pod).or_default().push(text);
                }
            }
        }
        Ok(Self { table, present })
    }

    /// Leads the ports, and no others, to the pod; those without an address of their own are the node's, if it has one.
    pub(crate) async fn lead(
        &mut self,
        pod: Ipv4Addr,
        node: Option<Ipv4Addr>,
        ports: &[HostPort],
    ) -> Result<(), NetworkError> {
        let wanted: Vec<_> = ports.iter().filter_map(|port| element(pod, node, port)).collect();
        let present = self.present.get(&pod).cloned().unwrap_or_default();
        if wanted.is_empty() && present.is_empty() {
            return Ok(());
        }
        let (table, mut script) = (&self.table, String::new());
        let mut line =
            |text: std::fmt::Arguments<'_>| write!(script, "{text}; ").expect("a string takes all");
        for gone in present.iter().filter(|element| !wanted.contains(element)) {
            let key = gone.split(" : ").next().unwrap_or_default();
            line(format_args!("delete element ip {table} {key} }}"));
        }
        for new in wanted.iter().filter(|element| !present.contains(element)) {
            line(format_args!("add element ip {table} {new}"));
        }
        let operation = if wanted.is_empty() { "delete" } else { "add" };
        if wanted.is_empty() != present.is_empty() {
            line(format_args!("{operation} element ip {table} {HAIRPINS} {{ {pod} . {pod} }}"));
        }
        if !script.is_empty() {
            run("nft", &[&script]).await.refused("lead ports of the node to", pod)?;
        }
        if wanted.is_empty() {
            self.present.remove(&pod);
        } else {
            self.present.insert(pod, wanted);
        }
        Ok(())
    }
}

fn element(pod: Ipv4Addr, node: Option<Ipv4Addr>, port: &HostPort) -> Option<String> {
    let HostPort { address, protocol, port, pod_port } = port;
    let address = match address {
        Some(IpAddr::V4(address)) => Some(*address),
        Some(IpAddr::V6(address)) => {
            tracing::warn!(%pod, %address, port, "this network carries IPv4 only; the port does not lead to the pod");
            return None;
        }
        None => node,
    };
    let protocol = protocol.name();
    Some(match address {
        Some(address) => format!("{PORTS} {{ {address} . {protocol} . {port} : {pod} . {pod_port} }}"),
        None => format!("{EVERYWHERE} {{ {protocol} . {port} : {pod} . {pod_port} }}"),
    })
}

/// An element that nft lists, as it is written.
fn written(map: &str, element: &Value) -> Option<(Ipv4Addr, String)> {
    let words = |value: &Value| {
        let words = value["concat"].as_array()?.iter().map(|word| match word {
            Value::String(word) => word.clone(),
            word => word.to_string(),
        });
        Some(words.collect::<Vec<_>>().join(" . "))
    };
    let pod = element[1]["concat"][0].as_str()?.parse().ok()?;
    Some((pod, format!("{map} {{ {} : {} }}", words(&element[0])?, words(&element[1])?)))
}
