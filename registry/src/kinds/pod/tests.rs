use super::*;
use crate::kinds::testing::{causes, causes_of_change, defaulted, from_json, row};
use crate::kinds::workload::testing::replaced;
use serde_json::{Value, json};

/// The READY, STATUS and RESTARTS of a pod with such a spec and status.
fn summary(spec: Value, status: Value) -> [String; 3] {
    let pod: Pod = from_json(json!({"metadata": {"name": "web"}, "spec": spec, "status": status}));
    let row = row(&pod, false);
    [row[1].clone(), row[2].clone(), row[3].clone()]
}

fn container(name: &str, state: Value, more: Value) -> Value {
    let mut status =
        json!({"name": name, "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": state});
    status.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    status
}

fn running(ready: bool) -> Value {
    container("a", json!({"running": {}}), json!({"ready": ready}))
}

fn two() -> Value {
    json!({"containers": [{"name": "a"}, {"name": "b"}]})
}

#[test]
fn the_status_is_the_most_telling_state_of_any_container() {
    let waiting = |reason: &str| container("a", json!({"waiting": {"reason": reason}}), json!({}));
    let ended = |state: Value| container("b", json!({"terminated": state}), json!({}));
    for (status, ready, word) in [
        (json!({"phase": "Pending"}), "0/2", "Pending"),
        (json!({"phase": "Failed", "reason": "Evicted"}), "0/2", "Evicted"),
        (
            json!({"phase": "Pending", "conditions": [
                {"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}]}),
            "0/2",
            "SchedulingGated",
        ),
        (json!({"phase": "Running", "containerStatuses": [running(true), running(true)]}), "2/2", "Running"),
        (json!({"phase": "Running", "containerStatuses": [running(false), running(true)]}), "1/2", "Running"),
        (
            json!({"phase": "Pending", "containerStatuses": [waiting("ContainerCreating"), running(false)]}),
            "0/2",
            "ContainerCreating",
        ),
        (
            json!({"phase": "Running", "containerStatuses": [waiting("CrashLoopBackOff"), running(true)]}),
            "1/2",
            "CrashLoopBackOff",
        ),
        (
            json!({"phase": "Running", "containerStatuses": [running(false), ended(json!({"exitCode": 1, "reason": "Error"}))]}),
            "0/2",
            "Error",
        ),
        (
            json!({"phase": "Running", "containerStatuses": [running(false), ended(json!({"exitCode": 3}))]}),
            "0/2",
            "ExitCode:3",
        ),
        (
            json!({"phase": "Running", "containerStatuses": [running(false), ended(json!({"exitCode": 137, "signal": 9}))]}),
            "0/2",
            "Signal:9",
        ),
        (
            json!({"phase": "Succeeded", "containerStatuses": [ended(json!({"exitCode": 0, "reason": "Completed"}))]}),
            "0/2",
            "Completed",
        ),
        (
            json!({"phase": "Running", "containerStatuses": [ended(json!({"exitCode": 0, "reason": "Completed"})), running(true)]}),
            "1/2",
            "NotReady",
        ),
        (
            json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}],
                "containerStatuses": [ended(json!({"exitCode": 0, "reason": "Completed"})), running(true)]}),
            "1/2",
            "Running",
        ),
    ] {
        assert_eq!(summary(two(), status.clone())[..2], [ready, word], "{status}");
    }
}

