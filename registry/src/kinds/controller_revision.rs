//! ControllerRevision: what a set was at some time.

use bireme_core::client::Part;
use bireme_core::error::Cause;
use k8s_openapi::api::apps::v1::ControllerRevision;
use k8s_openapi::apimachinery::pkg::runtime::RawExtension;

use super::check::{Path, immutable, non_negative};
use crate::resource::{Column, Strategy};
use bireme_core::object::versions::Given;

/// The number in the row of revisions.
fn number(revision: &ControllerRevision) -> i64 {
    let number: Option<&i64> = revision.revision.given();
    number.copied().unwrap_or(0)
}

fn data(revision: &ControllerRevision) -> Option<&RawExtension> {
    revision.data.given()
}

impl Strategy for ControllerRevision {
    const SINGULAR: &'static str = "controllerrevision";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::NAME,
        Column::text("Controller", "Whose state it was.", |revision, _| controller(revision).into()),
        Column::integer("Revision", "Where it stands among the others.", |revision, _| {
            number(revision).into()
        }),
        Column::AGE,
    ];

    fn validate(&self, causes: &mut Vec<Cause>) {
        if data(self).is_none_or(|data| data.0.is_null()) {
            causes.push(Cause::required("data", "data is mandatory"));
        }
        non_negative(Path::root("revision"), number(self), causes);
    }

    fn validate_update(&self, old: &Self, _part: Part, causes: &mut Vec<Cause>) {
        immutable(Path::root("data"), &data(self), &data(old), causes);
    }
}

/// The controller as commands name it: `daemonset.apps/log`.
fn controller(revision: &ControllerRevision) -> String {
    let owners = revision.metadata.owner_references.iter().flatten();
    let owner = owners.into_iter().find(|owner| owner.controller == Some(true));
    owner.map_or_else(
        || "<none>".to_owned(),
        |owner| {
            let group = owner.api_version.split_once('/').map(|(group, _)| format!(".{group}"));
            format!("{}{}/{}", owner.kind.to_lowercase(), group.unwrap_or_default(), owner.name)
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::testing::{causes, causes_of_change, from_json, row};
    use serde_json::{Value, json};

    fn revision(number: i64, data: Value) -> ControllerRevision {
        let owner = json!({"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "log", "uid": "u", "controller": true});
        from_json(json!({
            "metadata": {"name": "log-1", "creationTimestamp": "2026-01-01T11:59:00Z", "ownerReferences": [owner]},
            "revision": number, "data": data,
        }))
    }

    #[test]
    fn a_table_tells_whose_it_is() {
        assert_eq!(row(&revision(3, json!({})), false), ["log-1", "daemonset.apps/log", "3", "60s"]);
    }

    #[test]
    fn a_revision_has_data_and_a_number() {
        assert_eq!(causes(&revision(0, json!({"a": 1}))), Vec::<String>::new());
        assert_eq!(
            causes(&revision(-1, json!(null))),
            [
                "data: Required value: data is mandatory",
                "revision: Invalid value: -1: must be greater than or equal to 0",
            ]
        );
    }

    #[test]
    fn the_past_never_changes() {
        let (old, new) = (revision(1, json!({"a": 1})), revision(2, json!({"a": 2})));
        assert_eq!(causes_of_change(&new, &old), ["data: Invalid value: {\"a\":2}: field is immutable"]);
        assert_eq!(causes_of_change(&revision(2, json!({"a": 1})), &old), Vec::<String>::new());
    }
}
