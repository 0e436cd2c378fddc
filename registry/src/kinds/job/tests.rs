use super::*;
use crate::kinds::testing::{causes, causes_of_change, defaulted, from_json, row};
use crate::kinds::workload::testing::replaced;
use serde_json::{Value, json};

fn manifest(path: &str, value: Value) -> Value {
    let containers = json!([{"name": "a", "image": "img:1"}]);
    let job = json!({
        "metadata": {"name": "sum", "uid": "u1", "creationTimestamp": "2026-01-01T11:59:00Z"},
        "spec": {"template": {"spec": {"containers": containers, "restartPolicy": "Never"}}},
    });
    replaced(job, path, value)
}

fn job(path: &str, value: Value) -> Job {
    defaulted(manifest(path, value))
}

/// A job whose pods are numbered, with further fields.
fn indexed(more: Value) -> Job {
    let mut job = manifest("/x", json!(null));
    let spec = job["spec"].as_object_mut().unwrap();
    spec.extend(json!({"completionMode": "Indexed", "completions": 5}).as_object().unwrap().clone());
    spec.extend(more.as_object().unwrap().clone());
    defaulted(job)
}

#[test]
fn everything_left_out_has_a_default() {
    let spec = serde_json::to_value(job("/x", json!(null)).spec).unwrap();
    for (field, expected) in [
        ("completions", json!(1)),
        ("parallelism", json!(1)),
        ("backoffLimit", json!(6)),
        ("completionMode", json!("NonIndexed")),
        ("suspend", json!(false)),
        ("manualSelector", json!(false)),
        ("podReplacementPolicy", json!("TerminatingOrFailed")),
    ] {
        assert_eq!(spec[field], expected, "{field}");
    }
    let queue = job("/spec/parallelism", json!(3)).spec.unwrap();
    assert_eq!((queue.completions, queue.parallelism), (None, Some(3)));
    assert_eq!(indexed(json!({"backoffLimitPerIndex": 1})).spec.unwrap().backoff_limit, Some(i32::MAX));
    let policy = json!({"rules": [{"action": "Ignore", "onPodConditions": [{"type": "X", "status": ""}]}]});
    let spec = serde_json::to_value(job("/spec/podFailurePolicy", policy).spec).unwrap();
    assert_eq!(spec["podReplacementPolicy"], "Failed");
    assert_eq!(spec["podFailurePolicy"]["rules"][0]["onPodConditions"][0]["status"], "True");
}

#[test]
fn a_job_selects_its_own_pods_by_labels_that_it_makes() {
    let job = job("/x", json!(null));
    let spec = job.spec.as_ref().unwrap();
    let labels = spec.template.metadata.as_ref().unwrap().labels.clone().unwrap();
    assert_eq!(labels["batch.kubernetes.io/job-name"], "sum");
    assert_eq!(labels["controller-uid"], "u1");
    assert_eq!(job.selector(), "batch.kubernetes.io/controller-uid=u1");
    assert_eq!(job.metadata.labels, Some(labels));
    assert_eq!(causes(&job), Vec::<String>::new());
}

#[test]
fn labels_that_would_make_the_pods_another_jobs_are_refused() {
    let metadata = json!({"labels": {"controller-uid": "other"}});
    let foreign = causes(&job("/spec/template/metadata", metadata));
    assert!(foreign.len() == 1 && foreign[0].ends_with("must be 'u1'"), "{foreign:?}");
    let selector = json!({"matchLabels": {"batch.kubernetes.io/controller-uid": "other"}});
    let foreign = causes(&job("/spec/selector", selector));
    assert!(foreign.iter().any(|cause| cause.contains("`selector` not auto-generated")), "{foreign:?}");
}

