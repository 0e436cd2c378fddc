//! Prefers nodes whose CPU and memory fill evenly, so that neither is left over.

use bireme_core::scheduler::PodInfo;

use super::usage_with;
use crate::framework::{MOST_POINTS, NodeScore, Score};

/// Upstream's `NodeResourcesBalancedAllocation`, over CPU and memory.
#[derive(Clone, Copy, Debug, Default)]
pub struct NodeResourcesBalancedAllocation;

impl Score for NodeResourcesBalancedAllocation {
    fn name(&self) -> &'static str {
        "NodeResourcesBalancedAllocation"
    }

    fn for_pod<'a>(&'a self, pod: &'a PodInfo) -> Option<NodeScore<'a>> {
        // A pod that asks for nothing cannot unbalance anything.
        let best_effort = pod.requests().milli_cpu == 0 && pod.requests().memory == 0;
        (!best_effort).then(|| -> NodeScore<'a> {
            Box::new(move |node| {
                // In thousandths of what the node has; integers keep the score the same on every machine.
                let fraction =
                    |(used, has): (i64, i64)| if has == 0 { 1000 } else { (used * 1000 / has).min(1000) };
                let [cpu, memory] = usage_with(pod, node).map(fraction);
                // The standard deviation of two numbers is half their distance.
                let deviation = (cpu - memory).abs() / 2;
                (1000 - deviation) * MOST_POINTS / 1000
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{node, pod, score_points};
    use super::*;

    #[test]
    fn a_node_that_fills_evenly_gets_more_points() {
        let even = node("even").allocatable("cpu", "1").allocatable("memory", "1000Mi").info();
        let odd = node("odd").allocatable("cpu", "1").allocatable("memory", "5000Mi").info();
        let pod = pod("p").requests("cpu", "500m").requests("memory", "500Mi").info();
        assert_eq!(score_points(&NodeResourcesBalancedAllocation, &pod, &[&even, &odd]), [100, 80]);
    }
}
