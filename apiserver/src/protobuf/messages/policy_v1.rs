//! Messages of policy_v1. @generated; do not edit.

use super::meta_v1;
use crate::protobuf::Shape::*;
use crate::protobuf::Type::*;
use crate::protobuf::{Message, field};

pub(super) static EVICTION: Message = Message(&[
    field(1, "metadata", Kept, Nested(&meta_v1::OBJECT_META)),
    field(2, "deleteOptions", One, Nested(&meta_v1::DELETE_OPTIONS)),
]);

pub(super) static POD_DISRUPTION_BUDGET: Message = Message(&[
    field(1, "metadata", Kept, Nested(&meta_v1::OBJECT_META)),
    field(2, "spec", One, Nested(&POD_DISRUPTION_BUDGET_SPEC)),
    field(3, "status", One, Nested(&POD_DISRUPTION_BUDGET_STATUS)),
]);

pub(super) static POD_DISRUPTION_BUDGET_SPEC: Message = Message(&[
    field(1, "minAvailable", Kept, IntOrString),
    field(2, "selector", One, Nested(&meta_v1::LABEL_SELECTOR)),
    field(3, "maxUnavailable", Kept, IntOrString),
    field(4, "unhealthyPodEvictionPolicy", One, Text),
]);

pub(super) static POD_DISRUPTION_BUDGET_STATUS: Message = Message(&[
    field(1, "observedGeneration", One, Integer),
    field(2, "disruptedPods", Map, Time),
    field(3, "disruptionsAllowed", Kept, Integer),
    field(4, "currentHealthy", Kept, Integer),
    field(5, "desiredHealthy", Kept, Integer),
    field(6, "expectedPods", Kept, Integer),
    field(7, "conditions", Many, Nested(&meta_v1::CONDITION)),
]);
