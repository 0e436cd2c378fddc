//! Addresses and node ports of Services.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;

use bireme_core::error::{ApiError, Cause, Reason};
use bireme_core::network::{AddressPool, Cidr};
use bireme_core::object::Kind;
use bireme_core::store::{Commit, Key, Store};
use bytes::Bytes;
use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};

use super::pool::{Pool, Ports, Refusal, addresses};
use crate::resource::Draft;

/// What Services are given addresses and ports from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceRanges {
    /// The range of cluster addresses.
    pub addresses: Cidr,
    /// The range of node ports.
    pub node_ports: RangeInclusive<u16>,
}

impl Default for ServiceRanges {
    /// Kubernetes' usual ones: `10.96.0.0/12` and 30000 to 32767.
    fn default() -> Self {
        let addresses = Cidr::new(IpAddr::V4(Ipv4Addr::new(10, 96, 0, 0)), 12);
        Self {
            addresses: addresses.expect("the first 12 bits of 10.96.0.0 are all that is set"),
            node_ports: 30_000..=32_767,
        }
    }
}

/// All that Services are given.
pub(crate) struct Allocations {
    ranges: ServiceRanges,
    addresses: Pool<AddressPool>,
    ports: Pool<Ports>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Address(IpAddr),
    Port(u16),
}

/// What one write takes and frees. Dropped before it is [settled](Claims::settle), what it took is free again.
pub(crate) struct Claims<'a> {
    allocations: &'a Allocations,
    taken: Vec<Place>,
    freed: Vec<Place>,
}

impl Allocations {
    pub(crate) fn new(ranges: ServiceRanges) -> Self {
        Self {
            addresses: Pool::new("/registry/ranges/serviceips/", ranges.clone(), |ranges| {
                addresses(ranges.addresses)
            }),
            ports: Pool::new("/registry/ranges/servicenodeports/", ranges.clone(), |ranges| {
                Ports::new(ranges.node_ports.clone())
            }),
            ranges,
        }
    }

    /// The ranges.
    pub(crate) fn ranges(&self) -> &ServiceRanges {
        &self.ranges
    }

    /// Gives a Service that is written what it lacks, and takes from it what it no longer has. Other kinds are
    /// given nothing.
    pub(crate) async fn claim<'a>(
        &'a self,
        store: &dyn Store,
        old: Option<&Draft>,
        new: Option<&mut Draft>,
    ) -> Result<Claims<'a>, ApiError> {
        let mut claims = Claims { allocations: self, taken: Vec::new(), freed: Vec::new() };
        let old = places(old.and_then(|old| old.typed::<Service>()).and_then(|old| old.spec.as_ref()));
        let Some(service) = new.and_then(|new| new.typed_mut::<Service>()) else {
            claims.freed.extend(old);
            return Ok(claims);
        };
        let name = service.metadata.name.clone().unwrap_or_default();
        if let Some(spec) = &mut service.spec {
            self.give_address(store, &name, spec, &old, &mut claims).await?;
            self.give_ports(store, &name, spec, &old, &mut claims).await?;
        }
        let new = places(service.spec.as_ref());
        claims.freed.extend(old.difference(&new));
        Ok(claims)
    }

    async fn give_address(
        &self,
        store: &dyn Store,
        name: &str,
        spec: &mut ServiceSpec,
        old: &BTreeSet<Place>,
        claims: &mut Claims<'_>,
    ) -> Result<(), ApiError> {
        if spec.type_.as_deref() == Some("ExternalName") {
            return Ok(());
        }
        let Some(wanted) = spec.cluster_ip.as_deref().filter(|ip| !ip.is_empty()) else {
            let address = self.addresses.allocate(store).await?.ok_or_else(|| exhausted("addresses"))?;
            claims.taken.push(Place::Address(address));
            spec.cluster_ip = Some(address.to_string());
            spec.cluster_ips = Some(vec![address.to_string()]);
            return Ok(());
        };
        // What is no address is `None`, or has been refused by validation.
        let Ok(address) = wanted.parse::<IpAddr>() else { return Ok(()) };
        if old.contains(&Place::Address(address)) {
            return Ok(());
        }
        match self.addresses.claim(store, address).await? {
            Ok(()) => claims.taken.push(Place::Address(address)),
            Err(refusal) => {
                let why = match refusal {
                    Refusal::Taken => "provided IP is already allocated".to_owned(),
                    Refusal::OutOfRange => {
                        format!("the provided IP is not in the valid range {}", self.ranges.addresses)
                    }
                };
                let why = format!("failed to allocate IP {address}: {why}");
                return Err(refused(name, "spec.clusterIPs", &[address.to_string()], &why));
            }
        }
        Ok(())
    }

    async fn give_ports(
        &self,
        store: &dyn Store,
        name: &str,
        spec: &mut ServiceSpec,
        old: &BTreeSet<Place>,
        claims: &mut Claims<'_>,
    ) -> Result<(), ApiError> {
        let needed = needs_node_ports(spec);
        let ports = spec.ports.as_deref_mut().unwrap_or_default();
        let mut own: BTreeSet<u16> = BTreeSet::new();
        for (index, port) in ports.iter().enumerate() {
            // One number serves two protocols of one Service.
            if let Some(port) = node_port(port)
                && own.insert(port)
                && !old.contains(&Place::Port(port))
            {
                self.claim_port(store, name, index, port, claims).await?;
            }
        }
        while let Some(index) = ports.iter().position(|port| needed && node_port(port).is_none()) {
            let number = ports[index].port;
            let sibling = ports.iter().find(|port| port.port == number && node_port(port).is_some());
            ports[index].node_port = match sibling {
                Some(sibling) => sibling.node_port,
                None => {
                    let port = self.ports.allocate(store).await?.ok_or_else(|| exhausted("node ports"))?;
                    claims.taken.push(Place::Port(port));
                    Some(port.into())
                }
            };
        }
        Ok(())
    }

    async fn claim_port(
        &self,
        store: &dyn Store,
        name: &str,
        index: usize,
        port: u16,
        claims: &mut Claims<'_>,
    ) -> Result<(), ApiError> {
        let why = match self.ports.claim(store, port).await? {
            Ok(()) => {
                claims.taken.push(Place::Port(port));
                return Ok(());
            }
            Err(Refusal::Taken) => "provided port is already allocated".to_owned(),
            Err(Refusal::OutOfRange) => {
                let (first, last) = (self.ranges.node_ports.start(), self.ranges.node_ports.end());
                format!("provided port is not in the valid range. The range of valid ports is {first}-{last}")
            }
        };
        Err(refused(name, &format!("spec.ports[{index}].nodePort"), &port, &why))
    }

    fn key(&self, place: Place) -> Key {
        match place {
            Place::Address(address) => self.addresses.key(address),
            Place::Port(port) => self.ports.key(port),
        }
    }

    fn release(&self, place: Place) {
        match place {
            Place::Address(address) => self.addresses.release(address),
            Place::Port(port) => self.ports.release(port),
        }
    }
}

