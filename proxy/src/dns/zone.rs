//! The names of the cluster.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use bireme_core::cache::{Cache, Index};
use bireme_core::object::ObjectKey;
use bireme_core::object::versions::endpoints;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointSlice};

use crate::proxy::SLICES_BY_SERVICE;
use crate::service::{address, cluster_ips, external_name, is_ready, service_of};

/// The version of the specification that the zone answers by, as `dns-version.<zone>` tells it.
const SPECIFICATION: &str = "1.1.0";
/// What the weights of the targets of one name are parts of.
const WEIGHTS: u16 = 100;

const SERVICES_BY_ADDRESS: Index = Index::new("address", |object| {
    let service = object.typed::<Service>().ok();
    service.iter().flat_map(|service| cluster_ips(service)).map(|address| address.to_string()).collect()
});

const SLICES_BY_ADDRESS: Index = Index::new("address", |object| {
    let Ok(slice) = object.typed::<EndpointSlice>() else { return Vec::new() };
    endpoints(&slice).iter().filter_map(address).map(|address| address.to_string()).collect()
});

/// What the zone says of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The name is the cluster's; it may have nothing.
    Known(Entry),
    /// The name would be in the cluster, but is not.
    NoSuchName,
    /// Not yet known: the caches have not seen the API's state.
    Unready,
    /// The name is not the cluster's to know.
    Foreign,
}

/// What there is under one name. Names are whole, with a dot at their end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// The addresses (A and AAAA).
    pub addresses: Vec<IpAddr>,
    /// Where a service of this name and protocol is offered (SRV).
    pub targets: Vec<Target>,
    /// The name that this one stands for (CNAME), which may be anybody's.
    pub alias: Option<String>,
    /// The names of this address (PTR).
    pub names: Vec<String>,
    /// A word about the zone itself (TXT).
    pub text: Option<&'static str>,
}

/// One place where a service is offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The share of the clients that should come here, in relation to the other targets.
    pub weight: u16,
    /// The port.
    pub port: u16,
    /// The name of whom to ask there.
    pub name: String,
    /// The addresses of that name.
    pub addresses: Vec<IpAddr>,
}

/// The zone of the cluster, such as `cluster.local`, as Kubernetes' specification of DNS-based service discovery has
/// it. It reads the caches at the moment of the question, and asks nobody.
#[derive(Clone)]
pub struct Zone {
    /// The labels of the domain, the last first.
    domain: Vec<String>,
    services: Arc<Cache>,
    slices: Arc<Cache>,
}

impl Zone {
    /// The zone `domain` of these Services and EndpointSlices; the latter are found by [`SLICES_BY_SERVICE`].
    pub fn new(domain: &str, services: Arc<Cache>, slices: Arc<Cache>) -> Self {
        services.add_index(SERVICES_BY_ADDRESS);
        slices.add_index(SLICES_BY_SERVICE);
        slices.add_index(SLICES_BY_ADDRESS);
        let labels = domain.trim_end_matches('.').rsplit('.').map(str::to_ascii_lowercase);
        Self { domain: labels.collect(), services, slices }
    }

