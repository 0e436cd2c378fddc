//! What a pod asks of its node's resources, and the class of service that follows.

use std::collections::BTreeMap;

use bireme_core::quantity::Quantity;
use k8s_openapi::api::core::v1::{Container, PodSpec, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Text;

use super::declared::{self, Role};

/// How sure a pod can be of its resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QosClass {
    /// Every container has limits, and asks for as much.
    Guaranteed,
    /// Some container asks for something.
    Burstable,
    /// None does.
    BestEffort,
}

impl QosClass {
    pub(crate) fn name(self) -> &'static str {
        match self {
            QosClass::Guaranteed => "Guaranteed",
            QosClass::Burstable => "Burstable",
            QosClass::BestEffort => "BestEffort",
        }
    }
}

type Amounts = BTreeMap<String, Text>;

/// An amount that validation has let through always parses; one that does not counts for nothing.
pub(crate) fn amount(amounts: Option<&Amounts>, resource: &str) -> Option<Quantity> {
    amounts?.get(resource)?.0.parse().ok()
}

fn requirements(container: &Container) -> Option<&ResourceRequirements> {
    container.resources.as_ref()
}

/// What a container may use at most.
pub(crate) fn limit(container: &Container, resource: &str) -> Option<Quantity> {
    amount(requirements(container)?.limits.as_ref(), resource)
}

/// What a container asks for: its request, else its limit.
pub(crate) fn request(container: &Container, resource: &str) -> Option<Quantity> {
    let own = amount(requirements(container)?.requests.as_ref(), resource);
    own.or_else(|| limit(container, resource))
}

/// The class of a pod.
pub(crate) fn class(spec: &PodSpec) -> QosClass {
    let counts = |quantity: Option<Quantity>| quantity.filter(|quantity| !quantity.is_zero());
    let mut best_effort = true;
    let mut guaranteed = true;
    for declared in declared::all(spec) {
        for resource in ["cpu", "memory"] {
            let (limit, request) = (limit(declared.spec, resource), request(declared.spec, resource));
            best_effort &= counts(limit).is_none() && counts(request).is_none();
            guaranteed &= counts(limit).is_some() && limit == request;
        }
    }
    match (best_effort, guaranteed) {
        (true, _) => QosClass::BestEffort,
        (false, true) => QosClass::Guaranteed,
        (false, false) => QosClass::Burstable,
    }
}

/// What a pod takes of a resource: its main containers and sidecars together, or what the init phase needs at its
/// greediest moment if that is more; and its overhead.
pub(crate) fn pod_request(spec: &PodSpec, resource: &str) -> Quantity {
    let ask = |container: &Container| request(container, resource).unwrap_or(Quantity::ZERO);
    let mut sidecars = Quantity::ZERO;
    let mut peak = Quantity::ZERO;
    for declared in declared::init_phase(spec) {
        match declared.role {
            Role::Sidecar => sidecars += ask(declared.spec),
            Role::Init | Role::Main => peak = peak.max(sidecars + ask(declared.spec)),
        }
    }
    let steady = sidecars + declared::mains(spec).map(|main| ask(main.spec)).sum::<Quantity>();
    let overhead = amount(spec.overhead.as_ref(), resource).unwrap_or(Quantity::ZERO);
    steady.max(peak) + overhead
}

/// How readily the kernel kills the container when memory runs out. The scale is Kubernetes': guaranteed pods
/// last, best-effort ones first, the others by the share of the node's memory that they asked for.
pub(crate) fn oom_score_adj(spec: &PodSpec, container: &Container, node_memory: u64) -> i32 {
    match class(spec) {
        QosClass::Guaranteed => -997,
        QosClass::BestEffort => 1000,
        QosClass::Burstable => {
            let request = request(container, "memory").map_or(0, Quantity::value);
            let share = 1000_i128 * i128::from(request) / i128::from(node_memory.max(1));
            i32::try_from((1000 - share).clamp(3, 999)).unwrap_or(999)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(requests: &[(&str, &str)], limits: &[(&str, &str)]) -> Container {
        let map = |pairs: &[(&str, &str)]| {
            Some(pairs.iter().map(|(name, text)| ((*name).to_owned(), Text((*text).to_owned()))).collect())
        };
        let resources = ResourceRequirements { requests: map(requests), limits: map(limits), claims: None };
        Container { resources: Some(resources), ..Container::default() }
    }

    fn spec(containers: Vec<Container>) -> PodSpec {
        PodSpec { containers, ..PodSpec::default() }
    }

    #[test]
    fn a_pod_is_guaranteed_only_if_every_container_has_equal_limits_and_requests() {
        let full = || container(&[], &[("cpu", "1"), ("memory", "1Gi")]);
        let equal = container(&[("cpu", "1000m"), ("memory", "1Gi")], &[("cpu", "1"), ("memory", "1Gi")]);
        let half = container(&[("cpu", "500m")], &[("cpu", "1"), ("memory", "1Gi")]);
        let none = || container(&[], &[]);
        assert_eq!(class(&spec(vec![full(), equal])), QosClass::Guaranteed);
        assert_eq!(class(&spec(vec![full(), half])), QosClass::Burstable);
        assert_eq!(class(&spec(vec![full(), none()])), QosClass::Burstable);
        assert_eq!(class(&spec(vec![none()])), QosClass::BestEffort);
        assert_eq!(class(&spec(vec![container(&[("cpu", "0")], &[])])), QosClass::BestEffort);
    }

    #[test]
    fn init_containers_count_by_their_greediest_moment() {
        let sidecar =
            Container { restart_policy: Some("Always".to_owned()), ..container(&[("cpu", "100m")], &[]) };
        let mut spec = spec(vec![container(&[("cpu", "200m")], &[]), container(&[("cpu", "300m")], &[])]);
        assert_eq!(pod_request(&spec, "cpu").millis(), 500);
        spec.init_containers = Some(vec![sidecar, container(&[("cpu", "450m")], &[])]);
        assert_eq!(pod_request(&spec, "cpu").millis(), 600);
        spec.init_containers.as_mut().unwrap()[1] = container(&[("cpu", "2")], &[]);
        assert_eq!(pod_request(&spec, "cpu").millis(), 2100);
    }
}
