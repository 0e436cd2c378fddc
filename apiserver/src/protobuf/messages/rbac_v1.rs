//! Messages of rbac_v1. @generated; do not edit.

use super::meta_v1;
use crate::protobuf::Shape::*;
use crate::protobuf::Type::*;
use crate::protobuf::{Message, field};

pub(super) static AGGREGATION_RULE: Message = Message(&[
    field(1, "clusterRoleSelectors", Many, Nested(&meta_v1::LABEL_SELECTOR)),
]);

pub(super) static CLUSTER_ROLE: Message = Message(&[
    field(1, "metadata", Kept, Nested(&meta_v1::OBJECT_META)),
    field(2, "rules", Many, Nested(&POLICY_RULE)),
    field(3, "aggregationRule", One, Nested(&AGGREGATION_RULE)),
]);

pub(super) static CLUSTER_ROLE_BINDING: Message = Message(&[
    field(1, "metadata", Kept, Nested(&meta_v1::OBJECT_META)),
    field(2, "subjects", Many, Nested(&SUBJECT)),
    field(3, "roleRef", Kept, Nested(&ROLE_REF)),
]);

pub(super) static POLICY_RULE: Message = Message(&[
    field(1, "verbs", Many, Text),
    field(2, "apiGroups", Many, Text),
    field(3, "resources", Many, Text),
    field(4, "resourceNames", Many, Text),
    field(5, "nonResourceURLs", Many, Text),
]);

pub(super) static ROLE: Message = Message(&[
    field(1, "metadata", Kept, Nested(&meta_v1::OBJECT_META)),
    field(2, "rules", Many, Nested(&POLICY_RULE)),
]);

pub(super) static ROLE_BINDING: Message = Message(&[
    field(1, "metadata", Kept, Nested(&meta_v1::OBJECT_META)),
    field(2, "subjects", Many, Nested(&SUBJECT)),
    field(3, "roleRef", Kept, Nested(&ROLE_REF)),
]);

pub(super) static ROLE_REF: Message = Message(&[
    field(1, "apiGroup", Kept, Text),
    field(2, "kind", Kept, Text),
    field(3, "name", Kept, Text),
]);

pub(super) static SUBJECT: Message = Message(&[
    field(1, "kind", Kept, Text),
    field(2, "apiGroup", One, Text),
    field(3, "name", Kept, Text),
    field(4, "namespace", One, Text),
]);
