//! RuntimeClass: by what kind of runtime pods are run.

use bireme_core::client::Part;
use bireme_core::error::Cause;
use k8s_openapi::api::node::v1::RuntimeClass;

use super::check::{Path, canonical, dns_label, immutable, labels, quantities};
use super::pod_spec;
use crate::resource::{Column, Field, STORED_ONLY, Schema, Strategy};

const SCHEDULING: Schema = Schema::of(&[Field::atomic("nodeSelector"), Field::atomic("tolerations")]);

impl Strategy for RuntimeClass {
    const SINGULAR: &'static str = "runtimeclass";
    const UNATTENDED: Option<&'static str> = STORED_ONLY;
    const SCHEMA: &'static Schema = &Schema::of(&[Field::object("scheduling", &SCHEDULING)]);
    const COLUMNS: &'static [Column<Self>] = &[
        Column::NAME,
        Column::text("Handler", "The name that nodes know the runtime by.", |class, _| {
            class.handler.as_str().into()
        }),
        Column::AGE,
    ];

    fn default(&mut self) {
        if let Some(overhead) = &mut self.overhead {
            canonical(&mut overhead.pod_fixed);
        }
    }

    fn validate(&self, causes: &mut Vec<Cause>) {
        let (path, handler) = (Path::root("handler"), self.handler.as_str());
        causes.extend(dns_label(handler).map(|why| Cause::invalid(path, handler, why)));
        if let Some(overhead) = &self.overhead {
            quantities(Path::root("overhead.podFixed"), &overhead.pod_fixed, causes);
        }
        if let Some(scheduling) = &self.scheduling {
            labels(Path::root("scheduling.nodeSelector"), &scheduling.node_selector, causes);
            let tolerations = scheduling.tolerations.as_deref().unwrap_or_default();
            pod_spec::validate_tolerations(Path::root("scheduling.tolerations"), tolerations, causes);
        }
    }

    fn validate_update(&self, old: &Self, _part: Part, causes: &mut Vec<Cause>) {
        immutable(Path::root("handler"), &self.handler, &old.handler, causes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::testing::{causes, causes_of_change, defaulted, row};
    use crate::kinds::workload::testing::replaced;
    use serde_json::{Value, json};

    fn class(path: &str, value: Value) -> RuntimeClass {
        let metadata = json!({"name": "safe", "creationTimestamp": "2026-01-01T11:59:00Z"});
        defaulted(replaced(json!({"metadata": metadata, "handler": "gvisor"}), path, value))
    }

    #[test]
    fn a_table_tells_the_handler() {
        assert_eq!(row(&class("/x", json!(null)), false), ["safe", "gvisor", "60s"]);
    }

    #[test]
    fn classes_that_make_no_sense_are_refused_field_by_field() {
        for (path, value, fields) in [
            ("/overhead", json!({"podFixed": {"cpu": "100m"}}), vec![]),
            ("/handler", json!(""), vec!["handler"]),
            ("/handler", json!("a.b"), vec!["handler"]),
            ("/overhead", json!({"podFixed": {"cpu": "-1"}}), vec!["overhead.podFixed[cpu]"]),
            ("/scheduling", json!({"nodeSelector": {"a b": ""}}), vec!["scheduling.nodeSelector"]),
            (
                "/scheduling",
                json!({"tolerations": [{"key": "a", "effect": "Never"}]}),
                vec!["scheduling.tolerations[0].effect"],
            ),
        ] {
            let causes = causes(&class(path, value));
            let found: Vec<_> = causes.iter().map(|cause| cause.split(": ").next().unwrap()).collect();
            assert_eq!(found, fields, "{path}");
        }
    }

    #[test]
    fn the_handler_never_changes() {
        let causes = causes_of_change(&class("/handler", json!("kata")), &class("/x", json!(null)));
        assert_eq!(causes, ["handler: Invalid value: \"kata\": field is immutable"]);
    }
}
