//! What is measured, and what it should be.

use bireme_core::error::Cause;
use bireme_core::quantity::Quantity;
use k8s_openapi::api::autoscaling::v2::{MetricIdentifier, MetricSpec, MetricTarget};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Text;

use super::check_reference;
use crate::kinds::check::{Path, one_of, positive_quantity, selector};

const TYPES: &[&str] = &["ContainerResource", "External", "Object", "Pods", "Resource"];

/// Writes amounts as Kubernetes stores them.
pub(super) fn canonical_targets(metrics: &mut [MetricSpec]) {
    for metric in metrics {
        let targets = [
            metric.container_resource.as_mut().map(|source| &mut source.target),
            metric.external.as_mut().map(|source| &mut source.target),
            metric.object.as_mut().map(|source| &mut source.target),
            metric.pods.as_mut().map(|source| &mut source.target),
            metric.resource.as_mut().map(|source| &mut source.target),
        ];
        for target in targets.into_iter().flatten() {
            for amount in [&mut target.value, &mut target.average_value].into_iter().flatten() {
                if let Ok(parsed) = amount.0.parse::<Quantity>() {
                    *amount = Text::from(parsed);
                }
            }
        }
    }
}

/// What is wrong with a metric.
pub(super) fn validate(path: Path<'_>, metric: &MetricSpec, causes: &mut Vec<Cause>) {
    let type_ = metric.type_.as_str();
    if type_.is_empty() {
        causes.push(Cause::required(path.child("type"), "must specify a metric source type"));
    } else {
        one_of(path.child("type"), type_, TYPES, causes);
    }
    let sources = [
        ("ContainerResource", "containerResource", metric.container_resource.is_some()),
        ("External", "external", metric.external.is_some()),
        ("Object", "object", metric.object.is_some()),
        ("Pods", "pods", metric.pods.is_some()),
        ("Resource", "resource", metric.resource.is_some()),
    ];
    for (own, field, is_set) in sources {
        if own == type_ && !is_set {
            let why = "must populate information for the given metric source";
            causes.push(Cause::required(path.child(field), why));
        }
        if own != type_ && is_set {
            let why = "must populate the given metric source only";
            causes.push(Cause::forbidden(path.child(field), why));
        }
    }
    check_sources(path, metric, causes);
}

fn check_sources(path: Path<'_>, metric: &MetricSpec, causes: &mut Vec<Cause>) {
    if let Some(source) = &metric.resource {
        check_resource(path.child("resource"), &source.name, &source.target, causes);
    }
    if let Some(source) = &metric.container_resource {
        let path = path.child("containerResource");
        if source.container.is_empty() {
            causes.push(Cause::required(path.child("container"), "must specify a container name"));
        }
        check_resource(path, &source.name, &source.target, causes);
    }
    if let Some(source) = &metric.pods {
        let path = path.child("pods");
        check_identifier(path.child("metric"), &source.metric, causes);
        check_target(path.child("target"), &source.target, causes);
        if source.target.average_value.is_none() {
            let why = "must specify a positive target averageValue";
            causes.push(Cause::required(path.child("target.averageValue"), why));
        }
    }
    if let Some(source) = &metric.object {
        let path = path.child("object");
        check_reference(path.child("describedObject"), &source.described_object, causes);
        check_identifier(path.child("metric"), &source.metric, causes);
        let why = "must set either a target value or averageValue";
        check_either(path.child("target"), &source.target, why, causes);
    }
    if let Some(source) = &metric.external {
        let path = path.child("external");
        check_identifier(path.child("metric"), &source.metric, causes);
        let why = "must set either a target value for metric or a per-pod target";
        check_either(path.child("target"), &source.target, why, causes);
        if source.target.value.is_some() && source.target.average_value.is_some() {
            let why = "may not set both a target value for metric and a per-pod target";
            causes.push(Cause::forbidden(path.child("target.value"), why));
        }
    }
}

fn check_identifier(path: Path<'_>, metric: &MetricIdentifier, causes: &mut Vec<Cause>) {
    if metric.name.is_empty() {
        causes.push(Cause::required(path.child("name"), "must specify a metric name"));
    }
    if let Some(wanted) = &metric.selector {
        selector(path.child("selector"), wanted, causes);
    }
}

fn check_resource(path: Path<'_>, name: &str, target: &MetricTarget, causes: &mut Vec<Cause>) {
    if name.is_empty() {
        causes.push(Cause::required(path.child("name"), "must specify a resource name"));
    }
    let path = path.child("target");
    check_target(path, target, causes);
    match (target.average_utilization, &target.average_value) {
        (None, None) => {
            let why = "must set either a target raw value or a target utilization";
            causes.push(Cause::required(path.child("averageUtilization"), why));
        }
        (Some(_), Some(_)) => {
            let why = "may not set both a target raw value and a target utilization";
            causes.push(Cause::forbidden(path.child("averageValue"), why));
        }
        _ => {}
    }
}

fn check_either(path: Path<'_>, target: &MetricTarget, why: &str, causes: &mut Vec<Cause>) {
    check_target(path, target, causes);
    if target.value.is_none() && target.average_value.is_none() {
        causes.push(Cause::required(path.child("averageValue"), why));
    }
}

fn check_target(path: Path<'_>, target: &MetricTarget, causes: &mut Vec<Cause>) {
    match target.type_.as_str() {
        "" => causes.push(Cause::required(path.child("type"), "must specify a metric target type")),
        "Utilization" | "Value" | "AverageValue" => {}
        other => {
            let why = "must be either Utilization, Value, or AverageValue";
            causes.push(Cause::invalid(path.child("type"), other, why));
        }
    }
    for (field, amount) in [("value", &target.value), ("averageValue", &target.average_value)] {
        if let Some(amount) = amount {
            positive_quantity(path.child(field), amount, causes);
        }
    }
    if let Some(percent) = target.average_utilization.filter(|percent| *percent < 1) {
        causes.push(Cause::invalid(path.child("averageUtilization"), percent, "must be greater than 0"));
    }
}
