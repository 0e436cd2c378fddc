//! Messages of apps_v1. @generated; do not edit.

use super::core_v1;
use super::meta_v1;
use crate::protobuf::Shape::*;
use crate::protobuf::Type::*;
use crate::protobuf::{Message, field};

pub(super) static CONTROLLER_REVISION: Message = Message(&[
    field(1, "metadata", Kept, Nested(&meta_v1::OBJECT_META)),
    field(2, "data", One, Json),
    field(3, "revision", Kept, Integer),
]);

pub(super) static DAEMON_SET: Message = Message(&[
    field(1, "metadata", Kept, Nested(&meta_v1::OBJECT_META)),
    field(2, "spec", One, Nested(&DAEMON_SET_SPEC)),
    field(3, "status", One, Nested(&DAEMON_SET_STATUS)),
]);

pub(super) static DAEMON_SET_CONDITION: Message = Message(&[
    field(1, "type", Kept, Text),
    field(2, "status", Kept, Text),
    field(3, "lastTransitionTime", One, Time),
    field(4, "reason", One, Text),
    field(5, "message", One, Text),
]);

pub(super) static DAEMON_SET_SPEC: Message = Message(&[
    field(1, "selector", Kept, Nested(&meta_v1::LABEL_SELECTOR)),
    field(2, "template", Kept, Nested(&core_v1::POD_TEMPLATE_SPEC)),
    field(3, "updateStrategy", One, Nested(&DAEMON_SET_UPDATE_STRATEGY)),
    field(4, "minReadySeconds", One, Integer),
    field(6, "revisionHistoryLimit", Kept, Integer),
]);

pub(super) static DAEMON_SET_STATUS: Message = Message(&[
    field(1, "currentNumberScheduled", Kept, Integer),
    field(2, "numberMisscheduled", Kept, Integer),
    field(3, "desiredNumberScheduled", Kept, Integer),
    field(4, "numberReady", Kept, Integer),
    field(5, "observedGeneration", One, Integer),
    field(6, "updatedNumberScheduled", One, Integer),
    field(7, "numberAvailable", One, Integer),
    field(8, "numberUnavailable", One, Integer),
    field(9, "collisionCount", One, Integer),
    field(10, "conditions", Many, Nested(&DAEMON_SET_CONDITION)),
]);

pub(super) static DAEMON_SET_UPDATE_STRATEGY: Message = Message(&[
    field(1, "type", One, Text),
    field(2, "rollingUpdate", One, Nested(&ROLLING_UPDATE_DAEMON_SET)),
]);

pub(super) static DEPLOYMENT: Message = Message(&[
    field(1, "metadata", Kept, Nested(&meta_v1::OBJECT_META)),
    field(2, "spec", One, Nested(&DEPLOYMENT_SPEC)),
    field(3, "status", One, Nested(&DEPLOYMENT_STATUS)),
]);

pub(super) static DEPLOYMENT_CONDITION: Message = Message(&[
    field(1, "type", Kept, Text),
    field(2, "status", Kept, Text),
    field(6, "lastUpdateTime", One, Time),
    field(7, "lastTransitionTime", One, Time),
    field(4, "reason", One, Text),
    field(5, "message", One, Text),
]);

pub(super) static DEPLOYMENT_SPEC: Message = Message(&[
    field(1, "replicas", Kept, Integer),
    field(2, "selector", Kept, Nested(&meta_v1::LABEL_SELECTOR)),
    field(3, "template", Kept, Nested(&core_v1::POD_TEMPLATE_SPEC)),
    field(4, "strategy", One, Nested(&DEPLOYMENT_STRATEGY)),
    field(5, "minReadySeconds", One, Integer),
    field(6, "revisionHistoryLimit", Kept, Integer),
    field(7, "paused", One, Bool),
    field(9, "progressDeadlineSeconds", Kept, Integer),
]);

pub(super) static DEPLOYMENT_STATUS: Message = Message(&[
    field(1, "observedGeneration", One, Integer),
    field(2, "replicas", Kept, Integer),
    field(3, "updatedReplicas", One, Integer),
    field(7, "readyReplicas", One, Integer),
    field(4, "availableReplicas", One, Integer),
    field(5, "unavailableReplicas", One, Integer),
    field(9, "terminatingReplicas", One, Integer),
    field(6, "conditions", Many, Nested(&DEPLOYMENT_CONDITION)),
    field(8, "collisionCount", One, Integer),
]);

pub(super) static DEPLOYMENT_STRATEGY: Message = Message(&[
    field(1, "type", One, Text),
    field(2, "rollingUpdate", One, Nested(&ROLLING_UPDATE_DEPLOYMENT)),
]);

pub(super) static REPLICA_SET: Message = Message(&[
    field(1, "metadata", Kept, Nested(&meta_v1::OBJECT_META)),
    field(2, "spec", One, Nested(&REPLICA_SET_SPEC)),
    field(3, "status", One, Nested(&REPLICA_SET_STATUS)),
]);

