//! Between `autoscaling/v1`, which knows of one metric, and `autoscaling/v2`, which is stored.
//!
//! What the older version has no field for, it keeps in annotations, as JSON: nothing is lost by going there and
//! back.

use k8s_openapi::api::autoscaling::v2::{
    HorizontalPodAutoscalerBehavior, HorizontalPodAutoscalerCondition, MetricSpec, MetricStatus,
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

pub(super) const METRICS: &str = "autoscaling.alpha.kubernetes.io/metrics";
const BEHAVIOR: &str = "autoscaling.alpha.kubernetes.io/behavior";
const CURRENT_METRICS: &str = "autoscaling.alpha.kubernetes.io/current-metrics";
const CONDITIONS: &str = "autoscaling.alpha.kubernetes.io/conditions";
const TARGET: &str = "targetCPUUtilizationPercentage";
const CURRENT: &str = "currentCPUUtilizationPercentage";

/// From `v1` to `v2`.
pub(super) fn to_stored(mut value: Value) -> Value {
    value["apiVersion"] = "autoscaling/v2".into();
    let target = take(&mut value, "spec", TARGET).filter(|percent| !percent.is_null());
    let mut metrics = list(reveal::<Vec<MetricSpec>>(&mut value, METRICS));
    metrics.extend(target.map(|percent| {
        let target = json!({"type": "Utilization", "averageUtilization": percent});
        json!({"type": "Resource", "resource": {"name": "cpu", "target": target}})
    }));
    put(&mut value, "spec", "metrics", metrics);
    if let Some(behavior) = reveal::<HorizontalPodAutoscalerBehavior>(&mut value, BEHAVIOR) {
        value["spec"]["behavior"] = behavior;
    }
    let current = take(&mut value, "status", CURRENT).filter(|percent| !percent.is_null());
    let mut measured = list(reveal::<Vec<MetricStatus>>(&mut value, CURRENT_METRICS));
    measured.extend(current.map(|percent| {
        // The older version does not tell the amount, which the newer one always does.
        let current = json!({"averageValue": "0", "averageUtilization": percent});
        json!({"type": "Resource", "resource": {"name": "cpu", "current": current}})
    }));
    put(&mut value, "status", "currentMetrics", measured);
    let conditions = list(reveal::<Vec<HorizontalPodAutoscalerCondition>>(&mut value, CONDITIONS));
    put(&mut value, "status", "conditions", conditions);
    value
}

/// From `v2` to `v1`.
pub(super) fn from_stored(mut value: Value) -> Value {
    value["apiVersion"] = "autoscaling/v1".into();
    let (cpu, metrics) = apart(list(take(&mut value, "spec", "metrics")), "target");
    if let Some(percent) = cpu {
        value["spec"][TARGET] = percent;
    }
    hide(&mut value, METRICS, metrics);
    if let Some(behavior) = take(&mut value, "spec", "behavior") {
        annotate(&mut value, BEHAVIOR, &behavior);
    }
    let (cpu, measured) = apart(list(take(&mut value, "status", "currentMetrics")), "current");
    if let Some(percent) = cpu {
        value["status"][CURRENT] = percent;
    }
    hide(&mut value, CURRENT_METRICS, measured);
    let conditions = list(take(&mut value, "status", "conditions"));
    hide(&mut value, CONDITIONS, conditions);
    value
}

/// The last metric, if it is that of the CPU in percent, and the others.
fn apart(mut metrics: Vec<Value>, what: &str) -> (Option<Value>, Vec<Value>) {
    let percent = metrics.last().and_then(|metric| {
        let resource = metric.get("resource").filter(|resource| resource["name"] == "cpu")?;
        resource.get(what)?.get("averageUtilization").cloned()
    });
    if percent.is_some() {
        metrics.pop();
    }
    (percent, metrics)
}

fn take(value: &mut Value, part: &str, field: &str) -> Option<Value> {
    value.get_mut(part)?.as_object_mut()?.remove(field)
}

fn put(value: &mut Value, part: &str, field: &str, items: Vec<Value>) {
    if !items.is_empty() && value.get(part).is_none_or(Value::is_object) {
        value[part][field] = Value::Array(items);
    }
}

fn list(value: Option<Value>) -> Vec<Value> {
    match value {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    }
}

fn hide(value: &mut Value, annotation: &str, items: Vec<Value>) {
    if !items.is_empty() {
        annotate(value, annotation, &Value::Array(items));
    }
}

fn annotate(value: &mut Value, annotation: &str, hidden: &Value) {
    let annotations = &mut value["metadata"]["annotations"];
    if !annotations.is_object() {
        *annotations = Value::Object(Map::new());
    }
    annotations[annotation] = hidden.to_string().into();
}

/// Takes what an annotation keeps. One that is not a `T` is somebody else's, and stays.
fn reveal<T: DeserializeOwned>(value: &mut Value, annotation: &str) -> Option<Value> {
    let metadata = value.get_mut("metadata")?.as_object_mut()?;
    let annotations = metadata.get_mut("annotations")?.as_object_mut()?;
    let text = annotations.get(annotation)?.as_str()?;
    serde_json::from_str::<T>(text).ok()?;
    let hidden = serde_json::from_str(text).ok()?;
    annotations.remove(annotation);
    if annotations.is_empty() {
        metadata.remove("annotations");
    }
    Some(hidden)
}
