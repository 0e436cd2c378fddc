//! Messages of scheduling_v1. @generated; do not edit.

use super::meta_v1;
use crate::protobuf::Shape::*;
use crate::protobuf::Type::*;
use crate::protobuf::{Message, field};

pub(super) static PRIORITY_CLASS: Message = Message(&[
    field(1, "metadata", Kept, Nested(&meta_v1::OBJECT_META)),
    field(2, "value", Kept, Integer),
    field(3, "globalDefault", One, Bool),
    field(4, "description", One, Text),
    field(5, "preemptionPolicy", Kept, Text),
]);
