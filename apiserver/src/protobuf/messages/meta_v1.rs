//! Messages of meta_v1. @generated; do not edit.

use crate::protobuf::Shape::*;
use crate::protobuf::Type::*;
use crate::protobuf::{Message, field};

pub(super) static CONDITION: Message = Message(&[
    field(1, "type", Kept, Text),
    field(2, "status", Kept, Text),
    field(3, "observedGeneration", One, Integer),
    field(4, "lastTransitionTime", Kept, Time),
    field(5, "reason", Kept, Text),
    field(6, "message", Kept, Text),
]);

pub(super) static DELETE_OPTIONS: Message = Message(&[
    field(1, "gracePeriodSeconds", Kept, Integer),
    field(2, "preconditions", One, Nested(&PRECONDITIONS)),
    field(3, "orphanDependents", Kept, Bool),
    field(4, "propagationPolicy", One, Text),
    field(5, "dryRun", Many, Text),
    field(6, "ignoreStoreReadErrorWithClusterBreakingPotential", Kept, Bool),
]);

pub(super) static LABEL_SELECTOR: Message = Message(&[
    field(1, "matchLabels", Map, Text),
    field(2, "matchExpressions", Many, Nested(&LABEL_SELECTOR_REQUIREMENT)),
]);

pub(super) static LABEL_SELECTOR_REQUIREMENT: Message = Message(&[
    field(1, "key", Kept, Text),
    field(2, "operator", Kept, Text),
    field(3, "values", Many, Text),
]);

pub(super) static MANAGED_FIELDS_ENTRY: Message = Message(&[
    field(1, "manager", One, Text),
    field(2, "operation", One, Text),
    field(3, "apiVersion", One, Text),
    field(4, "time", One, Time),
    field(6, "fieldsType", One, Text),
    field(7, "fieldsV1", One, Json),
    field(8, "subresource", One, Text),
]);

pub(super) static OBJECT_META: Message = Message(&[
    field(1, "name", One, Text),
    field(2, "generateName", One, Text),
    field(3, "namespace", One, Text),
    field(4, "selfLink", One, Text),
    field(5, "uid", One, Text),
    field(6, "resourceVersion", One, Text),
    field(7, "generation", One, Integer),
    field(8, "creationTimestamp", One, Time),
    field(9, "deletionTimestamp", One, Time),
    field(10, "deletionGracePeriodSeconds", Kept, Integer),
    field(11, "labels", Map, Text),
    field(12, "annotations", Map, Text),
    field(13, "ownerReferences", Many, Nested(&OWNER_REFERENCE)),
    field(14, "finalizers", Many, Text),
    field(17, "managedFields", Many, Nested(&MANAGED_FIELDS_ENTRY)),
]);

pub(super) static OWNER_REFERENCE: Message = Message(&[
    field(5, "apiVersion", Kept, Text),
    field(1, "kind", Kept, Text),
    field(3, "name", Kept, Text),
    field(4, "uid", Kept, Text),
    field(6, "controller", Kept, Bool),
    field(7, "blockOwnerDeletion", Kept, Bool),
]);

pub(super) static PRECONDITIONS: Message = Message(&[
    field(1, "uid", Kept, Text),
    field(2, "resourceVersion", Kept, Text),
]);
