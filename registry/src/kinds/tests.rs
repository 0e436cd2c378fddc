//! Rules that hold for every kind.

use std::collections::BTreeSet;

use bireme_core::client::Part;
use bireme_core::error::Cause;
use bireme_core::object::Object;
use serde_json::{Value, json};

use super::*;
use crate::resource::{Draft, Subresource};

/// The least that an object of each kind can be.
fn minimal(kind: &str) -> Value {
    let template =
        || json!({"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    let once = || json!({"spec": {"containers": [{"name": "c", "image": "i"}], "restartPolicy": "Never"}});
    let involved = json!({"namespace": "default"});
    let mut object = match kind {
        "DaemonSet" | "Deployment" | "ReplicaSet" | "StatefulSet" => {
            json!({"spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template()}})
        }
        "ReplicationController" => json!({"spec": {"template": template()}}),
        "Pod" => json!({"spec": {"containers": [{"name": "c", "image": "i"}]}}),
        "PodTemplate" => json!({"template": template()}),
        "Job" => json!({"spec": {"template": once()}}),
        "CronJob" => {
            json!({"spec": {"schedule": "@daily", "jobTemplate": {"spec": {"template": once()}}}})
        }
        "Service" => json!({"spec": {"ports": [{"port": 80}]}}),
        "EndpointSlice" => json!({"addressType": "IPv4", "endpoints": []}),
        "Event" => json!({"involvedObject": involved.clone(), "regarding": involved}),
        "ControllerRevision" => json!({"revision": 1, "data": {}}),
        "HorizontalPodAutoscaler" => {
            json!({"spec": {"maxReplicas": 1, "scaleTargetRef": {"kind": "Deployment", "name": "x"}}})
        }
        "Ingress" => {
            json!({"spec": {"defaultBackend": {"service": {"name": "x", "port": {"number": 80}}}}})
        }
        "IngressClass" => json!({"spec": {"controller": "example.com/x"}}),
        "NetworkPolicy" => json!({"spec": {"podSelector": {}}}),
        "PersistentVolume" => json!({"spec": {
            "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "hostPath": {"path": "/x"},
        }}),
        "PersistentVolumeClaim" => json!({"spec": {
            "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}},
        }}),
        "PriorityClass" => json!({"value": 1}),
        "RoleBinding" | "ClusterRoleBinding" => {
            json!({"roleRef": {"apiGroup": "", "kind": "ClusterRole", "name": "x"}})
        }
        "RuntimeClass" => json!({"handler": "x"}),
        "StorageClass" => json!({"provisioner": "x"}),
        _ => json!({}),
    };
    object["metadata"] = json!({"name": "x", "namespace": "default", "uid": "u"});
    object
}

fn drafts() -> Vec<(Arc<dyn DynStrategy>, Draft)> {
    let draft = |strategy: Arc<dyn DynStrategy>| {
        let kind = strategy.kind();
        let mut object = minimal(kind.name());
        object["apiVersion"] = kind.api_version().into();
        object["kind"] = kind.name().into();
        let draft = strategy.decode(object.to_string().as_bytes(), None).unwrap();
        (strategy, draft)
    };
    built_in().into_iter().map(draft).collect()
}

#[test]
fn every_kinds_minimal_object_is_valid_once_defaulted() {
    for (strategy, mut draft) in drafts() {
        strategy.prepare_create(&mut draft);
        strategy.default(&mut draft);
        let mut causes = Vec::new();
        strategy.validate(&draft, &mut causes);
        assert!(
            causes.is_empty(),
            "{}: {:?}",
            strategy.kind(),
            causes.iter().map(Cause::to_string).collect::<Vec<_>>()
        );
    }
}

#[test]
fn defaulting_twice_is_defaulting_once() {
    for (strategy, mut draft) in drafts() {
        strategy.default(&mut draft);
        let once = draft.value().unwrap();
        strategy.default(&mut draft);
        assert_eq!(draft.value().unwrap(), once, "{}", strategy.kind());
    }
}

#[test]
fn a_write_of_the_main_part_keeps_the_status_and_one_of_the_status_keeps_the_rest() {
    for (strategy, mut draft) in drafts() {
        strategy.default(&mut draft);
        let mut value = draft.value().unwrap();
        if !strategy.subresources().contains(&Subresource::Status) {
            continue;
        }
        value["status"] = match strategy.kind().name() {
            "Deployment" | "ReplicaSet" | "ReplicationController" | "StatefulSet" => json!({"replicas": 7}),
            "DaemonSet" => {
                let names =
                    ["currentNumberScheduled", "desiredNumberScheduled", "numberMisscheduled", "numberReady"];
                names.into_iter().map(|name| (name.to_owned(), json!(7))).collect()
            }
            "HorizontalPodAutoscaler" => json!({"currentReplicas": 7, "desiredReplicas": 7}),
            "PodDisruptionBudget" => {
                let names = ["currentHealthy", "desiredHealthy", "disruptionsAllowed", "expectedPods"];
                names.into_iter().map(|name| (name.to_owned(), json!(7))).collect()
            }
            _ => json!({"conditions": []}),
        };
        let with_status = strategy.decode(value.to_string().as_bytes(), None).unwrap();
        let mut main = draft.clone();
        strategy.prepare_update(&mut main, &with_status, Part::Main);
        assert_eq!(
            main.value().unwrap()["status"],
            with_status.value().unwrap()["status"],
            "{}",
            strategy.kind()
        );
        let mut status = with_status.clone();
        strategy.prepare_update(&mut status, &draft, Part::Status);
        let (status, before) = (status.value().unwrap(), draft.value().unwrap());
        assert_eq!(
            (&status["spec"], &status["status"]),
            (&before["spec"], &with_status.value().unwrap()["status"])
        );
    }
}

#[test]
fn no_change_of_a_valid_object_is_no_change() {
    for (strategy, mut draft) in drafts() {
        strategy.prepare_create(&mut draft);
        strategy.default(&mut draft);
        let mut same = draft.clone();
        strategy.prepare_update(&mut same, &draft, Part::Main);
        strategy.default(&mut same);
        assert_eq!(same.value().unwrap(), draft.value().unwrap(), "{}", strategy.kind());
        let mut causes = Vec::new();
        strategy.validate_update(&same, &draft, Part::Main, &mut causes);
        assert!(causes.is_empty() && strategy.same_spec(&same, &draft), "{}", strategy.kind());
    }
}

#[test]
fn kinds_are_told_apart_by_their_names_and_prefixes() {
    let kinds = built_in();
    let name = |kind: &Arc<dyn DynStrategy>| (kind.kind().api_version(), kind.kind().plural());
    let names: BTreeSet<_> = kinds.iter().map(name).collect();
    assert_eq!(names.len(), kinds.len());
    let stored = kinds.iter().filter(|kind| kind.stored_as().is_none());
    let prefixes: Vec<String> = stored.map(|kind| kind.storage_prefix()).collect();
    for prefix in &prefixes {
        assert_eq!(prefixes.iter().filter(|other| other.starts_with(prefix.as_str())).count(), 1, "{prefix}");
    }
}

#[test]
fn every_row_has_a_cell_for_every_column_and_a_name() {
    for (strategy, draft) in drafts() {
        let object = Object::from_value(strategy.kind(), draft.value().unwrap()).unwrap();
        let cells = strategy.cells(&object, testing::now()).unwrap();
        let columns = strategy.columns();
        assert_eq!(cells.len(), columns.len());
        let name = columns.iter().position(|column| column.format == "name").unwrap();
        assert_eq!(cells[name], "x", "{}", strategy.kind());
        for (cell, column) in cells.iter().zip(columns) {
            let fits =
                if column.data_type == "integer" { cell.is_i64() } else { cell.is_string() || cell.is_i64() };
            assert!(fits, "{}: {}: {cell}", strategy.kind(), column.name);
        }
    }
}

/// The folders of etcd that are not simply the plural, and some that are.
#[test]
fn objects_lie_where_kubernetes_puts_them() {
    let folders = [
        ("Endpoints", "services/endpoints"),
        ("HorizontalPodAutoscaler", "horizontalpodautoscalers"),
        ("Ingress", "ingress"),
        ("IngressClass", "ingressclasses"),
        ("Node", "minions"),
        ("PersistentVolumeClaim", "persistentvolumeclaims"),
        ("PodDisruptionBudget", "poddisruptionbudgets"),
        ("ReplicationController", "controllers"),
        ("Service", "services/specs"),
    ];
    for strategy in built_in() {
        let name = strategy.kind().name();
        let folder = folders.iter().find(|(kind, _)| *kind == name).map(|(_, folder)| *folder);
        let folder = folder.unwrap_or(strategy.kind().plural());
        assert_eq!(strategy.storage_prefix(), format!("/registry/{folder}/"), "{name}");
    }
}

#[test]
fn what_nothing_acts_on_is_said_of_kinds_without_a_controller() {
    let said = |name: &str| {
        built_in().iter().find(|kind| kind.kind().name() == name).unwrap().unattended().is_some()
    };
    for kind in ["Job", "StatefulSet", "PodDisruptionBudget", "ResourceQuota", "NetworkPolicy", "Role"] {
        assert!(said(kind), "{kind}");
    }
    for kind in ["Deployment", "Pod", "ConfigMap", "PriorityClass", "ControllerRevision", "PodTemplate"] {
        assert!(!said(kind), "{kind}");
    }
}
