//! LimitRange: how much a single object of a namespace may use.

use std::collections::BTreeSet;

use bireme_core::error::Cause;
use bireme_core::quantity::Quantity;
use k8s_openapi::api::core::v1::{LimitRange, LimitRangeItem};

use super::check::{Amounts, Path, canonical, qualified_name, quantities};
use super::persistent_volume::STORAGE;
use crate::resource::{Column, Field, STORED_ONLY, Schema, Strategy};

const SPEC: Schema = Schema::of(&[Field::atomic("limits")]);

impl Strategy for LimitRange {
    const SINGULAR: &'static str = "limitrange";
    const SHORT_NAMES: &'static [&'static str] = &["limits"];
    const UNATTENDED: Option<&'static str> = STORED_ONLY;
    const SCHEMA: &'static Schema = &Schema::of(&[Field::object("spec", &SPEC)]);
    const COLUMNS: &'static [Column<Self>] = &[Column::NAME, Column::CREATED_AT];

    fn default(&mut self) {
        for item in self.spec.iter_mut().flat_map(|spec| &mut spec.limits) {
            for amounts in [
                &mut item.default,
                &mut item.default_request,
                &mut item.max,
                &mut item.max_limit_request_ratio,
                &mut item.min,
            ] {
                canonical(amounts);
            }
            if item.type_ == "Container" {
                default_container(item);
            }
        }
    }

    fn validate(&self, causes: &mut Vec<Cause>) {
        let (list, mut types) = (Path::root("spec.limits"), BTreeSet::new());
        for (index, item) in self.spec.iter().flat_map(|spec| &spec.limits).enumerate() {
            let path = list.index(index);
            check_type(path, item, causes);
            if !types.insert(&item.type_) {
                causes.push(Cause::duplicate(path.child("type"), &item.type_));
            }
            check_item(path, item, causes);
        }
    }
}

/// A container that says nothing may use what is allowed at most, and asks for as much.
fn default_container(item: &mut LimitRangeItem) {
    let fill = |amounts: &mut Amounts, from: &Amounts| {
        for (name, amount) in from.iter().flatten() {
            amounts.get_or_insert_default().entry(name.clone()).or_insert_with(|| amount.clone());
        }
    };
    fill(&mut item.default, &item.max);
    fill(&mut item.default_request, &item.default);
    fill(&mut item.default_request, &item.min);
}

fn check_type(path: Path<'_>, item: &LimitRangeItem, causes: &mut Vec<Cause>) {
    let (place, type_) = (path.child("type"), item.type_.as_str());
    causes.extend(qualified_name(type_).map(|why| Cause::invalid(place, type_, why)));
    match type_ {
        "Pod" => {
            for (field, amounts) in [("default", &item.default), ("defaultRequest", &item.default_request)] {
                if amounts.as_ref().is_some_and(|amounts| !amounts.is_empty()) {
                    let why = "may not be specified when `type` is 'Pod'";
                    causes.push(Cause::forbidden(path.child(field), why));
                }
            }
        }
        "PersistentVolumeClaim" => {
            let has =
                |amounts: &Amounts| amounts.as_ref().is_some_and(|amounts| amounts.contains_key(STORAGE));
            if !has(&item.min) && !has(&item.max) {
                let why = "either minimum or maximum storage value is required, but neither was provided";
                causes.push(Cause::required(path.child("limits"), why));
            }
        }
        "Container" => {}
        other if !other.contains('/') => {
            let why = "must be a standard limit type or fully qualified";
            causes.push(Cause::invalid(place, other, why));
        }
        _ => {}
    }
}

