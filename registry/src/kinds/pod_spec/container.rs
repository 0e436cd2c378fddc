//! The rules of containers.

use std::collections::BTreeSet;

use bireme_core::error::Cause;
use k8s_openapi::api::core::v1::{Container, ContainerPort, EphemeralContainer, PodSpec, VolumeMount};

use super::{environment, probe, resources, security};
use crate::kinds::check::{Path, dns_label, one_of, port_name, port_number, relative_path, text};

const PROTOCOLS: &[&str] = &["SCTP", "TCP", "UDP"];
const PULL_POLICIES: &[&str] = &["Always", "IfNotPresent", "Never"];
const MESSAGE_POLICIES: &[&str] = &["FallbackToLogsOnError", "File"];

/// What is wrong with the containers of a spec whose volumes have these names.
pub(super) fn validate_all(
    path: Path<'_>,
    spec: &PodSpec,
    volumes: &BTreeSet<&str>,
    causes: &mut Vec<Cause>,
) {
    let (list, mut names) = (path.child("containers"), BTreeSet::new());
    if spec.containers.is_empty() {
        causes.push(Cause::required(list, ""));
    }
    let mut host_ports = BTreeSet::new();
    for (index, container) in spec.containers.iter().enumerate() {
        let path = list.index(index);
        check_name(path, &container.name, &mut names, causes);
        check_container(path, container, volumes, spec.host_network == Some(true), causes);
        check_host_ports(path, container, &mut host_ports, causes);
        probe::validate(path, container, causes);
        if container.restart_policy.is_some() {
            let why = "may not be set for non-init containers";
            causes.push(Cause::forbidden(path.child("restartPolicy"), why));
        }
    }
    let list = path.child("initContainers");
    for (index, container) in spec.init_containers.iter().flatten().enumerate() {
        let path = list.index(index);
        check_name(path, &container.name, &mut names, causes);
        check_container(path, container, volumes, spec.host_network == Some(true), causes);
        check_init_container(path, container, causes);
    }
    let list = path.child("ephemeralContainers");
    for (index, container) in spec.ephemeral_containers.iter().flatten().enumerate() {
        check_name(list.index(index), &container.name, &mut names, causes);
        check_ephemeral(list.index(index), container, volumes, causes);
    }
}

fn check_name<'a>(path: Path<'_>, name: &'a str, names: &mut BTreeSet<&'a str>, causes: &mut Vec<Cause>) {
    let path = path.child("name");
    if name.is_empty() {
        causes.push(Cause::required(path, ""));
    } else {
        causes.extend(dns_label(name).map(|why| Cause::invalid(path, name, why)));
        if !names.insert(name) {
            causes.push(Cause::duplicate(path, name));
        }
    }
}

fn check_container(
    path: Path<'_>,
    container: &Container,
    volumes: &BTreeSet<&str>,
    host_network: bool,
    causes: &mut Vec<Cause>,
) {
    check_image(path, text(&container.image), causes);
    one_of(path.child("imagePullPolicy"), text(&container.image_pull_policy), PULL_POLICIES, causes);
    if text(&container.termination_message_path).is_empty() {
        causes.push(Cause::required(path.child("terminationMessagePath"), ""));
    }
    let policy = text(&container.termination_message_policy);
    one_of(path.child("terminationMessagePolicy"), policy, MESSAGE_POLICIES, causes);
    check_ports(path.child("ports"), container.ports.as_deref().unwrap_or_default(), host_network, causes);
    environment::validate(path, container.env.as_deref(), container.env_from.as_deref(), causes);
    check_mounts(
        path.child("volumeMounts"),
        container.volume_mounts.as_deref().unwrap_or_default(),
        volumes,
        causes,
    );
    if let Some(wanted) = &container.resources {
        resources::validate(path.child("resources"), wanted, causes);
    }
    if let Some(context) = &container.security_context {
        security::validate_container(path.child("securityContext"), context, causes);
    }
}

fn check_image(path: Path<'_>, image: &str, causes: &mut Vec<Cause>) {
    let path = path.child("image");
    if image.is_empty() {
        causes.push(Cause::required(path, ""));
    } else if image.trim() != image {
        causes.push(Cause::invalid(path, image, "must not have leading or trailing whitespace"));
    }
}

/// What runs to its end before the others start cannot be probed, unless it runs beside them.
fn check_init_container(path: Path<'_>, container: &Container, causes: &mut Vec<Cause>) {
    match container.restart_policy.as_deref() {
        None => {}
        Some("Always") => return probe::validate(path, container, causes),
        Some(other) => {
            causes.push(Cause::not_supported(path.child("restartPolicy"), other, &["Always"]));
        }
    }
    for (name, is_set) in [
        ("lifecycle", container.lifecycle.is_some()),
        ("livenessProbe", container.liveness_probe.is_some()),
        ("readinessProbe", container.readiness_probe.is_some()),
        ("startupProbe", container.startup_probe.is_some()),
    ] {
        if is_set {
            let why = "may not be set for init containers without restartPolicy=Always";
            causes.push(Cause::forbidden(path.child(name), why));
        }
    }
}

