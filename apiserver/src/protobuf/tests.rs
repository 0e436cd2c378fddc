//! The table against two independent descriptions of the same types: `k8s-pb`'s messages and `k8s-openapi`'s JSON.

use k8s_openapi::api as json_api;
use k8s_openapi::apimachinery::pkg::apis::meta::v1 as json_meta;
use k8s_pb::api as pb_api;
use k8s_pb::apimachinery::pkg::apis::meta::v1 as pb_meta;
use k8s_pb::apimachinery::pkg::runtime::{TypeMeta, Unknown};
use prost::Message as _;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::*;

/// A body as clients send it.
fn wrapped(api_version: &str, kind: &str, raw: Vec<u8>) -> Vec<u8> {
    let type_meta = TypeMeta { api_version: Some(api_version.into()), kind: Some(kind.into()) };
    let unknown = Unknown { type_meta: Some(type_meta), raw: Some(raw), ..Unknown::default() };
    [MAGIC, &unknown.encode_to_vec()].concat()
}

fn put_varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

fn put_bytes(number: u32, bytes: &[u8], out: &mut Vec<u8>) {
    put_varint(u64::from(number) << 3 | 2, out);
    put_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

fn put_number(number: u32, value: u64, out: &mut Vec<u8>) {
    put_varint(u64::from(number) << 3, out);
    put_varint(value, out);
}

/// Encodes a message with every field that the table knows, by nothing but the table.
fn everything(message: &Message) -> Vec<u8> {
    let mut out = Vec::new();
    for field in message.0 {
        if field.shape == Shape::Map {
            let mut entry = Vec::new();
            put_bytes(1, b"k", &mut entry);
            put_value(2, field.value, &mut entry);
            put_bytes(field.number, &entry, &mut out);
        } else {
            put_value(field.number, field.value, &mut out);
        }
    }
    out
}

fn put_value(number: u32, kind: Type, out: &mut Vec<u8>) {
    let mut inner = Vec::new();
    match kind {
        Type::Text => return put_bytes(number, b"t", out),
        Type::Bytes => return put_bytes(number, b"b", out),
        Type::Bool | Type::Integer => return put_number(number, 1, out),
        Type::Quantity => put_bytes(1, b"5Gi", &mut inner),
        Type::IntOrString => put_number(2, 7, &mut inner),
        Type::Time | Type::MicroTime => put_number(1, 1_767_225_600, &mut inner),
        Type::Json => put_bytes(1, br#"{"f:a":{}}"#, &mut inner),
        Type::Nested(message) => inner = everything(message),
    }
    put_bytes(number, &inner, out);
}

/// Both must understand everything that the table says, and say the same again.
fn agree<P: prost::Message + Default, J: DeserializeOwned + Serialize>(api_version: &str, kind: &str) {
    let message = messages::root(api_version, kind).unwrap();
    let raw = everything(message);
    let json = transcode(&wrapped(api_version, kind, raw.clone())).unwrap();
    let by_prost = P::decode(&raw[..]).unwrap_or_else(|error| panic!("{kind}: {error}")).encode_to_vec();
    assert_eq!(transcode(&wrapped(api_version, kind, by_prost)).unwrap(), json, "{kind} by k8s-pb");
    let typed: J = serde_json::from_value(json.clone()).unwrap_or_else(|error| panic!("{kind}: {error}"));
    let mut again = serde_json::to_value(typed).unwrap();
    // Types that are no objects of their own have no kind in k8s-openapi.
    again["apiVersion"] = api_version.into();
    again["kind"] = kind.into();
    // And those that are say so in k8s-openapi even where they are part of another, which Go leaves out.
    if let Some(claims) =
        again.pointer_mut("/spec/volumeClaimTemplates/0").and_then(serde_json::Value::as_object_mut)
    {
        claims.retain(|name, _| name != "apiVersion" && name != "kind");
    }
    assert_eq!(again, json, "{kind} by k8s-openapi");
    let empty = P::default().encode_to_vec();
    assert!(transcode(&wrapped(api_version, kind, empty)).is_ok());
}

macro_rules! agree {
    ($($version:literal: $group:ident { $($kind:ident),* })*) => {$(
        { use json_api::$group::v1 as json; use pb_api::$group::v1 as pb;
          $(agree::<pb::$kind, json::$kind>($version, stringify!($kind));)* }
    )*};
}

#[test]
fn every_field_of_every_kind_is_what_both_libraries_say() {
    agree! {
        "v1": core {
            Binding, ConfigMap, Endpoints, Event, LimitRange, Namespace, Node, PersistentVolume,
            PersistentVolumeClaim, Pod, PodTemplate, ReplicationController, ResourceQuota, Secret, Service,
            ServiceAccount
        }
        "apps/v1": apps { ControllerRevision, DaemonSet, Deployment, ReplicaSet, StatefulSet }
        "autoscaling/v1": autoscaling { HorizontalPodAutoscaler, Scale }
        "batch/v1": batch { CronJob, Job }
        "coordination.k8s.io/v1": coordination { Lease }
        "discovery.k8s.io/v1": discovery { EndpointSlice }
        "events.k8s.io/v1": events { Event }
        "networking.k8s.io/v1": networking { Ingress, IngressClass, NetworkPolicy }
        "node.k8s.io/v1": node { RuntimeClass }
        "policy/v1": policy { Eviction, PodDisruptionBudget }
        "rbac.authorization.k8s.io/v1": rbac { ClusterRole, ClusterRoleBinding, Role, RoleBinding }
        "scheduling.k8s.io/v1": scheduling { PriorityClass }
        "storage.k8s.io/v1": storage { StorageClass }
    }
    agree::<
        pb_api::autoscaling::v2::HorizontalPodAutoscaler,
        json_api::autoscaling::v2::HorizontalPodAutoscaler,
    >("autoscaling/v2", "HorizontalPodAutoscaler");
    agree::<pb_meta::DeleteOptions, json_meta::DeleteOptions>("v1", "DeleteOptions");
    agree::<pb_meta::DeleteOptions, json_meta::DeleteOptions>("apps/v1", "DeleteOptions");
}

#[test]
fn zeros_are_left_out_where_go_leaves_them_out() {
    use k8s_pb::api::apps::v1::{Deployment, DeploymentSpec};
    use k8s_pb::api::core::v1::{PodSpec, PodTemplateSpec};
    let deployment = Deployment {
        metadata: Some(pb_meta::ObjectMeta {
            name: Some("web".into()),
            namespace: Some(String::new()),
            generation: Some(0),
            creation_timestamp: Some(pb_meta::Time::default()),
            ..Default::default()
        }),
        spec: Some(DeploymentSpec {
            replicas: Some(0),
            min_ready_seconds: Some(0),
            paused: Some(false),
            template: Some(PodTemplateSpec {
                spec: Some(PodSpec {
                    host_network: Some(false),
                    enable_service_links: Some(false),
                    ..Default::default()
                }),
                ..Default::default()
            }),
            ..Default::default()
        }),
        status: Some(Default::default()),
    };
    let json = transcode(&wrapped("apps/v1", "Deployment", deployment.encode_to_vec())).unwrap();
    let expected = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "status": {},
        "spec": {"replicas": 0, "template": {"spec": {"enableServiceLinks": false}}},
    });
    assert_eq!(json, expected);
}