#[test]
fn a_manual_selector_must_mean_the_template() {
    let by_hand = |labels: Value| {
        let mut job = manifest("/spec/manualSelector", json!(true));
        job["spec"]["selector"] = json!({"matchLabels": {"a": "b"}});
        job["spec"]["template"]["metadata"] = json!({"labels": labels});
        causes(&defaulted::<Job>(job))
    };
    assert_eq!(by_hand(json!({"a": "b"})), Vec::<String>::new());
    assert_eq!(
        by_hand(json!({"a": "c"})),
        [
            "spec.template.metadata.labels: Invalid value: {\"a\":\"c\"}: `selector` does not match template `labels`"
        ]
    );
    let none = causes(&job("/spec/manualSelector", json!(true)));
    assert_eq!(none, ["spec.selector: Required value"]);
}

#[test]
fn a_table_tells_how_far_the_job_is() {
    let with = |status: Value| {
        let mut job = job("/spec/completions", json!(3));
        job.status = from_json::<Job>(json!({"metadata": {}, "status": status})).status;
        row(&job, false)
    };
    assert_eq!(with(json!({})), ["sum", "Running", "0/3", "", "60s"]);
    let running = json!({"startTime": "2026-01-01T11:59:30Z", "succeeded": 1});
    assert_eq!(with(running), ["sum", "Running", "1/3", "30s", "60s"]);
    let done = json!({
        "startTime": "2026-01-01T11:59:30Z", "completionTime": "2026-01-01T11:59:40Z", "succeeded": 3,
        "conditions": [
            {"type": "SuccessCriteriaMet", "status": "True"}, {"type": "Complete", "status": "True"},
        ],
    });
    assert_eq!(with(done), ["sum", "Complete", "3/3", "10s", "60s"]);
    let halted = json!({"conditions": [{"type": "Suspended", "status": "True"}]});
    assert_eq!(with(halted)[1], "Suspended");
    assert_eq!(row(&job("/spec/parallelism", json!(3)), false)[2], "0/1 of 3");
}

#[test]
fn specs_that_make_no_sense_are_refused_field_by_field() {
    for (path, value, expected) in [
        ("/spec/parallelism", json!(0), vec![]),
        (
            "/spec/completions",
            json!(-1),
            vec!["spec.completions: Invalid value: -1: must be greater than or equal to 0"],
        ),
        (
            "/spec/ttlSecondsAfterFinished",
            json!(-1),
            vec!["spec.ttlSecondsAfterFinished: Invalid value: -1: must be greater than or equal to 0"],
        ),
        (
            "/spec/template/spec/restartPolicy",
            json!("Always"),
            vec!["spec.template.spec.restartPolicy: Required value: valid values: \"OnFailure\", \"Never\""],
        ),
        (
            "/spec/completionMode",
            json!("Some"),
            vec![
                "spec.completionMode: Unsupported value: \"Some\": supported values: \"NonIndexed\", \"Indexed\"",
            ],
        ),
        (
            "/spec/backoffLimitPerIndex",
            json!(1),
            vec!["spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode"],
        ),
        (
            "/spec/managedBy",
            json!("me"),
            vec![
                "spec.managedBy: Invalid value: \"me\": must be a domain-prefixed path (such as \"acme.io/foo\")",
            ],
        ),
        (
            "/spec/podReplacementPolicy",
            json!("Never"),
            vec![
                "spec.podReplacementPolicy: Unsupported value: \"Never\": supported values: \"Failed\", \
                 \"TerminatingOrFailed\"",
            ],
        ),
        (
            "/spec/successPolicy",
            json!({"rules": []}),
            vec!["spec.successPolicy: Invalid value: {\"rules\":[]}: requires indexed completion mode"],
        ),
    ] {
        assert_eq!(causes(&job(path, value)), expected, "{path}");
    }
}

