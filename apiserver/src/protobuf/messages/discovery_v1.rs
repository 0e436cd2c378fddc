//! Messages of discovery_v1. @generated; do not edit.

use super::core_v1;
use super::meta_v1;
use crate::protobuf::Shape::*;
use crate::protobuf::Type::*;
use crate::protobuf::{Message, field};

pub(super) static ENDPOINT: Message = Message(&[
    field(1, "addresses", Many, Text),
    field(2, "conditions", One, Nested(&ENDPOINT_CONDITIONS)),
    field(3, "hostname", One, Text),
    field(4, "targetRef", One, Nested(&core_v1::OBJECT_REFERENCE)),
    field(5, "deprecatedTopology", Map, Text),
    field(6, "nodeName", Kept, Text),
    field(7, "zone", One, Text),
    field(8, "hints", One, Nested(&ENDPOINT_HINTS)),
]);

pub(super) static ENDPOINT_CONDITIONS: Message = Message(&[
    field(1, "ready", Kept, Bool),
    field(2, "serving", Kept, Bool),
    field(3, "terminating", Kept, Bool),
]);

pub(super) static ENDPOINT_HINTS: Message = Message(&[
    field(1, "forZones", Many, Nested(&FOR_ZONE)),
    field(2, "forNodes", Many, Nested(&FOR_NODE)),
]);

pub(super) static ENDPOINT_PORT: Message = Message(&[
    field(1, "name", One, Text),
    field(2, "protocol", One, Text),
    field(3, "port", One, Integer),
    field(4, "appProtocol", One, Text),
]);

pub(super) static ENDPOINT_SLICE: Message = Message(&[
    field(1, "metadata", Kept, Nested(&meta_v1::OBJECT_META)),
    field(4, "addressType", Kept, Text),
    field(2, "endpoints", Many, Nested(&ENDPOINT)),
    field(3, "ports", Many, Nested(&ENDPOINT_PORT)),
]);

pub(super) static FOR_NODE: Message = Message(&[
    field(1, "name", Kept, Text),
]);

pub(super) static FOR_ZONE: Message = Message(&[
    field(1, "name", Kept, Text),
]);
