//! Event: something that happened to an object, in its two versions.

use std::time::Duration;

use bireme_core::error::Cause;
use bireme_core::object::Kind;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event, ObjectReference};
use k8s_openapi::api::events::v1::Event as EventOfGroup;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Map, Value};

use super::check::{Path, text};
use crate::resource::{Column, Conversion, Field, Schema, SelectableField, Strategy, age};

/// How long an event of the newer form may be.
const MAX_NOTE_BYTES: usize = 1024;

/// How long an event is kept after it happened last.
const TIME_TO_LIVE: Duration = Duration::from_secs(3600);

/// The fields whose names differ between `events.k8s.io/v1` and `v1`.
const RENAMED: [(&str, &str); 7] = [
    ("deprecatedCount", "count"),
    ("deprecatedFirstTimestamp", "firstTimestamp"),
    ("deprecatedLastTimestamp", "lastTimestamp"),
    ("deprecatedSource", "source"),
    ("note", "message"),
    ("regarding", "involvedObject"),
    ("reportingController", "reportingComponent"),
];

impl Strategy for Event {
    const SINGULAR: &'static str = "event";
    const TIME_TO_LIVE: Option<Duration> = Some(TIME_TO_LIVE);
    const SHORT_NAMES: &'static [&'static str] = &["ev"];
    const SELECTABLE: &'static [SelectableField] = &[
        SelectableField::text(&"involvedObject.kind"),
        SelectableField::text(&"involvedObject.namespace"),
        SelectableField::text(&"involvedObject.name"),
        SelectableField::text(&"involvedObject.uid"),
        SelectableField::text(&"involvedObject.apiVersion"),
        SelectableField::text(&"involvedObject.resourceVersion"),
        SelectableField::text(&"involvedObject.fieldPath"),
        SelectableField::text(&"reason"),
        SelectableField::text(&"reportingComponent"),
        SelectableField { label: "source", paths: &["source.component", "reportingComponent"], absent: "" },
        SelectableField::text(&"type"),
    ];
    const SCHEMA: &'static Schema = &Schema::of(&[
        Field::atomic("involvedObject").inherent(),
        Field::atomic("related"),
        Field::object("source", &Schema::EMPTY).inherent(),
    ]);
    const COLUMNS: &'static [Column<Self>] = &[
        Column::text("Last Seen", "When it happened last.", |event, now| last_seen(event, now).into()),
        Column::text("Type", "Whether it is normal or a warning.", |event, _| text(&event.type_).into()),
        Column::text("Reason", "Why, in one word.", |event, _| text(&event.reason).into()),
        Column::text("Object", "What it happened to.", |event, _| target(&event.involved_object).into()),
        Column::text("Subobject", "The part of the object.", |event: &Self, _| {
            text(&event.involved_object.field_path).into()
        })
        .wide(),
        Column::text("Source", "Who saw it.", |event: &Self, _| source(event).into()).wide(),
        Column::text("Message", "What happened.", |event, _| text(&event.message).trim().into()),
        Column::text("First Seen", "When it happened first.", |event: &Self, now| {
            first_seen(event, now).into()
        })
        .wide(),
        Column::integer("Count", "How often it happened.", |event: &Self, _| count(event).into()).wide(),
        Column::<Self>::NAME.wide(),
    ];

    fn validate(&self, causes: &mut Vec<Cause>) {
        let involved = Path::root("involvedObject");
        let (own, its) = (text(&self.metadata.namespace), text(&self.involved_object.namespace));
        // What has no namespace itself is reported in one of the cluster's.
        let fits = match its {
            "" => matches!(own, "" | "default" | "kube-system"),
            its => its == own || self.event_time.is_some(),
        };
        if !fits {
            causes.push(Cause::invalid(involved.child("namespace"), its, "does not match event.namespace"));
        }
        if self.event_time.is_some() {
            check_newer(self, causes);
        }
    }
}

/// An event with an `eventTime` is of the newer form, which wants more of its reporter.
fn check_newer(event: &Event, causes: &mut Vec<Cause>) {
    for (name, value) in [
        ("reportingController", &event.reporting_component),
        ("reportingInstance", &event.reporting_instance),
        ("action", &event.action),
        ("reason", &event.reason),
    ] {
        if text(value).is_empty() {
            causes.push(Cause::required(name, ""));
        } else if text(value).len() > 128 {
            causes.push(Cause::invalid(name, "", "can have at most 128 characters"));
        }
    }
    if text(&event.message).len() > MAX_NOTE_BYTES {
        causes.push(Cause::invalid("message", "", format_args!("can have at most {MAX_NOTE_BYTES} bytes")));
    }
}

