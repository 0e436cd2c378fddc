//! Messages of networking_v1. @generated; do not edit.

use super::core_v1;
use super::meta_v1;
use crate::protobuf::Shape::*;
use crate::protobuf::Type::*;
use crate::protobuf::{Message, field};

pub(super) static HTTP_INGRESS_PATH: Message = Message(&[
    field(1, "path", One, Text),
    field(3, "pathType", Kept, Text),
    field(2, "backend", Kept, Nested(&INGRESS_BACKEND)),
]);

pub(super) static HTTP_INGRESS_RULE_VALUE: Message = Message(&[
    field(1, "paths", Many, Nested(&HTTP_INGRESS_PATH)),
]);

pub(super) static INGRESS: Message = Message(&[
    field(1, "metadata", Kept, Nested(&meta_v1::OBJECT_META)),
    field(2, "spec", One, Nested(&INGRESS_SPEC)),
    field(3, "status", One, Nested(&INGRESS_STATUS)),
]);

pub(super) static INGRESS_BACKEND: Message = Message(&[
    field(4, "service", One, Nested(&INGRESS_SERVICE_BACKEND)),
    field(3, "resource", One, Nested(&core_v1::TYPED_LOCAL_OBJECT_REFERENCE)),
]);

pub(super) static INGRESS_CLASS: Message = Message(&[
    field(1, "metadata", Kept, Nested(&meta_v1::OBJECT_META)),
    field(2, "spec", One, Nested(&INGRESS_CLASS_SPEC)),
]);

pub(super) static INGRESS_CLASS_PARAMETERS_REFERENCE: Message = Message(&[
    field(1, "apiGroup", One, Text),
    field(2, "kind", Kept, Text),
    field(3, "name", Kept, Text),
    field(4, "scope", One, Text),
    field(5, "namespace", One, Text),
]);

pub(super) static INGRESS_CLASS_SPEC: Message = Message(&[
    field(1, "controller", Kept, Text),
    field(2, "parameters", One, Nested(&INGRESS_CLASS_PARAMETERS_REFERENCE)),
]);

pub(super) static INGRESS_LOAD_BALANCER_INGRESS: Message = Message(&[
    field(1, "ip", One, Text),
    field(2, "hostname", One, Text),
    field(4, "ports", Many, Nested(&INGRESS_PORT_STATUS)),
]);

pub(super) static INGRESS_LOAD_BALANCER_STATUS: Message = Message(&[
    field(1, "ingress", Many, Nested(&INGRESS_LOAD_BALANCER_INGRESS)),
]);

pub(super) static INGRESS_PORT_STATUS: Message = Message(&[
    field(1, "port", Kept, Integer),
    field(2, "protocol", Kept, Text),
    field(3, "error", One, Text),
]);

pub(super) static INGRESS_RULE: Message = Message(&[
    field(1, "host", One, Text),
    field(2, "", Inline, Nested(&INGRESS_RULE_IN_INGRESS_RULE_VALUE)),
]);

pub(super) static INGRESS_RULE_IN_INGRESS_RULE_VALUE: Message = Message(&[
    field(1, "http", One, Nested(&HTTP_INGRESS_RULE_VALUE)),
]);

pub(super) static INGRESS_SERVICE_BACKEND: Message = Message(&[
    field(1, "name", Kept, Text),
    field(2, "port", One, Nested(&SERVICE_BACKEND_PORT)),
]);

pub(super) static INGRESS_SPEC: Message = Message(&[
    field(4, "ingressClassName", One, Text),
    field(1, "defaultBackend", One, Nested(&INGRESS_BACKEND)),
    field(2, "tls", Many, Nested(&INGRESS_TLS)),
    field(3, "rules", Many, Nested(&INGRESS_RULE)),
]);

pub(super) static INGRESS_STATUS: Message = Message(&[
    field(1, "loadBalancer", One, Nested(&INGRESS_LOAD_BALANCER_STATUS)),
]);

pub(super) static INGRESS_TLS: Message = Message(&[
    field(1, "hosts", Many, Text),
    field(2, "secretName", One, Text),
]);

pub(super) static IP_BLOCK: Message = Message(&[
    field(1, "cidr", Kept, Text),
    field(2, "except", Many, Text),
]);

pub(super) static NETWORK_POLICY: Message = Message(&[
    field(1, "metadata", Kept, Nested(&meta_v1::OBJECT_META)),
    field(2, "spec", One, Nested(&NETWORK_POLICY_SPEC)),
]);

pub(super) static NETWORK_POLICY_EGRESS_RULE: Message = Message(&[
    field(1, "ports", Many, Nested(&NETWORK_POLICY_PORT)),
    field(2, "to", Many, Nested(&NETWORK_POLICY_PEER)),
]);

pub(super) static NETWORK_POLICY_INGRESS_RULE: Message = Message(&[
    field(1, "ports", Many, Nested(&NETWORK_POLICY_PORT)),
    field(2, "from", Many, Nested(&NETWORK_POLICY_PEER)),
]);

pub(super) static NETWORK_POLICY_PEER: Message = Message(&[
    field(1, "podSelector", One, Nested(&meta_v1::LABEL_SELECTOR)),
    field(2, "namespaceSelector", One, Nested(&meta_v1::LABEL_SELECTOR)),
    field(3, "ipBlock", One, Nested(&IP_BLOCK)),
]);

pub(super) static NETWORK_POLICY_PORT: Message = Message(&[
    field(1, "protocol", One, Text),
    field(2, "port", One, IntOrString),
    field(3, "endPort", Kept, Integer),
]);

pub(super) static NETWORK_POLICY_SPEC: Message = Message(&[
    field(1, "podSelector", One, Nested(&meta_v1::LABEL_SELECTOR)),
    field(2, "ingress", Many, Nested(&NETWORK_POLICY_INGRESS_RULE)),
    field(3, "egress", Many, Nested(&NETWORK_POLICY_EGRESS_RULE)),
    field(4, "policyTypes", Many, Text),
]);

pub(super) static SERVICE_BACKEND_PORT: Message = Message(&[
    field(1, "name", One, Text),
    field(2, "number", One, Integer),
]);
