//! Spreads load: the emptier node is the better one.

use bireme_core::scheduler::PodInfo;

use super::points_by_usage;
use crate::framework::{NodeScore, PodShape, Score, scale};

/// The `LeastAllocated` strategy of upstream's `NodeResourcesFit` score, over CPU and memory alike.
#[derive(Clone, Copy, Debug, Default)]
pub struct LeastAllocated;

impl Score for LeastAllocated {
    fn name(&self) -> &'static str {
        "NodeResourcesFit"
    }

    fn for_pod(&self, pod: &PodInfo) -> Option<NodeScore> {
        let pod = pod.clone();
        let free = |used: i64, has: i64| (has > 0).then(|| scale((has - used).max(0), has));
        Some(Box::new(move |node| {
            let (sum, count) = points_by_usage(&pod, node, free);
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
    fn the_emptier_node_gets_more_points() {
        let sized = |name: &str| node(name).allocatable("cpu", "1").allocatable("memory", "1000Mi");
        let half = sized("half").pod(pod("other").requests("cpu", "500m").requests("memory", "500Mi")).info();
        let pod = pod("p").requests("cpu", "250m").requests("memory", "250Mi").info();
        assert_eq!(score_points(&LeastAllocated, &pod, &[&half, &sized("empty").info()]), [25, 75]);
    }

    #[test]
    fn pods_without_requests_count_as_100m_and_200mi() {
        let node = node("n").allocatable("cpu", "1").allocatable("memory", "1000Mi").info();
        assert_eq!(score_points(&LeastAllocated, &pod("p").info(), &[&node]), [(90 + 80) / 2]);
    }
}
