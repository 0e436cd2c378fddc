//! The older version.

use bireme_core::error::Cause;
use bireme_core::object::Kind;
use k8s_openapi::api::autoscaling::v1::{HorizontalPodAutoscaler, HorizontalPodAutoscalerSpec};
use k8s_openapi::api::autoscaling::v2;

use super::{CPU_PERCENT, columns, conversion};
use crate::resource::{Column, Conversion, STORED_ONLY, Strategy, Subresource};
use bireme_core::object::versions::Given;

/// The same in the newer version, if it can be said there.
fn newer(autoscaler: &HorizontalPodAutoscaler) -> Option<v2::HorizontalPodAutoscaler> {
    let value = serde_json::to_value(autoscaler).ok()?;
    serde_json::from_value(conversion::to_stored(value)).ok()
}

fn cell<T: Default>(autoscaler: &HorizontalPodAutoscaler, cell: fn(&v2::HorizontalPodAutoscaler) -> T) -> T {
    newer(autoscaler).as_ref().map(cell).unwrap_or_default()
}

impl Strategy for HorizontalPodAutoscaler {
    const SINGULAR: &'static str = <v2::HorizontalPodAutoscaler as Strategy>::SINGULAR;
    const SHORT_NAMES: &'static [&'static str] = <v2::HorizontalPodAutoscaler as Strategy>::SHORT_NAMES;
    const CATEGORIES: &'static [&'static str] = <v2::HorizontalPodAutoscaler as Strategy>::CATEGORIES;
    const SUBRESOURCES: &'static [Subresource] = <v2::HorizontalPodAutoscaler as Strategy>::SUBRESOURCES;
    const UNATTENDED: Option<&'static str> = STORED_ONLY;
    const STORED_AS: Option<Conversion> = Some(Conversion {
        kind: Kind::of::<v2::HorizontalPodAutoscaler>(),
        to_stored: conversion::to_stored,
        from_stored: conversion::from_stored,
    });
    const COLUMNS: &'static [Column<Self>] = &[
        Column::NAME,
        Column::text("Reference", "What is scaled.", |hpa, _| cell(hpa, columns::reference).into()),
        Column::text("Targets", "What is measured, and what it should be.", |hpa, _| {
            cell(hpa, columns::targets).into()
        }),
        Column::text("MinPods", "How many pods there are at least.", |hpa, _| {
            cell(hpa, columns::min_pods).into()
        }),
        Column::integer("MaxPods", "How many pods there are at most.", |hpa, _| {
            cell(hpa, columns::max_pods).into()
        }),
        Column::integer("Replicas", "How many pods there are.", |hpa, _| cell(hpa, columns::replicas).into()),
        Column::AGE,
    ];

    fn prepare_create(&mut self) {
        self.status = Some(Default::default());
    }

    fn copy_status(&mut self, from: &Self) {
        self.status.clone_from(&from.status);
    }

    fn default(&mut self) {
        let other_metrics = newer(self).and_then(|newer| super::spec_of(&newer)?.metrics.clone());
        let spec: Option<&mut HorizontalPodAutoscalerSpec> = self.spec.given_mut();
        let Some(spec) = spec else { return };
        spec.min_replicas.get_or_insert(1);
        if other_metrics.is_none_or(|metrics| metrics.is_empty()) {
            spec.target_cpu_utilization_percentage.get_or_insert(CPU_PERCENT);
        }
    }

    fn validate(&self, causes: &mut Vec<Cause>) {
        if let Some(newer) = newer(self) {
            newer.validate(causes);
        }
    }
}
