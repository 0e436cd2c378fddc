use bireme_core::object::ObjectKey;
use bireme_core::reconciler::{Command, ViewBuilder};
use serde_json::{Value, json};

use super::*;
use crate::testing::at;

fn service(name: &str, created: i64, spec: Value) -> Service {
    let created = at(created).to_string();
    let metadata = json!({"name": name, "namespace": "default", "uid": name, "creationTimestamp": created});
    serde_json::from_value(json!({"metadata": metadata, "spec": spec})).unwrap()
}

fn balanced(name: &str, created: i64, port: i32) -> Service {
    service(name, created, json!({"type": "LoadBalancer", "ports": [{"port": port, "protocol": "TCP"}]}))
}

fn node(name: &str, address: &str, ready: &str) -> Node {
    let status = json!({
        "conditions": [{"type": "Ready", "status": ready}],
        "addresses": [{"type": "Hostname", "address": name}, {"type": "InternalIP", "address": address}],
    });
    serde_json::from_value(json!({"metadata": {"name": name, "uid": name}, "status": status})).unwrap()
}

fn view() -> ViewBuilder {
    View::builder().watching(&LoadBalancers.watches())
}

fn plan(view: &View, name: &str) -> Plan {
    let target = ObjectRef::to::<Service>(ObjectKey::namespaced("default", name));
    LoadBalancers.reconcile(view, &target, at(0)).unwrap()
}

/// The patch of the status that a plan has, if it has one.
fn patch(plan: &Plan) -> Option<Value> {
    plan.commands.iter().find_map(|command| match command {
        Command::Patch { part: Part::Status, patch: bireme_core::client::Patch::Merge(patch), .. } => {
            serde_json::from_slice(patch).ok()
        }
        _ => None,
    })
}

fn addresses(plan: &Plan) -> Option<Vec<String>> {
    let patch = patch(plan)?;
    let ingress = patch["status"]["loadBalancer"]["ingress"].as_array().cloned().unwrap_or_default();
    Some(ingress.iter().map(|one| one["ip"].as_str().unwrap().to_owned()).collect())
}

#[test]
fn a_service_has_the_addresses_of_the_nodes_that_are_ready() {
    let mut left_out = node("d", "10.0.0.4", "True");
    left_out.metadata.labels = Some([(EXCLUDED.to_owned(), String::new())].into());
    let nodes = [
        node("b", "10.0.0.2", "True"),
        node("a", "10.0.0.1", "True"),
        node("c", "10.0.0.3", "False"),
        left_out,
    ];
    let view = view().with_all(nodes).with(balanced("web", 1, 80)).build();
    assert_eq!(addresses(&plan(&view, "web")).unwrap(), ["10.0.0.1", "10.0.0.2"]);
}

#[test]
fn what_is_as_it_should_be_is_left_alone() {
    let mut web = balanced("web", 1, 80);
    web.status =
        serde_json::from_value(json!({"loadBalancer": {"ingress": [{"ip": "10.0.0.1", "ipMode": "VIP"}]}}))
            .unwrap();
    let view = view().with(node("a", "10.0.0.1", "True")).with(web).build();
    assert!(plan(&view, "web").commands.is_empty());
}

#[test]
fn of_two_that_want_a_port_the_older_has_it_and_the_other_says_why_it_waits() {
    let view = view().with(node("a", "10.0.0.1", "True"));
    let view = view
        .with(balanced("young", 2, 80))
        .with(balanced("old", 1, 80))
        .with(balanced("other", 3, 81))
        .build();
    assert_eq!(addresses(&plan(&view, "old")).unwrap(), ["10.0.0.1"]);
    assert_eq!(addresses(&plan(&view, "other")).unwrap(), ["10.0.0.1"]);
    let waits = plan(&view, "young");
    assert_eq!(addresses(&waits), None);
    let [Command::Record(note)] = &*waits.commands else { panic!("{waits:?}") };
    assert_eq!(
        (&*note.reason, &*note.message),
        ("PortInUse", "Port TCP/80 of the nodes belongs to Service default/old")
    );
}

#[test]
fn a_service_of_another_type_or_class_has_none_of_ours() {
    let with_address = |mut service: Service| {
        service.status =
            serde_json::from_value(json!({"loadBalancer": {"ingress": [{"ip": "10.0.0.9"}]}})).unwrap();
        service
    };
    let port = json!([{"port": 80}]);
    let plain = with_address(service("plain", 1, json!({"type": "ClusterIP", "ports": port})));
    let class = json!({"type": "LoadBalancer", "loadBalancerClass": "example.com/x", "ports": port});
    let foreign = with_address(service("foreign", 1, class));
    let view = view()
        .with(node("a", "10.0.0.1", "True"))
        .with(plain)
        .with(foreign)
        .with(balanced("web", 2, 80))
        .build();
    assert_eq!(addresses(&plan(&view, "plain")).unwrap(), [""; 0]);
    assert!(plan(&view, "foreign").commands.is_empty());
    assert_eq!(addresses(&plan(&view, "web")).unwrap(), ["10.0.0.1"], "neither has the port");
}
