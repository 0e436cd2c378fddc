//! What the kinds with a pod template share.

use bireme_core::error::Cause;
use bireme_core::object::Resource;
use bireme_core::selector;
use k8s_openapi::api::core::v1::{Container, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use super::check::{Json, Path, text};
use super::pod_spec;
use crate::resource::Column;

/// The template of pods that are always restarted, and that the selector must mean.
pub(super) fn check_template(
    path: Path<'_>,
    template: &PodTemplateSpec,
    wanted: Option<&LabelSelector>,
    kind: &str,
    causes: &mut Vec<Cause>,
) {
    check_selected(path, template, wanted, causes);
    pod_spec::validate_template(path, template, causes);
    let Some(spec) = &template.spec else { return };
    let policy = text(&spec.restart_policy);
    if policy != "Always" && matches!(policy, "OnFailure" | "Never") {
        causes.push(Cause::not_supported(path.child("spec.restartPolicy"), policy, &["Always"]));
    }
    if spec.active_deadline_seconds.is_some() {
        let why = format_args!("activeDeadlineSeconds in {kind} is not Supported");
        causes.push(Cause::forbidden(path.child("spec.activeDeadlineSeconds"), why));
    }
}

/// A selector must mean the template's pods.
pub(super) fn check_selected(
    path: Path<'_>,
    template: &PodTemplateSpec,
    wanted: Option<&LabelSelector>,
    causes: &mut Vec<Cause>,
) {
    let parsed = wanted.and_then(|wanted| selector::LabelSelector::try_from(wanted).ok());
    if let Some(parsed) = parsed.filter(|parsed| !parsed.is_everything()) {
        let labels =
            template.metadata.as_ref().and_then(|metadata| metadata.labels.clone()).unwrap_or_default();
        if !parsed.matches(&labels) {
            let why = "`selector` does not match template `labels`";
            causes.push(Cause::invalid(path.child("metadata.labels"), Json(&labels), why));
        }
    }
}

/// A kind with a pod template.
pub(super) trait Workload: Resource {
    /// Where the template lies in the object.
    const TEMPLATE: &'static str = "spec.template";
    /// The template.
    fn template(&self) -> Option<&PodTemplateSpec>;
    /// The selector of its pods, as tables show it.
    fn selector(&self) -> String;
}

/// What the author of a template should be warned of; of one that is as it was, nothing again.
pub(super) fn warnings<K: Workload>(new: &K, old: Option<&K>) -> Vec<String> {
    let (new, old) = (new.template(), old.and_then(Workload::template));
    match new.and_then(|template| template.spec.as_ref()) {
        Some(spec) if new != old => pod_spec::warnings(Path::root(K::TEMPLATE).child("spec"), spec),
        _ => Vec::new(),
    }
}

/// A kind that keeps a number of pods.
pub(super) trait Replicas: Workload {
    /// How many pods there should be, there are, and are ready.
    fn counts(&self) -> [i32; 3];
}

/// The columns that tell the template and the selector, in wide tables.
pub(super) const fn template_columns<K: Workload>() -> [Column<K>; 3] {
    [
        Column::text("Containers", "The containers of the template.", |object: &K, _| {
            of_containers(object.template(), |container| container.name.as_str()).into()
        })
        .wide(),
        Column::text("Images", "Their images.", |object: &K, _| {
            of_containers(object.template(), |container| text(&container.image)).into()
        })
        .wide(),
        Column::text("Selector", "Which pods count.", |object: &K, _| object.selector().into()).wide(),
    ]
}

/// The columns of a table of kinds that keep a number of pods.
pub(super) const fn replica_columns<K: Replicas>() -> [Column<K>; 8] {
    let [containers, images, selector] = template_columns::<K>();
    [
        Column::NAME,
        Column::integer("Desired", "How many pods there should be.", |object, _| object.counts()[0].into()),
        Column::integer("Current", "How many pods there are.", |object, _| object.counts()[1].into()),
        Column::integer("Ready", "How many pods are ready.", |object, _| object.counts()[2].into()),
        Column::AGE,
        containers,
        images,
        selector,
    ]
}

fn of_containers(template: Option<&PodTemplateSpec>, field: fn(&Container) -> &str) -> String {
    let containers = template.and_then(|template| template.spec.as_ref()).map(|spec| &spec.containers);
    containers.into_iter().flatten().map(field).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
pub(super) mod testing {
    use serde_json::Value;

    /// A template of pods with two containers.
    pub(in crate::kinds) const TEMPLATE: &str = r#"{
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "a", "image": "img:1"}, {"name": "b", "image": "img:2"}]}
    }"#;

    /// The object with another value at a path.
    pub(in crate::kinds) fn replaced(mut object: Value, path: &str, value: Value) -> Value {
        let (parent, name) = path.rsplit_once('/').unwrap();
        let parent = object.pointer_mut(parent).unwrap();
        match parent {
            Value::Object(members) => {
                members.insert(name.to_owned(), value);
            }
            Value::Array(items) => items[name.parse::<usize>().unwrap()] = value,
            _ => panic!("{path}"),
        }
        object
    }
}
