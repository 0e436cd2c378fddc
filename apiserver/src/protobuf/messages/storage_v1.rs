//! Messages of storage_v1. @generated; do not edit.

use super::core_v1;
use super::meta_v1;
use crate::protobuf::Shape::*;
use crate::protobuf::Type::*;
use crate::protobuf::{Message, field};

pub(super) static STORAGE_CLASS: Message = Message(&[
    field(1, "metadata", Kept, Nested(&meta_v1::OBJECT_META)),
    field(2, "provisioner", Kept, Text),
    field(3, "parameters", Map, Text),
    field(4, "reclaimPolicy", One, Text),
    field(5, "mountOptions", Many, Text),
    field(6, "allowVolumeExpansion", Kept, Bool),
    field(7, "volumeBindingMode", One, Text),
    field(8, "allowedTopologies", Many, Nested(&core_v1::TOPOLOGY_SELECTOR_TERM)),
]);
