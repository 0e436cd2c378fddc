//! Upstream's plugins, one file each, with upstream's names, semantics and words.

mod balanced_allocation;
mod least_allocated;
mod most_allocated;
mod node_affinity;
mod node_name;
mod node_ports;
mod node_resources_fit;
mod node_unschedulable;
mod requested_to_capacity_ratio;
mod taint_toleration;
#[cfg(test)]
pub(crate) mod testing;

pub use balanced_allocation::NodeResourcesBalancedAllocation;
pub use least_allocated::LeastAllocated;
pub use most_allocated::MostAllocated;
pub use node_affinity::NodeAffinity;
pub(crate) use node_affinity::{Eligible, required as required_affinity};
pub use node_name::NodeName;
pub use node_ports::NodePorts;
pub use node_resources_fit::NodeResourcesFit;
pub use node_unschedulable::NodeUnschedulable;
pub use requested_to_capacity_ratio::RequestedToCapacityRatio;
pub use taint_toleration::TaintToleration;
pub(crate) use taint_toleration::untolerated;

use bireme_core::scheduler::{NodeInfo, PodInfo};

use crate::framework::PodShape;

/// What of CPU and memory would be used and can be had, with the pod on the node, where those that do not say what they
/// need are taken to use something: pairs of each.
fn usage_with(pod: &PodInfo, node: &NodeInfo) -> [(i64, i64); 2] {
    let ((cpu, memory), (more_cpu, more_memory)) = (node.compared(), pod.compared());
    let has = node.allocatable();
    [(cpu.saturating_add(more_cpu), has.milli_cpu), (memory.saturating_add(more_memory), has.memory)]
}

/// The sum of the points that CPU and memory give by how much would be used of what there is, and how many give any.
fn points_by_usage(pod: &PodInfo, node: &NodeInfo, points: impl Fn(i64, i64) -> Option<i64>) -> (i64, i64) {
    let given = usage_with(pod, node).into_iter().filter_map(|(used, has)| points(used, has));
    given.fold((0, 0), |(sum, count), points| (sum + points, count + 1))
}

/// What pods ask for is all that is looked at.
fn see_requests(pod: &PodInfo, shape: &mut PodShape) {
    let requests = pod.requests();
    let (cpu, memory) = pod.compared();
    let numbers =
        [requests.milli_cpu, requests.memory, requests.ephemeral_storage, requests.pods, cpu, memory];
    shape.see_numbers(numbers);
    shape.see_if_any(&Some(&requests.extended).filter(|extended| !extended.is_empty()));
}
