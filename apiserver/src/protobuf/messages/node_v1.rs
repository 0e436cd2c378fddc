//! Messages of node_v1. @generated; do not edit.

use super::core_v1;
use super::meta_v1;
use crate::protobuf::Shape::*;
use crate::protobuf::Type::*;
use crate::protobuf::{Message, field};

pub(super) static OVERHEAD: Message = Message(&[
    field(1, "podFixed", Map, Quantity),
]);

pub(super) static RUNTIME_CLASS: Message = Message(&[
    field(1, "metadata", Kept, Nested(&meta_v1::OBJECT_META)),
    field(2, "handler", Kept, Text),
    field(3, "overhead", One, Nested(&OVERHEAD)),
    field(4, "scheduling", One, Nested(&SCHEDULING)),
]);

pub(super) static SCHEDULING: Message = Message(&[
    field(1, "nodeSelector", Map, Text),
    field(2, "tolerations", Many, Nested(&core_v1::TOLERATION)),
]);
