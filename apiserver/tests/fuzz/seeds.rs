//! Sound requests, to be tampered with.

use http::Method;
use k8s_pb::api::core::v1 as pb;
use k8s_pb::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_pb::apimachinery::pkg::runtime::{TypeMeta, Unknown};
use prost::Message as _;
use serde_json::{Value, json};

use crate::rig::{Rig, Sent};

const JSON: &str = "application/json";
const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";

/// An object that exists, in every form that it can be sent in.
pub struct Object {
    pub collection: String,
    pub path: String,
    pub forms: Vec<(&'static str, Vec<u8>)>,
}

pub struct Corpus {
    pub objects: Vec<Object>,
    pub patches: Vec<(&'static str, String)>,
    /// Parameters of lists, each with sound values.
    pub parameters: Vec<(&'static str, Vec<String>)>,
    pub accepts: Vec<&'static str>,
    /// Everything that can be mixed into something else.
    pub texts: Vec<Vec<u8>>,
}

impl Corpus {
    /// Creates the objects.
    pub async fn gather(rig: &Rig) -> Corpus {
        let mut objects = Vec::new();
        for (collection, object) in manifests() {
            objects.push(create(rig, collection, &object).await);
        }
        let page = Sent::new(Method::GET, "/api/v1/services?limit=1".to_owned());
        let (_, _, page) = rig.answer(&page).await.unwrap();
        let page: Value = serde_json::from_slice(&page).unwrap();
        let metadata = |name: &str| page["metadata"][name].as_str().unwrap().to_owned();
        let parameters = parameters(metadata("continue"), metadata("resourceVersion"));
        let patches = patches();
        let forms = objects.iter().flat_map(|object| &object.forms).map(|(_, body)| body.clone());
        let bodies = patches.iter().map(|(_, patch)| patch.clone().into_bytes());
        let texts = forms.chain(bodies).collect();
        let accepts = vec![
            JSON,
            "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
            "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
            PROTOBUF,
            "application/yaml",
            "application/vnd.kubernetes.protobuf;q=0.1,application/json;q=0.9, */*",
        ];
        Corpus { objects, patches, parameters, accepts, texts }
    }
}

async fn create(rig: &Rig, collection: &str, object: &Value) -> Object {
    let text = object.to_string();
    let sent = Sent::new(Method::POST, collection.to_owned()).body(JSON, text.clone().into_bytes());
    let (code, _, body) = rig.answer(&sent).await.unwrap();
    assert!(code.is_success(), "{}", String::from_utf8_lossy(&body));
    let path = format!("{collection}/{}", object["metadata"]["name"].as_str().unwrap());
    let whole = Sent::new(Method::GET, path.clone());
    let (_, _, whole) = rig.answer(&whole).await.unwrap();
    let mut forms = vec![
        (JSON, text.clone().into_bytes()),
        (JSON, whole.to_vec()),
        ("application/yaml", text.into_bytes()),
        ("application/yaml", yaml(object, 0).into_bytes()),
    ];
    forms.extend(protobuf(object["kind"].as_str().unwrap()).map(|body| (PROTOBUF, body)));
    Object { collection: collection.to_owned(), path, forms }
}

/// An object of a core kind as compiled clients send it.
fn protobuf(kind: &str) -> Option<Vec<u8>> {
    let text = |text: &str| Some(text.to_owned());
    let metadata = Some(ObjectMeta {
        name: text("seed"),
        labels: [("app".to_owned(), "seed".to_owned())].into(),
        generation: Some(7),
        ..ObjectMeta::default()
    });
    let raw = match kind {
        "ConfigMap" => {
            let data = [("a".to_owned(), "b".to_owned())].into();
            let binary_data = [("c".to_owned(), vec![0, 1, 2])].into();
            pb::ConfigMap { metadata, data, binary_data, immutable: Some(false) }.encode_to_vec()
        }
        "Pod" => {
            let port = pb::ContainerPort { container_port: Some(80), ..pb::ContainerPort::default() };
            let env = pb::EnvVar { name: text("A"), value: text("1"), ..pb::EnvVar::default() };
            let container = pb::Container {
                name: text("a"),
                image: text("i:1"),
                ports: vec![port],
                env: vec![env],
                ..pb::Container::default()
            };
            let spec = pb::PodSpec { containers: vec![container], ..pb::PodSpec::default() };
            pb::Pod { metadata, spec: Some(spec), ..pb::Pod::default() }.encode_to_vec()
        }
        _ => return None,
    };
    let type_meta = TypeMeta { api_version: text("v1"), kind: text(kind) };
    let unknown = Unknown { type_meta: Some(type_meta), raw: Some(raw), ..Unknown::default() };
    Some([b"k8s\0", &*unknown.encode_to_vec()].concat())
}

/// Block style, as people write it.
fn yaml(value: &Value, depth: usize) -> String {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(members) if !members.is_empty() => {
            let line =
                |(name, value): (&String, &Value)| format!("\n{indent}{name}: {}", yaml(value, depth + 1));
            members.iter().map(line).collect()
        }
        Value::Array(items) if !items.is_empty() => {
            items.iter().map(|item| format!("\n{indent}- {}", yaml(item, depth + 1).trim_start())).collect()
        }
        scalar => scalar.to_string(),
    }
}

fn manifests() -> Vec<(&'static str, Value)> {
    let pod = json!({
        "containers": [{"name": "a", "image": "i:1", "command": ["x"], "ports": [{"containerPort": 80}],
            "env": [{"name": "A", "value": "1"}, {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}],
            "resources": {"requests": {"cpu": "10m", "memory": "1Mi"}},
            "readinessProbe": {"httpGet": {"path": "/", "port": 80}},
            "volumeMounts": [{"name": "v", "mountPath": "/v"}]}],
        "volumes": [{"name": "v", "emptyDir": {"sizeLimit": "1Gi"}}],
        "tolerations": [{"key": "k", "operator": "Exists", "effect": "NoSchedule"}],
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
            {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}]}}},
    });
    let named = |api: &str, kind: &str, rest: Value| {
        let metadata =
            json!({"name": "seed", "labels": {"app": "seed"}, "annotations": {"a.example.com/b": "c"}});
        let mut object = json!({"apiVersion": api, "kind": kind, "metadata": metadata});
        object.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        object
    };
    let template = json!({"metadata": {"labels": {"app": "seed"}}, "spec": pod});
    let selector =
        json!({"matchLabels": {"app": "seed"}, "matchExpressions": [{"key": "app", "operator": "Exists"}]});
    let deployment = json!({"spec": {"replicas": 2, "selector": selector, "template": template,
        "strategy": {"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 1}}}});
    let ports = json!([{"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"}]);
    let service = json!({"spec": {"selector": {"app": "seed"}, "ports": ports, "type": "NodePort"}});
    let rules = json!([{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "*"]}]);
    vec![
        (
            "/api/v1/namespaces/default/configmaps",
            named("v1", "ConfigMap", json!({"data": {"a": "b"}, "binaryData": {"c": "AAEC"}})),
        ),
        ("/api/v1/namespaces/default/pods", named("v1", "Pod", json!({"spec": pod}))),
        ("/api/v1/namespaces/default/services", named("v1", "Service", service)),
        ("/apis/apps/v1/namespaces/default/deployments", named("apps/v1", "Deployment", deployment)),
        (
            "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles",
            named("rbac.authorization.k8s.io/v1", "Role", json!({"rules": rules})),
        ),
        (
            "/apis/scheduling.k8s.io/v1/priorityclasses",
            named("scheduling.k8s.io/v1", "PriorityClass", json!({"value": 7})),
        ),
    ]
}

fn patches() -> Vec<(&'static str, String)> {
    let applied = |api: &str, kind: &str| {
        let metadata = json!({"name": "seed", "labels": {"tier": "front"}, "finalizers": ["example.com/x"]});
        json!({"apiVersion": api, "kind": kind, "metadata": metadata, "data": {"z": "1"}}).to_string()
    };
    let operations = json!([
        {"op": "test", "path": "/metadata/name", "value": "seed"},
        {"op": "add", "path": "/metadata/labels/b", "value": "c"},
        {"op": "copy", "from": "/metadata/labels", "path": "/metadata/annotations"},
        {"op": "move", "from": "/metadata/labels/b", "path": "/metadata/labels/d"},
        {"op": "remove", "path": "/metadata/labels/d"},
    ]);
    let merge =
        json!({"metadata": {"labels": {"app": null, "x": "y"}}, "spec": {"replicas": 3}, "data": {"q": "r"}});
    let containers = json!([{"name": "a", "image": "i:2"}, {"name": "b", "image": "j", "$patch": "replace"}]);
    let strategic = json!({
        "metadata": {"$deleteFromPrimitiveList/finalizers": ["a"], "labels": {"$patch": "merge", "k": "v"}},
        "spec": {"template": {"spec": {"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}], "containers": containers}},
            "strategy": {"$retainKeys": ["type"], "type": "Recreate"}},
    });
    vec![
        ("application/json-patch+json", operations.to_string()),
        ("application/merge-patch+json", merge.to_string()),
        ("application/strategic-merge-patch+json", strategic.to_string()),
        ("application/strategic-merge-patch+json", merge.to_string()),
        ("application/apply-patch+yaml", applied("v1", "ConfigMap")),
        ("application/apply-patch+yaml", applied("apps/v1", "Deployment")),
        (
            "application/apply-patch+yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: &a\n  name: seed\ndata: {k: v}\n".to_owned(),
        ),
    ]
}

fn parameters(token: String, revision: String) -> Vec<(&'static str, Vec<String>)> {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    vec![
        (
            "labelSelector",
            texts(&["app=seed", "app in (seed, web),!x", "app notin (a),tier", "a.example.com/b!=c", "n>3"]),
        ),
        (
            "fieldSelector",
            texts(&[
                "metadata.name=seed",
                "metadata.namespace!=default,spec.nodeName=",
                "status.phase=Pending",
            ]),
        ),
        ("limit", texts(&["1", "0", "500"])),
        ("continue", vec![token]),
        ("resourceVersion", vec![revision, "0".to_owned()]),
        ("resourceVersionMatch", texts(&["Exact", "NotOlderThan"])),
        ("timeoutSeconds", texts(&["1"])),
        ("pretty", texts(&["true"])),
        ("includeObject", texts(&["None", "Metadata", "Object"])),
    ]
}