#[test]
fn init_containers_are_told_one_after_the_other() {
    let spec = json!({"initContainers": [{"name": "i"}, {"name": "j"}], "containers": [{"name": "a"}]});
    let done = container("i", json!({"terminated": {"exitCode": 0, "reason": "Completed"}}), json!({}));
    for (statuses, word) in [
        (json!([container("i", json!({"running": {}}), json!({}))]), "Init:0/2"),
        (
            json!([done, container("j", json!({"waiting": {"reason": "PodInitializing"}}), json!({}))]),
            "Init:1/2",
        ),
        (
            json!([done, container("j", json!({"waiting": {"reason": "ImagePullBackOff"}}), json!({}))]),
            "Init:ImagePullBackOff",
        ),
        (
            json!([container("i", json!({"terminated": {"exitCode": 1, "reason": "Error"}}), json!({}))]),
            "Init:Error",
        ),
        (json!([container("i", json!({"terminated": {"exitCode": 2}}), json!({}))]), "Init:ExitCode:2"),
        (
            json!([container("i", json!({"terminated": {"exitCode": 2, "signal": 15}}), json!({}))]),
            "Init:Signal:15",
        ),
        (json!([done, done]), "Pending"),
    ] {
        let status = json!({"phase": "Pending", "initContainerStatuses": statuses});
        assert_eq!(summary(spec.clone(), status)[..2], ["0/1", word], "{statuses}");
    }
}

#[test]
fn sidecars_count_among_the_containers() {
    let spec =
        json!({"initContainers": [{"name": "i", "restartPolicy": "Always"}], "containers": [{"name": "a"}]});
    let sidecar =
        container("i", json!({"running": {}}), json!({"ready": true, "started": true, "restartCount": 2}));
    let status =
        json!({"phase": "Running", "initContainerStatuses": [sidecar], "containerStatuses": [running(true)]});
    assert_eq!(summary(spec, status), ["2/2", "Running", "2"]);
}

#[test]
fn restarts_tell_when_the_last_one_was() {
    let restarted = |at: &str| {
        let last = json!({"terminated": {"exitCode": 1, "finishedAt": at}});
        container("a", json!({"running": {}}), json!({"ready": true, "restartCount": 2, "lastState": last}))
    };
    let status = json!({"phase": "Running", "containerStatuses": [
        restarted("2026-01-01T11:00:00Z"), restarted("2026-01-01T11:59:55Z")]});
    assert_eq!(summary(two(), status), ["2/2", "Running", "4 (5s ago)"]);
}

#[test]
fn a_pod_on_its_way_out_is_terminating_unless_it_has_ended_or_its_node_is_lost() {
    for (phase, reason, word) in
        [("Running", "", "Terminating"), ("Succeeded", "", "Succeeded"), ("Running", "NodeLost", "Unknown")]
    {
        let pod: Pod = from_json(json!({
            "metadata": {"name": "web", "deletionTimestamp": "2026-01-01T00:00:00Z"},
            "spec": two(), "status": {"phase": phase, "reason": reason},
        }));
        assert_eq!(row(&pod, false)[2], word);
    }
}

#[test]
fn the_wide_table_tells_where_the_pod_is() {
    let pod: Pod = from_json(json!({
        "metadata": {"name": "web", "creationTimestamp": "2026-01-01T09:00:00Z"},
        "spec": {"containers": [{"name": "a"}], "nodeName": "n1", "readinessGates": [{"conditionType": "x"}, {"conditionType": "y"}]},
        "status": {"phase": "Running", "podIPs": [{"ip": "10.244.0.7"}], "conditions": [{"type": "x", "status": "True"}]},
    }));
    let expected = ["web", "0/1", "Running", "0", "3h", "10.244.0.7", "n1", "<none>", "1/2"];
    assert_eq!(row(&pod, true), expected);
    let bare: Pod = from_json(json!({"metadata": {"name": "web"}, "spec": {"containers": []}}));
    assert_eq!(row(&bare, true)[4..], ["<unknown>", "<none>", "<none>", "<none>", "<none>"]);
}

fn pod(path: &str, value: Value) -> Pod {
    let pod = json!({
        "metadata": {"name": "web"},
        "spec": {
            "containers": [{"name": "a", "image": "img:1"}],
            "initContainers": [{"name": "i", "image": "img:1"}],
            "activeDeadlineSeconds": 60,
            "tolerations": [{"key": "x", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 5}],
            "schedulingGates": [{"name": "g"}],
            "nodeSelector": {"disk": "ssd"},
        },
    });
    defaulted(replaced(pod, path, value))
}

