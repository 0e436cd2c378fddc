//! What a pod's specification asks for.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, ContainerStatus, Pod, PodSpec, PodStatus};

/// The grace of a pod that does not say.
const DEFAULT_GRACE: i64 = 30;

/// What a container of a pod is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Runs to its end before the next one starts.
    Init,
    /// Starts among the init containers and runs as long as the pod does (KEP-753).
    Sidecar,
    /// What the pod is for.
    Main,
}

/// When a container that has ended is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RestartPolicy {
    Always,
    OnFailure,
    Never,
}

impl RestartPolicy {
    pub(crate) fn of(spec: &PodSpec) -> Self {
        match spec.restart_policy.as_deref() {
            Some("Never") => Self::Never,
            Some("OnFailure") => Self::OnFailure,
            Some(_) | None => Self::Always,
        }
    }

    /// The policy for a container of this role: sidecars always run again, init containers never after success.
    pub(crate) fn for_role(self, role: Role) -> Self {
        match (role, self) {
            (Role::Sidecar, _) => Self::Always,
            (Role::Init, Self::Always) => Self::OnFailure,
            (Role::Init | Role::Main, policy) => policy,
        }
    }

    pub(crate) fn restarts_after(self, code: i32) -> bool {
        match self {
            Self::Always => true,
            Self::OnFailure => code != 0,
            Self::Never => false,
        }
    }
}

/// A container that the pod asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Declared<'a> {
    pub(crate) role: Role,
    pub(crate) spec: &'a Container,
    pub(crate) policy: RestartPolicy,
}

impl<'a> Declared<'a> {
    pub(crate) fn name(&self) -> &'a str {
        &self.spec.name
    }
}

fn role_of_init(container: &Container) -> Role {
    if container.restart_policy.as_deref() == Some("Always") { Role::Sidecar } else { Role::Init }
}

/// The containers of the init phase, in their order: init containers and sidecars.
pub(crate) fn init_phase(spec: &PodSpec) -> impl DoubleEndedIterator<Item = Declared<'_>> {
    let policy = RestartPolicy::of(spec);
    spec.init_containers.iter().flatten().map(move |container| {
        let role = role_of_init(container);
        Declared { role, spec: container, policy: policy.for_role(role) }
    })
}

/// The main containers, in their order.
pub(crate) fn mains(spec: &PodSpec) -> impl DoubleEndedIterator<Item = Declared<'_>> {
    let policy = RestartPolicy::of(spec);
    spec.containers.iter().map(move |container| Declared { role: Role::Main, spec: container, policy })
}

/// The sidecars, in their order.
pub(crate) fn sidecars(spec: &PodSpec) -> impl DoubleEndedIterator<Item = Declared<'_>> {
    init_phase(spec).filter(|declared| declared.role == Role::Sidecar)
}

/// Every container, the init phase first.
pub(crate) fn all(spec: &PodSpec) -> impl Iterator<Item = Declared<'_>> {
    init_phase(spec).chain(mains(spec))
}

pub(crate) fn by_name<'a>(spec: &'a PodSpec, name: &str) -> Option<Declared<'a>> {
    all(spec).find(|declared| declared.spec.name == name)
}

/// A pod without a specification or a status stands for one with an empty one: the API knows no such pod.
pub(crate) fn spec(pod: &Pod) -> &PodSpec {
    static EMPTY: std::sync::OnceLock<PodSpec> = std::sync::OnceLock::new();
    pod.spec.as_ref().unwrap_or_else(|| EMPTY.get_or_init(PodSpec::default))
}

pub(crate) fn status(pod: &Pod) -> &PodStatus {
    static EMPTY: std::sync::OnceLock<PodStatus> = std::sync::OnceLock::new();
    pod.status.as_ref().unwrap_or_else(|| EMPTY.get_or_init(PodStatus::default))
}

/// What the API last heard of a container.
pub(crate) fn reported<'a>(pod: &'a Pod, name: &str) -> Option<&'a ContainerStatus> {
    let status = status(pod);
    let mut known = status.init_container_statuses.iter().chain(&status.container_statuses).flatten();
    known.find(|reported| reported.name == name)
}

/// The settings of the kernel that a pod asks for.
pub(crate) fn sysctls(pod: &Pod) -> impl Iterator<Item = (&str, &str)> {
    let context = spec(pod).security_context.as_ref();
    let sysctls = context.into_iter().flat_map(|context| context.sysctls.iter().flatten());
    sysctls.map(|sysctl| (sysctl.name.as_str(), sysctl.value.as_str()))
}

pub(crate) fn uses_host_network(pod: &Pod) -> bool {
    spec(pod).host_network == Some(true)
}

/// Whether the API says that the pod has come to its end.
pub(crate) fn is_terminal(pod: &Pod) -> bool {
    matches!(status(pod).phase.as_deref(), Some("Succeeded" | "Failed"))
}

pub(crate) fn is_being_deleted(pod: &Pod) -> bool {
    pod.metadata.deletion_timestamp.is_some()
}

/// How long the pod's containers get to end: what its deletion says, else what the pod says; at least a second,
/// so that even a forced end asks first.
pub(crate) fn grace(pod: &Pod) -> Duration {
    let own = spec(pod).termination_grace_period_seconds.unwrap_or(DEFAULT_GRACE);
    let seconds = match pod.metadata.deletion_timestamp {
        Some(_) => pod.metadata.deletion_grace_period_seconds.unwrap_or(own),
        None => own,
    };
    Duration::from_secs(seconds.max(1).unsigned_abs())
}
