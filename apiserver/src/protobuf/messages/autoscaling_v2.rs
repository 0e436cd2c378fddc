//! Messages of autoscaling_v2. @generated; do not edit.

use super::meta_v1;
use crate::protobuf::Shape::*;
use crate::protobuf::Type::*;
use crate::protobuf::{Message, field};

pub(super) static CONTAINER_RESOURCE_METRIC_SOURCE: Message = Message(&[
    field(1, "name", Kept, Text),
    field(2, "target", Kept, Nested(&METRIC_TARGET)),
    field(3, "container", Kept, Text),
]);

pub(super) static CONTAINER_RESOURCE_METRIC_STATUS: Message = Message(&[
    field(1, "name", Kept, Text),
    field(2, "current", Kept, Nested(&METRIC_VALUE_STATUS)),
    field(3, "container", Kept, Text),
]);

pub(super) static CROSS_VERSION_OBJECT_REFERENCE: Message = Message(&[
    field(1, "kind", Kept, Text),
    field(2, "name", Kept, Text),
    field(3, "apiVersion", One, Text),
]);

pub(super) static EXTERNAL_METRIC_SOURCE: Message = Message(&[
    field(1, "metric", Kept, Nested(&METRIC_IDENTIFIER)),
    field(2, "target", Kept, Nested(&METRIC_TARGET)),
]);

pub(super) static EXTERNAL_METRIC_STATUS: Message = Message(&[
    field(1, "metric", Kept, Nested(&METRIC_IDENTIFIER)),
    field(2, "current", Kept, Nested(&METRIC_VALUE_STATUS)),
]);

pub(super) static HORIZONTAL_POD_AUTOSCALER: Message = Message(&[
    field(1, "metadata", Kept, Nested(&meta_v1::OBJECT_META)),
    field(2, "spec", One, Nested(&HORIZONTAL_POD_AUTOSCALER_SPEC)),
    field(3, "status", One, Nested(&HORIZONTAL_POD_AUTOSCALER_STATUS)),
]);

pub(super) static HORIZONTAL_POD_AUTOSCALER_BEHAVIOR: Message = Message(&[
    field(1, "scaleUp", One, Nested(&HPA_SCALING_RULES)),
    field(2, "scaleDown", One, Nested(&HPA_SCALING_RULES)),
]);

pub(super) static HORIZONTAL_POD_AUTOSCALER_CONDITION: Message = Message(&[
    field(1, "type", Kept, Text),
    field(2, "status", Kept, Text),
    field(3, "lastTransitionTime", One, Time),
    field(4, "reason", One, Text),
    field(5, "message", One, Text),
]);

pub(super) static HORIZONTAL_POD_AUTOSCALER_SPEC: Message = Message(&[
    field(1, "scaleTargetRef", Kept, Nested(&CROSS_VERSION_OBJECT_REFERENCE)),
    field(2, "minReplicas", Kept, Integer),
    field(3, "maxReplicas", Kept, Integer),
    field(4, "metrics", Many, Nested(&METRIC_SPEC)),
    field(5, "behavior", One, Nested(&HORIZONTAL_POD_AUTOSCALER_BEHAVIOR)),
]);

pub(super) static HORIZONTAL_POD_AUTOSCALER_STATUS: Message = Message(&[
    field(1, "observedGeneration", One, Integer),
    field(2, "lastScaleTime", One, Time),
    field(3, "currentReplicas", One, Integer),
    field(4, "desiredReplicas", Kept, Integer),
    field(5, "currentMetrics", Many, Nested(&METRIC_STATUS)),
    field(6, "conditions", Many, Nested(&HORIZONTAL_POD_AUTOSCALER_CONDITION)),
]);

pub(super) static HPA_SCALING_POLICY: Message = Message(&[
    field(1, "type", Kept, Text),
    field(2, "value", Kept, Integer),
    field(3, "periodSeconds", Kept, Integer),
]);

pub(super) static HPA_SCALING_RULES: Message = Message(&[
    field(3, "stabilizationWindowSeconds", Kept, Integer),
    field(1, "selectPolicy", One, Text),
    field(2, "policies", Many, Nested(&HPA_SCALING_POLICY)),
    field(4, "tolerance", One, Quantity),
]);

pub(super) static METRIC_IDENTIFIER: Message = Message(&[
    field(1, "name", Kept, Text),
    field(2, "selector", One, Nested(&meta_v1::LABEL_SELECTOR)),
]);

pub(super) static METRIC_SPEC: Message = Message(&[
    field(1, "type", Kept, Text),
    field(2, "object", One, Nested(&OBJECT_METRIC_SOURCE)),
    field(3, "pods", One, Nested(&PODS_METRIC_SOURCE)),
    field(4, "resource", One, Nested(&RESOURCE_METRIC_SOURCE)),
    field(7, "containerResource", One, Nested(&CONTAINER_RESOURCE_METRIC_SOURCE)),
    field(5, "external", One, Nested(&EXTERNAL_METRIC_SOURCE)),
]);

pub(super) static METRIC_STATUS: Message = Message(&[
    field(1, "type", Kept, Text),
    field(2, "object", One, Nested(&OBJECT_METRIC_STATUS)),
    field(3, "pods", One, Nested(&PODS_METRIC_STATUS)),
    field(4, "resource", One, Nested(&RESOURCE_METRIC_STATUS)),
    field(7, "containerResource", One, Nested(&CONTAINER_RESOURCE_METRIC_STATUS)),
    field(5, "external", One, Nested(&EXTERNAL_METRIC_STATUS)),
]);

pub(super) static METRIC_TARGET: Message = Message(&[
    field(1, "type", Kept, Text),
    field(2, "value", Kept, Quantity),
    field(3, "averageValue", One, Quantity),
    field(4, "averageUtilization", Kept, Integer),
]);

pub(super) static METRIC_VALUE_STATUS: Message = Message(&[
    field(1, "value", Kept, Quantity),
    field(2, "averageValue", One, Quantity),
    field(3, "averageUtilization", Kept, Integer),
]);

pub(super) static OBJECT_METRIC_SOURCE: Message = Message(&[
    field(1, "describedObject", Kept, Nested(&CROSS_VERSION_OBJECT_REFERENCE)),
    field(2, "target", Kept, Nested(&METRIC_TARGET)),
    field(3, "metric", Kept, Nested(&METRIC_IDENTIFIER)),
]);

pub(super) static OBJECT_METRIC_STATUS: Message = Message(&[
    field(1, "metric", Kept, Nested(&METRIC_IDENTIFIER)),
    field(2, "current", Kept, Nested(&METRIC_VALUE_STATUS)),
    field(3, "describedObject", Kept, Nested(&CROSS_VERSION_OBJECT_REFERENCE)),
]);

pub(super) static PODS_METRIC_SOURCE: Message = Message(&[
    field(1, "metric", Kept, Nested(&METRIC_IDENTIFIER)),
    field(2, "target", Kept, Nested(&METRIC_TARGET)),
]);

pub(super) static PODS_METRIC_STATUS: Message = Message(&[
    field(1, "metric", Kept, Nested(&METRIC_IDENTIFIER)),
    field(2, "current", Kept, Nested(&METRIC_VALUE_STATUS)),
]);

pub(super) static RESOURCE_METRIC_SOURCE: Message = Message(&[
    field(1, "name", Kept, Text),
    field(2, "target", Kept, Nested(&METRIC_TARGET)),
]);

pub(super) static RESOURCE_METRIC_STATUS: Message = Message(&[
    field(1, "name", Kept, Text),
    field(2, "current", Kept, Nested(&METRIC_VALUE_STATUS)),
]);