/// Stored as the event of the core group, which is what it is renamed from.
impl Strategy for EventOfGroup {
    const SINGULAR: &'static str = "event";
    const TIME_TO_LIVE: Option<Duration> = Some(TIME_TO_LIVE);
    const SHORT_NAMES: &'static [&'static str] = &["ev"];
    const STORAGE_FOLDER: Option<&'static str> = <Event as Strategy>::STORAGE_FOLDER;
    const STORED_AS: Option<Conversion> =
        Some(Conversion { kind: Kind::of::<Event>(), to_stored, from_stored });
    const SELECTABLE: &'static [SelectableField] = &[
        SelectableField::text(&"regarding.kind"),
        SelectableField::text(&"regarding.namespace"),
        SelectableField::text(&"regarding.name"),
        SelectableField::text(&"regarding.uid"),
        SelectableField::text(&"regarding.apiVersion"),
        SelectableField::text(&"regarding.resourceVersion"),
        SelectableField::text(&"regarding.fieldPath"),
        SelectableField::text(&"reason"),
        SelectableField::text(&"reportingController"),
        SelectableField::text(&"type"),
    ];
    const SCHEMA: &'static Schema = &Schema::of(&[Field::atomic("regarding"), Field::atomic("related")]);
    const COLUMNS: &'static [Column<Self>] = &[
        Column::text("Last Seen", "When it happened last.", |event, now| last_seen(&core(event), now).into()),
        Column::text("Type", "Whether it is normal or a warning.", |event, _| text(&event.type_).into()),
        Column::text("Reason", "Why, in one word.", |event, _| text(&event.reason).into()),
        Column::text("Object", "What it happened to.", |event, _| {
            event.regarding.as_ref().map(target).unwrap_or_default().into()
        }),
        Column::text("Message", "What happened.", |event, _| text(&event.note).trim().into()),
        Column::<Self>::NAME.wide(),
    ];

    fn validate(&self, causes: &mut Vec<Cause>) {
        core(self).validate(causes);
    }
}

/// The same event as one of the core group.
fn core(event: &EventOfGroup) -> Event {
    let event = event.clone();
    Event {
        action: event.action,
        count: event.deprecated_count,
        event_time: event.event_time,
        first_timestamp: event.deprecated_first_timestamp,
        involved_object: event.regarding.unwrap_or_default(),
        last_timestamp: event.deprecated_last_timestamp,
        message: event.note,
        metadata: event.metadata,
        reason: event.reason,
        related: event.related,
        reporting_component: event.reporting_controller,
        reporting_instance: event.reporting_instance,
        series: event.series.map(|series| k8s_openapi::api::core::v1::EventSeries {
            count: Some(series.count),
            last_observed_time: Some(series.last_observed_time),
        }),
        source: event.deprecated_source,
        type_: event.type_,
    }
}

fn to_stored(value: Value) -> Value {
    let mut stored = renamed(value, "v1", |(newer, older)| (newer, older));
    // Not optional in the older form.
    if let Some(members) = stored.as_object_mut() {
        members.entry("involvedObject").or_insert_with(|| Value::Object(Map::new()));
    }
    stored
}

fn from_stored(value: Value) -> Value {
    renamed(value, "events.k8s.io/v1", |(newer, older)| (older, newer))
}

fn renamed(
    mut value: Value,
    api_version: &str,
    direction: fn((&'static str, &'static str)) -> (&'static str, &'static str),
) -> Value {
    if let Some(members) = value.as_object_mut() {
        members.insert("apiVersion".to_owned(), api_version.into());
        for (from, to) in RENAMED.map(direction) {
            if let Some(member) = members.remove(from) {
                members.insert(to.to_owned(), member);
            }
        }
    }
    value
}

fn first_time(event: &Event) -> Option<Time> {
    event.first_timestamp.clone().or_else(|| event.event_time.as_ref().map(|time| Time(time.0)))
}

fn first_seen(event: &Event, now: Timestamp) -> String {
    age(first_time(event).as_ref(), now)
}

