//! What the zone says of names and addresses.

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
        let ports = json!([{"name": "http", "port": 80}, {"name": "dns", "port": 53, "protocol": "UDP"}]);
        json!({"metadata": metadata, "spec": {"clusterIP": address, "ports": ports}})
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
        let ports = json!([{"name": "http", "port": 8080}, {"name": "dns", "port": 1053, "protocol": "UDP"}]);
        json!({"metadata": metadata, "addressType": "IPv4", "endpoints": endpoints, "ports": ports})
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
    let addresses = texts.iter().map(|text| text.parse().unwrap()).collect();
    Answer::Known(Entry { addresses, ..Entry::default() })
}

/// What is offered under a name in short: weight, port, name and addresses.
fn offered(name: &str) -> Vec<String> {
    let Answer::Known(entry) = ask(&zone(), name) else { panic!("{name} exists") };
    assert!(entry.addresses.is_empty() && entry.alias.is_none());
    let show =
        |target: &Target| format!("{} {} {} {:?}", target.weight, target.port, target.name, target.addresses);
    entry.targets.iter().map(show).collect()
}

fn names(address: &str) -> Option<Vec<String>> {
    match zone().reverse(address.parse().unwrap()) {
        Answer::Known(entry) => Some(entry.names),
        Answer::Foreign => None,
        other => panic!("{other:?}"),
    }
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
fn a_named_port_is_offered_at_the_service_itself_or_at_each_ready_pod() {
    let web = "100 80 web.shop.svc.cluster.local. [10.96.0.7]";
    assert_eq!(offered("_http._tcp.web.shop.svc.cluster.local"), [web]);
    assert_eq!(offered("_HTTP._TCP.web.shop.svc.cluster.local"), [web]);
    let db = [
        "50 1053 10-244-1-2.db.shop.svc.cluster.local. [10.244.1.2]",
        "50 1053 db-0.db.shop.svc.cluster.local. [10.244.0.2]",
    ];
    assert_eq!(offered("_dns._udp.db.shop.svc.cluster.local"), db);
}

#[test]
fn a_service_outside_the_cluster_is_another_name() {
    let alias = Some("example.com.".to_owned());
    assert_eq!(
        ask(&zone(), "away.shop.svc.cluster.local"),
        Answer::Known(Entry { alias, ..Entry::default() })
    );
}

#[test]
fn addresses_of_services_and_of_pods_of_headless_ones_have_names() {
    assert_eq!(names("10.96.0.7"), Some(vec!["web.shop.svc.cluster.local.".to_owned()]));
    assert_eq!(names("10.244.0.2"), Some(vec!["db-0.db.shop.svc.cluster.local.".to_owned()]));
    assert_eq!(names("10.244.1.2"), Some(vec!["10-244-1-2.db.shop.svc.cluster.local.".to_owned()]));
    for nobody in ["10.244.0.3", "10.244.0.9", "10.96.0.8", "2001:db8::1"] {
        assert_eq!(names(nobody), None, "{nobody} is not ready, not of a headless service, or nobody's");
    }
}

#[test]
fn the_zone_says_by_which_specification_it_answers() {
    let entry = Entry { text: Some("1.1.0"), ..Entry::default() };
    assert_eq!(ask(&zone(), "dns-version.cluster.local"), Answer::Known(entry));
}

#[test]
fn names_without_addresses_exist_all_the_same() {
    for name in ["idle.shop.svc", "_tcp.web.shop.svc", "shop.svc", "svc", ""] {
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
        "_http._tcp.idle.shop.svc",
        "_http._tcp.away.shop.svc",
        "_http._udp.web.shop.svc",
        "_http.tcp.web.shop.svc",
        "_sctp.web.shop.svc",
        "a._http._tcp.web.shop.svc",
    ] {
        assert_eq!(ask(&zone(), &format!("{name}.cluster.local")), Answer::NoSuchName, "{name}");
    }
}

#[test]
fn names_elsewhere_are_not_ours() {
    for name in ["example.com", "local", "", "cluster.local.example.com", "mycluster.local", "web.shop.svc"] {
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
