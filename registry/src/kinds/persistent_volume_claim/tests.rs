use super::*;
use crate::kinds::testing::{causes, causes_of_change, defaulted, from_json, row};
use crate::kinds::workload::testing::replaced;
use serde_json::{Value, json};

fn claim(path: &str, value: Value) -> PersistentVolumeClaim {
    let claim = json!({
        "metadata": {"name": "db", "creationTimestamp": "2026-01-01T11:59:00Z"},
        "spec": {
            "accessModes": ["ReadWriteOnce"], "storageClassName": "fast",
            "resources": {"requests": {"storage": "2048Mi"}},
        },
    });
    defaulted(replaced(claim, path, value))
}

/// The same claim with a volume of two gibibytes.
fn bound_claim(path: &str, value: Value) -> PersistentVolumeClaim {
    let mut claim = claim(path, value);
    claim.spec.as_mut().unwrap().volume_name = Some("disk".to_owned());
    let status = json!({"phase": "Bound", "capacity": {"storage": "2Gi"}, "accessModes": ["ReadWriteOnce"]});
    claim.status = from_json::<PersistentVolumeClaim>(json!({"metadata": {}, "status": status})).status;
    claim
}

#[test]
fn everything_left_out_has_a_default() {
    let value = serde_json::to_value(claim("/x", json!(null))).unwrap();
    assert_eq!(value["spec"]["volumeMode"], "Filesystem");
    assert_eq!(value["spec"]["resources"]["requests"]["storage"], "2Gi");
    assert_eq!(value["status"]["phase"], "Pending");
    let source = json!({"kind": "PersistentVolumeClaim", "name": "a"});
    let value = serde_json::to_value(claim("/spec/dataSource", source.clone())).unwrap();
    assert_eq!(value["spec"]["dataSourceRef"], source);
}

#[test]
fn a_table_tells_the_volume_once_there_is_one() {
    let pending = ["db", "Pending", "", "", "", "fast", "<unset>", "60s", "Filesystem"];
    assert_eq!(row(&claim("/x", json!(null)), true), pending);
    let bound = ["db", "Bound", "disk", "2Gi", "RWO", "fast", "<unset>", "60s"];
    assert_eq!(row(&bound_claim("/x", json!(null)), false), bound);
}

#[test]
fn specs_that_make_no_sense_are_refused_field_by_field() {
    for (path, value, expected) in [
        ("/spec/storageClassName", json!(""), vec![]),
        (
            "/spec/accessModes",
            json!([]),
            vec!["spec.accessModes: Required value: at least 1 access mode is required"],
        ),
        (
            "/spec/accessModes",
            json!(["Append"]),
            vec![
                "spec.accessModes: Unsupported value: \"Append\": supported values: \"ReadOnlyMany\", \
                 \"ReadWriteMany\", \"ReadWriteOnce\", \"ReadWriteOncePod\"",
            ],
        ),
        ("/spec/resources", json!({}), vec!["spec.resources[storage]: Required value"]),
        (
            "/spec/resources/requests/storage",
            json!("-1"),
            vec!["spec.resources[storage]: Invalid value: \"-1\": must be greater than zero"],
        ),
        (
            "/spec/dataSource",
            json!({"kind": "VolumeSnapshot", "name": ""}),
            vec![
                "spec.dataSource.name: Required value",
                "spec.dataSource: Invalid value: \"VolumeSnapshot\": must be 'PersistentVolumeClaim' when referencing \
                 the default apiGroup",
                "spec.dataSourceRef.name: Required value",
                "spec.dataSourceRef: Invalid value: \"VolumeSnapshot\": must be 'PersistentVolumeClaim' when \
                 referencing the default apiGroup",
            ],
        ),
    ] {
        assert_eq!(causes(&claim(path, value)), expected, "{path}");
    }
}

#[test]
fn what_is_claimed_never_changes() {
    let old = claim("/x", json!(null));
    for (path, value) in [
        ("/spec/accessModes", json!(["ReadWriteMany"])),
        ("/spec/resources/requests/storage", json!("3Gi")),
        ("/spec/storageClassName", json!("slow")),
    ] {
        let causes = causes_of_change(&claim(path, value), &old);
        assert!(
            causes.len() == 1 && causes[0].starts_with("spec: Forbidden: spec is immutable"),
            "{causes:?}"
        );
    }
    assert_eq!(causes_of_change(&claim("/spec/volumeName", json!("disk")), &old), Vec::<String>::new());
}

#[test]
fn a_claim_that_has_its_volume_grows_and_does_not_shrink() {
    let place = "/spec/resources/requests/storage";
    let old = bound_claim(place, json!("4Gi"));
    assert_eq!(causes_of_change(&bound_claim(place, json!("5Gi")), &old), Vec::<String>::new());
    // What was asked for in vain can be taken back.
    assert_eq!(causes_of_change(&bound_claim(place, json!("3Gi")), &old), Vec::<String>::new());
    assert_eq!(
        causes_of_change(&bound_claim(place, json!("1Gi")), &old),
        ["spec.resources.requests.storage: Forbidden: field can not be less than status.capacity"]
    );
}
