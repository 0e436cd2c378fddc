use super::*;
use crate::kinds::testing::{causes, causes_of_change, defaulted, row};
use crate::kinds::workload::testing::replaced;
use serde_json::{Value, json};

fn volume(path: &str, value: Value) -> PersistentVolume {
    let volume = json!({
        "metadata": {"name": "disk", "creationTimestamp": "2026-01-01T11:59:00Z"},
        "spec": {
            "capacity": {"storage": "1024Mi"}, "accessModes": ["ReadOnlyMany", "ReadWriteOnce"],
            "hostPath": {"path": "/data"},
        },
    });
    defaulted(replaced(volume, path, value))
}

#[test]
fn a_volume_is_kept_and_has_files_unless_told_otherwise() {
    let volume = volume("/x", json!(null));
    let spec = volume.spec.unwrap();
    assert_eq!(spec.persistent_volume_reclaim_policy.as_deref(), Some("Retain"));
    assert_eq!(spec.volume_mode.as_deref(), Some("Filesystem"));
    assert_eq!(volume.status.unwrap().phase.as_deref(), Some("Pending"));
}

#[test]
fn a_table_tells_what_the_volume_is_and_who_has_it() {
    let claimed = volume("/spec/claimRef", json!({"namespace": "shop", "name": "db"}));
    let expected =
        ["disk", "1Gi", "RWO,ROX", "Retain", "Pending", "shop/db", "", "<unset>", "", "60s", "Filesystem"];
    assert_eq!(row(&claimed, true), expected);
}

#[test]
fn specs_that_make_no_sense_are_refused_field_by_field() {
    for (path, value, expected) in [
        ("/spec/storageClassName", json!(""), vec![]),
        ("/spec/accessModes", json!([]), vec!["spec.accessModes: Required value"]),
        (
            "/spec/accessModes",
            json!(["ReadWriteOncePod", "ReadOnlyMany"]),
            vec!["spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes"],
        ),
        ("/spec/capacity", json!({}), vec!["spec.capacity: Required value"]),
        (
            "/spec/capacity",
            json!({"storage": "0"}),
            vec!["spec.capacity[storage]: Invalid value: \"0\": must be greater than zero"],
        ),
        (
            "/spec/persistentVolumeReclaimPolicy",
            json!("Burn"),
            vec![
                "spec.persistentVolumeReclaimPolicy: Unsupported value: \"Burn\": supported values: \"Delete\", \
                 \"Recycle\", \"Retain\"",
            ],
        ),
        ("/spec/hostPath", json!(null), vec!["spec: Required value: must specify a volume type"]),
        (
            "/spec/nfs",
            json!({"server": "a", "path": "x"}),
            vec![
                "spec.nfs: Forbidden: may not specify more than 1 volume type",
                "spec.nfs.path: Invalid value: \"x\": must be an absolute path",
            ],
        ),
        (
            "/spec/volumeMode",
            json!("Tape"),
            vec!["spec.volumeMode: Unsupported value: \"Tape\": supported values: \"Block\", \"Filesystem\""],
        ),
        (
            "/spec/nodeAffinity",
            json!({"required": {"nodeSelectorTerms": []}}),
            vec![
                "spec.nodeAffinity.required.nodeSelectorTerms: Required value: must have at least one node selector \
                 term",
            ],
        ),
    ] {
        assert_eq!(causes(&volume(path, value)), expected, "{path}");
    }
}

#[test]
fn a_local_volume_is_on_a_node() {
    let mut local = volume("/spec/hostPath", json!(null));
    local.spec.as_mut().unwrap().local = serde_json::from_value(json!({"path": "/mnt"})).unwrap();
    assert_eq!(causes(&local), ["spec.nodeAffinity: Required value: Local volume requires node affinity"]);
}

#[test]
fn where_a_volume_comes_from_never_changes() {
    let old = volume("/x", json!(null));
    assert_eq!(
        causes_of_change(&volume("/spec/hostPath", json!({"path": "/other"})), &old),
        ["spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation"]
    );
    assert_eq!(
        causes_of_change(&volume("/spec/volumeMode", json!("Block")), &old),
        ["spec.volumeMode: Invalid value: \"Block\": field is immutable"]
    );
    assert_eq!(
        causes_of_change(&volume("/spec/persistentVolumeReclaimPolicy", json!("Delete")), &old),
        Vec::<String>::new()
    );
}