/// What is less must not be more than what is more.
fn check_item(path: Path<'_>, item: &LimitRangeItem, causes: &mut Vec<Cause>) {
    let fields = [
        ("min", "min", &item.min),
        ("defaultRequest", "default request", &item.default_request),
        ("default", "default", &item.default),
        ("max", "max", &item.max),
    ];
    for (field, _, amounts) in &fields {
        quantities(path.child(field), amounts, causes);
    }
    quantities(path.child("maxLimitRequestRatio"), &item.max_limit_request_ratio, causes);
    for (index, (field, lower_name, lower)) in fields.iter().enumerate() {
        for (_, upper_name, upper) in &fields[index + 1..] {
            for (name, amount) in lower.iter().flatten() {
                let Some(most) = parsed(upper, name) else { continue };
                if let Ok(least) = Quantity::try_from(amount)
                    && least > most
                {
                    let place = path.child(field);
                    let why =
                        format_args!("{lower_name} value {least} is greater than {upper_name} value {most}");
                    causes.push(Cause::invalid(place.key(name), least.to_string(), why));
                }
            }
        }
    }
    let place = path.child("maxLimitRequestRatio");
    for (name, _) in item.max_limit_request_ratio.iter().flatten() {
        let Some(ratio) = parsed(&item.max_limit_request_ratio, name) else { continue };
        if ratio < Quantity::units(1) {
            let why = format_args!("ratio {ratio} is less than 1");
            causes.push(Cause::invalid(place.key(name), ratio.to_string(), why));
        }
    }
}

fn parsed(amounts: &Amounts, name: &str) -> Option<Quantity> {
    amounts.as_ref()?.get(name).and_then(|amount| Quantity::try_from(amount).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::testing::{causes, defaulted, row};
    use serde_json::{Value, json};

    fn range(limits: Value) -> LimitRange {
        defaulted(json!({
            "metadata": {"name": "small", "creationTimestamp": "2026-01-01T11:59:00Z"}, "spec": {"limits": limits},
        }))
    }

    #[test]
    fn a_table_tells_when_it_was_made() {
        assert_eq!(row(&range(json!([])), false), ["small", "2026-01-01T11:59:00Z"]);
    }

    #[test]
    fn a_container_gets_by_default_what_is_allowed_at_most() {
        let range = range(json!([
            {"type": "Container", "max": {"cpu": "2000m"}, "min": {"memory": "1Mi"}},
            {"type": "Pod", "max": {"cpu": "4"}},
        ]));
        let limits = serde_json::to_value(range.spec.unwrap().limits).unwrap();
        assert_eq!(limits[0]["default"], json!({"cpu": "2"}));
        assert_eq!(limits[0]["defaultRequest"], json!({"cpu": "2", "memory": "1Mi"}));
        assert_eq!(limits[1], json!({"type": "Pod", "max": {"cpu": "4"}}));
    }

    #[test]
    fn limits_that_make_no_sense_are_refused_field_by_field() {
        for (limits, expected) in [
            (json!([{"type": "Container", "max": {"cpu": "1"}, "min": {"cpu": "100m"}}]), vec![]),
            (
                json!([{"type": "Pod", "max": {"cpu": "1"}, "min": {"cpu": "2"}}]),
                vec![
                    "spec.limits[0].min[cpu]: Invalid value: \"2\": min value 2 is greater than max value 1",
                ],
            ),
            (
                json!([{"type": "Container", "default": {"cpu": "1"}, "defaultRequest": {"cpu": "2"}}]),
                vec![
                    "spec.limits[0].defaultRequest[cpu]: Invalid value: \"2\": default request value 2 is greater than \
                     default value 1",
                ],
            ),
            (
                json!([{"type": "Pod", "default": {"cpu": "1"}}, {"type": "Pod"}]),
                vec![
                    "spec.limits[0].default: Forbidden: may not be specified when `type` is 'Pod'",
                    "spec.limits[1].type: Duplicate value: \"Pod\"",
                ],
            ),
            (
                json!([{"type": "PersistentVolumeClaim"}]),
                vec![
                    "spec.limits[0].limits: Required value: either minimum or maximum storage value is required, but \
                     neither was provided",
                ],
            ),
            (
                json!([{"type": "Chair"}]),
                vec![
                    "spec.limits[0].type: Invalid value: \"Chair\": must be a standard limit type or fully qualified",
                ],
            ),
            (
                json!([{"type": "Pod", "maxLimitRequestRatio": {"cpu": "500m"}}]),
                vec![
                    "spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: \"500m\": ratio 500m is less than 1",
                ],
            ),
        ] {
            assert_eq!(causes(&range(limits.clone())), expected, "{limits}");
        }
    }
}
