//! The names of the cluster.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use bireme_core::cache::Cache;
use bireme_core::object::ObjectKey;
use bireme_core::object::versions::endpoints;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointSlice};

use crate::proxy::SLICES_BY_SERVICE;
use crate::service::{address, cluster_ip, is_ready};

/// What the zone says of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The name is in the cluster and has these IPv4 addresses; none if it exists without any.
    Addresses(Vec<Ipv4Addr>),
    /// The name would be in the cluster, but is not.
    NoSuchName,
    /// Not yet known: the caches have not seen the API's state.
    Unready,
    /// The name is not the cluster's to know.
    Foreign,
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
        slices.add_index(SLICES_BY_SERVICE);
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
        if !self.services.is_synced() || !self.slices.is_synced() {
            return Answer::Unready;
        }
        let inside: Vec<&str> = inside.iter().map(String::as_str).collect();
        match inside.as_slice() {
            [] | ["svc"] => Answer::Addresses(Vec::new()),
            ["svc", namespace] => self.namespace(namespace),
            ["svc", namespace, name] => self.service(&ObjectKey::namespaced(namespace, name)),
            ["svc", namespace, name, host] => self.endpoint(&ObjectKey::namespaced(namespace, name), host),
            _ => Answer::NoSuchName,
        }
    }

    /// A namespace is a name between others: it exists as long as there is something below.
    fn namespace(&self, namespace: &str) -> Answer {
        if self.services.list(Some(namespace)).is_empty() {
            return Answer::NoSuchName;
        }
        Answer::Addresses(Vec::new())
    }

    fn service(&self, key: &ObjectKey) -> Answer {
        let Some(service) = self.find(key) else { return Answer::NoSuchName };
        let addresses = match cluster_ip(&service) {
            Some(IpAddr::V4(address)) => [address].into(),
            _ if is_headless(&service) => self.addresses(key, |_| true),
            _ => BTreeSet::new(),
        };
        Answer::Addresses(addresses.into_iter().collect())
    }

    /// A pod of a headless service: by its hostname, or by its address with dashes where it has none.
    fn endpoint(&self, key: &ObjectKey, host: &str) -> Answer {
        if !self.find(key).is_some_and(|service| is_headless(&service)) {
            return Answer::NoSuchName;
        }
        let called = |endpoint: &Endpoint| match &endpoint.hostname {
            Some(hostname) => hostname == host,
            None => address(endpoint).is_some_and(|address| address.to_string().replace('.', "-") == host),
        };
        let addresses = self.addresses(key, called);
        if addresses.is_empty() {
            return Answer::NoSuchName;
        }
        Answer::Addresses(addresses.into_iter().collect())
    }

    fn find(&self, key: &ObjectKey) -> Option<Arc<Service>> {
        let service = self.services.get_typed(key);
        service.unwrap_or_else(|error| {
            tracing::warn!(service = %key, %error, "the service cannot be read and has no name");
            None
        })
    }

    fn addresses(&self, key: &ObjectKey, wanted: impl Fn(&Endpoint) -> bool) -> BTreeSet<Ipv4Addr> {
        let mut found = BTreeSet::new();
        for object in self.slices.indexed(SLICES_BY_SERVICE, &key.to_string()) {
            // The index has no slice that cannot be read.
            let Ok(slice) = object.typed::<EndpointSlice>() else { continue };
            let ready = endpoints(&slice).iter().filter(|endpoint| is_ready(endpoint));
            found.extend(ready.filter(|endpoint| wanted(endpoint)).filter_map(|endpoint| {
                match address(endpoint) {
                    Some(IpAddr::V4(address)) => Some(address),
                    _ => None,
                }
            }));
        }
        found
    }
}

fn is_headless(service: &Service) -> bool {
    service.spec.as_ref().is_some_and(|spec| spec.cluster_ip.as_deref() == Some("None"))
}

#[cfg(test)]
mod tests {
    use bireme_core::object::{Kind, Object};
    use bireme_core::store::Revision;
    use serde_json::{Value, json};

    use super::*;

    fn fill(cache: &Cache, kind: Kind, objects: &[Value]) {
        let objects = objects.iter().map(|value| Arc::new(Object::from_value(kind, value.clone()).unwrap()));
        cache.replace(objects.collect(), Revision(1));
    }