#[test]
fn times_negative_numbers_and_packed_lists_are_read() {
    use k8s_pb::api::coordination::v1::{Lease, LeaseSpec};
    let time = pb_meta::MicroTime { seconds: Some(1_767_225_600), nanos: Some(123_456_789) };
    let spec = LeaseSpec { renew_time: Some(time), lease_transitions: Some(-1), ..Default::default() };
    let lease = Lease { metadata: None, spec: Some(spec) };
    let json = transcode(&wrapped("coordination.k8s.io/v1", "Lease", lease.encode_to_vec())).unwrap();
    assert_eq!(json["spec"], json!({"renewTime": "2026-01-01T00:00:00.123456Z", "leaseTransitions": -1}));

    let mut security = Vec::new();
    put_bytes(4, &[1, 0x96, 1], &mut security);
    let mut spec = Vec::new();
    put_bytes(14, &security, &mut spec);
    let mut pod = Vec::new();
    put_bytes(2, &spec, &mut pod);
    let json = transcode(&wrapped("v1", "Pod", pod)).unwrap();
    assert_eq!(json["spec"]["securityContext"]["supplementalGroups"], json!([1, 150]));
}

#[test]
fn what_is_wrong_is_named() {
    assert_eq!(transcode(b"{}"), Err(ProtobufError::Magic));
    assert_eq!(transcode(b"k8s\0\x0a\x05"), Err(ProtobufError::Truncated));
    let unknown = ProtobufError::Kind { api_version: "v9".into(), kind: "Pod".into() };
    assert_eq!(transcode(&wrapped("v9", "Pod", Vec::new())), Err(unknown));
    // The name in a Pod's metadata as a number.
    let metadata = [0x0a, 0x02, 0x08, 0x01].to_vec();
    assert_eq!(transcode(&wrapped("v1", "Pod", metadata)), Err(ProtobufError::WireType("name")));
    let not_utf8 = [0x0a, 0x03, 0x0a, 0x01, 0xff].to_vec();
    assert_eq!(transcode(&wrapped("v1", "Pod", not_utf8)), Err(ProtobufError::Utf8("name")));
    // Two bytes each become a value: a small body must not take much memory.
    let many = [0x0a, 0x00].repeat(500_000);
    assert_eq!(transcode(&wrapped("v1", "Pod", many)), Err(ProtobufError::TooMany));
}

/// Damaged bodies are refused or read as something else; they never panic or run away.
#[tokio::test]
async fn damaged_bodies_do_no_harm() {
    let env = bireme_core::Environment::simulated(7);
    let whole = wrapped("v1", "Pod", everything(messages::root("v1", "Pod").unwrap()));
    let mut refused = 0;
    for _ in 0..5_000 {
        let mut body = whole.clone();
        for _ in 0..=env.random_below(4) {
            let at = env.random_below(body.len());
            body[at] = env.random_bytes::<1>()[0];
        }
        body.truncate(body.len() - env.random_below(2) * env.random_below(body.len()));
        refused += usize::from(transcode(&body).is_err());
    }
    assert!(refused > 500 && refused < 5_000, "{refused}");
}
