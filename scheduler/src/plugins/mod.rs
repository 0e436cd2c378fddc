//! Upstream's plugins, one file each, with upstream's names, semantics and words.

mod balanced_allocation;
mod least_allocated;
mod node_affinity;
mod node_name;
mod node_ports;
mod node_resources_fit;
mod node_unschedulable;
mod taint_toleration;
#[cfg(test)]
pub(crate) mod testing;

pub use balanced_allocation::NodeResourcesBalancedAllocation;
pub use least_allocated::LeastAllocated;
pub use node_affinity::NodeAffinity;
pub use node_name::NodeName;
pub use node_ports::NodePorts;
pub use node_resources_fit::NodeResourcesFit;
pub use node_unschedulable::NodeUnschedulable;
pub use taint_toleration::TaintToleration;

use bireme_core::scheduler::{NodeInfo, PodInfo};

/// What a pod without a CPU request is taken to want when nodes are compared, in thousandths of a CPU.
const DEFAULT_MILLI_CPU: i64 = 100;
/// What a pod without a memory request is taken to want when nodes are compared, in bytes.
const DEFAULT_MEMORY: i64 = 200 << 20;

/// What of CPU and memory would be asked for and can be had, with the pod on the node: pairs of each.
fn usage_with(pod: &PodInfo, node: &NodeInfo) -> [(i64, i64); 2] {
    let or_default = |amount: i64, default: i64| if amount == 0 { default } else { amount };
    let wants = |pod: &PodInfo| {
        let requests = pod.requests();
        (or_default(requests.milli_cpu, DEFAULT_MILLI_CPU), or_default(requests.memory, DEFAULT_MEMORY))
    };
    let all = node.pods().map(wants).chain([wants(pod)]);
    let (cpu, memory) = all.fold((0, 0), |(cpu, memory), (more_cpu, more_memory): (i64, i64)| {
        (cpu + more_cpu, memory + more_memory)
    });
    let allocatable = node.allocatable();
    [(cpu, allocatable.milli_cpu), (memory, allocatable.memory)]
}