    fn empty() -> (Arc<Cache>, Arc<Cache>) {
        (Arc::new(Cache::new(Kind::of::<Service>())), Arc::new(Cache::new(Kind::of::<EndpointSlice>())))
    }

    fn zone() -> Zone {
        let (services, slices) = empty();
        let service = |name: &str, address: &str| {
            let metadata = json!({"namespace": "shop", "name": name});
            json!({"metadata": metadata, "spec": {"clusterIP": address, "ports": [{"port": 80}]}})
        };
        let external = json!({
            "metadata": {"namespace": "shop", "name": "away"},
            "spec": {"type": "ExternalName", "externalName": "example.com"},
        });
        let objects = [service("web", "10.96.0.7"), service("db", "None"), service("idle", "None"), external];
        fill(&services, Kind::of::<Service>(), &objects);
        let slice = |name: &str, service: &str, endpoints: Value| {
            let labels = json!({"kubernetes.io/service-name": service});
            let metadata = json!({"namespace": "shop", "name": name, "labels": labels});
            json!({"metadata": metadata, "addressType": "IPv4", "endpoints": endpoints})
        };
        let first = json!([
            {"addresses": ["10.244.0.2"], "hostname": "db-0"},
            {"addresses": ["10.244.0.3"], "hostname": "db-1", "conditions": {"ready": false}},
        ]);
        let second = json!([{"addresses": ["10.244.1.2"]}]);
        let web = json!([{"addresses": ["10.244.0.9"]}]);
        let objects = [slice("db-1", "db", first), slice("db-2", "db", second), slice("web-1", "web", web)];
        let zone = Zone::new("cluster.local", services, slices.clone());
        fill(&slices, Kind::of::<EndpointSlice>(), &objects);
        zone
    }

    fn ask(zone: &Zone, name: &str) -> Answer {
        let labels: Vec<_> = name.split('.').filter(|label| !label.is_empty()).map(str::as_bytes).collect();
        zone.resolve(labels.into_iter())
    }

    fn addresses(texts: &[&str]) -> Answer {
        Answer::Addresses(texts.iter().map(|text| text.parse().unwrap()).collect())
    }

    #[test]
    fn a_service_has_its_own_address_in_any_case() {
        assert_eq!(ask(&zone(), "web.shop.svc.cluster.local."), addresses(&["10.96.0.7"]));
        assert_eq!(ask(&zone(), "Web.shop.SVC.cluster.LOCAL."), addresses(&["10.96.0.7"]));
    }

    #[test]
    fn a_headless_service_has_the_addresses_of_its_ready_pods() {
        assert_eq!(ask(&zone(), "db.shop.svc.cluster.local"), addresses(&["10.244.0.2", "10.244.1.2"]));
        assert_eq!(ask(&zone(), "db-0.db.shop.svc.cluster.local"), addresses(&["10.244.0.2"]));
        assert_eq!(ask(&zone(), "10-244-1-2.db.shop.svc.cluster.local"), addresses(&["10.244.1.2"]));
        assert_eq!(ask(&zone(), "db-1.db.shop.svc.cluster.local"), Answer::NoSuchName);
    }

    #[test]
    fn names_without_addresses_exist_all_the_same() {
        for name in ["idle.shop.svc", "away.shop.svc", "shop.svc", "svc", ""] {
            assert_eq!(ask(&zone(), &format!("{name}.cluster.local")), addresses(&[]), "{name}");
        }
    }

    #[test]
    fn other_names_of_the_domain_do_not_exist() {
        for name in [
            "web.other.svc",
            "other.shop.svc",
            "other.svc",
            "pod",
            "10-244-0-9.web.shop.svc",
            "a.b.web.shop.svc",
        ] {
            assert_eq!(ask(&zone(), &format!("{name}.cluster.local")), Answer::NoSuchName, "{name}");
        }
    }

    #[test]
    fn names_elsewhere_are_not_ours() {
        for name in
            ["example.com", "local", "", "cluster.local.example.com", "mycluster.local", "web.shop.svc"]
        {
            assert_eq!(ask(&zone(), name), Answer::Foreign, "{name}");
        }
    }

    #[test]
    fn nothing_is_denied_before_the_state_is_known() {
        let (services, slices) = empty();
        let zone = Zone::new("cluster.local", services, slices);
        assert_eq!(ask(&zone, "web.shop.svc.cluster.local"), Answer::Unready);
        assert_eq!(ask(&zone, "example.com"), Answer::Foreign);
    }
}
