//! Messages of coordination_v1. @generated; do not edit.

use super::meta_v1;
use crate::protobuf::Shape::*;
use crate::protobuf::Type::*;
use crate::protobuf::{Message, field};

pub(super) static LEASE: Message = Message(&[
    field(1, "metadata", Kept, Nested(&meta_v1::OBJECT_META)),
    field(2, "spec", One, Nested(&LEASE_SPEC)),
]);

pub(super) static LEASE_SPEC: Message = Message(&[
    field(1, "holderIdentity", One, Text),
    field(2, "leaseDurationSeconds", One, Integer),
    field(3, "acquireTime", One, MicroTime),
    field(4, "renewTime", One, MicroTime),
    field(5, "leaseTransitions", Kept, Integer),
    field(6, "strategy", One, Text),
    field(7, "preferredHolder", One, Text),
]);
