//! From a Service and its EndpointSlices to what the data plane must do.

use std::collections::BTreeSet;
use std::net::IpAddr;

use bireme_core::object::ObjectKey;
use bireme_core::object::versions::endpoints;
use k8s_openapi::api::core::v1::{Service, ServicePort as ApiPort, ServiceSpec};
use k8s_openapi::api::discovery::v1::{Endpoint as ApiEndpoint, EndpointSlice};

use crate::rules::{Backends, Behind, Endpoint, Frontend, Memory, Protocol, Rules, ServicePort};

/// The label by which a slice says whose endpoints it lists.
const SERVICE_NAME: &str = "kubernetes.io/service-name";
/// The API's default of `sessionAffinityConfig.clientIP.timeoutSeconds`.
const THREE_HOURS: u32 = 10_800;

/// What a machine must do for `service`, of which `slices` are all the slices. IPv4 only.
///
/// Who sends to a port without endpoints is told so at once.
pub fn rules_of(key: &ObjectKey, service: &Service, slices: &[impl AsRef<EndpointSlice>]) -> Rules {
    let mut rules = Rules::default();
    let Some(spec) = &service.spec else { return rules };
    let Some(address) = cluster_ip(service) else { return rules };
    let memory = memory_of(spec);
    let exposed = matches!(spec.type_.as_deref(), Some("NodePort" | "LoadBalancer"));
    for api_port in spec.ports.iter().flatten() {
        let Some((name, port, protocol)) = identify(key, api_port) else {
            tracing::warn!(service = %key, port = api_port.port, "a port of the service cannot be served");
            continue;
        };
        let endpoints = endpoints_of(api_port, protocol, slices);
        let behind = if endpoints.is_empty() { Behind::Nobody } else { Behind::Port(name.clone()) };
        for address in external_addresses(service).chain([address]) {
            rules.frontends.insert(Frontend::Service(address, protocol, port), behind.clone());
        }
        let node_port = api_port.node_port.filter(|_| exposed).and_then(|port| u16::try_from(port).ok());
        if let Some(node_port) = node_port.filter(|port| *port != 0) {
            rules.frontends.insert(Frontend::Node(protocol, node_port), behind);
        }
        if endpoints.is_empty() {
            continue;
        }
        if let Some(seconds) = memory {
            let memory = |endpoint: &Endpoint| Memory { port: name.clone(), endpoint: *endpoint };
            rules.memories.extend(endpoints.iter().map(|endpoint| (memory(endpoint), seconds)));
        }
        rules.hairpins.extend(endpoints.iter().map(|endpoint| endpoint.address));
        rules.backends.insert(name, Backends { protocol, endpoints, sticky: memory });
    }
    rules
}

/// How many seconds after its last connection a client gets the endpoint that it had, if it does at all.
fn memory_of(spec: &ServiceSpec) -> Option<u32> {
    spec.session_affinity.as_deref().filter(|affinity| *affinity == "ClientIP")?;
    let seconds =
        spec.session_affinity_config.as_ref().and_then(|config| config.client_ip.as_ref()?.timeout_seconds);
    Some(seconds.and_then(|seconds| u32::try_from(seconds).ok()).unwrap_or(THREE_HOURS))
}

/// The service's own IPv4 address, if it has one.
fn cluster_ip(service: &Service) -> Option<IpAddr> {
    cluster_ips(service).find(IpAddr::is_ipv4)
}

/// The service's own addresses, of which it has one of a family; none of it is headless or outside the cluster.
pub fn cluster_ips(service: &Service) -> impl Iterator<Item = IpAddr> {
    let spec = service.spec.as_ref().filter(|_| external_name(service).is_none());
    let texts = spec.into_iter().flat_map(|spec| match &spec.cluster_ips {
        Some(texts) if !texts.is_empty() => texts.as_slice(),
        _ => spec.cluster_ip.as_slice(),
    });
    texts.filter_map(|text| text.parse().ok())
}

/// The name outside the cluster that a service stands for.
pub fn external_name(service: &Service) -> Option<&str> {
    let spec = service.spec.as_ref().filter(|spec| spec.type_.as_deref() == Some("ExternalName"))?;
    Some(spec.external_name.as_deref().unwrap_or_default())
}

