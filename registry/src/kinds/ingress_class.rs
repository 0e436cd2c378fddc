//! IngressClass: who serves ingresses.

use bireme_core::client::Part;
use bireme_core::error::Cause;
use k8s_openapi::api::networking::v1::{IngressClass, IngressClassParametersReference};

use super::check::{
    Path, default_text, dns_label, domain_prefixed_path, immutable, local_reference, one_of, text,
};
use crate::resource::{Column, STORED_ONLY, Strategy};

const MAX_CONTROLLER: usize = 250;

impl Strategy for IngressClass {
    const SINGULAR: &'static str = "ingressclass";
    const HAS_GENERATION: bool = true;
    const UNATTENDED: Option<&'static str> = STORED_ONLY;
    const COLUMNS: &'static [Column<Self>] = &[
        Column::NAME,
        Column::text("Controller", "Who serves the ingresses.", |class, _| {
            class.spec.as_ref().map_or("", |spec| text(&spec.controller)).into()
        }),
        Column::text("Parameters", "What tells that server more.", |class, _| {
            let parameters = class.spec.as_ref().and_then(|spec| spec.parameters.as_ref());
            parameters.map_or_else(|| "<none>".to_owned(), shown).into()
        }),
        Column::AGE,
    ];

    fn same_spec(&self, old: &Self) -> bool {
        self.spec == old.spec
    }

    fn default(&mut self) {
        if let Some(parameters) = self.spec.as_mut().and_then(|spec| spec.parameters.as_mut()) {
            default_text(&mut parameters.scope, "Cluster");
        }
    }

    fn validate(&self, causes: &mut Vec<Cause>) {
        let path = Path::root("spec");
        let controller = self.spec.as_ref().map_or("", |spec| text(&spec.controller));
        domain_prefixed_path(path.child("controller"), controller, causes);
        if controller.len() > MAX_CONTROLLER {
            causes.push(Cause::too_long(path.child("controller"), MAX_CONTROLLER));
        }
        if let Some(parameters) = self.spec.as_ref().and_then(|spec| spec.parameters.as_ref()) {
            check_parameters(path.child("parameters"), parameters, causes);
        }
    }

    fn validate_update(&self, old: &Self, _part: Part, causes: &mut Vec<Cause>) {
        if let (Some(new), Some(old)) = (&self.spec, &old.spec) {
            immutable(Path::root("spec.controller"), &new.controller, &old.controller, causes);
        }
    }
}

fn shown(parameters: &IngressClassParametersReference) -> String {
    let group = parameters.api_group.as_ref().map(|group| format!(".{group}")).unwrap_or_default();
    format!("{}{group}/{}", parameters.kind, parameters.name)
}

fn check_parameters(path: Path<'_>, parameters: &IngressClassParametersReference, causes: &mut Vec<Cause>) {
    let IngressClassParametersReference { api_group, kind, name, namespace, scope } = parameters;
    local_reference(path, api_group.as_deref(), kind, name, causes);
    one_of(path.child("scope"), text(scope), &["Cluster", "Namespace"], causes);
    let path = path.child("namespace");
    match (text(scope), namespace) {
        ("Namespace", None) => {
            causes.push(Cause::required(path, "`parameters.scope` is set to 'Namespace'"));
        }
        ("Namespace", Some(namespace)) => {
            causes.extend(dns_label(namespace).map(|why| Cause::invalid(path, namespace, why)));
        }
        ("Cluster", Some(_)) => {
            causes.push(Cause::forbidden(path, "`parameters.scope` is set to 'Cluster'"));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::testing::{causes, causes_of_change, defaulted, row};
    use serde_json::{Value, json};

    fn class(spec: Value) -> IngressClass {
        defaulted(json!({
            "metadata": {"name": "edge", "creationTimestamp": "2026-01-01T11:59:00Z"}, "spec": spec,
        }))
    }

    #[test]
    fn a_table_tells_who_serves() {
        let plain = class(json!({"controller": "example.com/edge"}));
        assert_eq!(row(&plain, false), ["edge", "example.com/edge", "<none>", "60s"]);
        let parameters = json!({"apiGroup": "example.com", "kind": "Edge", "name": "big"});
        let more = class(json!({"controller": "example.com/edge", "parameters": parameters}));
        assert_eq!(row(&more, false)[2], "Edge.example.com/big");
    }

    #[test]
    fn classes_that_make_no_sense_are_refused_field_by_field() {
        let with = |parameters: Value| json!({"controller": "example.com/edge", "parameters": parameters});
        for (spec, expected) in [
            (with(json!({"kind": "Edge", "name": "big"})), vec![]),
            (with(json!({"kind": "Edge", "name": "big", "scope": "Namespace", "namespace": "shop"})), vec![]),
            (json!({}), vec!["spec.controller: Required value"]),
            (
                json!({"controller": "edge"}),
                vec![
                    "spec.controller: Invalid value: \"edge\": must be a domain-prefixed path (such as \
                     \"acme.io/foo\")",
                ],
            ),
            (
                with(json!({"kind": "", "name": "a/b"})),
                vec![
                    "spec.parameters.kind: Required value",
                    "spec.parameters.name: Invalid value: \"a/b\": may not be '.' or '..', or contain '/' or '%'",
                ],
            ),
            (
                with(json!({"kind": "Edge", "name": "big", "scope": "Namespace"})),
                vec!["spec.parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'"],
            ),
            (
                with(json!({"kind": "Edge", "name": "big", "namespace": "shop"})),
                vec!["spec.parameters.namespace: Forbidden: `parameters.scope` is set to 'Cluster'"],
            ),
        ] {
            assert_eq!(causes(&class(spec.clone())), expected, "{spec}");
        }
    }

    #[test]
    fn the_controller_never_changes() {
        let (old, new) = (class(json!({"controller": "a.io/x"})), class(json!({"controller": "a.io/y"})));
        let causes = causes_of_change(&new, &old);
        assert_eq!(causes, ["spec.controller: Invalid value: \"a.io/y\": field is immutable"]);
    }
}
