//! Where the pods behind a Service are to be reached: EndpointSlices, and Endpoints for those who still read them.

mod addresses;
mod legacy;
mod mirroring;
mod portions;
mod slices;
#[cfg(test)]
mod tests;

pub use legacy::LegacyEndpoints;
pub use mirroring::MirroredEndpoints;
pub use slices::EndpointSlices;

use bireme_core::cache::{Delta, PODS_BY_NODE};
use bireme_core::object::{Kind, Object, ObjectKey};
use bireme_core::reconciler::{ObjectRef, ReconcileError, View};
use bireme_core::selector::LabelSelector;
use k8s_openapi::api::core::v1::{Node, Pod, Service};

/// The pods that a Service means; none where it leaves its endpoints to others.
fn selector_of(service: &Service) -> Option<LabelSelector> {
    let spec = service.spec.as_ref()?;
    let selector = spec.selector.as_ref().filter(|selector| !selector.is_empty())?;
    (spec.type_.as_deref() != Some("ExternalName")).then(|| LabelSelector::equals(selector))
}

fn service_ref(namespace: Option<&str>, name: &str) -> ObjectRef {
    ObjectRef::to::<Service>(ObjectKey::new(namespace, name))
}

/// The Services that a change of a Service, pod or node concerns.
fn targets(view: &View, delta: &Delta) -> Result<Vec<ObjectRef>, ReconcileError> {
    let kind = delta.kind();
    if kind == Kind::of::<Service>() {
        return Ok(vec![ObjectRef::from(&**delta.object())]);
    }
    let mut targets = Vec::new();
    if kind == Kind::of::<Pod>() {
        for pod in [delta.old(), delta.current()].into_iter().flatten() {
            add_services_of(&mut targets, view, pod)?;
        }
    } else if kind == Kind::of::<Node>() && zone_changed(delta) {
        for pod in view.cache(Kind::of::<Pod>())?.indexed(PODS_BY_NODE, delta.key().name()) {
            add_services_of(&mut targets, view, &pod)?;
        }
    }
    Ok(targets)
}

fn add_services_of(targets: &mut Vec<ObjectRef>, view: &View, pod: &Object) -> Result<(), ReconcileError> {
    for service in view.list::<Service>(pod.namespace())? {
        let name = service.metadata.name.as_deref().unwrap_or_default();
        let means = selector_of(&service).is_some_and(|selector| selector.matches(&pod.metadata().labels));
        let target = service_ref(pod.namespace(), name);
        if means && !targets.contains(&target) {
            targets.push(target);
        }
    }
    Ok(())
}

/// The label that says in which zone a node is.
const ZONE: &str = "topology.kubernetes.io/zone";

fn zone_changed(delta: &Delta) -> bool {
    let zone = |object: &std::sync::Arc<Object>| object.metadata().labels.get(ZONE).cloned();
    delta.old().and_then(zone) != delta.current().and_then(zone)
}