/// The IPv4 addresses at which a service is reached from outside the cluster: what its author says leads here, and
/// those of its load balancer, unless that is a proxy which delivers to somewhere else.
fn external_addresses(service: &Service) -> impl Iterator<Item = IpAddr> {
    let external = service.spec.iter().flat_map(|spec| spec.external_ips.iter().flatten());
    let balancer = service.status.as_ref().and_then(|status| status.load_balancer.as_ref());
    let balancer = balancer.filter(|_| is_balanced(service));
    let ingress = balancer.into_iter().flat_map(|balancer| balancer.ingress.iter().flatten());
    let ingress = ingress.filter(|ingress| ingress.ip_mode.as_deref() != Some("Proxy"));
    let texts = external.chain(ingress.filter_map(|ingress| ingress.ip.as_ref()));
    texts.filter_map(|text| text.parse().ok()).filter(IpAddr::is_ipv4)
}

fn is_balanced(service: &Service) -> bool {
    service.spec.as_ref().is_some_and(|spec| spec.type_.as_deref() == Some("LoadBalancer"))
}

/// The service whose endpoints a slice lists.
pub fn service_of(slice: &EndpointSlice) -> Option<ObjectKey> {
    let name = slice.metadata.labels.as_ref()?.get(SERVICE_NAME)?;
    Some(ObjectKey::new(slice.metadata.namespace.as_deref(), name))
}

fn identify(key: &ObjectKey, port: &ApiPort) -> Option<(ServicePort, u16, Protocol)> {
    let number = u16::try_from(port.port).ok()?;
    let protocol = port.protocol.as_deref().unwrap_or("TCP").parse().ok()?;
    Some((ServicePort::new(key.namespace()?, key.name(), protocol, number)?, number, protocol))
}

/// The endpoints of one port. Slices name ports as the service does, and hold the number that a named target port has
/// in each pod; pods that differ in it are in different slices.
fn endpoints_of(
    port: &ApiPort,
    protocol: Protocol,
    slices: &[impl AsRef<EndpointSlice>],
) -> BTreeSet<Endpoint> {
    let named = |name: &Option<String>| name.as_deref().unwrap_or_default().to_owned();
    let mut of_port = Vec::new();
    for slice in slices.iter().map(AsRef::as_ref).filter(|slice| slice.address_type == "IPv4") {
        let same = slice.ports.iter().flatten().find(|candidate| {
            let spoken = candidate.protocol.as_deref().unwrap_or("TCP").parse();
            named(&candidate.name) == named(&port.name) && spoken == Ok(protocol)
        });
        if let Some(number) = same.and_then(|port| u16::try_from(port.port?).ok()) {
            of_port.extend(endpoints(slice).iter().map(|endpoint| (endpoint, number)));
        }
    }
    // Where none is ready, those that are on their way out but still serve (KEP-1669).
    let takes =
        if of_port.iter().any(|(endpoint, _)| is_ready(endpoint)) { is_ready } else { is_last_resort };
    let chosen = of_port.into_iter().filter(|(endpoint, _)| takes(endpoint));
    chosen.filter_map(|(endpoint, port)| Some(Endpoint { address: address(endpoint)?, port })).collect()
}

/// An endpoint's address: the first, as all others of an endpoint mean the same (and are deprecated).
pub fn address(endpoint: &ApiEndpoint) -> Option<IpAddr> {
    endpoint.addresses.first()?.parse().ok()
}

/// Whether an endpoint takes new connections. Unknown counts as ready, as the API says.
pub fn is_ready(endpoint: &ApiEndpoint) -> bool {
    endpoint.conditions.as_ref().and_then(|conditions| conditions.ready).unwrap_or(true)
}

