//! The table in nft's own language.

use std::fmt::Write as _;

use bireme_core::network::Cidr;

use super::steps::{Condition, entry, steps};
use crate::rules::{Backends, Behind, Changes, Endpoint, Frontend, Memory, ServicePort};

/// The map from a service's address, protocol and port to the chain of its endpoints.
pub(super) const SERVICES: &str = "services";
/// The map from protocol and port of the machine's own addresses.
pub(super) const NODE_PORTS: &str = "node-ports";
/// The map from address, protocol and port of services without endpoints.
pub(super) const REFUSED: &str = "refused";
/// The same of the machine's own addresses.
pub(super) const REFUSED_NODE_PORTS: &str = "refused-node-ports";
/// The chain that refuses.
pub(super) const REFUSE: &str = "refuse";
/// The set of endpoints' addresses, each paired with itself.
pub(super) const HAIRPINS: &str = "hairpins";

/// Everything of the table that does not depend on services, whatever was there before. Connections go on, and no
/// packet meets half of it, because a script is one transaction.
///
/// The order matters: translation of destinations comes before the filter hooks, so what still has an address of
/// the service range there belongs to no service with endpoints, and is refused at once.
pub(super) fn frame(table: &str, service_range: Cidr) -> String {
    let mut script = format!(
        "add table ip {table}
add map ip {table} {SERVICES} {{ type ipv4_addr . inet_proto . inet_service : verdict; }}
add map ip {table} {NODE_PORTS} {{ type inet_proto . inet_service : verdict; }}
add map ip {table} {REFUSED} {{ type ipv4_addr . inet_proto . inet_service : verdict; }}
add map ip {table} {REFUSED_NODE_PORTS} {{ type inet_proto . inet_service : verdict; }}
add set ip {table} {HAIRPINS} {{ type ipv4_addr . ipv4_addr; }}
add chain ip {table} prerouting {{ type nat hook prerouting priority dstnat; policy accept; }}
add chain ip {table} output {{ type nat hook output priority -100; policy accept; }}
add chain ip {table} postrouting {{ type nat hook postrouting priority srcnat; policy accept; }}
add chain ip {table} filter-forward {{ type filter hook forward priority filter; policy accept; }}
add chain ip {table} filter-output {{ type filter hook output priority filter; policy accept; }}
add chain ip {table} filter-input {{ type filter hook input priority filter; policy accept; }}
"
    );
    let refused = "ip daddr . meta l4proto . th dport vmap @refused";
    let chains: [(&str, &[&str]); 8] = [
        (
            "dispatch",
            &[
                "ip daddr . meta l4proto . th dport vmap @services",
                "ip daddr != 127.0.0.0/8 fib daddr type local meta l4proto . th dport vmap @node-ports",
            ],
        ),
        (REFUSE, &["meta l4proto tcp reject with tcp reset", "reject with icmp type port-unreachable"]),
        ("prerouting", &["jump dispatch"]),
        ("output", &["jump dispatch"]),
        ("postrouting", &["ct status dnat ip saddr . ip daddr @hairpins masquerade"]),
        ("filter-forward", &["ip daddr RANGE goto refuse", refused]),
        // Cluster DNS has an address of the range that is the machine's own.
        ("filter-output", &["ip daddr RANGE fib daddr type != local goto refuse", refused]),
        (
            "filter-input",
            &[
                refused,
                "ip daddr != 127.0.0.0/8 fib daddr type local meta l4proto . th dport vmap @refused-node-ports",
            ],
        ),
    ];
    for (chain, rules) in chains {
        line(&mut script, format_args!("add chain ip {table} {chain}"));
        line(&mut script, format_args!("flush chain ip {table} {chain}"));
        for rule in rules {
            let rule = rule.replace("RANGE", &service_range.to_string());
            line(&mut script, format_args!("add rule ip {table} {chain} {rule}"));
        }
    }
    script
}

/// The changes as one transaction: what refers to a chain or a set comes after it, and goes before it.
pub(super) fn changes(table: &str, changes: &Changes) -> String {
    let mut script = String::new();
    for port in changes.backends_set.keys().chain(&changes.backends_gone) {
        // One that came and went within a batch was never there, and can only be deleted when it is.
        line(&mut script, format_args!("add chain ip {table} {port}"));
        line(&mut script, format_args!("flush chain ip {table} {port}"));
    }
    for memory in &changes.memories_gone {
        line(&mut script, format_args!("delete set ip {table} {memory}"));
    }
    for (memory, seconds) in &changes.memories_new {
        line(&mut script, format_args!("add set ip {table} {memory} {}", clients(*seconds)));
    }
    for (port, backends) in &changes.backends_set {
        for rule in choice(port, backends) {
            line(&mut script, format_args!("add rule ip {table} {port} {rule}"));
        }
    }
    for (frontend, port) in &changes.frontends_gone {
        line(&mut script, format_args!("delete element ip {table} {}", element(frontend, port)));
    }
    for (frontend, port) in &changes.frontends_new {
        line(&mut script, format_args!("add element ip {table} {}", element(frontend, port)));
    }
    for port in &changes.backends_gone {
        line(&mut script, format_args!("delete chain ip {table} {port}"));
    }
    for address in &changes.hairpins_gone {
        line(&mut script, format_args!("delete element ip {table} {HAIRPINS} {{ {address} . {address} }}"));
    }
    for address in &changes.hairpins_new {
        line(&mut script, format_args!("add element ip {table} {HAIRPINS} {{ {address} . {address} }}"));
    }
    script
}

/// The rules of a service port.
fn choice(port: &ServicePort, backends: &Backends) -> impl Iterator<Item = String> {
    let protocol = backends.protocol;
    let memory = |endpoint: Endpoint| Memory { port: port.clone(), endpoint };
    steps(backends).map(move |step| {
        let Endpoint { address, port } = step.endpoint;
        let condition = match step.condition {
            Condition::Always => String::new(),
            Condition::OneIn(left) => format!("numgen random mod {left} 0 "),
            Condition::Remembered => format!("ip saddr @{} ", memory(step.endpoint)),
        };
        let remember = match step.remembers {
            true => format!("update @{} {{ ip saddr }} ", memory(step.endpoint)),
            false => String::new(),
        };
        format!("meta l4proto {protocol} {condition}{remember}dnat to {address}:{port}")
    })
}

/// The kind of set that remembers clients for so many seconds.
fn clients(seconds: u32) -> String {
    format!("{{ type ipv4_addr; flags dynamic,timeout; timeout {seconds}s; }}")
}

fn element(frontend: &Frontend, behind: &Behind) -> String {
    let (map, chain) = entry(frontend, behind);
    match frontend {
        Frontend::Service(address, protocol, number) => {
            format!("{map} {{ {address} . {protocol} . {number} : goto {chain} }}")
        }
        Frontend::Node(protocol, number) => format!("{map} {{ {protocol} . {number} : goto {chain} }}"),
    }
}

fn line(script: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(script, "{text}").expect("writing to a string does not fail");
}
