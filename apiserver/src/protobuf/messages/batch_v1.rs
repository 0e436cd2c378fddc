//! Messages of batch_v1. @generated; do not edit.

use super::core_v1;
use super::meta_v1;
use crate::protobuf::Shape::*;
use crate::protobuf::Type::*;
use crate::protobuf::{Message, field};

pub(super) static CRON_JOB: Message = Message(&[
    field(1, "metadata", Kept, Nested(&meta_v1::OBJECT_META)),
    field(2, "spec", One, Nested(&CRON_JOB_SPEC)),
    field(3, "status", One, Nested(&CRON_JOB_STATUS)),
]);

pub(super) static CRON_JOB_SPEC: Message = Message(&[
    field(1, "schedule", Kept, Text),
    field(8, "timeZone", One, Text),
    field(2, "startingDeadlineSeconds", Kept, Integer),
    field(3, "concurrencyPolicy", One, Text),
    field(4, "suspend", Kept, Bool),
    field(5, "jobTemplate", Kept, Nested(&JOB_TEMPLATE_SPEC)),
    field(6, "successfulJobsHistoryLimit", Kept, Integer),
    field(7, "failedJobsHistoryLimit", Kept, Integer),
]);

pub(super) static CRON_JOB_STATUS: Message = Message(&[
    field(1, "active", Many, Nested(&core_v1::OBJECT_REFERENCE)),
    field(4, "lastScheduleTime", One, Time),
    field(5, "lastSuccessfulTime", One, Time),
]);

pub(super) static JOB: Message = Message(&[
    field(1, "metadata", Kept, Nested(&meta_v1::OBJECT_META)),
    field(2, "spec", One, Nested(&JOB_SPEC)),
    field(3, "status", One, Nested(&JOB_STATUS)),
]);

pub(super) static JOB_CONDITION: Message = Message(&[
    field(1, "type", Kept, Text),
    field(2, "status", Kept, Text),
    field(3, "lastProbeTime", One, Time),
    field(4, "lastTransitionTime", One, Time),
    field(5, "reason", One, Text),
    field(6, "message", One, Text),
]);

pub(super) static JOB_SPEC: Message = Message(&[
    field(1, "parallelism", Kept, Integer),
    field(2, "completions", Kept, Integer),
    field(3, "activeDeadlineSeconds", Kept, Integer),
    field(11, "podFailurePolicy", One, Nested(&POD_FAILURE_POLICY)),
    field(16, "successPolicy", One, Nested(&SUCCESS_POLICY)),
    field(7, "backoffLimit", Kept, Integer),
    field(12, "backoffLimitPerIndex", Kept, Integer),
    field(13, "maxFailedIndexes", Kept, Integer),
    field(4, "selector", One, Nested(&meta_v1::LABEL_SELECTOR)),
    field(5, "manualSelector", Kept, Bool),
    field(6, "template", Kept, Nested(&core_v1::POD_TEMPLATE_SPEC)),
    field(8, "ttlSecondsAfterFinished", Kept, Integer),
    field(9, "completionMode", One, Text),
    field(10, "suspend", Kept, Bool),
    field(14, "podReplacementPolicy", One, Text),
    field(15, "managedBy", One, Text),
]);

pub(super) static JOB_STATUS: Message = Message(&[
    field(1, "conditions", Many, Nested(&JOB_CONDITION)),
    field(2, "startTime", One, Time),
    field(3, "completionTime", One, Time),
    field(4, "active", One, Integer),
    field(5, "succeeded", One, Integer),
    field(6, "failed", One, Integer),
    field(11, "terminating", Kept, Integer),
    field(7, "completedIndexes", One, Text),
    field(10, "failedIndexes", One, Text),
    field(8, "uncountedTerminatedPods", One, Nested(&UNCOUNTED_TERMINATED_PODS)),
    field(9, "ready", Kept, Integer),
]);

pub(super) static JOB_TEMPLATE_SPEC: Message = Message(&[
    field(1, "metadata", One, Nested(&meta_v1::OBJECT_META)),
    field(2, "spec", One, Nested(&JOB_SPEC)),
]);

pub(super) static POD_FAILURE_POLICY: Message = Message(&[
    field(1, "rules", Many, Nested(&POD_FAILURE_POLICY_RULE)),
]);

pub(super) static POD_FAILURE_POLICY_ON_EXIT_CODES_REQUIREMENT: Message = Message(&[
    field(1, "containerName", One, Text),
    field(2, "operator", Kept, Text),
    field(3, "values", Many, Integer),
]);

pub(super) static POD_FAILURE_POLICY_ON_POD_CONDITIONS_PATTERN: Message = Message(&[
    field(1, "type", Kept, Text),
    field(2, "status", Kept, Text),
]);

pub(super) static POD_FAILURE_POLICY_RULE: Message = Message(&[
    field(1, "action", Kept, Text),
    field(2, "onExitCodes", One, Nested(&POD_FAILURE_POLICY_ON_EXIT_CODES_REQUIREMENT)),
    field(3, "onPodConditions", Many, Nested(&POD_FAILURE_POLICY_ON_POD_CONDITIONS_PATTERN)),
]);

pub(super) static SUCCESS_POLICY: Message = Message(&[
    field(1, "rules", Many, Nested(&SUCCESS_POLICY_RULE)),
]);

pub(super) static SUCCESS_POLICY_RULE: Message = Message(&[
    field(1, "succeededIndexes", One, Text),
    field(2, "succeededCount", One, Integer),
]);

pub(super) static UNCOUNTED_TERMINATED_PODS: Message = Message(&[
    field(1, "succeeded", Many, Text),
    field(2, "failed", Many, Text),
]);