impl Claims<'_> {
    /// The commit of the Service `owner` with what is taken and freed.
    pub(crate) fn join(&self, mut commit: Commit, owner: &Key) -> Commit {
        for place in &self.taken {
            let key = self.allocations.key(*place);
            let owner = Bytes::copy_from_slice(owner.as_bytes());
            commit = commit.if_absent(key.clone()).put(key, owner);
        }
        for place in &self.freed {
            commit = commit.delete(self.allocations.key(*place));
        }
        commit
    }

    /// Takes note that the commit happened.
    pub(crate) fn settle(mut self) {
        self.taken.clear();
        self.freed.drain(..).for_each(|place| self.allocations.release(place));
    }

    /// Takes note that somebody else has what this key stands for.
    pub(crate) fn lose(&mut self, key: &Key) {
        self.taken.retain(|place| self.allocations.key(*place) != *key);
    }
}

impl Drop for Claims<'_> {
    fn drop(&mut self) {
        self.taken.drain(..).for_each(|place| self.allocations.release(place));
    }
}

/// Everything that a Service has been given.
fn places(spec: Option<&ServiceSpec>) -> BTreeSet<Place> {
    let Some(spec) = spec.filter(|spec| spec.type_.as_deref() != Some("ExternalName")) else {
        return BTreeSet::new();
    };
    let addresses = spec.cluster_ips.iter().flatten().filter_map(|ip| ip.parse().ok()).map(Place::Address);
    let ports = spec.ports.iter().flatten().filter_map(node_port).map(Place::Port);
    addresses.chain(ports).collect()
}

/// The node port, if it has one.
fn node_port(port: &ServicePort) -> Option<u16> {
    port.node_port.and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0)
}

fn needs_node_ports(spec: &ServiceSpec) -> bool {
    match spec.type_.as_deref() {
        Some("NodePort") => true,
        Some("LoadBalancer") => spec.allocate_load_balancer_node_ports != Some(false),
        _ => false,
    }
}

fn refused(name: &str, field: &str, value: &dyn std::fmt::Debug, why: &str) -> ApiError {
    ApiError::invalid(Kind::of::<Service>(), name, vec![Cause::invalid(field, value, why)])
}

fn exhausted(what: &str) -> ApiError {
    ApiError::new(Reason::InternalError, format!("failed to allocate: the range of service {what} is full"))
}