#[test]
fn a_new_pod_is_pending_and_asks_for_what_it_may_use() {
    let limits = json!({"limits": {"cpu": "0.5", "memory": "64Mi"}});
    let pod = pod("/spec/containers/0/resources", limits);
    let status = pod.status.as_ref().unwrap();
    assert_eq!((status.phase.as_deref(), status.qos_class.as_deref()), (Some("Pending"), Some("Burstable")));
    let spec = serde_json::to_value(pod.spec.as_ref().unwrap()).unwrap();
    assert_eq!(spec["containers"][0]["resources"]["requests"], json!({"cpu": "500m", "memory": "64Mi"}));
    assert_eq!(spec["enableServiceLinks"], json!(true));
}

#[test]
fn a_pod_that_exists_changes_in_few_ways() {
    let old = || pod("/x", json!(null));
    for (path, value) in [
        ("/spec/containers/0/image", json!("img:2")),
        ("/spec/initContainers/0/image", json!("img:2")),
        ("/spec/activeDeadlineSeconds", json!(30)),
        (
            "/spec/tolerations/0",
            json!({"key": "x", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 9}),
        ),
        ("/spec/schedulingGates", json!([])),
        ("/spec/nodeSelector", json!({"disk": "ssd", "zone": "a"})),
        ("/metadata/labels", json!({"a": "b"})),
    ] {
        assert_eq!(causes_of_change(&pod(path, value), &old()), Vec::<String>::new(), "{path}");
    }
    let fixed = "spec: Forbidden: pod updates may not change fields other than";
    for (path, value, expected) in [
        ("/spec/containers/0/command", json!(["x"]), fixed),
        ("/spec/restartPolicy", json!("Never"), fixed),
        ("/spec/nodeName", json!("n1"), fixed),
        ("/spec/nodeSelector", json!({"disk": "hdd"}), fixed),
        (
            "/spec/containers",
            json!([{"name": "a", "image": "img:1"}, {"name": "b", "image": "img:1"}]),
            "spec.containers: Forbidden: pod updates may not add or remove containers",
        ),
        (
            "/spec/initContainers",
            json!([]),
            "spec.initContainers: Forbidden: pod updates may not add or remove",
        ),
        (
            "/spec/activeDeadlineSeconds",
            json!(90),
            "spec.activeDeadlineSeconds: Invalid value: 90: must be less than or equal to previous value",
        ),
        (
            "/spec/tolerations",
            json!([]),
            "spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds",
        ),
        (
            "/spec/schedulingGates",
            json!([{"name": "g"}, {"name": "h"}]),
            "spec.schedulingGates[1]: Forbidden: only deletion is allowed, but found new scheduling gate 'h'",
        ),
    ] {
        let found = causes_of_change(&pod(path, value), &old());
        assert!(found.len() == 1 && found[0].starts_with(expected), "{path}: {found:?}");
    }
}

#[test]
fn a_pod_gets_time_to_end_only_where_a_kubelet_must_stop_it() {
    let with = |node: Option<&str>, phase: &str| -> Pod {
        from_json(
            json!({"spec": {"containers": [], "nodeName": node, "terminationGracePeriodSeconds": 7}, "status": {"phase": phase}}),
        )
    };
    for (pod, requested, expected) in [
        (with(None, "Pending"), Some(9), 0),
        (with(Some("n1"), "Succeeded"), None, 0),
        (with(Some("n1"), "Running"), None, 7),
        (with(Some("n1"), "Running"), Some(9), 9),
        (with(Some("n1"), "Running"), Some(0), 0),
    ] {
        assert_eq!(pod.grace_period_seconds(requested), expected);
    }
}

#[test]
fn a_pod_needs_a_container() {
    let bare: Pod = from_json(json!({"metadata": {"name": "web"}}));
    assert_eq!(causes(&bare), ["spec.containers: Required value"]);
    let empty: Pod = from_json(json!({"metadata": {"name": "web"}, "spec": {"containers": []}}));
    assert_eq!(causes(&empty), ["spec.containers: Required value"]);
}
