//! Amounts of what nodes have and pods ask for.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, Pod, PodSpec};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Text;

use crate::quantity::Quantity;

/// An amount of each resource, in the units that scheduling counts in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    /// Thousandths of a CPU.
    pub milli_cpu: i64,
    /// Bytes of memory.
    pub memory: i64,
    /// Bytes of a node's local disk.
    pub ephemeral_storage: i64,
    /// Number of pods.
    pub pods: i64,
    /// Everything else that a node can advertise, by name.
    pub extended: BTreeMap<String, i64>,
}

impl Resources {
    /// The amounts of a resource list (`requests`, `allocatable`). An amount that cannot be read counts as none;
    /// the API server lets no such through.
    pub fn from_list<'a>(list: impl IntoIterator<Item = (&'a String, &'a Text)>) -> Self {
        let mut resources = Self::default();
        for (name, amount) in list {
            let amount = Quantity::try_from(amount).unwrap_or_default();
            match name.as_str() {
                "cpu" => resources.milli_cpu = amount.millis(),
                "memory" => resources.memory = amount.value(),
                "ephemeral-storage" => resources.ephemeral_storage = amount.value(),
                "pods" => resources.pods = amount.value(),
                _ => {
                    resources.extended.insert(name.clone(), amount.value());
                }
            }
        }
        resources
    }

    /// What a pod asks for, as upstream counts it: its containers and sidecars together, or more where an init
    /// container needs more beside the sidecars started before it; and its overhead. One pod.
    pub fn requested_by(pod: &Pod) -> Self {
        let mut total = pod.spec.as_ref().map(|spec| Self::of_spec(spec, requests)).unwrap_or_default();
        total.pods = 1;
        total
    }

    /// The same of CPU (in thousandths) and memory (in bytes) with something for containers that do not say, so that a
    /// node with many of them is not taken for an empty one.
    pub(super) fn compared_by(pod: &Pod) -> (i64, i64) {
        let total = pod.spec.as_ref().map(|spec| Self::of_spec(spec, requests_or_guess)).unwrap_or_default();
        (total.milli_cpu, total.memory)
    }

    fn of_spec(spec: &PodSpec, requests: fn(&Container) -> Self) -> Self {
        let mut total = Self::default();
        for container in &spec.containers {
            total.add(&requests(container));
        }
        let (sidecars, initial_peak) = Self::of_init_containers(spec, requests);
        total.add(&sidecars);
        total.raise_to(&initial_peak);
        total.add(&Self::from_list(spec.overhead.iter().flatten()));
        total
    }

    /// What the sidecars ask for together, and the most that is asked for at once while init containers run.
    fn of_init_containers(spec: &PodSpec, requests: fn(&Container) -> Self) -> (Self, Self) {
        let (mut sidecars, mut peak) = (Self::default(), Self::default());
        for container in spec.init_containers.iter().flatten() {
            let mut at_once = requests(container);
            if container.restart_policy.as_deref() == Some("Always") {
                sidecars.add(&at_once);
                peak.raise_to(&sidecars);
            } else {
                at_once.add(&sidecars);
                peak.raise_to(&at_once);
            }
        }
        (sidecars, peak)
    }

    /// Adds another amount.
    pub fn add(&mut self, other: &Resources) {
        self.combine(other, i64::saturating_add);
    }

    /// Takes another amount away.
    pub fn subtract(&mut self, other: &Resources) {
        self.combine(other, i64::saturating_sub);
        self.extended.retain(|_, amount| *amount != 0);
    }

    fn raise_to(&mut self, other: &Resources) {
        self.combine(other, i64::max);
    }

    fn combine(&mut self, other: &Resources, with: fn(i64, i64) -> i64) {
        self.milli_cpu = with(self.milli_cpu, other.milli_cpu);
        self.memory = with(self.memory, other.memory);
        self.ephemeral_storage = with(self.ephemeral_storage, other.ephemeral_storage);
        self.pods = with(self.pods, other.pods);
        for (name, amount) in &other.extended {
            let own = self.extended.entry(name.clone()).or_default();
            *own = with(*own, *amount);
        }
    }
}

fn requests(container: &Container) -> Resources {
    let requests = container.resources.as_ref().and_then(|resources| resources.requests.as_ref());
    Resources::from_list(requests.into_iter().flatten())
}

/// What a container that does not say is taken to use, in thousandths of a CPU.
const GUESSED_MILLI_CPU: i64 = 100;
/// What a container that does not say is taken to use, in bytes of memory.
const GUESSED_MEMORY: i64 = 200 << 20;

fn requests_or_guess(container: &Container) -> Resources {
    let mut resources = requests(container);
    let requests = container.resources.as_ref().and_then(|resources| resources.requests.as_ref());
    let says = |name: &str| requests.is_some_and(|requests| requests.contains_key(name));
    if !says("cpu") {
        resources.milli_cpu = GUESSED_MILLI_CPU;
    }
    if !says("memory") {
        resources.memory = GUESSED_MEMORY;
    }
    resources
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::ResourceRequirements;

    fn container(cpu: &str, restart: Option<&str>) -> Container {
        let requests = BTreeMap::from([("cpu".to_owned(), Text(cpu.to_owned()))]);
        Container {
            resources: Some(ResourceRequirements {
                requests: Some(requests),
                ..ResourceRequirements::default()
            }),
            restart_policy: restart.map(Into::into),
            ..Container::default()
        }
    }

    fn requested(containers: Vec<Container>, init: Vec<Container>) -> i64 {
        let spec = PodSpec { containers, init_containers: Some(init), ..PodSpec::default() };
        Resources::requested_by(&Pod { spec: Some(spec), ..Pod::default() }).milli_cpu
    }

    #[test]
    fn containers_add_up_and_the_largest_init_container_may_exceed_them() {
        let containers = || vec![container("100m", None), container("200m", None)];
        assert_eq!(requested(containers(), vec![]), 300);
        assert_eq!(requested(containers(), vec![container("250m", None)]), 300);
        assert_eq!(requested(containers(), vec![container("1", None), container("2", None)]), 2000);
    }

    #[test]
    fn sidecars_count_beside_containers_and_beside_later_init_containers() {
        let init = vec![container("100m", Some("Always")), container("400m", None)];
        assert_eq!(requested(vec![container("200m", None)], init), 500);
        let init = vec![container("400m", None), container("300m", Some("Always"))];
        assert_eq!(requested(vec![container("200m", None)], init), 500);
    }

    #[test]
    fn containers_that_do_not_say_are_compared_by_a_guess_each() {
        let silent = Container::default();
        let containers = vec![container("300m", None), silent.clone(), silent, container("0", None)];
        let spec = PodSpec { containers, ..PodSpec::default() };
        let pod = Pod { spec: Some(spec), ..Pod::default() };
        assert_eq!(Resources::requested_by(&pod).milli_cpu, 300);
        assert_eq!(Resources::compared_by(&pod), (300 + 100 + 100, 4 * GUESSED_MEMORY));
    }

    #[test]
    fn what_was_added_can_be_taken_away() {
        let gpu = Resources {
            extended: BTreeMap::from([("gpu".to_owned(), 2)]),
            milli_cpu: 5,
            ..Resources::default()
        };
        let mut sum = gpu.clone();
        sum.add(&gpu);
        assert_eq!(sum.extended["gpu"], 4);
        sum.subtract(&gpu);
        sum.subtract(&gpu);
        assert_eq!(sum, Resources::default());
    }
}
