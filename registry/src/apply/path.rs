//! The paths of fields as Kubernetes prints them: `.spec.containers[name="web"].image`.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::managed_fields::{FieldSet, Place};

/// The paths of all fields in a set: of siblings first those that are in it themselves.
pub(super) fn paths(set: &FieldSet) -> Vec<String> {
    let mut found = Vec::new();
    collect(set.root(), "", &mut found);
    found
}

fn collect(place: Place<'_>, prefix: &str, found: &mut Vec<String>) {
    let path = |name: &str| prefix.to_owned() + &element(name);
    found.extend(place.below().filter(|(_, below)| below.is_member()).map(|(name, _)| path(name)));
    for (name, below) in place.below() {
        collect(below, &path(name), found);
    }
}

/// One step of a path, from its name in a set.
pub(super) fn element(name: &str) -> String {
    match name.split_at_checked(2) {
        Some(("f:", field)) => format!(".{field}"),
        Some(("v:", value)) => format!("[={value}]"),
        Some(("k:", keys)) => {
            let keys: BTreeMap<String, Value> = serde_json::from_str(keys).unwrap_or_default();
            let keys: Vec<String> = keys.iter().map(|(key, value)| format!("{key}={value}")).collect();
            format!("[{}]", keys.join(","))
        }
        Some(("i:", index)) => format!("[{index}]"),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_are_printed_as_kubernetes_prints_them() {
        let ports =
            json!({".": {}, "k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:name": {}}});
        let set = FieldSet::from_value(json!({
            "f:metadata": {"f:labels": {"f:example.com/a": {}}, "f:finalizers": {"v:\"b\"": {}}},
            "f:spec": {
                "f:replicas": {},
                "f:containers": {"k:{\"name\":\"web\"}": {"f:image": {}, "f:ports": ports}},
                "f:args": {"i:0": {}},
            },
        }));
        let expected = [
            ".metadata.finalizers[=\"b\"]",
            ".metadata.labels.example.com/a",
            ".spec.replicas",
            ".spec.args[0]",
            ".spec.containers[name=\"web\"].image",
            ".spec.containers[name=\"web\"].ports",
            ".spec.containers[name=\"web\"].ports[containerPort=80,protocol=\"TCP\"]",
            ".spec.containers[name=\"web\"].ports[containerPort=80,protocol=\"TCP\"].name",
        ];
        assert_eq!(paths(&set), expected);
    }
}
