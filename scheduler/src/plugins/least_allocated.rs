//! Spreads load: the emptier node is the better one.

use bireme_core::scheduler::PodInfo;

use super::usage_with;
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
        Some(Box::new(move |node| {
            let free = |(used, has): (i64, i64)| if used > has { 0 } else { scale(has - used, has) };
            let known = usage_with(&pod, node).into_iter().filter(|(_, has)| *has > 0);
            let (sum, count) = known.fold((0, 0), |(sum, count), usage| (sum + free(usage), count + 1));
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
