//! Addresses for clusters beside each other, and beside a person's own, on one machine.

use std::fmt;
use std::process::Command;

use super::cluster::Cluster;
use super::machine::Machine;

/// Ranges that a person's own cluster on this machine does not have, and the name of what bears them.
#[derive(Clone, Copy)]
pub struct Ranges {
    name: &'static str,
    pods: &'static str,
    services: &'static str,
    nodes: &'static str,
}

impl Ranges {
    /// Those of the shared cluster.
    pub const SHARED: Ranges = Ranges {
        name: "bireme-e2e",
        pods: "10.184.0.0/16",
        services: "10.196.0.0/16",
        nodes: "10.185.0.0/24",
    };
    /// Those of a test's own cluster.
    pub const SECOND: Ranges = Ranges {
        name: "bireme-e2e-2",
        pods: "10.187.0.0/16",
        services: "10.197.0.0/16",
        nodes: "10.186.0.0/24",
    };

    /// Removes what of these ranges is in the kernel, as the end of a cluster without nodes does.
    pub fn clear(self, machine: &Machine) {
        drop(Cluster::start(&machine.kubectl, &format!("--nodes=0 --runtime=docker {self}")));
    }

    /// What of these ranges is in the kernel: links, addresses, routes, tables and rules, a line each.
    pub fn traces(&self) -> Vec<String> {
        let network = |range: &str| {
            let (address, length) = range.split_once('/').expect("a range has a length");
            let octets = if length == "24" { 3 } else { 2 };
            address.split('.').take(octets).map(|octet| format!("{octet}.")).collect::<String>()
        };
        let ranges = [self.pods, self.services, self.nodes].map(network);
        let name = |line: &str| {
            line.split(|character: char| !character.is_alphanumeric() && character != '-').any(|word| {
                word == self.name || word.strip_prefix(self.name).is_some_and(|rest| rest == "-pods")
            })
        };
        let listed = [
            "ip -d -o link",
            "ip -o address",
            "ip route show table all",
            "nft list tables",
            "iptables -w -S",
        ];
        let lines =
            listed.into_iter().flat_map(|line| output(line).lines().map(str::to_owned).collect::<Vec<_>>());
        lines.filter(|line| name(line) || ranges.iter().any(|range| line.contains(range))).collect()
    }
}

impl fmt::Display for Ranges {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ranges { name, pods, services, nodes } = self;
        write!(formatter, "--name={name} --pod-range={pods} --service-range={services} --node-range={nodes}")
    }
}

/// What a program lists; nothing where there is no such program.
fn output(line: &str) -> String {
    let mut words = line.split(' ');
    let output = Command::new(words.next().unwrap_or_default()).args(words).output();
    output.map_or_else(|_| String::new(), |output| String::from_utf8_lossy(&output.stdout).into_owned())
}