#[test]
fn a_failure_policy_is_checked_rule_by_rule() {
    let with = |rule: Value| causes(&job("/spec/podFailurePolicy", json!({"rules": [rule]})));
    let codes = |values: Value| json!({"operator": "In", "values": values, "containerName": "a"});
    assert_eq!(with(json!({"action": "FailJob", "onExitCodes": codes(json!([1, 2]))})), Vec::<String>::new());
    let place = "spec.podFailurePolicy.rules[0]";
    assert_eq!(
        with(json!({"action": "FailJob", "onExitCodes": codes(json!([2, 0]))})),
        [
            format!("{place}.onExitCodes.values[1]: Invalid value: 0: must not be 0 for the In operator"),
            format!("{place}.onExitCodes.values: Invalid value: [2, 0]: must be ordered"),
        ]
    );
    assert_eq!(
        with(json!({"action": "Retry"})),
        [
            format!(
                "{place}.action: Unsupported value: \"Retry\": supported values: \"Count\", \"FailIndex\", \
                 \"FailJob\", \"Ignore\""
            ),
            format!("{place}: Invalid value: specifying one of OnExitCodes and OnPodConditions is required"),
        ]
    );
    let fail_index =
        with(json!({"action": "FailIndex", "onPodConditions": [{"type": "X", "status": "True"}]}));
    assert_eq!(
        fail_index,
        [format!(
            "{place}.action: Invalid value: \"FailIndex\": requires the backoffLimitPerIndex to be set"
        )]
    );
}

#[test]
fn numbered_pods_have_their_own_rules() {
    assert_eq!(
        causes(&indexed(json!({"backoffLimitPerIndex": 1, "maxFailedIndexes": 2}))),
        Vec::<String>::new()
    );
    assert_eq!(
        causes(&indexed(json!({"maxFailedIndexes": 9}))),
        [
            "spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified",
            "spec.maxFailedIndexes: Invalid value: 9: must be less than or equal to completions",
        ]
    );
    assert_eq!(
        causes(&indexed(json!({"completions": null, "parallelism": 2}))),
        ["spec.completions: Required value: when completion mode is Indexed"]
    );
    assert_eq!(
        causes(&indexed(json!({"successPolicy": {"rules": [{}, {"succeededCount": 6}]}}))),
        [
            "spec.successPolicy.rules[0]: Required value: at least one of succeededCount or succeededIndexes must be \
             specified",
            "spec.successPolicy.rules[1].succeededCount: Invalid value: 6: must be less than or equal to 5 (the number \
             of specified completions)",
        ]
    );
}

#[test]
fn the_work_stays_what_it_is() {
    let old = job("/x", json!(null));
    for (path, value) in [
        ("/spec/parallelism", json!(1)),
        ("/spec/suspend", json!(true)),
        ("/spec/backoffLimit", json!(1)),
        ("/spec/ttlSecondsAfterFinished", json!(1)),
    ] {
        let mut new = manifest(path, value);
        new["spec"]["completions"] = json!(1);
        assert_eq!(causes_of_change(&defaulted::<Job>(new), &old), Vec::<String>::new(), "{path}");
    }
    assert_eq!(
        causes_of_change(&job("/spec/completions", json!(2)), &old),
        ["spec.completions: Invalid value: 2: field is immutable"]
    );
    let other = job("/spec/template/spec/containers/0/image", json!("img:2"));
    let causes = causes_of_change(&other, &old);
    assert!(causes.len() == 1 && causes[0].starts_with("spec.template: Invalid value"), "{causes:?}");
}

#[test]
fn a_suspended_job_may_still_be_placed() {
    let suspended = |node: &str| {
        let mut job = manifest("/spec/suspend", json!(true));
        job["spec"]["template"]["spec"]["nodeSelector"] = json!({"zone": node});
        defaulted::<Job>(job)
    };
    let mut old = suspended("a");
    assert_eq!(causes_of_change(&suspended("b"), &old), Vec::<String>::new());
    old.status =
        from_json::<Job>(json!({"metadata": {}, "status": {"startTime": "2026-01-01T11:59:30Z"}})).status;
    assert_eq!(causes_of_change(&suspended("b"), &old).len(), 1);
}
