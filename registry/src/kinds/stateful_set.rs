//! StatefulSet: pods that keep their name and their volumes.

mod validation;

use bireme_core::client::Part;
use bireme_core::error::Cause;
use k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetUpdateStrategy};
use k8s_openapi::api::core::v1::PodTemplateSpec;

use super::check::{default_text, shown, text};
use super::pod_spec;
use super::workload::{self, Workload};
use crate::resource::{CONDITIONS, Column, Field, POD_TEMPLATE, STORED_ONLY, Schema, Strategy, Subresource};
use bireme_core::object::versions::Specified;

const SPEC: Schema = Schema::of(&[
    Field::atomic("selector"),
    Field::object("template", &POD_TEMPLATE).inherent(),
    Field::object("updateStrategy", &Schema::EMPTY).inherent(),
    Field::atomic("volumeClaimTemplates"),
]);

const TEMPLATE_COLUMNS: [Column<StatefulSet>; 3] = workload::template_columns();

/// The desired state, if the object has one.
impl Workload for StatefulSet {
    fn template(&self) -> Option<&PodTemplateSpec> {
        self.spec_ref().map(|spec| &spec.template)
    }

    fn selector(&self) -> String {
        self.spec_ref().map(|spec| shown(&spec.selector)).unwrap_or_default()
    }
}

impl Strategy for StatefulSet {
    const SINGULAR: &'static str = "statefulset";
    const SHORT_NAMES: &'static [&'static str] = &["sts"];
    const CATEGORIES: &'static [&'static str] = &["all"];
    const SUBRESOURCES: &'static [Subresource] = &[Subresource::SCALE, Subresource::Status];
    const HAS_GENERATION: bool = true;
    const UNATTENDED: Option<&'static str> = STORED_ONLY;
    const SCHEMA: &'static Schema =
        &Schema::of(&[Field::object("spec", &SPEC), Field::object("status", &CONDITIONS)]);
    const COLUMNS: &'static [Column<Self>] = &[
        Column::NAME,
        Column::text("Ready", "How many of the wanted pods are ready.", |set, _| {
            let ready = set.status.as_ref().and_then(|status| status.ready_replicas).unwrap_or(0);
            format!("{ready}/{}", set.spec_ref().and_then(|spec| spec.replicas).unwrap_or(0)).into()
        }),
        Column::AGE,
        TEMPLATE_COLUMNS[0],
        TEMPLATE_COLUMNS[1],
    ];

    fn prepare_create(&mut self) {
        self.status = Some(Default::default());
    }

    fn copy_status(&mut self, from: &Self) {
        self.status.clone_from(&from.status);
    }

    fn same_spec(&self, old: &Self) -> bool {
        self.spec == old.spec
    }

    fn default(&mut self) {
        let Some(spec) = self.spec_mut() else { return };
        spec.replicas.get_or_insert(1);
        spec.revision_history_limit.get_or_insert(10);
        spec.service_name.get_or_insert_default();
        default_text(&mut spec.pod_management_policy, "OrderedReady");
        default_strategy(spec.update_strategy.get_or_insert_default());
        let retention = spec.persistent_volume_claim_retention_policy.get_or_insert_default();
        default_text(&mut retention.when_deleted, "Retain");
        default_text(&mut retention.when_scaled, "Retain");
        spec.volume_claim_templates.iter_mut().flatten().for_each(Strategy::default);
        pod_spec::default_template(&mut spec.template);
    }

    fn warnings(&self, old: Option<&Self>) -> Vec<String> {
        let mut warnings = workload::warnings(self, old);
        let limit = |set: &Self| set.spec_ref().and_then(|spec| spec.revision_history_limit);
        if limit(self).is_some_and(|limit| limit < 0) && old.is_none_or(|old| limit(old) != limit(self)) {
            warnings.push(
                "spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is \
                 recommended"
                    .to_owned(),
            );
        }
        warnings
    }

    fn validate(&self, causes: &mut Vec<Cause>) {
        validation::spec(self.spec_ref(), causes);
    }

    fn validate_update(&self, old: &Self, part: Part, causes: &mut Vec<Cause>) {
        if let (Part::Main, Some(new), Some(old)) = (part, self.spec_ref(), old.spec_ref()) {
            validation::change(new, old, causes);
        }
    }
}

fn default_strategy(strategy: &mut StatefulSetUpdateStrategy) {
    default_text(&mut strategy.type_, "RollingUpdate");
    if text(&strategy.type_) == "RollingUpdate" {
        strategy.rolling_update.get_or_insert_default().partition.get_or_insert(0);
    }
}

#[cfg(test)]
mod tests;
