use super::*;
use crate::kinds::testing::{causes, defaulted, from_json, row};
use crate::kinds::workload::testing::replaced;
use serde_json::{Value, json};

fn ingress(path: &str, value: Value) -> Ingress {
    let backend = json!({"service": {"name": "web", "port": {"number": 80}}});
    let paths = json!([{"path": "/", "pathType": "Prefix", "backend": backend}]);
    let ingress = json!({
        "metadata": {"name": "web", "creationTimestamp": "2026-01-01T11:59:00Z"},
        "spec": {"rules": [{"host": "web.example", "http": {"paths": paths}}]},
    });
    defaulted(replaced(ingress, path, value))
}

#[test]
fn a_table_tells_hosts_addresses_and_ports() {
    let mut web = ingress("/spec/tls", json!([{"hosts": ["web.example"]}]));
    assert_eq!(row(&web, false), ["web", "<none>", "web.example", "", "80, 443", "60s"]);
    let points = json!([{"ip": "10.0.0.1"}, {"hostname": "balancer.example"}]);
    let status = json!({"loadBalancer": {"ingress": points}});
    web.status = from_json::<Ingress>(json!({"metadata": {}, "status": status})).status;
    assert_eq!(row(&web, false)[3], "10.0.0.1,bala...");
    let backend = json!({"service": {"name": "web", "port": {"name": "http"}}});
    let default = ingress("/spec", json!({"defaultBackend": backend, "ingressClassName": "edge"}));
    assert_eq!(row(&default, false), ["web", "edge", "*", "", "80", "60s"]);
}

#[test]
fn specs_that_make_no_sense_are_refused_field_by_field() {
    let first = "spec.rules[0].http.paths[0]";
    for (path, value, expected) in [
        ("/spec/rules/0/host", json!("*.example"), vec![]),
        (
            "/spec",
            json!({}),
            vec!["spec: Invalid value: []: either `defaultBackend` or `rules` must be specified".to_owned()],
        ),
        (
            "/spec/rules/0/host",
            json!("10.0.0.1"),
            vec![
                "spec.rules[0].host: Invalid value: \"10.0.0.1\": must be a DNS name, not an IP address"
                    .to_owned(),
            ],
        ),
        ("/spec/rules/0/http/paths", json!([]), vec!["spec.rules[0].http.paths: Required value".to_owned()]),
        (
            "/spec/rules/0/http/paths/0/path",
            json!("web/../"),
            vec![
                format!("{first}.path: Invalid value: \"web/../\": must be an absolute path"),
                format!("{first}.path: Invalid value: \"web/../\": must not contain '/../'"),
            ],
        ),
        (
            "/spec/rules/0/http/paths/0/pathType",
            json!("Regex"),
            vec![format!(
                "{first}.pathType: Unsupported value: \"Regex\": supported values: \"Exact\", \
                 \"ImplementationSpecific\", \"Prefix\""
            )],
        ),
        (
            "/spec/rules/0/http/paths/0/backend",
            json!({}),
            vec![format!("{first}.backend: Invalid value: \"\": resource or service backend is required")],
        ),
        (
            "/spec/rules/0/http/paths/0/backend/service/port",
            json!({"name": "http", "number": 80}),
            vec![format!("{first}.backend: Invalid value: \"\": cannot set both port name & port number")],
        ),
        (
            "/spec/rules/0/http/paths/0/backend/service/port",
            json!({}),
            vec![format!("{first}.backend: Required value: port name or number is required")],
        ),
        (
            "/spec/defaultBackend",
            json!({"resource": {"kind": "Bucket", "name": ""}}),
            vec!["spec.defaultBackend.resource.name: Required value".to_owned()],
        ),
    ] {
        assert_eq!(causes(&ingress(path, value)), expected, "{path}");
    }
    for (path, value) in [
        ("/spec/rules/0/host", json!("a.*.example")),
        ("/spec/tls", json!([{"hosts": ["*"]}])),
        ("/spec/tls", json!([{"secretName": "A"}])),
        ("/spec/ingressClassName", json!("A")),
        ("/spec/rules/0/http/paths/0/backend/service/name", json!("1web")),
    ] {
        assert_eq!(causes(&ingress(path, value.clone())).len(), 1, "{path}: {value}");
    }
}

#[test]
fn the_annotation_of_old_is_warned_of() {
    let annotated = ingress("/metadata/annotations", json!({"kubernetes.io/ingress.class": "edge"}));
    assert_eq!(annotated.warnings(None).len(), 1);
    assert_eq!(ingress("/x", json!(null)).warnings(None), Vec::<String>::new());
}

#[test]
fn addresses_in_a_status_are_addresses() {
    let mut web = ingress("/x", json!(null));
    let points = json!([{"ip": "here"}, {"hostname": "10.0.0.1"}]);
    let status = json!({"loadBalancer": {"ingress": points}});
    web.status = from_json::<Ingress>(json!({"metadata": {}, "status": status})).status;
    let mut causes = Vec::new();
    web.validate_update(&web.clone(), Part::Status, &mut causes);
    let fields: Vec<_> = causes.iter().map(|cause| cause.field.as_str()).collect();
    assert_eq!(fields, ["status.loadBalancer.ingress[0].ip", "status.loadBalancer.ingress[1].hostname"]);
}
