//! EndpointSlice: a part of the addresses behind a service.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use bireme_core::client::Part;
use bireme_core::error::Cause;
use bireme_core::object::versions;
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointSlice};

use super::check::{Path, at_most, dns_label, dns_subdomain, immutable, one_of, text};
use crate::resource::{Column, Field, Schema, Strategy};

/// How many ports or addresses a table shows.
const SHOWN: usize = 3;
/// How many endpoints a slice has at most.
const MAX_ENDPOINTS: usize = 1000;
/// How many addresses an endpoint has at most.
const MAX_ADDRESSES: usize = 100;

impl Strategy for EndpointSlice {
    const SINGULAR: &'static str = "endpointslice";
    const HAS_GENERATION: bool = true;
    const SCHEMA: &'static Schema = &Schema::of(&[Field::atomic("endpoints"), Field::atomic("ports")]);
    const COLUMNS: &'static [Column<Self>] = &[
        Column::NAME,
        Column::text("AddressType", "What kind of addresses these are.", |slice, _| {
            slice.address_type.as_str().into()
        }),
        Column::text("Ports", "The ports of every endpoint.", |slice, _| {
            let port = |port: &k8s_openapi::api::discovery::v1::EndpointPort| match (port.port, &port.name) {
                (Some(number), _) => number.to_string(),
                (None, Some(name)) => name.clone(),
                (None, None) => "*".to_owned(),
            };
            or_unset(slice.ports.iter().flatten().map(port).collect()).into()
        }),
        Column::text("Endpoints", "The addresses.", |slice, _| {
            or_unset(
                versions::endpoints(slice).iter().flat_map(|endpoint| endpoint.addresses.clone()).collect(),
            )
            .into()
        }),
        Column::AGE,
    ];

    fn default(&mut self) {
        for port in self.ports.iter_mut().flatten() {
            port.name.get_or_insert_default();
            super::check::default_text(&mut port.protocol, "TCP");
        }
    }

    fn same_spec(&self, old: &Self) -> bool {
        self.endpoints == old.endpoints && self.ports == old.ports && self.address_type == old.address_type
    }

    fn validate(&self, causes: &mut Vec<Cause>) {
        one_of(Path::root("addressType"), &self.address_type, &["FQDN", "IPv4", "IPv6"], causes);
        at_most(Path::root("endpoints"), versions::endpoints(self).len(), MAX_ENDPOINTS, causes);
        let endpoints = Path::root("endpoints");
        for (index, endpoint) in versions::endpoints(self).iter().enumerate() {
            check_endpoint(endpoints.index(index), endpoint, &self.address_type, causes);
        }
        let (ports, mut names) = (Path::root("ports"), BTreeSet::new());
        for (index, port) in self.ports.iter().flatten().enumerate() {
            let (path, name) = (ports.index(index), text(&port.name));
            if !names.insert(name) {
                causes.push(Cause::duplicate(path.child("name"), name));
            }
            let wrong = if name.is_empty() { None } else { dns_label(name) };
            causes.extend(wrong.map(|why| Cause::invalid(path.child("name"), name, why)));
            one_of(path.child("protocol"), text(&port.protocol), &["SCTP", "TCP", "UDP"], causes);
        }
    }

    fn validate_update(&self, old: &Self, _part: Part, causes: &mut Vec<Cause>) {
        immutable(Path::root("addressType"), &self.address_type, &old.address_type, causes);
    }
}

fn check_endpoint(path: Path<'_>, endpoint: &Endpoint, family: &str, causes: &mut Vec<Cause>) {
    let addresses = path.child("addresses");
    if endpoint.addresses.is_empty() {
        causes.push(Cause::required(addresses, "must contain at least 1 address"));
    }
    at_most(addresses, endpoint.addresses.len(), MAX_ADDRESSES, causes);
    for (index, address) in endpoint.addresses.iter().enumerate() {
        let path = addresses.index(index);
        let wrong = match family {
            "IPv4" if address.parse::<Ipv4Addr>().is_err() => Some("must be a valid IPv4 address".to_owned()),
            "IPv6" if address.parse::<Ipv6Addr>().is_err() => Some("must be a valid IPv6 address".to_owned()),
            "FQDN" => dns_subdomain(address),
            _ => None,
        };
        causes.extend(wrong.map(|why| Cause::invalid(path, address, why)));
    }
    if let Some(hostname) = &endpoint.hostname {
        causes.extend(dns_label(hostname).map(|why| Cause::invalid(path.child("hostname"), hostname, why)));
    }
}

fn or_unset(items: Vec<String>) -> String {
    if items.is_empty() { "<unset>".to_owned() } else { super::first_few(items, SHOWN) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::testing::{causes, cell, from_json};
    use serde_json::json;

    #[test]
    fn a_table_shows_ports_and_addresses() {
        let slice: EndpointSlice = from_json(json!({
            "addressType": "IPv4", "ports": [{"port": 80}, {"name": "x"}, {}],
            "endpoints": [{"addresses": ["10.0.0.1"]}, {"addresses": ["10.0.0.2", "10.0.0.3", "10.0.0.4"]}],
        }));
        assert_eq!(cell(&slice, "Ports"), "80,x,*");
        assert_eq!(cell(&slice, "Endpoints"), "10.0.0.1,10.0.0.2,10.0.0.3 + 1 more...");
        let empty: EndpointSlice = from_json(json!({"addressType": "IPv4", "endpoints": []}));
        assert_eq!((cell(&empty, "Ports"), cell(&empty, "Endpoints")), ("<unset>".into(), "<unset>".into()));
    }

    #[test]
    fn addresses_are_of_the_slices_type() {
        let slice: EndpointSlice = from_json(json!({
            "addressType": "IPv4",
            "endpoints": [{"addresses": ["fd00::1"]}, {"addresses": []}],
            "ports": [{"name": "a"}, {"name": "a"}],
        }));
        assert_eq!(
            causes(&slice),
            [
                "endpoints[0].addresses[0]: Invalid value: \"fd00::1\": must be a valid IPv4 address",
                "endpoints[1].addresses: Required value: must contain at least 1 address",
                "ports[1].name: Duplicate value: \"a\"",
            ]
        );
    }
}
