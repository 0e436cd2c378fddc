use super::*;
use crate::kinds::testing::{causes, causes_of_change, defaulted, from_json, row};
use serde_json::{Value, json};

fn service(spec: Value) -> Service {
    from_json(json!({"metadata": {"name": "web", "creationTimestamp": "2026-01-01T11:59:00Z"}, "spec": spec}))
}

#[test]
fn everything_left_out_has_a_default() {
    let service: Service = defaulted(json!({"metadata": {}, "spec": {"ports": [{"port": 80}]}}));
    assert_eq!(
        serde_json::to_value(service.spec).unwrap(),
        json!({
            "type": "ClusterIP", "sessionAffinity": "None", "internalTrafficPolicy": "Cluster",
            "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack",
            "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}],
        })
    );
    let node_port: Service =
        defaulted(json!({"metadata": {}, "spec": {"type": "NodePort", "sessionAffinity": "ClientIP"}}));
    let spec = node_port.spec.unwrap();
    assert_eq!(spec.external_traffic_policy.as_deref(), Some("Cluster"));
    assert_eq!(spec.session_affinity_config.unwrap().client_ip.unwrap().timeout_seconds, Some(10_800));
    let headless: Service = defaulted(json!({"metadata": {}, "spec": {"clusterIP": "None"}}));
    assert_eq!(headless.spec.unwrap().cluster_ips, Some(vec!["None".to_owned()]));
}

#[test]
fn a_table_tells_addresses_and_ports() {
    for (spec, expected) in [
        (json!({"type": "ClusterIP"}), ["web", "ClusterIP", "<none>", "<none>", "<none>", "60s", "<none>"]),
        (
            json!({"type": "NodePort", "clusterIP": "10.96.0.9", "clusterIPs": ["10.96.0.9"],
                "ports": [{"port": 80, "nodePort": 30080, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}],
                "selector": {"app": "web", "tier": "front"}}),
            ["web", "NodePort", "10.96.0.9", "<none>", "80:30080/TCP,53/UDP", "60s", "app=web,tier=front"],
        ),
        (
            json!({"type": "ExternalName", "externalName": "db.example"}),
            ["web", "ExternalName", "<none>", "db.example", "<none>", "60s", "<none>"],
        ),
        (
            json!({"type": "LoadBalancer", "clusterIP": "None"}),
            ["web", "LoadBalancer", "None", "<pending>", "<none>", "60s", "<none>"],
        ),
    ] {
        assert_eq!(row(&service(spec), true), expected);
    }
}

#[test]
fn specs_that_make_no_sense_are_refused_field_by_field() {
    let required = "Required value".to_owned();
    for (spec, expected) in [
        (json!({"ports": [{"port": 80}]}), vec![]),
        (json!({"clusterIP": "None"}), vec![]),
        (json!({}), vec![format!("spec.ports: {required}")]),
        (json!({"type": "ExternalName"}), vec![format!("spec.externalName: {required}")]),
        (
            json!({"ports": [{"port": 80, "name": "a"}, {"port": 81}]}),
            vec![format!("spec.ports[1].name: {required}")],
        ),
        (
            json!({"ports": [{"port": 0, "nodePort": 30000}]}),
            vec![
                "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive".to_owned(),
                "spec.ports[0].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive".to_owned(),
                "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'".to_owned(),
            ],
        ),
        (
            json!({"type": "Tunnel", "ports": [{"port": 80}]}),
            vec![
                "spec.type: Unsupported value: \"Tunnel\": supported values: \"ClusterIP\", \"ExternalName\", \
                 \"LoadBalancer\", \"NodePort\""
                    .to_owned(),
            ],
        ),
        (
            json!({"clusterIP": "x", "ports": [{"port": 80}]}),
            vec![
                "spec.clusterIPs[0]: Invalid value: \"x\": must be a valid IP address, (e.g. 10.9.8.7 or \
                 2001:db8::ffff)"
                    .to_owned(),
            ],
        ),
    ] {
        assert_eq!(causes(&service(spec.clone())), expected, "{spec}");
    }
}

#[test]
fn what_was_allocated_is_kept_and_cannot_be_changed() {
    let old = service(json!({"type": "NodePort", "clusterIP": "10.96.0.9", "clusterIPs": ["10.96.0.9"],
        "ports": [{"port": 80, "nodePort": 30080, "protocol": "TCP"}]}));
    let mut replaced =
        service(json!({"type": "NodePort", "ports": [{"port": 80}, {"port": 81, "name": "b"}]}));
    replaced.prepare_update(&old, Part::Main);
    let spec = replaced.spec.unwrap();
    assert_eq!(spec.cluster_ip.as_deref(), Some("10.96.0.9"));
    assert_eq!(
        spec.ports.unwrap().iter().map(|port| port.node_port).collect::<Vec<_>>(),
        [Some(30080), None]
    );
    let moved = service(json!({"type": "NodePort", "clusterIP": "10.96.0.8", "ports": [{"port": 80}]}));
    assert_eq!(
        causes_of_change(&moved, &old),
        ["spec.clusterIPs[0]: Invalid value: [\"10.96.0.8\"]: may not change once set"]
    );
}

#[test]
fn the_two_forms_of_the_address_change_together() {
    let old = service(json!({"type": "ClusterIP", "clusterIP": "10.96.0.9", "clusterIPs": ["10.96.0.9"],
        "ports": [{"port": 80}]}));
    let with = |ip: &str, ips: &[&str]| {
        let mut service = service(json!({"type": "ClusterIP", "clusterIP": ip, "clusterIPs": ips,
            "ports": [{"port": 80}]}));
        service.prepare_update(&old, Part::Main);
        Strategy::default(&mut service);
        let spec = service.spec.unwrap();
        (spec.cluster_ip.unwrap_or_default(), spec.cluster_ips.unwrap_or_default())
    };
    let moved = ("10.96.0.8".to_owned(), vec!["10.96.0.8".to_owned()]);
    assert_eq!(with("10.96.0.8", &["10.96.0.9"]), moved);
    assert_eq!(with("10.96.0.9", &["10.96.0.8"]), moved);
    assert_eq!(with("", &["10.96.0.9"]).0, "10.96.0.9");
}

#[test]
fn a_change_of_type_gives_back_what_the_new_type_does_not_have() {
    let old = service(json!({"type": "NodePort", "clusterIP": "10.96.0.9", "clusterIPs": ["10.96.0.9"],
        "externalTrafficPolicy": "Cluster", "ports": [{"port": 80, "nodePort": 30080, "protocol": "TCP"}]}));
    let mut inner = old.clone();
    inner.spec.as_mut().unwrap().type_ = Some("ClusterIP".to_owned());
    assert!(causes_of_change(&inner, &old).is_empty());
    inner.prepare_update(&old, Part::Main);
    assert!(causes(&inner).is_empty(), "{:?}", causes(&inner));
    let mut name = old.clone();
    let spec = name.spec.as_mut().unwrap();
    (spec.type_, spec.external_name) = (Some("ExternalName".to_owned()), Some("db.example".to_owned()));
    name.prepare_update(&old, Part::Main);
    assert_eq!(name.spec.as_ref().unwrap().cluster_ip, None);
    assert!(causes(&name).is_empty(), "{:?}", causes(&name));
}