fn check_ephemeral(
    path: Path<'_>,
    container: &EphemeralContainer,
    volumes: &BTreeSet<&str>,
    causes: &mut Vec<Cause>,
) {
    check_image(path, text(&container.image), causes);
    one_of(path.child("imagePullPolicy"), text(&container.image_pull_policy), PULL_POLICIES, causes);
    environment::validate(path, container.env.as_deref(), container.env_from.as_deref(), causes);
    let mounts = container.volume_mounts.as_deref().unwrap_or_default();
    check_mounts(path.child("volumeMounts"), mounts, volumes, causes);
    for (name, is_set) in [
        ("ports", container.ports.as_ref().is_some_and(|ports| !ports.is_empty())),
        ("lifecycle", container.lifecycle.is_some()),
        ("livenessProbe", container.liveness_probe.is_some()),
        ("readinessProbe", container.readiness_probe.is_some()),
        ("startupProbe", container.startup_probe.is_some()),
    ] {
        if is_set {
            causes.push(Cause::forbidden(path.child(name), "cannot be set for an Ephemeral Container"));
        }
    }
}

fn check_ports(path: Path<'_>, ports: &[ContainerPort], host_network: bool, causes: &mut Vec<Cause>) {
    let mut names = BTreeSet::new();
    for (index, port) in ports.iter().enumerate() {
        let path = path.index(index);
        if let Some(name) = port.name.as_deref().filter(|name| !name.is_empty()) {
            causes.extend(port_name(name).map(|why| Cause::invalid(path.child("name"), name, why)));
            if !names.insert(name) {
                causes.push(Cause::duplicate(path.child("name"), name));
            }
        }
        match port.container_port {
            0 => causes.push(Cause::required(path.child("containerPort"), "")),
            number => port_number(path.child("containerPort"), number.into(), causes),
        }
        if let Some(host_port) = port.host_port.filter(|port| *port != 0) {
            port_number(path.child("hostPort"), host_port.into(), causes);
            if host_network && host_port != port.container_port {
                let why = "must match `hostPort` when `hostNetwork` is true";
                causes.push(Cause::invalid(path.child("containerPort"), port.container_port, why));
            }
        }
        one_of(path.child("protocol"), text(&port.protocol), PROTOCOLS, causes);
    }
}

/// No two containers of a pod can have the same port of their node.
fn check_host_ports<'a>(
    path: Path<'_>,
    container: &'a Container,
    taken: &mut BTreeSet<(&'a str, &'a str, i32)>,
    causes: &mut Vec<Cause>,
) {
    let list = path.child("ports");
    for (index, port) in container.ports.iter().flatten().enumerate() {
        let Some(number) = port.host_port.filter(|number| *number != 0) else { continue };
        if !taken.insert((text(&port.protocol), text(&port.host_ip), number)) {
            let place = list.index(index);
            let shown = format!("{}/{}/{number}", text(&port.protocol), text(&port.host_ip));
            causes.push(Cause::duplicate(place.child("hostPort"), shown));
        }
    }
}

fn check_mounts(path: Path<'_>, mounts: &[VolumeMount], volumes: &BTreeSet<&str>, causes: &mut Vec<Cause>) {
    let mut places = BTreeSet::new();
    for (index, mount) in mounts.iter().enumerate() {
        let path = path.index(index);
        if mount.name.is_empty() {
            causes.push(Cause::required(path.child("name"), ""));
        } else if !volumes.contains(mount.name.as_str()) {
            causes.push(Cause::not_found(path.child("name"), &mount.name));
        }
        let place = path.child("mountPath");
        if mount.mount_path.is_empty() {
            causes.push(Cause::required(place, ""));
        } else if !places.insert(&mount.mount_path) {
            causes.push(Cause::invalid(place, &mount.mount_path, "must be unique"));
        }
        for (name, sub_path) in [("subPath", &mount.sub_path), ("subPathExpr", &mount.sub_path_expr)] {
            let sub_path = text(sub_path);
            causes.extend(relative_path(sub_path).map(|why| Cause::invalid(path.child(name), sub_path, why)));
        }
        if let Some(propagation) = &mount.mount_propagation {
            let allowed = ["Bidirectional", "HostToContainer", "None"];
            one_of(path.child("mountPropagation"), propagation, &allowed, causes);
        }
    }
}
