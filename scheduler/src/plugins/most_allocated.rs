//! Packs: the fuller node is the better one, so that others stay empty.

use bireme_core::scheduler::PodInfo;

use super::points_by_usage;
use crate::framework::{NodeScore, PodShape, Score, scale};

/// The `MostAllocated` strategy of upstream's `NodeResourcesFit` score, over CPU and memory alike.
#[derive(Clone, Copy, Debug, Default)]
pub struct MostAllocated;

impl Score for MostAllocated {
    fn name(&self) -> &'static str {
        "NodeResourcesFit"
    }

    fn for_pod(&self, pod: &PodInfo) -> Option<NodeScore> {
        let pod = pod.clone();
        let used = |used: i64, has: i64| (has > 0).then(|| scale(used.min(has), has));
        Some(Box::new(move |node| {
            let (sum, count) = points_by_usage(&pod, node, used);
            sum / count.max(1)
        }))
    }

    fn shape(&self, pod: &PodInfo, shape: &mut PodShape) {
        super::see_requests(pod, shape);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{node, pod, score_points};
    use super::*;

    #[test]
    fn the_fuller_node_gets_more_points_and_never_more_than_all() {
        let sized = |name: &str| node(name).allocatable("cpu", "1").allocatable("memory", "1000Mi");
        let half = sized("half").pod(pod("other").requests("cpu", "500m").requests("memory", "500Mi")).info();
        let full = sized("full").pod(pod("other").requests("cpu", "2").requests("memory", "2Gi")).info();
        let pod = pod("p").requests("cpu", "250m").requests("memory", "250Mi").info();
        let nodes = [&half, &sized("empty").info(), &full];
        assert_eq!(score_points(&MostAllocated, &pod, &nodes), [75, 25, 100]);
    }
}
