//! The rules of probes and of the hooks of a container's life.

use bireme_core::error::Cause;
use k8s_openapi::api::core::v1::{Container, ExecAction, HTTPGetAction, LifecycleHandler, Probe};

use crate::kinds::check::{Path, non_negative, one_of, port, port_number, text};

/// What is wrong with a container's probes and hooks.
pub(super) fn validate(path: Path<'_>, container: &Container, causes: &mut Vec<Cause>) {
    for (name, probe, once) in [
        ("livenessProbe", &container.liveness_probe, true),
        ("readinessProbe", &container.readiness_probe, false),
        ("startupProbe", &container.startup_probe, true),
    ] {
        if let Some(probe) = probe {
            check_probe(path.child(name), probe, once, causes);
        }
    }
    if let Some(lifecycle) = &container.lifecycle {
        for (name, handler) in
            [("lifecycle.postStart", &lifecycle.post_start), ("lifecycle.preStop", &lifecycle.pre_stop)]
        {
            if let Some(handler) = handler {
                check_handler(path.child(name), handler, causes);
            }
        }
    }
}

/// A probe that decides on life or death must do so on its first success: `once`.
fn check_probe(path: Path<'_>, probe: &Probe, once: bool, causes: &mut Vec<Cause>) {
    for (name, value) in [
        ("initialDelaySeconds", probe.initial_delay_seconds),
        ("timeoutSeconds", probe.timeout_seconds),
        ("periodSeconds", probe.period_seconds),
        ("successThreshold", probe.success_threshold),
        ("failureThreshold", probe.failure_threshold),
    ] {
        non_negative(path.child(name), value.unwrap_or(0).into(), causes);
    }
    if let Some(threshold) = probe.success_threshold.filter(|threshold| once && *threshold > 1) {
        causes.push(Cause::invalid(path.child("successThreshold"), threshold, "must be 1"));
    }
    if let Some(seconds) = probe.termination_grace_period_seconds.filter(|seconds| *seconds <= 0) {
        let why = "must be greater than 0";
        causes.push(Cause::invalid(path.child("terminationGracePeriodSeconds"), seconds, why));
    }
    let mut actions = Actions { path, count: 0 };
    actions.exec(probe.exec.as_ref(), causes);
    actions.http_get(probe.http_get.as_ref(), causes);
    actions.tcp_socket(probe.tcp_socket.as_ref().map(|socket| &socket.port), causes);
    if let Some(grpc) = &probe.grpc {
        actions.count("grpc", causes);
        port_number(path.child("grpc.port"), grpc.port.into(), causes);
    }
    actions.finish(causes);
}

fn check_handler(path: Path<'_>, handler: &LifecycleHandler, causes: &mut Vec<Cause>) {
    let mut actions = Actions { path, count: 0 };
    actions.exec(handler.exec.as_ref(), causes);
    actions.http_get(handler.http_get.as_ref(), causes);
    actions.tcp_socket(handler.tcp_socket.as_ref().map(|socket| &socket.port), causes);
    if let Some(sleep) = &handler.sleep {
        actions.count("sleep", causes);
        non_negative(path.child("sleep.seconds"), sleep.seconds, causes);
    }
    actions.finish(causes);
}

/// Counts the actions of a handler, of which there must be one.
struct Actions<'a> {
    path: Path<'a>,
    count: usize,
}

impl Actions<'_> {
    fn count(&mut self, name: &str, causes: &mut Vec<Cause>) {
        self.count += 1;
        if self.count > 1 {
            causes.push(Cause::forbidden(self.path.child(name), "may not specify more than 1 handler type"));
        }
    }

    fn exec(&mut self, exec: Option<&ExecAction>, causes: &mut Vec<Cause>) {
        let Some(exec) = exec else { return };
        self.count("exec", causes);
        if exec.command.as_ref().is_none_or(Vec::is_empty) {
            causes.push(Cause::required(self.path.child("exec.command"), ""));
        }
    }

    fn http_get(&mut self, get: Option<&HTTPGetAction>, causes: &mut Vec<Cause>) {
        let Some(get) = get else { return };
        self.count("httpGet", causes);
        let path = self.path.child("httpGet");
        if text(&get.path).is_empty() {
            causes.push(Cause::required(path.child("path"), ""));
        }
        port(path.child("port"), &get.port, causes);
        one_of(path.child("scheme"), text(&get.scheme), &["HTTP", "HTTPS"], causes);
        for header in get.http_headers.iter().flatten() {
            let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
            if header.name.is_empty() || !header.name.bytes().all(fits) {
                let why = "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. \
                    'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')";
                causes.push(Cause::invalid(path.child("httpHeaders"), &header.name, why));
            }
        }
    }

    fn tcp_socket(
        &mut self,
        socket: Option<&k8s_openapi::apimachinery::pkg::util::intstr::IntOrString>,
        causes: &mut Vec<Cause>,
    ) {
        let Some(socket) = socket else { return };
        self.count("tcpSocket", causes);
        port(self.path.child("tcpSocket.port"), socket, causes);
    }

    fn finish(self, causes: &mut Vec<Cause>) {
        if self.count == 0 {
            causes.push(Cause::required(self.path, "must specify a handler type"));
        }
    }
}
