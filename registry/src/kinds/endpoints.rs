//! Endpoints: the addresses behind a service, in the form of old.

use bireme_core::error::Cause;
use k8s_openapi::api::core::v1::{EndpointAddress, EndpointPort, EndpointSubset, Endpoints};

use super::check::{Path, default_text, dns_label, ip, one_of, port_number, text};
use crate::resource::{Column, Field, Schema, Strategy};

/// How many addresses a table shows.
const SHOWN: usize = 3;

impl Strategy for Endpoints {
    const SINGULAR: &'static str = "endpoints";
    const STORAGE_FOLDER: Option<&'static str> = Some("services/endpoints");
    const SHORT_NAMES: &'static [&'static str] = &["ep"];
    const SCHEMA: &'static Schema = &Schema::of(&[Field::atomic("subsets")]);
    const COLUMNS: &'static [Column<Self>] = &[
        Column::NAME,
        Column::text("Endpoints", "The addresses that are ready.", |endpoints, _| {
            shown(endpoints.subsets.as_deref().unwrap_or_default()).into()
        }),
        Column::AGE,
    ];

    fn default(&mut self) {
        for port in self.subsets.iter_mut().flatten().flat_map(|subset| subset.ports.iter_mut().flatten()) {
            default_text(&mut port.protocol, "TCP");
        }
    }

    fn validate(&self, causes: &mut Vec<Cause>) {
        let subsets = Path::root("subsets");
        for (index, subset) in self.subsets.iter().flatten().enumerate() {
            check_subset(subsets.index(index), subset, causes);
        }
    }
}

fn check_subset(path: Path<'_>, subset: &EndpointSubset, causes: &mut Vec<Cause>) {
    let is_empty = |addresses: &Option<Vec<EndpointAddress>>| addresses.as_ref().is_none_or(Vec::is_empty);
    if is_empty(&subset.addresses) && is_empty(&subset.not_ready_addresses) {
        causes.push(Cause::required(path, "must specify `addresses` or `notReadyAddresses`"));
    }
    for (name, list) in [("addresses", &subset.addresses), ("notReadyAddresses", &subset.not_ready_addresses)]
    {
        let list_path = path.child(name);
        for (index, address) in list.iter().flatten().enumerate() {
            let path = list_path.index(index);
            causes.extend(ip(&address.ip).map(|why| Cause::invalid(path.child("ip"), &address.ip, why)));
            let hostname = text(&address.hostname);
            let wrong = if hostname.is_empty() { None } else { dns_label(hostname) };
            causes.extend(wrong.map(|why| Cause::invalid(path.child("hostname"), hostname, why)));
        }
    }
    let ports = subset.ports.as_deref().unwrap_or_default();
    let list_path = path.child("ports");
    for (index, port) in ports.iter().enumerate() {
        check_port(list_path.index(index), port, ports.len() > 1, causes);
    }
}

fn check_port(path: Path<'_>, port: &EndpointPort, named: bool, causes: &mut Vec<Cause>) {
    match text(&port.name) {
        "" if named => causes.push(Cause::required(path.child("name"), "")),
        "" => {}
        name => causes.extend(dns_label(name).map(|why| Cause::invalid(path.child("name"), name, why))),
    }
    port_number(path.child("port"), port.port.into(), causes);
    one_of(path.child("protocol"), text(&port.protocol), &["SCTP", "TCP", "UDP"], causes);
}

fn shown(subsets: &[EndpointSubset]) -> String {
    let of_subset = |subset: &EndpointSubset| -> Vec<String> {
        let addresses = || subset.addresses.iter().flatten();
        let ports = subset.ports.as_deref().unwrap_or_default();
        if ports.is_empty() {
            return addresses().map(|address| address.ip.clone()).collect();
        }
        let pairs = ports.iter().flat_map(|port| addresses().map(move |address| (address, port)));
        pairs.map(|(address, port)| host_and_port(&address.ip, port.port)).collect()
    };
    if subsets.is_empty() {
        return "<none>".to_owned();
    }
    super::first_few(subsets.iter().flat_map(of_subset).collect(), SHOWN)
}

fn host_and_port(ip: &str, port: i32) -> String {
    if ip.contains(':') { format!("[{ip}]:{port}") } else { format!("{ip}:{port}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::testing::{causes, cell, from_json};
    use serde_json::json;

    #[test]
    fn a_table_shows_the_first_three_addresses() {
        let subset = |ips: &[&str], ports: &[i32]| {
            let addresses: Vec<_> = ips.iter().map(|ip| json!({"ip": ip})).collect();
            let ports: Vec<_> = ports.iter().map(|port| json!({"port": port})).collect();
            json!({"addresses": addresses, "ports": ports})
        };
        for (subsets, expected) in [
            (json!([]), "<none>"),
            (json!([subset(&["10.0.0.1"], &[])]), "10.0.0.1"),
            (json!([subset(&["10.0.0.1", "fd00::1"], &[80])]), "10.0.0.1:80,[fd00::1]:80"),
            (
                json!([subset(&["10.0.0.1", "10.0.0.2"], &[80, 81])]),
                "10.0.0.1:80,10.0.0.2:80,10.0.0.1:81 + 1 more...",
            ),
        ] {
            assert_eq!(cell(&from_json::<Endpoints>(json!({"subsets": subsets})), "Endpoints"), expected);
        }
    }

    #[test]
    fn subsets_have_addresses_and_several_ports_have_names() {
        let endpoints: Endpoints = from_json(json!({"subsets": [
            {"ports": [{"port": 80}]},
            {"addresses": [{"ip": "x"}], "ports": [{"port": 0, "name": "a"}, {"port": 1, "protocol": "ICMP"}]},
        ]}));
        assert_eq!(
            causes(&endpoints),
            [
                "subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`",
                "subsets[1].addresses[0].ip: Invalid value: \"x\": must be a valid IP address, \
                 (e.g. 10.9.8.7 or 2001:db8::ffff)",
                "subsets[1].ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
                "subsets[1].ports[1].name: Required value",
                "subsets[1].ports[1].protocol: Unsupported value: \"ICMP\": supported values: \"SCTP\", \"TCP\", \"UDP\"",
            ]
        );
    }
}
