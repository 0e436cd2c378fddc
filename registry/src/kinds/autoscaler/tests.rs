use k8s_openapi::api::autoscaling::v1;
use serde_json::{Value, json};

use super::*;
use crate::kinds::testing::{causes, defaulted, from_json, row};
use crate::kinds::workload::testing::replaced;

fn manifest(path: &str, value: Value) -> Value {
    let target = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"});
    let autoscaler = json!({
        "metadata": {"name": "web", "creationTimestamp": "2026-01-01T11:59:00Z"},
        "spec": {"maxReplicas": 5, "scaleTargetRef": target},
    });
    replaced(autoscaler, path, value)
}

fn autoscaler(path: &str, value: Value) -> HorizontalPodAutoscaler {
    defaulted(manifest(path, value))
}

fn pods_metric() -> Value {
    let target = json!({"type": "AverageValue", "averageValue": "1k"});
    json!({"type": "Pods", "pods": {"metric": {"name": "requests"}, "target": target}})
}

#[test]
fn the_cpu_is_measured_unless_told_otherwise() {
    let spec = serde_json::to_value(autoscaler("/x", json!(null)).spec).unwrap();
    assert_eq!((&spec["minReplicas"], &spec["metrics"].as_array().unwrap().len()), (&json!(1), &1));
    assert_eq!(spec["metrics"][0]["resource"]["target"]["averageUtilization"], 80);
    assert_eq!(spec["behavior"], Value::Null);
    let behaved = serde_json::to_value(autoscaler("/spec/behavior", json!({})).spec).unwrap();
    let up = json!([
        {"type": "Pods", "value": 4, "periodSeconds": 15}, {"type": "Percent", "value": 100, "periodSeconds": 15},
    ]);
    assert_eq!(behaved["behavior"]["scaleUp"]["policies"], up);
    assert_eq!(behaved["behavior"]["scaleDown"]["selectPolicy"], "Max");
}

#[test]
fn a_table_tells_what_is_measured() {
    let mut web = autoscaler("/x", json!(null));
    assert_eq!(row(&web, false), ["web", "Deployment/web", "cpu: <unknown>/80%", "1", "5", "0", "60s"]);
    let current = json!({"averageValue": "1", "averageUtilization": 30});
    let measured = json!({"type": "Resource", "resource": {"name": "cpu", "current": current}});
    let status = json!({"desiredReplicas": 2, "currentReplicas": 2, "currentMetrics": [measured]});
    web.status = serde_json::from_value(status).unwrap();
    assert_eq!(row(&web, false)[2..], ["cpu: 30%/80%", "1", "5", "2", "60s"]);
    let pods = autoscaler("/spec/metrics", json!([pods_metric(), pods_metric(), pods_metric()]));
    assert_eq!(row(&pods, false)[2], "<unknown>/1k, <unknown>/1k + 1 more...");
}

#[test]
fn specs_that_make_no_sense_are_refused_field_by_field() {
    for (path, value, expected) in [
        ("/spec/metrics", json!([pods_metric()]), vec![]),
        (
            "/spec/minReplicas",
            json!(0),
            vec!["spec.minReplicas: Invalid value: 0: must be greater than or equal to 1"],
        ),
        (
            "/spec/minReplicas",
            json!(9),
            vec!["spec.maxReplicas: Invalid value: 5: must be greater than or equal to `minReplicas`"],
        ),
        (
            "/spec/scaleTargetRef",
            json!({"kind": "", "name": "a/b"}),
            vec![
                "spec.scaleTargetRef.kind: Required value",
                "spec.scaleTargetRef.name: Invalid value: \"a/b\": may not be '.' or '..', or contain '/' or '%'",
            ],
        ),
        (
            "/spec/metrics",
            json!([{"type": "Resource"}]),
            vec![
                "spec.metrics[0].resource: Required value: must populate information for the given metric source",
            ],
        ),
        (
            "/spec/metrics",
            json!([{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization"}}}]),
            vec![
                "spec.metrics[0].resource.target.averageUtilization: Required value: must set either a target raw value \
                 or a target utilization",
            ],
        ),
        (
            "/spec/behavior",
            json!({"scaleUp": {"policies": []}, "scaleDown": {"stabilizationWindowSeconds": 4000}}),
            vec![
                "spec.behavior.scaleUp.policies: Required value: must specify at least one Policy",
                "spec.behavior.scaleDown.stabilizationWindowSeconds: Invalid value: 4000: must be less than or equal to \
                 3600",
            ],
        ),
    ] {
        assert_eq!(causes(&autoscaler(path, value)), expected, "{path}");
    }
}

#[test]
fn nothing_is_lost_on_the_way_through_the_older_version() {
    let mut full = manifest("/spec/metrics", json!([pods_metric()]));
    full["spec"]["behavior"] = json!({"scaleUp": {"selectPolicy": "Disabled"}});
    full["status"] = json!({
        "desiredReplicas": 1,
        "conditions": [{"type": "AbleToScale", "status": "True"}],
    });
    let typed: HorizontalPodAutoscaler = defaulted(full);
    for metrics in [vec![pods_metric()], vec![pods_metric(), serde_json::to_value(cpu(50)).unwrap()]] {
        let mut stored = serde_json::to_value(&typed).unwrap();
        stored["spec"]["metrics"] = Value::Array(metrics);
        let older = conversion::from_stored(stored.clone());
        from_json::<v1::HorizontalPodAutoscaler>(older.clone());
        assert_eq!(conversion::to_stored(older), stored);
    }
}

#[test]
fn the_older_version_has_a_field_for_the_cpu() {
    let older: v1::HorizontalPodAutoscaler = defaulted(manifest("/x", json!(null)));
    let value = serde_json::to_value(&older).unwrap();
    assert_eq!(value["spec"]["targetCPUUtilizationPercentage"], 80);
    assert_eq!(row(&older, false), ["web", "Deployment/web", "cpu: <unknown>/80%", "1", "5", "0", "60s"]);
    let stored = conversion::to_stored(value);
    assert_eq!(stored["apiVersion"], "autoscaling/v2");
    assert_eq!(stored["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"], 80);
    let wrong: v1::HorizontalPodAutoscaler = defaulted(manifest("/spec/maxReplicas", json!(0)));
    assert_eq!(causes(&wrong).len(), 2);
}

#[test]
fn an_annotation_that_is_not_ours_stays() {
    let odd = json!({conversion::METRICS: "[{\"type\":1}]"});
    let stored = conversion::to_stored(manifest("/metadata/annotations", odd.clone()));
    assert_eq!(stored["metadata"]["annotations"], odd);
}
