//! Messages of events_v1. @generated; do not edit.

use super::core_v1;
use super::meta_v1;
use crate::protobuf::Shape::*;
use crate::protobuf::Type::*;
use crate::protobuf::{Message, field};

pub(super) static EVENT: Message = Message(&[
    field(1, "metadata", Kept, Nested(&meta_v1::OBJECT_META)),
    field(2, "eventTime", One, MicroTime),
    field(3, "series", One, Nested(&EVENT_SERIES)),
    field(4, "reportingController", One, Text),
    field(5, "reportingInstance", One, Text),
    field(6, "action", One, Text),
    field(7, "reason", One, Text),
    field(8, "regarding", One, Nested(&core_v1::OBJECT_REFERENCE)),
    field(9, "related", One, Nested(&core_v1::OBJECT_REFERENCE)),
    field(10, "note", One, Text),
    field(11, "type", One, Text),
    field(12, "deprecatedSource", One, Nested(&core_v1::EVENT_SOURCE)),
    field(13, "deprecatedFirstTimestamp", One, Time),
    field(14, "deprecatedLastTimestamp", One, Time),
    field(15, "deprecatedCount", One, Integer),
]);

pub(super) static EVENT_SERIES: Message = Message(&[
    field(1, "count", Kept, Integer),
    field(2, "lastObservedTime", Kept, MicroTime),
]);
