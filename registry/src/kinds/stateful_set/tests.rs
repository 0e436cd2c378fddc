use super::*;
use crate::kinds::testing::{causes, causes_of_change, defaulted, row};
use crate::kinds::workload::testing::{TEMPLATE, replaced};
use serde_json::{Value, json};

fn set(path: &str, value: Value) -> StatefulSet {
    let set = json!({
        "metadata": {"name": "db", "creationTimestamp": "2026-01-01T11:59:00Z"},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "serviceName": "db",
            "template": serde_json::from_str::<Value>(TEMPLATE).unwrap(),
            "volumeClaimTemplates": [{
                "metadata": {"name": "data"},
                "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
            }],
        },
    });
    defaulted(replaced(set, path, value))
}

#[test]
fn everything_left_out_has_a_default() {
    let spec = serde_json::to_value(set("/x", json!(null)).spec).unwrap();
    assert_eq!(spec["replicas"], 1);
    assert_eq!(spec["revisionHistoryLimit"], 10);
    assert_eq!(spec["podManagementPolicy"], "OrderedReady");
    assert_eq!(spec["updateStrategy"], json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}));
    let retain = json!({"whenDeleted": "Retain", "whenScaled": "Retain"});
    assert_eq!(spec["persistentVolumeClaimRetentionPolicy"], retain);
    assert_eq!(spec["volumeClaimTemplates"][0]["spec"]["volumeMode"], "Filesystem");
    assert_eq!(spec["volumeClaimTemplates"][0]["status"]["phase"], "Pending");
    assert_eq!(spec["template"]["spec"]["dnsPolicy"], "ClusterFirst");
    let by_hand =
        serde_json::to_value(set("/spec/updateStrategy", json!({"type": "OnDelete"})).spec).unwrap();
    assert_eq!(by_hand["updateStrategy"], json!({"type": "OnDelete"}));
}

#[test]
fn a_table_counts_ready_pods() {
    let mut set = set("/spec/replicas", json!(3));
    set.status.as_mut().unwrap().ready_replicas = Some(2);
    assert_eq!(row(&set, true), ["db", "2/3", "60s", "a,b", "img:1,img:2"]);
}

#[test]
fn specs_that_make_no_sense_are_refused_field_by_field() {
    for (path, value, expected) in [
        ("/spec/replicas", json!(0), vec![]),
        (
            "/spec/replicas",
            json!(-1),
            vec!["spec.replicas: Invalid value: -1: must be greater than or equal to 0"],
        ),
        (
            "/spec/podManagementPolicy",
            json!("Any"),
            vec!["spec.podManagementPolicy: Invalid value: \"Any\": must be 'OrderedReady' or 'Parallel'"],
        ),
        (
            "/spec/updateStrategy",
            json!({"type": "OnDelete", "rollingUpdate": {"partition": 1}}),
            vec![
                "spec.updateStrategy.rollingUpdate: Invalid value: {\"partition\":1}: only allowed for updateStrategy \
                 'RollingUpdate'",
            ],
        ),
        (
            "/spec/updateStrategy",
            json!({"rollingUpdate": {"partition": -1, "maxUnavailable": 0}}),
            vec![
                "spec.updateStrategy.rollingUpdate.partition: Invalid value: -1: must be greater than or equal to 0",
                "spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: 0: cannot be 0",
            ],
        ),
        (
            "/spec/updateStrategy",
            json!({"type": "Never"}),
            vec![
                "spec.updateStrategy: Invalid value: {\"type\":\"Never\"}: must be 'RollingUpdate' or 'OnDelete'",
            ],
        ),
        (
            "/spec/persistentVolumeClaimRetentionPolicy",
            json!({"whenDeleted": "Keep"}),
            vec![
                "spec.persistentVolumeClaimRetentionPolicy.whenDeleted: Unsupported value: \"Keep\": supported \
                 values: \"Delete\", \"Retain\"",
            ],
        ),
        (
            "/spec/ordinals",
            json!({"start": -2}),
            vec!["spec.ordinals.start: Invalid value: -2: must be greater than or equal to 0"],
        ),
        (
            "/spec/selector",
            json!({}),
            vec!["spec.selector: Invalid value: {}: empty selector is invalid for statefulset"],
        ),
        (
            "/spec/template/metadata/labels",
            json!({"app": "x"}),
            vec![
                "spec.template.metadata.labels: Invalid value: {\"app\":\"x\"}: `selector` does not match template \
                 `labels`",
            ],
        ),
        (
            "/spec/template/spec/restartPolicy",
            json!("Never"),
            vec![
                "spec.template.spec.restartPolicy: Unsupported value: \"Never\": supported values: \"Always\"",
            ],
        ),
    ] {
        assert_eq!(causes(&set(path, value)), expected, "{path}");
    }
}

#[test]
fn containers_mount_what_is_claimed_and_nothing_else() {
    let mounts = |name: &str| json!([{"name": name, "mountPath": "/data"}]);
    let place = "/spec/template/spec/containers/0/volumeMounts";
    assert_eq!(causes(&set(place, mounts("data"))), Vec::<String>::new());
    let unknown = causes(&set(place, mounts("other")));
    assert_eq!(unknown, ["spec.template.spec.containers[0].volumeMounts[0].name: Not found: \"other\""]);
}

#[test]
fn the_identity_of_its_pods_never_changes() {
    let old = set("/x", json!(null));
    for (path, value) in [
        ("/spec/replicas", json!(5)),
        ("/spec/minReadySeconds", json!(5)),
        ("/spec/updateStrategy", json!({"type": "OnDelete"})),
        ("/spec/template/spec/containers/0/image", json!("img:9")),
        ("/spec/persistentVolumeClaimRetentionPolicy", json!({"whenDeleted": "Delete"})),
    ] {
        assert_eq!(causes_of_change(&set(path, value), &old), Vec::<String>::new(), "{path}");
    }
    for (path, value) in [
        ("/spec/serviceName", json!("other")),
        ("/spec/selector/matchLabels", json!({"app": "x"})),
        ("/spec/podManagementPolicy", json!("Parallel")),
        ("/spec/volumeClaimTemplates", json!([])),
    ] {
        let causes = causes_of_change(&set(path, value), &old);
        assert!(causes.len() == 1 && causes[0].starts_with("spec: Forbidden: updates"), "{path}: {causes:?}");
    }
}

#[test]
fn a_history_without_end_is_warned_of() {
    assert_eq!(set("/spec/revisionHistoryLimit", json!(-1)).warnings(None).len(), 1);
    assert_eq!(set("/x", json!(null)).warnings(None), Vec::<String>::new());
}
