//! Prefers nodes whose CPU and memory fill evenly, so that neither is left over.

use bireme_core::scheduler::PodInfo;

use crate::framework::{MOST_POINTS, NodeScore, PodShape, Score};

/// Upstream's `NodeResourcesBalancedAllocation`, over CPU and memory.
#[derive(Clone, Copy, Debug, Default)]
pub struct NodeResourcesBalancedAllocation;

impl Score for NodeResourcesBalancedAllocation {
    fn name(&self) -> &'static str {
        "NodeResourcesBalancedAllocation"
    }

    fn for_pod(&self, pod: &PodInfo) -> Option<NodeScore> {
        let (cpu, memory) = (pod.requests().milli_cpu, pod.requests().memory);
        // A pod that asks for nothing cannot unbalance anything.
        if cpu == 0 && memory == 0 {
            return None;
        }
        Some(Box::new(move |node| {
            let (has, taken) = (node.allocatable(), node.requested());
            let fractions = [
                fraction(taken.milli_cpu.saturating_add(cpu), has.milli_cpu),
                fraction(taken.memory.saturating_add(memory), has.memory),
            ];
            // The standard deviation of two numbers is half their distance, and one alone has none.
            let deviation = match fractions {
                [Some(cpu), Some(memory)] => (cpu - memory).abs() / 2.0,
                _ => 0.0,
            };
            #[expect(clippy::cast_possible_truncation, reason = "from 0 to 100, as upstream cuts it off")]
            let points = ((1.0 - deviation) * MOST_POINTS as f64) as i64;
            points
        }))
    }

    fn shape(&self, pod: &PodInfo, shape: &mut PodShape) {
        shape.see_numbers([pod.requests().milli_cpu, pod.requests().memory]);
    }
}

/// How much of what there is would be asked for, at most all; `None` where there is none.
fn fraction(used: i64, has: i64) -> Option<f64> {
    (has > 0).then(|| (used as f64 / has as f64).min(1.0))
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

    #[test]
    fn what_pods_ask_for_counts_and_nothing_is_guessed() {
        let node =
            node("n").allocatable("cpu", "1").allocatable("memory", "1000Mi").pod(pod("silent")).info();
        let pod = pod("p").requests("cpu", "500m").info();
        assert_eq!(score_points(&NodeResourcesBalancedAllocation, &pod, &[&node]), [75]);
    }
}
