//! Environments of containers.

use std::collections::BTreeMap;
use std::sync::Arc;

use bireme_core::object::Object;
use bireme_core::quantity::Quantity;
use serde_json::{Value, json};

use super::*;

fn pod(container: Value) -> Pod {
    serde_json::from_value(json!({
        "metadata": {"name": "web", "namespace": "shop", "uid": "u1", "labels": {"app": "web", "tier": "front"}},
        "spec": {"nodeName": "node-1", "containers": [container]},
    }))
    .unwrap()
}

fn objects() -> Fetched {
    let map = json!({"metadata": {"name": "settings", "namespace": "shop"}, "data": {"COLOUR": "red", "SIZE": "9"}});
    let secret = json!({"metadata": {"name": "keys", "namespace": "shop"}, "data": {"TOKEN": "czNjcjN0"}});
    Fetched::of_objects([
        Object::from_value(bireme_core::object::Kind::of::<k8s_openapi::api::core::v1::ConfigMap>(), map)
            .unwrap(),
        Object::from_value(bireme_core::object::Kind::of::<k8s_openapi::api::core::v1::Secret>(), secret)
            .unwrap(),
    ])
}

fn services() -> Vec<Arc<Service>> {
    let service = |namespace: &str, name: &str, ip: &str| {
        let ports = json!([{"name": "http", "port": 80}, {"port": 53, "protocol": "UDP"}]);
        let spec = json!({"clusterIP": ip, "ports": ports});
        let value = json!({"metadata": {"name": name, "namespace": namespace}, "spec": spec});
        Arc::new(serde_json::from_value(value).unwrap())
    };
    vec![
        service("default", "kubernetes", "10.96.0.1"),
        service("shop", "data-base", "10.96.0.7"),
        service("shop", "headless", "None"),
        service("other", "foreign", "10.96.0.9"),
    ]
}

fn variables_of(container: Value) -> Result<Vec<(String, String)>, ConfigError> {
    let pod = pod(container);
    let allocatable = BTreeMap::from([("memory".to_owned(), Quantity::bytes(8 << 30))]);
    let facts = PodFacts {
        pod: &pod,
        address: Some("10.244.1.5".parse().unwrap()),
        host_addresses: &["192.168.0.1".parse().unwrap()],
        allocatable: &allocatable,
    };
    let container = &pod.spec.as_ref().unwrap().containers[0];
    variables(container, &EnvironmentInputs { facts: &facts, objects: &objects(), services: &services() })
}

fn map_of(container: Value) -> BTreeMap<String, String> {
    variables_of(container).unwrap().into_iter().collect()
}

#[test]
fn later_sources_override_earlier_ones_and_values_expand_what_came_before() {
    let variables = map_of(json!({
        "name": "c",
        "envFrom": [{"configMapRef": {"name": "settings"}}, {"prefix": "S_", "secretRef": {"name": "keys"}}],
        "env": [
            {"name": "SIZE", "value": "10"},
            {"name": "LABEL", "value": "$(COLOUR)-$(SIZE) $$(SIZE) $(LATER)"},
            {"name": "LATER", "value": "x"},
        ],
    }));
    assert_eq!(variables["SIZE"], "10");
    assert_eq!(variables["S_TOKEN"], "s3cr3t");
    assert_eq!(variables["LABEL"], "red-10 $(SIZE) $(LATER)");
}

#[test]
fn what_is_missing_is_an_error_unless_it_is_optional() {
    let key = |source: &str, name: &str, key: &str, optional: bool| {
        let reference = json!({source: {"name": name, "key": key, "optional": optional}});
        variables_of(json!({"name": "c", "env": [{"name": "X", "valueFrom": reference}]}))
            .map(|variables| variables.iter().any(|(name, _)| name == "X"))
            .map_err(|error| error.to_string())
    };
    assert_eq!(key("configMapKeyRef", "settings", "SIZE", false), Ok(true));
    assert_eq!(key("configMapKeyRef", "none", "SIZE", false), Err("configmap \"none\" not found".to_owned()));
    let lacks = "couldn't find key NONE in Secret shop/keys".to_owned();
    assert_eq!(key("secretKeyRef", "keys", "NONE", false), Err(lacks));
    assert_eq!(key("secretKeyRef", "keys", "NONE", true), Ok(false));
    assert_eq!(key("configMapKeyRef", "none", "SIZE", true), Ok(false));
    assert!(variables_of(json!({"name": "c", "envFrom": [{"secretRef": {"name": "none"}}]})).is_err());
}

#[test]
fn a_pod_can_be_told_of_itself() {
    let field = |path: &str| json!({"name": path, "valueFrom": {"fieldRef": {"fieldPath": path}}});
    let resource = |name: &str, divisor: &str| {
        let reference = json!({"resource": name, "divisor": divisor});
        json!({"name": format!("{name}/{divisor}"), "valueFrom": {"resourceFieldRef": reference}})
    };
    let paths = [
        "metadata.name",
        "metadata.labels['app']",
        "status.podIP",
        "status.hostIP",
        "spec.nodeName",
        "metadata.labels",
    ];
    let env: Vec<Value> = paths
        .map(field)
        .into_iter()
        .chain([
            resource("limits.cpu", "1"),
            resource("requests.cpu", "1m"),
            resource("limits.memory", "1Mi"),
            resource("limits.cpu", "0"),
        ])
        .collect();
    let resources = json!({"limits": {"cpu": "1500m"}, "requests": {"cpu": "250m"}});
    let variables = map_of(json!({"name": "c", "env": env, "resources": resources}));
    let values: Vec<&str> = paths.iter().map(|path| variables[*path].as_str()).collect();
    let labels = "app=\"web\"\ntier=\"front\"";
    assert_eq!(values, ["web", "web", "10.244.1.5", "192.168.0.1", "node-1", labels]);
    assert_eq!((variables["limits.cpu/1"].as_str(), variables["limits.cpu/0"].as_str()), ("2", "2"));
    assert_eq!(variables["requests.cpu/1m"], "250");
    assert_eq!(variables["limits.memory/1Mi"], "8192", "without a limit it is the node's");
    let unknown = json!({"name": "c", "env": [field("spec.containers")]});
    assert!(matches!(variables_of(unknown), Err(ConfigError::Field(FieldError::Field(_)))));
}

#[test]
fn a_pod_is_told_of_the_services_of_its_namespace_and_of_the_api() {
    let variables = map_of(json!({"name": "c"}));
    assert_eq!(variables["KUBERNETES_SERVICE_HOST"], "10.96.0.1");
    assert_eq!(variables["DATA_BASE_SERVICE_PORT_HTTP"], "80");
    assert_eq!(variables["DATA_BASE_PORT"], "tcp://10.96.0.7:80");
    assert_eq!(variables["DATA_BASE_PORT_53_UDP_ADDR"], "10.96.0.7");
    assert!(!variables.keys().any(|name| name.starts_with("FOREIGN") || name.starts_with("HEADLESS")));
    let without = services::variables(&services(), "shop", false);
    assert!(without.iter().all(|(name, _)| name.starts_with("KUBERNETES_")));
}
