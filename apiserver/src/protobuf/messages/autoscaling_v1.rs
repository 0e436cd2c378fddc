//! Messages of autoscaling_v1. @generated; do not edit.

use super::meta_v1;
use crate::protobuf::Shape::*;
use crate::protobuf::Type::*;
use crate::protobuf::{Message, field};

pub(super) static CROSS_VERSION_OBJECT_REFERENCE: Message = Message(&[
    field(1, "kind", Kept, Text),
    field(2, "name", Kept, Text),
    field(3, "apiVersion", One, Text),
]);

pub(super) static HORIZONTAL_POD_AUTOSCALER: Message = Message(&[
    field(1, "metadata", Kept, Nested(&meta_v1::OBJECT_META)),
    field(2, "spec", One, Nested(&HORIZONTAL_POD_AUTOSCALER_SPEC)),
    field(3, "status", One, Nested(&HORIZONTAL_POD_AUTOSCALER_STATUS)),
]);

pub(super) static HORIZONTAL_POD_AUTOSCALER_SPEC: Message = Message(&[
    field(1, "scaleTargetRef", Kept, Nested(&CROSS_VERSION_OBJECT_REFERENCE)),
    field(2, "minReplicas", Kept, Integer),
    field(3, "maxReplicas", Kept, Integer),
    field(4, "targetCPUUtilizationPercentage", Kept, Integer),
]);

pub(super) static HORIZONTAL_POD_AUTOSCALER_STATUS: Message = Message(&[
    field(1, "observedGeneration", One, Integer),
    field(2, "lastScaleTime", One, Time),
    field(3, "currentReplicas", Kept, Integer),
    field(4, "desiredReplicas", Kept, Integer),
    field(5, "currentCPUUtilizationPercentage", Kept, Integer),
]);

pub(super) static SCALE: Message = Message(&[
    field(1, "metadata", Kept, Nested(&meta_v1::OBJECT_META)),
    field(2, "spec", One, Nested(&SCALE_SPEC)),
    field(3, "status", One, Nested(&SCALE_STATUS)),
]);

pub(super) static SCALE_SPEC: Message = Message(&[
    field(1, "replicas", Kept, Integer),
]);

pub(super) static SCALE_STATUS: Message = Message(&[
    field(1, "replicas", Kept, Integer),
    field(2, "selector", One, Text),
]);
