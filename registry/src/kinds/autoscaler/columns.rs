//! The cells of an autoscaler's row.

use k8s_openapi::api::autoscaling::v2::{
    HorizontalPodAutoscaler, MetricSpec, MetricStatus, MetricTarget, MetricValueStatus,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::spec_of;

/// How many metrics a table shows.
const SHOWN: usize = 2;

pub(super) fn reference(autoscaler: &HorizontalPodAutoscaler) -> String {
    let target = spec_of(autoscaler).map(|spec| &spec.scale_target_ref);
    target.map(|target| format!("{}/{}", target.kind, target.name)).unwrap_or_default()
}

pub(super) fn min_pods(autoscaler: &HorizontalPodAutoscaler) -> String {
    let least = spec_of(autoscaler).and_then(|spec| spec.min_replicas);
    least.map_or_else(|| "<unset>".to_owned(), |least| least.to_string())
}

pub(super) fn max_pods(autoscaler: &HorizontalPodAutoscaler) -> i32 {
    spec_of(autoscaler).map_or(0, |spec| spec.max_replicas)
}

pub(super) fn replicas(autoscaler: &HorizontalPodAutoscaler) -> i32 {
    autoscaler.status.as_ref().and_then(|status| status.current_replicas).unwrap_or(0)
}

/// What is measured and what it should be: `cpu: 30%/80%`.
pub(super) fn targets(autoscaler: &HorizontalPodAutoscaler) -> String {
    let metrics = spec_of(autoscaler).and_then(|spec| spec.metrics.as_deref()).unwrap_or_default();
    let measured = autoscaler.status.as_ref().and_then(|status| status.current_metrics.as_deref());
    let measured = measured.unwrap_or_default();
    let cells: Vec<String> =
        metrics.iter().enumerate().map(|(index, metric)| cell(metric, measured.get(index))).collect();
    if cells.is_empty() {
        return "<none>".to_owned();
    }
    // Unlike in other cells of tables, a space follows the comma.
    let more = cells.len().saturating_sub(SHOWN);
    let shown = cells.into_iter().take(SHOWN).collect::<Vec<_>>().join(", ");
    if more == 0 { shown } else { format!("{shown} + {more} more...") }
}

fn cell(metric: &MetricSpec, measured: Option<&MetricStatus>) -> String {
    match metric.type_.as_str() {
        "Resource" => {
            let Some(source) = &metric.resource else { return UNKNOWN.to_owned() };
            let current = measured.and_then(|status| status.resource.as_ref()).map(|status| &status.current);
            format!("{}: {}", source.name, share(&source.target, current))
        }
        "ContainerResource" => {
            let Some(source) = &metric.container_resource else { return UNKNOWN.to_owned() };
            let current = measured.and_then(|status| status.container_resource.as_ref());
            format!("{}: {}", source.name, share(&source.target, current.map(|status| &status.current)))
        }
        "Pods" => {
            let target = metric.pods.as_ref().map(|source| &source.target);
            let current = measured.and_then(|status| status.pods.as_ref()).map(|status| &status.current);
            average(target, current)
        }
        "Object" => {
            let target = metric.object.as_ref().map(|source| &source.target);
            let current = measured.and_then(|status| status.object.as_ref()).map(|status| &status.current);
            value(target, current)
        }
        "External" => {
            let target = metric.external.as_ref().map(|source| &source.target);
            let current = measured.and_then(|status| status.external.as_ref()).map(|status| &status.current);
            value(target, current)
        }
        _ => "<unknown type>".to_owned(),
    }
}

const UNKNOWN: &str = "<unknown>";

fn share(target: &MetricTarget, current: Option<&MetricValueStatus>) -> String {
    if target.average_value.is_some() {
        return average(Some(target), current);
    }
    let percent = |share: Option<i32>, otherwise: &str| {
        share.map_or_else(|| otherwise.to_owned(), |share| format!("{share}%"))
    };
    let current = current.and_then(|current| current.average_utilization);
    format!("{}/{}", percent(current, UNKNOWN), percent(target.average_utilization, "<auto>"))
}

fn average(target: Option<&MetricTarget>, current: Option<&MetricValueStatus>) -> String {
    let current = current.and_then(|current| current.average_value.as_ref());
    format!("{}/{}", shown(current), shown(target.and_then(|target| target.average_value.as_ref())))
}

fn value(target: Option<&MetricTarget>, current: Option<&MetricValueStatus>) -> String {
    if target.is_some_and(|target| target.average_value.is_some()) {
        return format!("{} (avg)", average(target, current));
    }
    let current = current.and_then(|current| current.value.as_ref());
    format!("{}/{}", shown(current), shown(target.and_then(|target| target.value.as_ref())))
}

fn shown(amount: Option<&Quantity>) -> &str {
    amount.map_or(UNKNOWN, |amount| amount.0.as_str())
}