pub(super) static REPLICA_SET_CONDITION: Message = Message(&[
    field(1, "type", Kept, Text),
    field(2, "status", Kept, Text),
    field(3, "lastTransitionTime", One, Time),
    field(4, "reason", One, Text),
    field(5, "message", One, Text),
]);

pub(super) static REPLICA_SET_SPEC: Message = Message(&[
    field(1, "replicas", Kept, Integer),
    field(4, "minReadySeconds", One, Integer),
    field(2, "selector", Kept, Nested(&meta_v1::LABEL_SELECTOR)),
    field(3, "template", One, Nested(&core_v1::POD_TEMPLATE_SPEC)),
]);

pub(super) static REPLICA_SET_STATUS: Message = Message(&[
    field(1, "replicas", Kept, Integer),
    field(2, "fullyLabeledReplicas", One, Integer),
    field(4, "readyReplicas", One, Integer),
    field(5, "availableReplicas", One, Integer),
    field(7, "terminatingReplicas", One, Integer),
    field(3, "observedGeneration", One, Integer),
    field(6, "conditions", Many, Nested(&REPLICA_SET_CONDITION)),
]);

pub(super) static ROLLING_UPDATE_DAEMON_SET: Message = Message(&[
    field(1, "maxUnavailable", Kept, IntOrString),
    field(2, "maxSurge", Kept, IntOrString),
]);

pub(super) static ROLLING_UPDATE_DEPLOYMENT: Message = Message(&[
    field(1, "maxUnavailable", Kept, IntOrString),
    field(2, "maxSurge", Kept, IntOrString),
]);

pub(super) static ROLLING_UPDATE_STATEFUL_SET_STRATEGY: Message = Message(&[
    field(1, "partition", Kept, Integer),
    field(2, "maxUnavailable", Kept, IntOrString),
]);

pub(super) static STATEFUL_SET: Message = Message(&[
    field(1, "metadata", Kept, Nested(&meta_v1::OBJECT_META)),
    field(2, "spec", One, Nested(&STATEFUL_SET_SPEC)),
    field(3, "status", One, Nested(&STATEFUL_SET_STATUS)),
]);

pub(super) static STATEFUL_SET_CONDITION: Message = Message(&[
    field(1, "type", Kept, Text),
    field(2, "status", Kept, Text),
    field(3, "lastTransitionTime", One, Time),
    field(4, "reason", One, Text),
    field(5, "message", One, Text),
]);

pub(super) static STATEFUL_SET_ORDINALS: Message = Message(&[
    field(1, "start", One, Integer),
]);

pub(super) static STATEFUL_SET_PERSISTENT_VOLUME_CLAIM_RETENTION_POLICY: Message = Message(&[
    field(1, "whenDeleted", One, Text),
    field(2, "whenScaled", One, Text),
]);

pub(super) static STATEFUL_SET_SPEC: Message = Message(&[
    field(1, "replicas", Kept, Integer),
    field(2, "selector", Kept, Nested(&meta_v1::LABEL_SELECTOR)),
    field(3, "template", Kept, Nested(&core_v1::POD_TEMPLATE_SPEC)),
    field(4, "volumeClaimTemplates", Many, Nested(&core_v1::PERSISTENT_VOLUME_CLAIM)),
    field(5, "serviceName", One, Text),
    field(6, "podManagementPolicy", One, Text),
    field(7, "updateStrategy", One, Nested(&STATEFUL_SET_UPDATE_STRATEGY)),
    field(8, "revisionHistoryLimit", Kept, Integer),
    field(9, "minReadySeconds", One, Integer),
    field(10, "persistentVolumeClaimRetentionPolicy", One, Nested(&STATEFUL_SET_PERSISTENT_VOLUME_CLAIM_RETENTION_POLICY)),
    field(11, "ordinals", Kept, Nested(&STATEFUL_SET_ORDINALS)),
]);

pub(super) static STATEFUL_SET_STATUS: Message = Message(&[
    field(1, "observedGeneration", One, Integer),
    field(2, "replicas", Kept, Integer),
    field(3, "readyReplicas", One, Integer),
    field(4, "currentReplicas", One, Integer),
    field(5, "updatedReplicas", One, Integer),
    field(6, "currentRevision", One, Text),
    field(7, "updateRevision", One, Text),
    field(9, "collisionCount", One, Integer),
    field(10, "conditions", Many, Nested(&STATEFUL_SET_CONDITION)),
    field(11, "availableReplicas", One, Integer),
]);

pub(super) static STATEFUL_SET_UPDATE_STRATEGY: Message = Message(&[
    field(1, "type", One, Text),
    field(2, "rollingUpdate", One, Nested(&ROLLING_UPDATE_STATEFUL_SET_STRATEGY)),
]);
