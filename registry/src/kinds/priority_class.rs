//! PriorityClass: how much more than others a pod matters.

use bireme_core::client::Part;
use bireme_core::error::Cause;
use k8s_openapi::api::scheduling::v1::PriorityClass;

use super::check::{Path, default_text, immutable, one_of, text};
use crate::resource::{Column, Strategy};
use bireme_core::object::versions::Given;

/// What begins like this belongs to the cluster.
const SYSTEM_PREFIX: &str = "system-";

/// The highest priority that is not the cluster's own.
const HIGHEST: i32 = 1_000_000_000;

/// The classes that every cluster has, with their values and what they are for.
pub(crate) const SYSTEM: [(&str, i32, &str); 2] = [
    (
        "system-node-critical",
        2_000_001_000,
        "Used for system critical pods that must not be moved from their current node.",
    ),
    (
        "system-cluster-critical",
        2_000_000_000,
        "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
    ),
];

/// The priority of a class.
pub(crate) fn value_of(class: &PriorityClass) -> i32 {
    let value: Option<&i32> = class.value.given();
    value.copied().unwrap_or(0)
}

impl Strategy for PriorityClass {
    const SINGULAR: &'static str = "priorityclass";
    const SHORT_NAMES: &'static [&'static str] = &["pc"];
    const HAS_GENERATION: bool = true;
    const COLUMNS: &'static [Column<Self>] = &[
        Column::NAME,
        Column::integer("Value", "The priority.", |class, _| value_of(class).into()),
        Column::text("Global-Default", "Whether pods without a class are of this one.", |class, _| {
            (class.global_default == Some(true)).to_string().into()
        }),
        Column::AGE,
        Column::text("PreemptionPolicy", "Whether pods may displace others.", |class, _| {
            text(&class.preemption_policy).into()
        }),
    ];

    fn default(&mut self) {
        default_text(&mut self.preemption_policy, "PreemptLowerPriority");
    }

    fn validate(&self, causes: &mut Vec<Cause>) {
        let (name, value) = (text(&self.metadata.name), value_of(self));
        if name.starts_with(SYSTEM_PREFIX) {
            if !SYSTEM.iter().any(|(known, priority, _)| *known == name && *priority == value) {
                let why = format!(
                    "priority class names with '{SYSTEM_PREFIX}' prefix are reserved for system use only. error: {}",
                    if SYSTEM.iter().any(|(known, ..)| *known == name) {
                        format!("value of {name} PriorityClass must be {}", system_value(name))
                    } else {
                        format!("{name} is not a known system priority class")
                    }
                );
                causes.push(Cause::forbidden("metadata.name", why));
            }
        } else if value > HIGHEST {
            let why = format_args!("maximum allowed value of a user defined priority is {HIGHEST}");
            causes.push(Cause::forbidden("value", why));
        }
        let policies = ["Never", "PreemptLowerPriority"];
        one_of(Path::root("preemptionPolicy"), text(&self.preemption_policy), &policies, causes);
    }

    /// Pods keep the priority that they were made with, so that a class must keep it, too.
    fn validate_update(&self, old: &Self, _part: Part, causes: &mut Vec<Cause>) {
        if value_of(self) != value_of(old) {
            causes.push(Cause::forbidden("value", "may not be changed in an update."));
        }
        immutable(Path::root("preemptionPolicy"), &self.preemption_policy, &old.preemption_policy, causes);
    }
}

fn system_value(name: &str) -> i32 {
    SYSTEM.iter().find(|(known, ..)| *known == name).map_or(0, |(_, value, _)| *value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::testing::{causes, causes_of_change, defaulted, row};
    use serde_json::json;

    fn class(name: &str, value: i32) -> PriorityClass {
        let metadata = json!({"name": name, "creationTimestamp": "2026-01-01T11:59:00Z"});
        defaulted(json!({"metadata": metadata, "value": value}))
    }

    #[test]
    fn a_table_tells_the_value() {
        let expected = ["high", "1000", "false", "60s", "PreemptLowerPriority"];
        assert_eq!(row(&class("high", 1000), false), expected);
    }

    #[test]
    fn the_highest_priorities_and_their_names_are_the_clusters_own() {
        for (name, value, _) in SYSTEM {
            assert_eq!(causes(&class(name, value)), Vec::<String>::new());
        }
        let reserved = "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use \
            only. error: ";
        for (name, value, expected) in [
            ("high", HIGHEST, vec![]),
            (
                "high",
                HIGHEST + 1,
                vec![
                    "value: Forbidden: maximum allowed value of a user defined priority is 1000000000"
                        .to_owned(),
                ],
            ),
            ("system-mine", 1, vec![format!("{reserved}system-mine is not a known system priority class")]),
            (
                "system-node-critical",
                1,
                vec![format!("{reserved}value of system-node-critical PriorityClass must be 2000001000")],
            ),
        ] {
            assert_eq!(causes(&class(name, value)), expected, "{name}");
        }
    }

    #[test]
    fn the_value_never_changes() {
        let mut other = class("high", 2);
        other.preemption_policy = Some("Never".to_owned());
        assert_eq!(
            causes_of_change(&other, &class("high", 1)),
            [
                "value: Forbidden: may not be changed in an update.",
                "preemptionPolicy: Invalid value: \"Never\": field is immutable",
            ]
        );
    }
}
