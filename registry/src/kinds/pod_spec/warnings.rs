//! What in a spec is allowed, but hardly meant.

use std::collections::{BTreeMap, BTreeSet};

use bireme_core::quantity::Quantity;
use k8s_openapi::api::core::v1::{Container, PodSpec};

use crate::kinds::check::{Path, text};

/// The resources that are counted in bytes.
const BYTES: [&str; 2] = ["ephemeral-storage", "memory"];

/// What the author of a spec should be warned of.
pub(in crate::kinds) fn warnings(path: Path<'_>, spec: &PodSpec) -> Vec<String> {
    let mut found = Vec::new();
    let init = spec.init_containers.as_deref().unwrap_or_default();
    for (list, containers) in [("initContainers", init), ("containers", &spec.containers)] {
        let list = path.child(list);
        for (index, container) in containers.iter().enumerate() {
            warn_of_variables(list.index(index), container, &mut found);
            warn_of_ports(list.index(index), container, &mut found);
            warn_of_fractions(list.index(index), container, &mut found);
        }
    }
    let list = path.child("imagePullSecrets");
    for (index, secret) in spec.image_pull_secrets.iter().flatten().enumerate() {
        if secret.name.is_empty() {
            found.push(format!("{}: invalid empty name \"\"", list.index(index).child("name")));
        }
    }
    found
}

/// Of two variables with the same name, clients that merge by it keep one.
fn warn_of_variables(path: Path<'_>, container: &Container, found: &mut Vec<String>) {
    let (list, mut names) = (path.child("env"), BTreeSet::new());
    for (index, variable) in container.env.iter().flatten().enumerate() {
        if !names.insert(&variable.name) {
            let (place, name) = (list.index(index), &variable.name);
            let why = "which may be dropped when using apply";
            found.push(format!("{place}: hides previous definition of {name:?}, {why}"));
        }
    }
}

fn warn_of_ports(path: Path<'_>, container: &Container, found: &mut Vec<String>) {
    let (list, mut seen) = (path.child("ports"), BTreeMap::new());
    for (index, port) in container.ports.iter().flatten().enumerate() {
        let identity = (port.container_port, text(&port.protocol), port.host_port, text(&port.host_ip));
        if let Some(first) = seen.get(&identity) {
            let (place, first) = (list.index(index), list.index(*first));
            found.push(format!("{place}: duplicate port definition with {first}"));
        } else {
            seen.insert(identity, index);
        }
    }
}

/// `memory: 500m` is half a byte.
fn warn_of_fractions(path: Path<'_>, container: &Container, found: &mut Vec<String>) {
    let Some(resources) = &container.resources else { return };
    for (field, amounts) in
        [("resources.limits", &resources.limits), ("resources.requests", &resources.requests)]
    {
        let list = path.child(field);
        for (name, amount) in amounts.iter().flatten().filter(|(name, _)| BYTES.contains(&name.as_str())) {
            if Quantity::try_from(amount).is_ok_and(|amount| !amount.is_integer()) {
                let why = format_args!("fractional byte value {:?} is invalid, must be an integer", amount.0);
                found.push(format!("{}: {why}", list.key(name)));
            }
        }
    }
}
