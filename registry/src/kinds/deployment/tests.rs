use super::*;
use crate::kinds::check::PERCENT;
use crate::kinds::testing::{causes, causes_of_change, defaulted, row};
use crate::kinds::workload::testing::{TEMPLATE, replaced};
use serde_json::{Value, json};

fn deployment(path: &str, value: Value) -> Deployment {
    let template: Value = serde_json::from_str(TEMPLATE).unwrap();
    let deployment = json!({
        "metadata": {"name": "web", "creationTimestamp": "2026-01-01T11:59:00Z"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, "strategy": {}, "template": template},
    });
    defaulted(replaced(deployment, path, value))
}

#[test]
fn everything_left_out_has_a_default() {
    let spec = serde_json::to_value(deployment("/x", json!(null)).spec).unwrap();
    assert_eq!(
        (&spec["replicas"], &spec["revisionHistoryLimit"], &spec["progressDeadlineSeconds"]),
        (&json!(1), &json!(10), &json!(600))
    );
    let rolling =
        json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}});
    assert_eq!(spec["strategy"], rolling);
    assert_eq!(spec["template"]["spec"]["restartPolicy"], "Always");
    let recreate = deployment("/spec/strategy/type", json!("Recreate")).spec.unwrap().strategy.unwrap();
    assert_eq!(recreate.rolling_update, None);
}

#[test]
fn a_table_counts_pods() {
    let mut deployment = deployment("/spec/replicas", json!(3));
    let status = deployment.status.as_mut().unwrap();
    (status.ready_replicas, status.updated_replicas, status.available_replicas) = (Some(2), Some(3), None);
    assert_eq!(row(&deployment, true), ["web", "2/3", "3", "0", "60s", "a,b", "img:1,img:2", "app=web"]);
}

#[test]
fn specs_that_make_no_sense_are_refused_field_by_field() {
    let percent = |text: &str| format!("Invalid value: {text:?}: {PERCENT}");
    for (path, value, expected) in [
        ("/spec/replicas", json!(0), vec![]),
        (
            "/spec/selector",
            json!({}),
            vec!["spec.selector: Invalid value: {}: empty selector is invalid for deployment".to_owned()],
        ),
        (
            "/spec/template/metadata/labels",
            json!({"app": "x"}),
            vec![
                "spec.template.metadata.labels: Invalid value: {\"app\":\"x\"}: `selector` does not match template \
                 `labels`"
                    .to_owned(),
            ],
        ),
        (
            "/spec/strategy",
            json!({"type": "Recreate", "rollingUpdate": {}}),
            vec![
                "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'"
                    .to_owned(),
            ],
        ),
        (
            "/spec/strategy",
            json!({"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "0%"}}),
            vec![
                "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0"
                    .to_owned(),
            ],
        ),
        (
            "/spec/strategy",
            json!({"rollingUpdate": {"maxSurge": "x", "maxUnavailable": "101%"}}),
            vec![
                format!("spec.strategy.rollingUpdate.maxSurge: {}", percent("x")),
                "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: \"101%\": must not be greater than 100%"
                    .to_owned(),
            ],
        ),
        (
            "/spec/progressDeadlineSeconds",
            json!(0),
            vec![
                "spec.progressDeadlineSeconds: Invalid value: 0: must be greater than minReadySeconds".to_owned(),
            ],
        ),
    ] {
        assert_eq!(causes(&deployment(path, value.clone())), expected, "{path}: {value}");
    }
}

#[test]
fn the_selector_never_changes() {
    let labels = json!({"app": "web", "new": "x"});
    let other = deployment("/spec/selector/matchLabels", labels);
    assert_eq!(
        causes_of_change(&other, &deployment("/x", json!(null))),
        [
            "spec.selector: Invalid value: {\"matchLabels\":{\"app\":\"web\",\"new\":\"x\"}}: field is immutable"
        ]
    );
}

#[test]
fn a_template_is_warned_of_when_it_changes() {
    let env = json!([{"name": "A"}, {"name": "A"}]);
    let doubled = deployment("/spec/template/spec/containers/0/env", env);
    assert_eq!(
        doubled.warnings(None),
        [
            "spec.template.spec.containers[0].env[1]: hides previous definition of \"A\", which may be dropped when \
             using apply",
        ]
    );
    assert_eq!(doubled.warnings(Some(&doubled)), Vec::<String>::new());
}
