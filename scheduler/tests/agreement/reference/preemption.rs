//! Who would have to go from a node so that a pod can come.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use bireme_core::scheduler::Budget;
use k8s_openapi::api::core::v1::Pod;

use super::{PLUGINS, filter, namespace};
use crate::world::{World, labels};

/// What making room costs: the less the better, field by field.
pub type Cost = (usize, i32, i128, usize, Reverse<i64>);

/// The victims, by uid, and the cost, for every node on which room can be made.
pub fn preempt(
    world: &World,
    pod: &Pod,
    plugins: &BTreeSet<&str>,
    budgets: &[Budget],
) -> BTreeMap<String, (BTreeSet<String>, Cost)> {
    let of = |node: &String| Some((node.clone(), victims(world, pod, plugins, budgets, node)?));
    world.nodes.keys().filter_map(of).collect()
}

fn priority(pod: &Pod) -> i32 {
    pod.spec.as_ref().unwrap().priority.unwrap_or(0)
}

fn uid(pod: &Pod) -> String {
    pod.metadata.uid.clone().unwrap()
}

fn started(pod: &Pod) -> i64 {
    let start = pod.status.as_ref().and_then(|status| status.start_time.as_ref());
    start.map_or(i64::MAX, |start| start.0.as_second())
}

fn violates(pod: &Pod, budgets: &mut [(&Budget, i32)]) -> bool {
    let labels = labels(&pod.metadata.labels);
    let mut violates = false;
    for (budget, left) in budgets {
        let protects = budget.key.namespace() == Some(namespace(pod))
            && budget.selector.as_ref().is_some_and(|selector| selector.matches(&labels));
        if protects {
            *left -= 1;
            violates |= *left < 0;
        }
    }
    violates
}

fn victims(
    world: &World,
    pod: &Pod,
    plugins: &BTreeSet<&str>,
    budgets: &[Budget],
    node: &str,
) -> Option<(BTreeSet<String>, Cost)> {
    let fits = |world: &World| {
        let mut asked = PLUGINS.iter().filter(|plugin| plugins.contains(*plugin));
        asked.all(|plugin| filter(plugin, world, pod, &world.nodes[node]).is_empty())
    };
    let mut lower: Vec<Pod> =
        world.pods_on(node).filter(|other| priority(other) < priority(pod)).cloned().collect();
    lower.sort_by_key(|pod| (Reverse(priority(pod)), started(pod), uid(pod)));
    let mut what_if = world.clone();
    lower.iter().for_each(|pod| drop(what_if.pods.remove(&uid(pod))));
    if lower.is_empty() || !fits(&what_if) {
        return None;
    }
    let mut left: Vec<_> = budgets.iter().map(|budget| (budget, budget.allowed)).collect();
    let (protected, free): (Vec<Pod>, Vec<Pod>) = lower.into_iter().partition(|pod| violates(pod, &mut left));
    let (mut gone, mut violations) = (Vec::new(), 0);
    for (is_protected, other) in
        protected.into_iter().map(|pod| (true, pod)).chain(free.into_iter().map(|pod| (false, pod)))
    {
        what_if.pods.insert(uid(&other), (other.clone(), node.to_owned()));
        if !fits(&what_if) {
            what_if.pods.remove(&uid(&other));
            violations += usize::from(is_protected);
            gone.push(other);
        }
    }
    let highest = gone.iter().map(priority).max()?;
    let first = gone.iter().filter(|pod| priority(pod) == highest).map(started).min()?;
    let sum = gone.iter().map(|pod| i128::from(priority(pod)) + (1 << 31)).sum();
    let cost = (violations, highest, sum, gone.len(), Reverse(first));
    Some((gone.iter().map(uid).collect(), cost))
}