fn last_seen(event: &Event, now: Timestamp) -> String {
    let series = event.series.as_ref().and_then(|series| series.last_observed_time.as_ref());
    let last = match series {
        Some(time) => Some(Time(time.0)),
        None => event.last_timestamp.clone().or_else(|| first_time(event)),
    };
    age(last.as_ref(), now)
}

fn count(event: &Event) -> i32 {
    let series = event.series.as_ref().and_then(|series| series.count);
    series.or(event.count).filter(|count| *count != 0).unwrap_or(1)
}

fn target(object: &ObjectReference) -> String {
    let kind = text(&object.kind).to_lowercase();
    match text(&object.name) {
        "" => kind,
        name => format!("{kind}/{name}"),
    }
}

fn source(event: &Event) -> String {
    let old = event.source.as_ref();
    let component = old.map(|source| text(&source.component)).filter(|component| !component.is_empty());
    let host = old.map(|source| text(&source.host)).filter(|host| !host.is_empty());
    let component = component.unwrap_or(text(&event.reporting_component));
    match host.unwrap_or(text(&event.reporting_instance)) {
        "" => component.to_owned(),
        host => format!("{component}, {host}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::testing::{causes, from_json, row};
    use serde_json::json;

    fn event(more: Value) -> Event {
        let mut value = json!({
            "metadata": {"name": "e1", "namespace": "shop"},
            "involvedObject": {"kind": "Pod", "name": "web-0", "namespace": "shop", "fieldPath": "spec.containers{a}"},
            "reason": "Started", "type": "Normal", "message": " up \n", "source": {"component": "kubelet", "host": "n1"},
        });
        value.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        from_json(value)
    }

    #[test]
    fn a_table_tells_when_and_how_often() {
        let older = event(json!({
            "firstTimestamp": "2026-01-01T11:00:00Z", "lastTimestamp": "2026-01-01T11:59:55Z", "count": 4}));
        let expected = [
            "5s",
            "Normal",
            "Started",
            "pod/web-0",
            "spec.containers{a}",
            "kubelet, n1",
            "up",
            "60m",
            "4",
            "e1",
        ];
        assert_eq!(row(&older, true), expected);
        let newer = event(json!({"eventTime": "2026-01-01T11:00:00.000000Z", "source": null,
            "reportingComponent": "sched", "reportingInstance": "s-0",
            "series": {"count": 2, "lastObservedTime": "2026-01-01T11:58:00.000000Z"}}));
        let expected = [
            "2m",
            "Normal",
            "Started",
            "pod/web-0",
            "spec.containers{a}",
            "sched, s-0",
            "up",
            "60m",
            "2",
            "e1",
        ];
        assert_eq!(row(&newer, true), expected);
        assert_eq!(row(&event(json!({})), false), ["<unknown>", "Normal", "Started", "pod/web-0", "up"]);
    }

    #[test]
    fn both_versions_are_one_event() {
        let older =
            serde_json::to_value(event(json!({"reportingComponent": "kubelet", "count": 3}))).unwrap();
        let newer = from_stored(older.clone());
        assert_eq!(newer["regarding"]["name"], "web-0");
        assert_eq!((&newer["apiVersion"], &newer["note"]), (&json!("events.k8s.io/v1"), &json!(" up \n")));
        let typed: EventOfGroup = from_json(newer.clone());
        assert_eq!(to_stored(serde_json::to_value(&typed).unwrap()), older);
        assert_eq!(serde_json::to_value(core(&typed)).unwrap(), older);
        assert_eq!(row(&typed, false), row(&from_json::<Event>(older), false));
    }

    #[test]
    fn an_event_lies_beside_what_it_is_about() {
        let mut stray = event(json!({}));
        assert!(causes(&stray).is_empty());
        stray.metadata.namespace = Some("other".into());
        assert_eq!(
            causes(&stray),
            ["involvedObject.namespace: Invalid value: \"shop\": does not match event.namespace"]
        );
        stray.involved_object.namespace = None;
        assert_eq!(causes(&stray).len(), 1);
        stray.metadata.namespace = Some("default".into());
        assert!(causes(&stray).is_empty());
    }

    #[test]
    fn newer_events_name_their_reporter() {
        let incomplete = event(json!({"eventTime": "2026-01-01T11:00:00.000000Z", "reportingInstance": "i"}));
        assert_eq!(causes(&incomplete), ["reportingController: Required value", "action: Required value"]);
    }
}