fn is_last_resort(endpoint: &ApiEndpoint) -> bool {
    let condition = endpoint.conditions.as_ref();
    condition.is_some_and(|it| it.serving == Some(true) && it.terminating == Some(true))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;

    fn key() -> ObjectKey {
        ObjectKey::namespaced("shop", "web")
    }

    fn service(spec: Value) -> Service {
        serde_json::from_value(json!({"metadata": {"name": "web", "namespace": "shop"}, "spec": spec}))
            .unwrap()
    }

    fn slice(ports: Value, endpoints: Value) -> Arc<EndpointSlice> {
        let metadata = json!({"labels": {SERVICE_NAME: "web"}, "namespace": "shop", "name": "web-1"});
        let slice = json!({
            "metadata": metadata, "addressType": "IPv4", "ports": ports, "endpoints": endpoints,
        });
        Arc::new(serde_json::from_value(slice).unwrap())
    }

    /// The rules in short: frontends, and the endpoints behind each.
    fn shown(rules: &Rules) -> Vec<String> {
        let show = |(frontend, behind): (&Frontend, &Behind)| {
            let shown = |endpoint: &Endpoint| format!("{}:{}", endpoint.address, endpoint.port);
            let endpoints: Vec<_> = match behind {
                Behind::Port(port) => rules.backends[port].endpoints.iter().map(shown).collect(),
                Behind::Nobody => vec!["nobody".to_owned()],
            };
            match frontend {
                Frontend::Service(address, protocol, number) => {
                    format!("{protocol} {address}:{number} -> {}", endpoints.join(" "))
                }
                Frontend::Node(protocol, number) => {
                    format!("{protocol} node:{number} -> {}", endpoints.join(" "))
                }
            }
        };
        rules.frontends.iter().map(show).collect()
    }

    fn web() -> Service {
        service(json!({"clusterIP": "10.96.0.7", "ports": [{"port": 80, "targetPort": "http"}]}))
    }

    #[test]
    fn a_named_target_port_is_what_each_slice_says_it_is() {
        let old = slice(json!([{"port": 8080}]), json!([{"addresses": ["10.244.0.2"]}]));
        let new = slice(json!([{"port": 9090}]), json!([{"addresses": ["10.244.1.2"]}]));
        let rules = rules_of(&key(), &web(), &[old, new]);
        assert_eq!(shown(&rules), ["tcp 10.96.0.7:80 -> 10.244.0.2:8080 10.244.1.2:9090"]);
        assert_eq!(rules.backends.keys().next().unwrap().to_string(), "service-shop/web/tcp/80");
    }

    #[test]
    fn only_ready_endpoints_take_connections() {
        let endpoints = json!([
            {"addresses": ["10.244.0.2"], "conditions": {"ready": true}},
            {"addresses": ["10.244.0.3"], "conditions": {"ready": false}},
            {"addresses": ["10.244.0.4"], "conditions": {}},
            {"addresses": ["10.244.0.5"], "conditions": {"ready": false, "serving": true, "terminating": true}},
        ]);
        let rules = rules_of(&key(), &web(), &[slice(json!([{"port": 80}]), endpoints)]);
        assert_eq!(shown(&rules), ["tcp 10.96.0.7:80 -> 10.244.0.2:80 10.244.0.4:80"]);
    }

    #[test]
    fn terminating_endpoints_serve_while_none_is_ready() {
        let endpoints = json!([
            {"addresses": ["10.244.0.3"], "conditions": {"ready": false, "serving": false, "terminating": true}},
            {"addresses": ["10.244.0.5"], "conditions": {"ready": false, "serving": true, "terminating": true}},
        ]);
        let rules = rules_of(&key(), &web(), &[slice(json!([{"port": 80}]), endpoints)]);
        assert_eq!(shown(&rules), ["tcp 10.96.0.7:80 -> 10.244.0.5:80"]);
    }

    #[test]
    fn ports_are_matched_by_name_and_protocol() {
        let dns = service(json!({"type": "NodePort", "clusterIP": "10.96.0.9", "ports": [
            {"name": "dns", "port": 53, "protocol": "UDP", "nodePort": 30053},
            {"name": "dns-tcp", "port": 53, "protocol": "TCP"},
            {"name": "metrics", "port": 9153},
        ]}));
        let ports = json!([
            {"name": "dns", "port": 1053, "protocol": "UDP"}, {"name": "dns-tcp", "port": 2053, "protocol": "TCP"},
            {"name": "metrics", "port": 9153, "protocol": "UDP"},
        ]);
        let rules = rules_of(&key(), &dns, &[slice(ports, json!([{"addresses": ["10.244.0.2"]}]))]);
        let expected = [
            "tcp 10.96.0.9:53 -> 10.244.0.2:2053",
            "tcp 10.96.0.9:9153 -> nobody",
            "udp 10.96.0.9:53 -> 10.244.0.2:1053",
            "udp node:30053 -> 10.244.0.2:1053",
        ];
        assert_eq!(shown(&rules), expected);
    }

    #[test]
    fn node_ports_are_served_for_the_types_that_have_them() {
        let endpoints = json!([{"addresses": ["10.244.0.2"]}]);
        let slices = [slice(json!([{"port": 80}]), endpoints)];
        let node_ports = |kind: &str| {
            let port = json!({"port": 80, "nodePort": 30080});
            let spec = json!({"type": kind, "clusterIP": "10.96.0.7", "ports": [port]});
            let rules = rules_of(&key(), &service(spec), &slices);
            rules.frontends.contains_key(&Frontend::Node(Protocol::Tcp, 30080))
        };
        assert_eq!(["NodePort", "LoadBalancer", "ClusterIP"].map(node_ports), [true, true, false]);
    }

    #[test]
    fn external_addresses_and_those_of_a_load_balancer_lead_to_the_service() {
        let slices = [slice(json!([{"port": 80}]), json!([{"addresses": ["10.244.0.2"]}]))];
        let spec = json!({"type": "LoadBalancer", "clusterIP": "10.96.0.7", "ports": [{"port": 80}],
            "externalIPs": ["192.0.2.1", "2001:db8::1"]});
        let mut web = service(spec);
        let ingress = json!([{"ip": "10.0.0.1", "ipMode": "VIP"}, {"ip": "10.0.0.2", "ipMode": "Proxy"},
            {"hostname": "lb.example.com"}]);
        web.status = serde_json::from_value(json!({"loadBalancer": {"ingress": ingress}})).unwrap();
        let expected = ["10.0.0.1:80", "10.96.0.7:80", "192.0.2.1:80"]
            .map(|frontend| format!("tcp {frontend} -> 10.244.0.2:80"));
        assert_eq!(shown(&rules_of(&key(), &web, &slices)), expected);

        web.spec.as_mut().unwrap().type_ = Some("ClusterIP".to_owned());
        assert_eq!(
            shown(&rules_of(&key(), &web, &slices)),
            expected[1..],
            "it has no load balancer any more"
        );
    }

    #[test]
    fn services_without_an_address_have_no_rules() {
        let slices = [slice(json!([{"port": 80}]), json!([{"addresses": ["10.244.0.2"]}]))];
        let ports = json!([{"port": 80}]);
        for spec in [
            json!({"clusterIP": "None", "ports": ports}),
            json!({"ports": ports}),
            json!({"type": "ExternalName", "externalName": "example.com", "clusterIP": "10.96.0.7", "ports": ports}),
            json!({"clusterIP": "fd00::7", "ports": ports}),
        ] {
            assert_eq!(rules_of(&key(), &service(spec.clone()), &slices), Rules::default(), "{spec}");
        }
    }

    #[test]
    fn ports_without_endpoints_are_nobodys() {
        let spec = json!({"type": "NodePort", "clusterIP": "10.96.0.7", "externalIPs": ["192.0.2.1"],
            "ports": [{"port": 80, "nodePort": 30080}]});
        let slices = [slice(json!([{"port": 80}]), json!([]))];
        let rules = rules_of(&key(), &service(spec), &slices);
        let expected = ["10.96.0.7:80", "192.0.2.1:80", "node:30080"].map(|to| format!("tcp {to} -> nobody"));
        assert_eq!(shown(&rules), expected);
        assert!(rules.backends.is_empty() && rules.hairpins.is_empty());
    }

    #[test]
    fn endpoints_remember_clients_as_long_as_the_service_says() {
        let slices = [slice(json!([{"port": 80}]), json!([{"addresses": ["10.244.0.2"]}]))];
        let memory = |affinity: Value| {
            let mut spec = json!({"clusterIP": "10.96.0.7", "ports": [{"port": 80}]});
            spec.as_object_mut().unwrap().extend(affinity.as_object().unwrap().clone());
            let rules = rules_of(&key(), &service(spec), &slices);
            assert_eq!(
                rules.memories.is_empty(),
                !rules.backends.values().any(|backends| backends.sticky.is_some())
            );
            rules.memories.into_iter().map(|(memory, seconds)| (memory.to_string(), seconds)).next()
        };
        let set = || "clients-service-shop/web/tcp/80/10.244.0.2/80".to_owned();
        assert_eq!(memory(json!({"sessionAffinity": "None"})), None);
        assert_eq!(memory(json!({"sessionAffinity": "ClientIP"})), Some((set(), 10_800)));
        let config = json!({"clientIP": {"timeoutSeconds": 60}});
        let affinity = json!({"sessionAffinity": "ClientIP", "sessionAffinityConfig": config});
        assert_eq!(memory(affinity), Some((set(), 60)));
    }
}
