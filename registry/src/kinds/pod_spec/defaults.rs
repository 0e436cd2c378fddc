//! What the author of a pod or template may leave out.

use k8s_openapi::api::core::v1::{
    Container, ContainerPort, EnvVar, HTTPGetAction, Lifecycle, ObjectFieldSelector, PodSpec,
    PodTemplateSpec, Probe, Volume, VolumeProjection,
};

use super::volume::has_source;
use crate::kinds::check::{canonical, default_text, text};

/// The permissions of files made from ConfigMaps and Secrets: `0644`.
const DEFAULT_MODE: i32 = 0o644;
/// How long a projected token is valid, in seconds.
const TOKEN_SECONDS: i64 = 3600;

/// Fills in a template.
pub(in crate::kinds) fn default_template(template: &mut PodTemplateSpec) {
    default(template.spec.get_or_insert_default());
}

/// Fills in a spec.
pub(in crate::kinds) fn default(spec: &mut PodSpec) {
    default_text(&mut spec.dns_policy, "ClusterFirst");
    default_text(&mut spec.restart_policy, "Always");
    default_text(&mut spec.scheduler_name, "default-scheduler");
    spec.termination_grace_period_seconds.get_or_insert(30);
    spec.security_context.get_or_insert_default();
    canonical(&mut spec.overhead);
    if let Some(resources) = &mut spec.resources {
        canonical(&mut resources.limits);
        canonical(&mut resources.requests);
    }
    // The older name of the same field; what reads one of the two finds it.
    if text(&spec.service_account_name).is_empty() {
        spec.service_account_name = spec.service_account.take().filter(|name| !name.is_empty());
    }
    spec.service_account.clone_from(&spec.service_account_name);
    spec.volumes.iter_mut().flatten().for_each(default_volume);
    spec.init_containers.iter_mut().flatten().for_each(default_container);
    spec.containers.iter_mut().for_each(default_container);
    for container in spec.ephemeral_containers.iter_mut().flatten() {
        default_pull_policy(&mut container.image_pull_policy, text(&container.image));
        default_text(&mut container.termination_message_path, "/dev/termination-log");
        default_text(&mut container.termination_message_policy, "File");
        container.resources.get_or_insert_default();
        container.env.iter_mut().flatten().for_each(default_env);
    }
}

/// What a pod asks for, where its author only said what it may use at most. Templates do without.
pub(in crate::kinds) fn default_requests(spec: &mut PodSpec) {
    for container in spec.init_containers.iter_mut().flatten().chain(&mut spec.containers) {
        let Some(resources) = &mut container.resources else { continue };
        for (name, limit) in resources.limits.iter().flatten() {
            resources.requests.get_or_insert_default().entry(name.clone()).or_insert_with(|| limit.clone());
        }
    }
    if spec.host_network == Some(true) {
        let containers = spec.init_containers.iter_mut().flatten().chain(&mut spec.containers);
        for port in containers.flat_map(|container| container.ports.iter_mut().flatten()) {
            if port.host_port.unwrap_or(0) == 0 {
                port.host_port = Some(port.container_port);
            }
        }
    }
}

fn default_container(container: &mut Container) {
    default_pull_policy(&mut container.image_pull_policy, text(&container.image));
    default_text(&mut container.termination_message_path, "/dev/termination-log");
    default_text(&mut container.termination_message_policy, "File");
    let resources = container.resources.get_or_insert_default();
    canonical(&mut resources.limits);
    canonical(&mut resources.requests);
    container.env.iter_mut().flatten().for_each(default_env);
    container.ports.iter_mut().flatten().for_each(default_port);
    container.lifecycle.iter_mut().for_each(default_lifecycle);
    let probes =
        [&mut container.liveness_probe, &mut container.readiness_probe, &mut container.startup_probe];
    probes.into_iter().flatten().for_each(default_probe);
}

/// An image that can change under its name is pulled anew every time.
fn default_pull_policy(policy: &mut Option<String>, image: &str) {
    if text(policy).is_empty() {
        let name = image.rsplit_once('/').map_or(image, |(_, name)| name);
        let (name, is_pinned) = name.split_once('@').map_or((name, false), |(name, _)| (name, true));
        let always = name.split_once(':').map_or(!is_pinned, |(_, tag)| tag == "latest");
        *policy = Some(if always { "Always" } else { "IfNotPresent" }.to_owned());
    }
}

fn default_env(env: &mut EnvVar) {
    let from = env.value_from.as_mut();
    default_field_ref(from.and_then(|from| from.field_ref.as_mut()));
}

fn default_field_ref(field: Option<&mut ObjectFieldSelector>) {
    if let Some(field) = field {
        default_text(&mut field.api_version, "v1");
    }
}

fn default_port(port: &mut ContainerPort) {
    default_text(&mut port.protocol, "TCP");
}

fn default_lifecycle(lifecycle: &mut Lifecycle) {
    let handlers = [&mut lifecycle.post_start, &mut lifecycle.pre_stop];
    handlers.into_iter().flatten().filter_map(|handler| handler.http_get.as_mut()).for_each(default_http_get);
}

fn default_probe(probe: &mut Probe) {
    for (field, value) in [
        (&mut probe.timeout_seconds, 1),
        (&mut probe.period_seconds, 10),
        (&mut probe.success_threshold, 1),
        (&mut probe.failure_threshold, 3),
    ] {
        if field.unwrap_or(0) == 0 {
            *field = Some(value);
        }
    }
    probe.http_get.iter_mut().for_each(default_http_get);
    if let Some(grpc) = &mut probe.grpc {
        grpc.service.get_or_insert_default();
    }
}

fn default_http_get(get: &mut HTTPGetAction) {
    default_text(&mut get.path, "/");
    default_text(&mut get.scheme, "HTTP");
}

/// A volume that does not say what it is, is an empty directory.
fn default_volume(volume: &mut Volume) {
    if !has_source(volume) {
        volume.empty_dir = Some(Default::default());
    }
    if let Some(empty) = &mut volume.empty_dir
        && let Some(limit) = empty.size_limit.take()
    {
        let mut limits = Some([(String::new(), limit)].into());
        canonical(&mut limits);
        empty.size_limit = limits.and_then(|mut limits| limits.remove(""));
    }
    if let Some(path) = &mut volume.host_path {
        path.type_.get_or_insert_default();
    }
    if let Some(map) = &mut volume.config_map {
        map.default_mode.get_or_insert(DEFAULT_MODE);
    }
    if let Some(secret) = &mut volume.secret {
        secret.default_mode.get_or_insert(DEFAULT_MODE);
    }
    if let Some(downward) = &mut volume.downward_api {
        downward.default_mode.get_or_insert(DEFAULT_MODE);
        downward.items.iter_mut().flatten().for_each(|file| default_field_ref(file.field_ref.as_mut()));
    }
    if let Some(projected) = &mut volume.projected {
        projected.default_mode.get_or_insert(DEFAULT_MODE);
        projected.sources.iter_mut().flatten().for_each(default_projection);
    }
}

fn default_projection(source: &mut VolumeProjection) {
    if let Some(token) = &mut source.service_account_token {
        token.expiration_seconds.get_or_insert(TOKEN_SECONDS);
    }
    let files = source.downward_api.iter_mut().flat_map(|downward| downward.items.iter_mut().flatten());
    files.for_each(|file| default_field_ref(file.field_ref.as_mut()));
}