    /// What there is under a name, given by its labels in their usual order. Case does not matter.
    pub fn resolve<'a>(&self, labels: impl DoubleEndedIterator<Item = &'a [u8]>) -> Answer {
        let mut path: Vec<String> = Vec::new();
        for label in labels.rev() {
            // A label that is not text is under no name of ours, but may be under our domain.
            path.push(String::from_utf8_lossy(label).to_ascii_lowercase());
        }
        let Some(inside) = path.strip_prefix(self.domain.as_slice()) else { return Answer::Foreign };
        if !self.is_ready() {
            return Answer::Unready;
        }
        let inside: Vec<&str> = inside.iter().map(String::as_str).collect();
        let found = match inside.as_slice() {
            [] | ["svc"] => Some(Entry::default()),
            ["dns-version"] => Some(Entry { text: Some(SPECIFICATION), ..Entry::default() }),
            ["svc", namespace] => self.namespace(namespace),
            ["svc", namespace, name] => self.service(&ObjectKey::namespaced(namespace, name)),
            ["svc", namespace, name, label] => {
                let key = ObjectKey::namespaced(namespace, name);
                match label.strip_prefix('_') {
                    Some(protocol) => self.protocol(&key, protocol),
                    None => self.endpoint(&key, label),
                }
            }
            ["svc", namespace, name, protocol, port] => {
                let key = ObjectKey::namespaced(namespace, name);
                let labels = protocol.strip_prefix('_').zip(port.strip_prefix('_'));
                labels.and_then(|(protocol, port)| self.port(&key, protocol, port))
            }
            _ => None,
        };
        found.map_or(Answer::NoSuchName, Answer::Known)
    }

    /// The names of an address, for questions about names under `in-addr.arpa` and `ip6.arpa`. An address that
    /// nothing in the cluster has may be somebody else's to know.
    pub fn reverse(&self, of: IpAddr) -> Answer {
        if !self.is_ready() {
            return Answer::Unready;
        }
        let text = of.to_string();
        let services = self.services.indexed(SERVICES_BY_ADDRESS, &text);
        let mut names: BTreeSet<String> = services.iter().map(|object| self.name_of(object.key())).collect();
        for object in self.slices.indexed(SLICES_BY_ADDRESS, &text) {
            // The index has no slice that cannot be read.
            let Ok(slice) = object.typed::<EndpointSlice>() else { continue };
            let Some(key) = service_of(&slice).filter(|key| self.headless(key).is_some()) else { continue };
            let here = endpoints(&slice).iter().filter(|endpoint| is_ready(endpoint));
            let here = here.filter(|endpoint| address(endpoint) == Some(of));
            names.extend(here.filter_map(|endpoint| Some(self.below(&host(endpoint)?, &key))));
        }
        if names.is_empty() {
            return Answer::Foreign;
        }
        Answer::Known(Entry { names: names.into_iter().collect(), ..Entry::default() })
    }

    fn is_ready(&self) -> bool {
        self.services.is_synced() && self.slices.is_synced()
    }

    /// A namespace is a name between others: it exists as long as there is something below.
    fn namespace(&self, namespace: &str) -> Option<Entry> {
        (!self.services.list(Some(namespace)).is_empty()).then(Entry::default)
    }

    fn service(&self, key: &ObjectKey) -> Option<Entry> {
        let service = self.find(key)?;
        if let Some(name) = external_name(&service) {
            return Some(Entry {
                alias: Some(format!("{}.", name.trim_end_matches('.'))),
                ..Entry::default()
            });
        }
        let addresses = if is_headless(&service) {
            self.addresses(key, |_| true)
        } else {
            cluster_ips(&service).collect()
        };
        Some(Entry { addresses: addresses.into_iter().collect(), ..Entry::default() })
    }

    /// A pod of a headless service: by its hostname, or by its address with dashes where it has none.
    fn endpoint(&self, key: &ObjectKey, label: &str) -> Option<Entry> {
        self.headless(key)?;
        let addresses = self.addresses(key, |endpoint| host(endpoint).as_deref() == Some(label));
        let entry = || Entry { addresses: addresses.iter().copied().collect(), ..Entry::default() };
        (!addresses.is_empty()).then(entry)
    }

    /// The label of a protocol is a name between others, below which those of ports lie.
    fn protocol(&self, key: &ObjectKey, protocol: &str) -> Option<Entry> {
        let service = self.find(key)?;
        let ports = service.spec.as_ref()?.ports.as_ref()?;
        let has = ports.iter().any(|port| port.name.is_some() && speaks(port.protocol.as_deref(), protocol));
        has.then(Entry::default)
    }

    /// A named port: where it is offered.
    fn port(&self, key: &ObjectKey, protocol: &str, name: &str) -> Option<Entry> {
        let service = self.find(key)?;
        let ports = service.spec.as_ref()?.ports.as_ref()?;
        let port = ports
            .iter()
            .find(|port| port.name.as_deref() == Some(name) && speaks(port.protocol.as_deref(), protocol))?;
        if external_name(&service).is_some() {
            return None;
        }
        if is_headless(&service) {
            let mut targets = self.targets(key, protocol, name);
            let weight = WEIGHTS / u16::try_from(targets.len()).unwrap_or(WEIGHTS).clamp(1, WEIGHTS);
            targets.iter_mut().for_each(|target| target.weight = weight);
            return (!targets.is_empty()).then_some(Entry { targets, ..Entry::default() });
        }
        let port = u16::try_from(port.port).ok()?;
        let addresses = cluster_ips(&service).collect();
        let target = Target { weight: WEIGHTS, port, name: self.name_of(key), addresses };
        Some(Entry { targets: vec![target], ..Entry::default() })
    }

    /// The pods that offer a port of a headless service, each by its own name.
    fn targets(&self, key: &ObjectKey, protocol: &str, port: &str) -> Vec<Target> {
        let mut targets: Vec<Target> = Vec::new();
        for object in self.slices.indexed(SLICES_BY_SERVICE, &key.to_string()) {
            // The index has no slice that cannot be read.
            let Ok(slice) = object.typed::<EndpointSlice>() else { continue };
            let number = slice.ports.iter().flatten().find(|candidate| {
                candidate.name.as_deref() == Some(port) && speaks(candidate.protocol.as_deref(), protocol)
            });
            let Some(number) = number.and_then(|port| u16::try_from(port.port?).ok()) else { continue };
            for endpoint in endpoints(&slice).iter().filter(|endpoint| is_ready(endpoint)) {
                let (Some(label), Some(address)) = (host(endpoint), address(endpoint)) else { continue };
                let name = self.below(&label, key);
                match targets.iter_mut().find(|target| target.name == name && target.port == number) {
                    Some(target) => target.addresses.push(address),
                    None => targets.push(Target { weight: 0, port: number, name, addresses: vec![address] }),
                }
            }
        }
        targets.sort_by(|one, other| (&one.name, one.port).cmp(&(&other.name, other.port)));
        targets
    }

    fn find(&self, key: &ObjectKey) -> Option<Arc<Service>> {
        let service = self.services.get_typed(key);
        service.unwrap_or_else(|error| {
            tracing::warn!(service = %key, %error, "the service cannot be read and has no name");
            None
        })
    }

    fn headless(&self, key: &ObjectKey) -> Option<Arc<Service>> {
        self.find(key).filter(|service| is_headless(service))
    }

    fn addresses(&self, key: &ObjectKey, wanted: impl Fn(&Endpoint) -> bool) -> BTreeSet<IpAddr> {
        let mut found = BTreeSet::new();
        for object in self.slices.indexed(SLICES_BY_SERVICE, &key.to_string()) {
            // The index has no slice that cannot be read.
            let Ok(slice) = object.typed::<EndpointSlice>() else { continue };
            let ready = endpoints(&slice).iter().filter(|endpoint| is_ready(endpoint));
            found.extend(ready.filter(|endpoint| wanted(endpoint)).filter_map(address));
        }
        found
    }

    fn name_of(&self, key: &ObjectKey) -> String {
        let domain: Vec<_> = self.domain.iter().rev().map(String::as_str).collect();
        format!("{}.{}.svc.{}.", key.name(), key.namespace().unwrap_or_default(), domain.join("."))
    }

    fn below(&self, label: &str, key: &ObjectKey) -> String {
        format!("{label}.{}", self.name_of(key))
    }
}

fn is_headless(service: &Service) -> bool {
    service.spec.as_ref().is_some_and(|spec| spec.cluster_ip.as_deref() == Some("None"))
}

/// The label of an endpoint: its hostname, or its address with dashes.
fn host(endpoint: &Endpoint) -> Option<String> {
    let dashed = || address(endpoint).map(|address| address.to_string().replace(['.', ':'], "-"));
    endpoint.hostname.clone().or_else(dashed)
}

/// Whether a port's protocol is the one that a label names.
fn speaks(protocol: Option<&str>, label: &str) -> bool {
    protocol.unwrap_or("TCP").eq_ignore_ascii_case(label)
}
