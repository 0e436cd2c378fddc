//! HorizontalPodAutoscaler: how many pods there should be, by what they have to do. In its two versions, of which the
//! newer one is stored.

mod behavior;
mod columns;
mod conversion;
mod metrics;
#[cfg(test)]
mod tests;
mod v1;

use bireme_core::client::Part;
use bireme_core::error::Cause;
use k8s_openapi::api::autoscaling::v2::{
    CrossVersionObjectReference, HorizontalPodAutoscaler, HorizontalPodAutoscalerSpec, MetricSpec,
    MetricTarget, ResourceMetricSource,
};

use super::check::{Path, non_negative_if_set, path_segment};
use crate::resource::{Column, Field, STORED_ONLY, Schema, Strategy, Subresource};
use bireme_core::object::versions::Given;

/// The share of the CPU time asked for that pods should use, in percent, where nothing else is said.
const CPU_PERCENT: i32 = 80;

const SPEC: Schema = Schema::of(&[
    Field::object(
        "behavior",
        &Schema::of(&[Field::object("scaleDown", &RULES), Field::object("scaleUp", &RULES)]),
    ),
    Field::atomic("metrics"),
    Field::object("scaleTargetRef", &Schema::EMPTY).inherent(),
]);

const RULES: Schema = Schema::of(&[Field::atomic("policies")]);

const STATUS: Schema =
    Schema::of(&[Field::map("conditions", &["type"], &Schema::EMPTY), Field::atomic("currentMetrics")]);

fn spec_of(autoscaler: &HorizontalPodAutoscaler) -> Option<&HorizontalPodAutoscalerSpec> {
    autoscaler.spec.given()
}

impl Strategy for HorizontalPodAutoscaler {
    const SINGULAR: &'static str = "horizontalpodautoscaler";
    const SHORT_NAMES: &'static [&'static str] = &["hpa"];
    const CATEGORIES: &'static [&'static str] = &["all"];
    const SUBRESOURCES: &'static [Subresource] = &[Subresource::Status];
    const UNATTENDED: Option<&'static str> = STORED_ONLY;
    const SCHEMA: &'static Schema =
        &Schema::of(&[Field::object("spec", &SPEC), Field::object("status", &STATUS)]);
    const COLUMNS: &'static [Column<Self>] = &[
        Column::NAME,
        Column::text("Reference", "What is scaled.", |hpa, _| columns::reference(hpa).into()),
        Column::text("Targets", "What is measured, and what it should be.", |hpa, _| {
            columns::targets(hpa).into()
        }),
        Column::text("MinPods", "How many pods there are at least.", |hpa, _| columns::min_pods(hpa).into()),
        Column::integer("MaxPods", "How many pods there are at most.", |hpa, _| {
            columns::max_pods(hpa).into()
        }),
        Column::integer("Replicas", "How many pods there are.", |hpa, _| columns::replicas(hpa).into()),
        Column::AGE,
    ];

    fn prepare_create(&mut self) {
        self.status = Some(Default::default());
    }

    fn copy_status(&mut self, from: &Self) {
        self.status.clone_from(&from.status);
    }

    fn default(&mut self) {
        let spec: Option<&mut HorizontalPodAutoscalerSpec> = self.spec.given_mut();
        let Some(spec) = spec else { return };
        spec.min_replicas.get_or_insert(1);
        if spec.metrics.as_ref().is_none_or(Vec::is_empty) {
            spec.metrics = Some(vec![cpu(CPU_PERCENT)]);
        }
        metrics::canonical_targets(spec.metrics.as_deref_mut().unwrap_or_default());
        if let Some(behavior) = &mut spec.behavior {
            behavior::default(behavior);
        }
    }

    fn validate(&self, causes: &mut Vec<Cause>) {
        let path = Path::root("spec");
        match spec_of(self) {
            None => causes.push(Cause::required(path.child("scaleTargetRef"), "")),
            Some(spec) => check_spec(path, spec, causes),
        }
    }

    fn validate_update(&self, _old: &Self, part: Part, causes: &mut Vec<Cause>) {
        if let (Part::Status, Some(status)) = (part, &self.status) {
            let path = Path::root("status");
            non_negative_if_set(path.child("currentReplicas"), status.current_replicas, causes);
            non_negative_if_set(path.child("desiredReplicas"), Some(status.desired_replicas), causes);
        }
    }
}

/// The metric of CPU time, as a share of what pods ask for.
fn cpu(percent: i32) -> MetricSpec {
    let target = MetricTarget {
        type_: "Utilization".to_owned(),
        average_utilization: Some(percent),
        ..MetricTarget::default()
    };
    let resource = ResourceMetricSource { name: "cpu".to_owned(), target };
    MetricSpec { type_: "Resource".to_owned(), resource: Some(resource), ..MetricSpec::default() }
}

fn check_spec(path: Path<'_>, spec: &HorizontalPodAutoscalerSpec, causes: &mut Vec<Cause>) {
    let (least, most) = (spec.min_replicas.unwrap_or(1), spec.max_replicas);
    if least < 1 {
        causes.push(Cause::invalid(path.child("minReplicas"), least, "must be greater than or equal to 1"));
    }
    if most < 1 {
        causes.push(Cause::invalid(path.child("maxReplicas"), most, "must be greater than 0"));
    }
    if most < least {
        let why = "must be greater than or equal to `minReplicas`";
        causes.push(Cause::invalid(path.child("maxReplicas"), most, why));
    }
    check_reference(path.child("scaleTargetRef"), &spec.scale_target_ref, causes);
    let list = path.child("metrics");
    for (index, metric) in spec.metrics.iter().flatten().enumerate() {
        metrics::validate(list.index(index), metric, causes);
    }
    if let Some(behavior) = &spec.behavior {
        behavior::validate(path.child("behavior"), behavior, causes);
    }
}

fn check_reference(path: Path<'_>, reference: &CrossVersionObjectReference, causes: &mut Vec<Cause>) {
    path_segment(path.child("kind"), &reference.kind, causes);
    path_segment(path.child("name"), &reference.name, causes);
}
