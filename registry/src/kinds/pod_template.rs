//! PodTemplate: a template of pods that stands alone.

use bireme_core::error::Cause;
use k8s_openapi::api::core::v1::{PodTemplate, PodTemplateSpec};

use super::check::{Path, joined};
use super::pod_spec;
use super::workload::{self, Workload};
use crate::resource::{Column, Field, POD_TEMPLATE, Schema, Strategy};

const TEMPLATE_COLUMNS: [Column<PodTemplate>; 3] = workload::template_columns();

impl Workload for PodTemplate {
    const TEMPLATE: &'static str = "template";

    fn template(&self) -> Option<&PodTemplateSpec> {
        self.template.as_ref()
    }

    fn selector(&self) -> String {
        String::new()
    }
}

impl Strategy for PodTemplate {
    const SINGULAR: &'static str = "podtemplate";
    const HAS_GENERATION: bool = true;
    const SCHEMA: &'static Schema = &Schema::of(&[Field::object("template", &POD_TEMPLATE).inherent()]);
    const COLUMNS: &'static [Column<Self>] = &[
        Column::NAME,
        TEMPLATE_COLUMNS[0].always(),
        TEMPLATE_COLUMNS[1].always(),
        Column::text("Pod Labels", "The labels of the pods.", |template, _| {
            let metadata = template.template.as_ref().and_then(|template| template.metadata.as_ref());
            metadata.map_or_else(|| "<none>".to_owned(), |metadata| joined(&metadata.labels)).into()
        }),
    ];

    fn same_spec(&self, old: &Self) -> bool {
        self.template == old.template
    }

    fn default(&mut self) {
        pod_spec::default_template(self.template.get_or_insert_default());
    }

    fn warnings(&self, old: Option<&Self>) -> Vec<String> {
        workload::warnings(self, old)
    }

    fn validate(&self, causes: &mut Vec<Cause>) {
        if let Some(template) = &self.template {
            pod_spec::validate_template(Path::root("template"), template, causes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::testing::{causes, defaulted, row};
    use crate::kinds::workload::testing::{TEMPLATE, replaced};
    use serde_json::{Value, json};

    fn template(path: &str, value: Value) -> PodTemplate {
        let template = serde_json::from_str::<Value>(TEMPLATE).unwrap();
        defaulted(replaced(json!({"metadata": {"name": "web"}, "template": template}), path, value))
    }

    #[test]
    fn a_table_tells_what_the_pods_will_be() {
        let template = template("/x", json!(null));
        assert_eq!(row(&template, false), ["web", "a,b", "img:1,img:2", "app=web"]);
        assert_eq!(template.template.unwrap().spec.unwrap().restart_policy.as_deref(), Some("Always"));
    }

    #[test]
    fn the_pods_must_make_sense() {
        assert_eq!(causes(&template("/x", json!(null))), Vec::<String>::new());
        let nameless = causes(&template("/template/spec/containers/0/name", json!("")));
        assert_eq!(nameless, ["template.spec.containers[0].name: Required value"]);
    }
}
