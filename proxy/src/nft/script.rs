//! The table in nft's own language.

use std::fmt::Write as _;

use bireme_core::network::Cidr;

use crate::rules::{Backends, Changes, Frontend, ServicePort};

/// The map from a service's address, protocol and port to the chain of its endpoints.
pub(super) const SERVICES: &str = "services";
/// The map from protocol and port of the machine's own addresses.
pub(super) const NODE_PORTS: &str = "node-ports";
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
add set ip {table} {HAIRPINS} {{ type ipv4_addr . ipv4_addr; }}
add chain ip {table} prerouting {{ type nat hook prerouting priority dstnat; policy accept; }}
add chain ip {table} output {{ type nat hook output priority -100; policy accept; }}
add chain ip {table} postrouting {{ type nat hook postrouting priority srcnat; policy accept; }}
add chain ip {table} filter-forward {{ type filter hook forward priority filter; policy accept; }}
add chain ip {table} filter-output {{ type filter hook output priority filter; policy accept; }}
"
    );
    let chains: [(&str, &[&str]); 7] = [
        (
            "dispatch",
            &[
                "ip daddr . meta l4proto . th dport vmap @services",
                "ip daddr != 127.0.0.0/8 fib daddr type local meta l4proto . th dport vmap @node-ports",
            ],
        ),
        ("refuse", &["meta l4proto tcp reject with tcp reset", "reject with icmp type port-unreachable"]),
        ("prerouting", &["jump dispatch"]),
        ("output", &["jump dispatch"]),
        ("postrouting", &["ct status dnat ip saddr . ip daddr @hairpins masquerade"]),
        ("filter-forward", &["ip daddr RANGE goto refuse"]),
        // Cluster DNS has an address of the range that is the machine's own.
        ("filter-output", &["ip daddr RANGE fib daddr type != local goto refuse"]),
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

/// The changes as one transaction: what refers to a chain comes after the chain, and goes before it.
pub(super) fn changes(table: &str, changes: &Changes) -> String {
    let mut script = String::new();
    for (port, backends) in &changes.backends_set {
        line(&mut script, format_args!("add chain ip {table} {port}"));
        line(&mut script, format_args!("flush chain ip {table} {port}"));
        for rule in choice(backends) {
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
        // One that came and went within a batch was never there, and can only be deleted when it is.
        line(&mut script, format_args!("add chain ip {table} {port}"));
        line(&mut script, format_args!("flush chain ip {table} {port}"));
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

/// The rules that send a connection to one of the endpoints, each as likely as any other: the first takes one in as many
/// as there are, the next one in as many as are left, the last all that is left.
///
/// One rule with a map from a random number would say the same, but the kernel keeps such maps in one list for the
/// whole table, and setting up ten thousand services takes it six times as long.
fn choice(backends: &Backends) -> impl Iterator<Item = String> {
    let (protocol, count) = (backends.protocol, backends.endpoints.len());
    backends.endpoints.iter().enumerate().map(move |(index, endpoint)| {
        let chance = match count - index {
            1 => String::new(),
            left => format!("numgen random mod {left} 0 "),
        };
        format!("meta l4proto {protocol} {chance}dnat to {}:{}", endpoint.address, endpoint.port)
    })
}

fn element(frontend: &Frontend, port: &ServicePort) -> String {
    match frontend {
        Frontend::Service(address, protocol, number) => {
            format!("{SERVICES} {{ {address} . {protocol} . {number} : goto {port} }}")
        }
        Frontend::Node(protocol, number) => format!("{NODE_PORTS} {{ {protocol} . {number} : goto {port} }}"),
    }
}

fn line(script: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(script, "{text}").expect("writing to a string does not fail");
}
