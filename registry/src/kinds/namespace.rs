//! Namespace: what most objects live in.

use bireme_core::client::Part;
use k8s_openapi::api::core::v1::{Namespace, NamespaceSpec, NamespaceStatus};

use crate::resource::{CONDITIONS, Column, Field, NameRule, Schema, SelectableField, Strategy, Subresource};

impl Strategy for Namespace {
    const SINGULAR: &'static str = "namespace";
    const SHORT_NAMES: &'static [&'static str] = &["ns"];
    const SUBRESOURCES: &'static [Subresource] =
        &[Subresource::Special { name: "finalize", body: None, verbs: &["update"] }, Subresource::Status];
    const NAME_RULE: NameRule = NameRule::Label;
    const SELECTABLE: &'static [SelectableField] = &[SelectableField::text(&"status.phase")];
    const SCHEMA: &'static Schema = &Schema::of(&[
        Field::object("spec", &Schema::of(&[Field::atomic("finalizers")])),
        Field::object("status", &CONDITIONS),
    ]);
    const COLUMNS: &'static [Column<Self>] = &[
        Column::NAME,
        Column::text("Status", "The status of the namespace", |namespace, _| {
            namespace.status.as_ref().and_then(|status| status.phase.clone()).unwrap_or_default().into()
        }),
        Column::AGE,
    ];

    /// A namespace is born active, and holds itself until it has been emptied.
    fn prepare_create(&mut self) {
        self.status = Some(NamespaceStatus { phase: Some("Active".to_owned()), conditions: None });
        let finalizers =
            self.spec.get_or_insert_with(NamespaceSpec::default).finalizers.get_or_insert_default();
        if !finalizers.iter().any(|finalizer| finalizer == "kubernetes") {
            finalizers.push("kubernetes".to_owned());
        }
    }

    /// A namespace can be selected by its name like by any label.
    fn default(&mut self) {
        let name = self.metadata.name.clone().unwrap_or_default();
        if !name.is_empty() {
            let labels = self.metadata.labels.get_or_insert_default();
            labels.insert("kubernetes.io/metadata.name".to_owned(), name);
        }
    }

    fn prepare_update(&mut self, old: &Self, part: Part) {
        match part {
            Part::Main => {
                self.spec.clone_from(&old.spec);
                self.status.clone_from(&old.status);
            }
            Part::Status => self.spec.clone_from(&old.spec),
            Part::Finalize => self.status.clone_from(&old.status),
        }
    }

    fn copy_status(&mut self, from: &Self) {
        self.status.clone_from(&from.status);
    }

    fn prepare_delete(&mut self) {
        self.status.get_or_insert_default().phase = Some("Terminating".to_owned());
    }

    fn is_held(&self) -> bool {
        let finalizers = self.spec.as_ref().and_then(|spec| spec.finalizers.as_deref());
        finalizers.is_some_and(|finalizers| !finalizers.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::testing::{defaulted, from_json, row};
    use serde_json::json;

    #[test]
    fn a_namespace_is_born_active_holds_itself_and_is_labelled_with_its_name() {
        let namespace: Namespace =
            defaulted(json!({"metadata": {"name": "shop"}, "spec": {"finalizers": ["x/y"]}}));
        assert_eq!(row(&namespace, false)[..2], ["shop", "Active"]);
        assert_eq!(namespace.spec.unwrap().finalizers.unwrap(), ["x/y", "kubernetes"]);
        assert_eq!(namespace.metadata.labels.unwrap()["kubernetes.io/metadata.name"], "shop");
    }

    #[test]
    fn only_finalize_reaches_the_finalizers_and_only_status_the_phase() {
        let old: Namespace = defaulted(json!({"metadata": {"name": "shop"}}));
        for (part, finalizers, phase) in
            [(Part::Main, 1, "Active"), (Part::Status, 1, "Terminating"), (Part::Finalize, 0, "Active")]
        {
            let mut new: Namespace = from_json(
                json!({"metadata": {"name": "shop"}, "spec": {"finalizers": []}, "status": {"phase": "Terminating"}}),
            );
            new.prepare_update(&old, part);
            assert_eq!(new.spec.unwrap().finalizers.unwrap().len(), finalizers, "{part:?}");
            assert_eq!(new.status.unwrap().phase.as_deref(), Some(phase), "{part:?}");
        }
    }
}
