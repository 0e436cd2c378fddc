//! What may change about a pod that exists.

use bireme_core::error::Cause;
use k8s_openapi::api::core::v1::{Container, Pod, PodSpec, Toleration};

use crate::kinds::check::Path;

const FIXED: &str = "pod updates may not change fields other than `spec.containers[*].image`,\
    `spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing \
    tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

/// What is wrong with the change from `old` to `new`.
pub(super) fn validate(new: &Pod, old: &Pod, causes: &mut Vec<Cause>) {
    let (Some(new), Some(old)) = (&new.spec, &old.spec) else { return };
    // As nearly always.
    if new == old {
        return;
    }
    let path = Path::root("spec");
    let count = |list: &Option<Vec<Container>>| list.as_ref().map_or(0, Vec::len);
    if new.containers.len() != old.containers.len() {
        let why = "pod updates may not add or remove containers";
        causes.push(Cause::forbidden(path.child("containers"), why));
        return;
    }
    if count(&new.init_containers) != count(&old.init_containers) {
        let why = "pod updates may not add or remove containers";
        causes.push(Cause::forbidden(path.child("initContainers"), why));
        return;
    }
    check_deadline(path.child("activeDeadlineSeconds"), new, old, causes);
    check_tolerations(path.child("tolerations"), new, old, causes);
    check_gates(path.child("schedulingGates"), new, old, causes);
    if comparable(new, old) != *old {
        causes.push(Cause::forbidden(path, FIXED));
    }
}

/// A deadline can come, and come nearer.
fn check_deadline(path: Path<'_>, new: &PodSpec, old: &PodSpec, causes: &mut Vec<Cause>) {
    match (new.active_deadline_seconds, old.active_deadline_seconds) {
        (Some(new), Some(old)) if new > old => {
            causes.push(Cause::invalid(path, new, "must be less than or equal to previous value"));
        }
        (None, Some(_)) => {
            let why = "must not update from a positive integer to nil value";
            causes.push(Cause::invalid(path, None::<i64>, why));
        }
        _ => {}
    }
}

/// Tolerations can be added, and their seconds changed.
fn check_tolerations(path: Path<'_>, new: &PodSpec, old: &PodSpec, causes: &mut Vec<Cause>) {
    let same = |one: &Toleration, other: &Toleration| {
        Toleration { toleration_seconds: None, ..one.clone() }
            == Toleration { toleration_seconds: None, ..other.clone() }
    };
    let mut gone = old.tolerations.iter().flatten();
    if gone.any(|old| !new.tolerations.iter().flatten().any(|new| same(new, old))) {
        let why = "existing toleration can not be modified except its tolerationSeconds";
        causes.push(Cause::forbidden(path, why));
    }
}

/// Gates can only be taken away.
fn check_gates(path: Path<'_>, new: &PodSpec, old: &PodSpec, causes: &mut Vec<Cause>) {
    let known = |name: &str| old.scheduling_gates.iter().flatten().any(|gate| gate.name == name);
    for (index, gate) in new.scheduling_gates.iter().flatten().enumerate() {
        if !known(&gate.name) {
            let why = "only deletion is allowed, but found new scheduling gate";
            causes.push(Cause::forbidden(path.index(index), format_args!("{why} '{}'", gate.name)));
        }
    }
}

/// The new spec with what may change as it was: what is left must not differ.
fn comparable(new: &PodSpec, old: &PodSpec) -> PodSpec {
    let mut spec = new.clone();
    let images = |new: &mut [Container], old: &[Container]| {
        for (new, old) in new.iter_mut().zip(old) {
            new.image.clone_from(&old.image);
        }
    };
    images(&mut spec.containers, &old.containers);
    if let (Some(new), Some(old)) = (&mut spec.init_containers, &old.init_containers) {
        images(new, old);
    }
    spec.active_deadline_seconds = old.active_deadline_seconds;
    spec.tolerations.clone_from(&old.tolerations);
    spec.scheduling_gates.clone_from(&old.scheduling_gates);
    // Ephemeral containers come through a subresource of their own.
    spec.ephemeral_containers.clone_from(&old.ephemeral_containers);
    if old.termination_grace_period_seconds.is_some_and(|seconds| seconds < 0)
        && spec.termination_grace_period_seconds == Some(1)
    {
        spec.termination_grace_period_seconds = old.termination_grace_period_seconds;
    }
    // A pod that waits behind gates may still be told where it must not run.
    if old.scheduling_gates.as_ref().is_some_and(|gates| !gates.is_empty())
        && adds_only(&spec.node_selector, &old.node_selector)
    {
        spec.node_selector.clone_from(&old.node_selector);
    }
    spec
}

fn adds_only(
    new: &Option<std::collections::BTreeMap<String, String>>,
    old: &Option<std::collections::BTreeMap<String, String>>,
) -> bool {
    let kept = |(key, value): (&String, &String)| new.as_ref().and_then(|new| new.get(key)) == Some(value);
    old.iter().flatten().all(kept)
}
