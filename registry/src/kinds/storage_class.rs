//! StorageClass: how volumes are made.

use std::collections::BTreeSet;

use bireme_core::client::Part;
use bireme_core::error::Cause;
use k8s_openapi::api::core::v1::TopologySelectorTerm;
use k8s_openapi::api::storage::v1::StorageClass;

use super::check::{
    Path, at_most, default_text, immutable, label_name, one_of, qualified_name, required, text,
};
use crate::resource::{Column, Field, STORED_ONLY, Schema, Strategy};

/// The annotations that make a class the one of claims without one, the older name first.
const DEFAULT: [&str; 2] =
    ["storageclass.beta.kubernetes.io/is-default-class", "storageclass.kubernetes.io/is-default-class"];
const MAX_PARAMETERS: usize = 512;
const MAX_PARAMETER_BYTES: usize = 256 << 10;

impl Strategy for StorageClass {
    const SINGULAR: &'static str = "storageclass";
    const SHORT_NAMES: &'static [&'static str] = &["sc"];
    const UNATTENDED: Option<&'static str> = STORED_ONLY;
    const SCHEMA: &'static Schema =
        &Schema::of(&[Field::atomic("allowedTopologies"), Field::atomic("mountOptions")]);
    const COLUMNS: &'static [Column<Self>] = &[
        Column { cell: |class, _| name(class).into(), ..Column::NAME },
        Column::text("Provisioner", "Who makes the volumes.", |class, _| class.provisioner.as_str().into()),
        Column::text("ReclaimPolicy", "What becomes of volumes without their claim.", |class, _| {
            text(&class.reclaim_policy).into()
        }),
        Column::text("VolumeBindingMode", "When volumes are made.", |class, _| {
            text(&class.volume_binding_mode).into()
        }),
        Column::text("AllowVolumeExpansion", "Whether volumes can grow.", |class, _| {
            (class.allow_volume_expansion == Some(true)).to_string().into()
        }),
        Column::AGE,
    ];

    fn default(&mut self) {
        default_text(&mut self.reclaim_policy, "Delete");
        default_text(&mut self.volume_binding_mode, "Immediate");
    }

    fn validate(&self, causes: &mut Vec<Cause>) {
        let path = Path::root("provisioner");
        required(path, &self.provisioner, causes);
        if !self.provisioner.is_empty() {
            let wrong = qualified_name(&self.provisioner.to_lowercase());
            causes.extend(wrong.map(|why| Cause::invalid(path, &self.provisioner, why)));
        }
        check_parameters(self, causes);
        let policies = ["Delete", "Retain"];
        one_of(Path::root("reclaimPolicy"), text(&self.reclaim_policy), &policies, causes);
        let modes = ["Immediate", "WaitForFirstConsumer"];
        one_of(Path::root("volumeBindingMode"), text(&self.volume_binding_mode), &modes, causes);
        let list = Path::root("allowedTopologies");
        for (index, term) in self.allowed_topologies.iter().flatten().enumerate() {
            check_topology(list.index(index).child("matchLabelExpressions"), term, causes);
        }
    }

    /// Volumes that were made say nothing of how; the class must go on saying it.
    fn validate_update(&self, old: &Self, _part: Part, causes: &mut Vec<Cause>) {
        for (field, is_same) in [
            ("parameters", self.parameters == old.parameters),
            ("provisioner", self.provisioner == old.provisioner),
            ("reclaimPolicy", self.reclaim_policy == old.reclaim_policy),
        ] {
            if !is_same {
                causes.push(Cause::forbidden(field, format_args!("updates to {field} are forbidden.")));
            }
        }
        let (new, old) = (&self.volume_binding_mode, &old.volume_binding_mode);
        immutable(Path::root("volumeBindingMode"), new, old, causes);
    }
}

fn check_parameters(class: &StorageClass, causes: &mut Vec<Cause>) {
    let (path, mut bytes) = (Path::root("parameters"), 0);
    for (key, value) in class.parameters.iter().flatten() {
        bytes += key.len() + value.len();
        if key.is_empty() {
            causes.push(Cause::invalid(path, key, "field can not be empty."));
        }
    }
    at_most(path, class.parameters.as_ref().map_or(0, |all| all.len()), MAX_PARAMETERS, causes);
    if bytes > MAX_PARAMETER_BYTES {
        causes.push(Cause::too_long(path, MAX_PARAMETER_BYTES));
    }
}

