//! Packs: the fuller node is the better one, so that others stay empty.

use bireme_core::scheduler::PodInfo;

use super::usage_with;
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
        Some(Box::new(move |node| {
            let used = |(used, has): (i64, i64)| scale(used.min(has), has);
            let known = usage_with(&pod, node).into_iter().filter(|(_, has)| *has > 0);
            let (sum, count) = known.fold((0, 0), |(sum, count), usage| (sum + used(usage), count + 1));
            if count == 0 { 0 } else { sum / count }
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
