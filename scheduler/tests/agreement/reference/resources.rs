//! What nodes have, what pods ask for, and how full that makes a node.

use std::collections::BTreeMap;

use bireme_core::quantity::Quantity;
use k8s_openapi::api::core::v1::{Container, Node, Pod};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Text;

use super::name;
use crate::world::World;

type Amounts = BTreeMap<String, i64>;

fn amounts(list: Option<&BTreeMap<String, Text>>) -> Amounts {
    let read = |(name, text): (&String, &Text)| {
        let quantity = Quantity::try_from(text).unwrap();
        (name.clone(), if name == "cpu" { quantity.millis() } else { quantity.value() })
    };
    list.into_iter().flatten().map(read).collect()
}

fn of_container(container: &Container, guess: bool) -> Amounts {
    let mut requests =
        amounts(container.resources.as_ref().and_then(|resources| resources.requests.as_ref()));
    if guess {
        requests.entry("cpu".to_owned()).or_insert(100);
        requests.entry("memory".to_owned()).or_insert(200 * 1024 * 1024);
    }
    requests
}

/// The most that a pod asks for at any time: while each init container runs beside the sidecars before it, and when all
/// containers and sidecars run; and its overhead.
fn of_pod(pod: &Pod, guess: bool) -> Amounts {
    let spec = pod.spec.as_ref().unwrap();
    let (mut times, mut sidecars): (Vec<Amounts>, Vec<Amounts>) = (Vec::new(), Vec::new());
    let together = |parts: &[Amounts]| {
        let mut sum = Amounts::new();
        for (name, amount) in parts.iter().flatten() {
            *sum.entry(name.clone()).or_default() += amount;
        }
        sum
    };
    for container in spec.init_containers.iter().flatten() {
        let own = of_container(container, guess);
        if container.restart_policy.as_deref() == Some("Always") {
            sidecars.push(own);
            times.push(together(&sidecars));
        } else {
            times.push(together(&[sidecars.clone(), vec![own]].concat()));
        }
    }
    let running = spec.containers.iter().map(|container| of_container(container, guess));
    times.push(together(&sidecars.iter().cloned().chain(running).collect::<Vec<_>>()));
    let mut most = Amounts::new();
    for (name, amount) in times.iter().flatten() {
        let known = most.entry(name.clone()).or_default();
        *known = (*known).max(*amount);
    }
    together(&[most, amounts(spec.overhead.as_ref())])
}

fn has(node: &Node) -> Amounts {
    amounts(node.status.as_ref().and_then(|status| status.allocatable.as_ref()))
}

fn taken(world: &World, node: &Node, guess: bool) -> Amounts {
    let mut sum = Amounts::new();
    for (resource, amount) in world.pods_on(name(node)).flat_map(|pod| of_pod(pod, guess)) {
        *sum.entry(resource).or_default() += amount;
    }
    sum
}

pub fn lacking(world: &World, pod: &Pod, node: &Node) -> Vec<String> {
    let (wants, has, taken) = (of_pod(pod, false), has(node), taken(world, node, false));
    let of = |amounts: &Amounts, name: &str| amounts.get(name).copied().unwrap_or(0);
    let mut reasons = Vec::new();
    let pods = i64::try_from(world.pods_on(name(node)).count()).unwrap();
    if pods + 1 > of(&has, "pods") {
        reasons.push("Too many pods".to_owned());
    }
    for (resource, amount) in wants.iter().filter(|(_, amount)| **amount > 0) {
        if of(&taken, resource) + amount > of(&has, resource) {
            reasons.push(format!("Insufficient {resource}"));
        }
    }
    reasons
}

pub fn least_allocated(world: &World, pod: &Pod, node: &Node) -> i64 {
    let (wants, has, taken) = (of_pod(pod, true), has(node), taken(world, node, true));
    let mut points = Vec::new();
    for resource in ["cpu", "memory"] {
        let has = has.get(resource).copied().unwrap_or(0);
        let used = wants.get(resource).copied().unwrap_or(0) + taken.get(resource).copied().unwrap_or(0);
        if has > 0 {
            points.push((has - used).max(0) * 100 / has);
        }
    }
    points.iter().sum::<i64>() / i64::try_from(points.len()).unwrap().max(1)
}

pub fn balanced(world: &World, pod: &Pod, node: &Node) -> i64 {
    let (wants, has, taken) = (of_pod(pod, false), has(node), taken(world, node, false));
    let of = |amounts: &Amounts, name: &str| amounts.get(name).copied().unwrap_or(0);
    if of(&wants, "cpu") == 0 && of(&wants, "memory") == 0 {
        return 0;
    }
    let mut fractions = Vec::new();
    for resource in ["cpu", "memory"] {
        if of(&has, resource) > 0 {
            let used = of(&wants, resource) + of(&taken, resource);
            fractions.push((used as f64 / of(&has, resource) as f64).min(1.0));
        }
    }
    let deviation = if fractions.len() == 2 { (fractions[0] - fractions[1]).abs() / 2.0 } else { 0.0 };
    ((1.0 - deviation) * 100.0) as i64
}