fn name(class: &StorageClass) -> String {
    let annotations = class.metadata.annotations.as_ref();
    let is = |key: &&str| annotations.and_then(|all| all.get(*key)).is_some_and(|value| value == "true");
    let mark = if DEFAULT.iter().any(is) { " (default)" } else { "" };
    format!("{}{mark}", text(&class.metadata.name))
}

fn check_topology(path: Path<'_>, term: &TopologySelectorTerm, causes: &mut Vec<Cause>) {
    let mut keys = BTreeSet::new();
    for (index, expression) in term.match_label_expressions.iter().flatten().enumerate() {
        let path = path.index(index);
        let key = expression.key.as_str();
        causes.extend(label_name(key).map(|why| Cause::invalid(path.child("key"), key, why)));
        if !keys.insert(key) {
            causes.push(Cause::duplicate(path.child("key"), key));
        }
        let (list, mut values) = (path.child("values"), BTreeSet::new());
        if expression.values.is_empty() {
            causes.push(Cause::required(list, ""));
        }
        for (index, value) in expression.values.iter().enumerate() {
            if !values.insert(value) {
                causes.push(Cause::duplicate(list.index(index), value));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::testing::{causes, causes_of_change, defaulted, row};
    use crate::kinds::workload::testing::replaced;
    use serde_json::{Value, json};

    fn class(path: &str, value: Value) -> StorageClass {
        let class = json!({
            "metadata": {"name": "fast", "creationTimestamp": "2026-01-01T11:59:00Z"},
            "provisioner": "example.com/disk",
        });
        defaulted(replaced(class, path, value))
    }

    #[test]
    fn a_table_marks_the_default_class() {
        let plain = ["fast", "example.com/disk", "Delete", "Immediate", "false", "60s"];
        assert_eq!(row(&class("/x", json!(null)), false), plain);
        let default =
            class("/metadata/annotations", json!({"storageclass.kubernetes.io/is-default-class": "true"}));
        assert_eq!(row(&default, false)[0], "fast (default)");
    }

    #[test]
    fn classes_that_make_no_sense_are_refused_field_by_field() {
        for (path, value, expected) in [
            ("/allowVolumeExpansion", json!(true), vec![]),
            ("/provisioner", json!(""), vec!["provisioner: Required value"]),
            (
                "/parameters",
                json!({"": "x"}),
                vec!["parameters: Invalid value: \"\": field can not be empty."],
            ),
            (
                "/reclaimPolicy",
                json!("Recycle"),
                vec![
                    "reclaimPolicy: Unsupported value: \"Recycle\": supported values: \"Delete\", \"Retain\"",
                ],
            ),
            (
                "/volumeBindingMode",
                json!("Later"),
                vec![
                    "volumeBindingMode: Unsupported value: \"Later\": supported values: \"Immediate\", \
                     \"WaitForFirstConsumer\"",
                ],
            ),
            (
                "/allowedTopologies",
                json!([{"matchLabelExpressions": [{"key": "zone", "values": []}]}]),
                vec!["allowedTopologies[0].matchLabelExpressions[0].values: Required value"],
            ),
        ] {
            assert_eq!(causes(&class(path, value)), expected, "{path}");
        }
    }

    #[test]
    fn how_volumes_are_made_never_changes() {
        let old = class("/x", json!(null));
        assert_eq!(
            causes_of_change(&class("/provisioner", json!("other.com/disk")), &old),
            ["provisioner: Forbidden: updates to provisioner are forbidden."]
        );
        assert_eq!(
            causes_of_change(&class("/volumeBindingMode", json!("WaitForFirstConsumer")), &old),
            ["volumeBindingMode: Invalid value: \"WaitForFirstConsumer\": field is immutable"]
        );
        assert_eq!(
            causes_of_change(&class("/allowVolumeExpansion", json!(true)), &old),
            Vec::<String>::new()
        );
    }
}
