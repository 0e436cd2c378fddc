//! Points by how full a node would be, along a curve of one's own.

use bireme_core::scheduler::PodInfo;

use super::points_by_usage;
use crate::framework::{NodeScore, PodShape, Score, scale};

/// The `RequestedToCapacityRatio` strategy of upstream's `NodeResourcesFit` score, over CPU and memory alike.
#[derive(Clone, Debug)]
pub struct RequestedToCapacityRatio {
    curve: Vec<(i64, i64)>,
}

impl RequestedToCapacityRatio {
    /// The points, from 0 to 100, that a node gets at some utilizations in percent; those in between lie on a straight
    /// line, and those before the first and behind the last are as these. `None` unless there are some, with
    /// utilizations from 0 to 100 that rise.
    pub fn new(curve: impl IntoIterator<Item = (i64, i64)>) -> Option<Self> {
        let curve: Vec<(i64, i64)> = curve.into_iter().collect();
        let in_range = |value: i64| (0..=100).contains(&value);
        let rises = curve.is_sorted_by(|(a, _), (b, _)| a < b);
        let is_sound = !curve.is_empty() && rises && curve.iter().all(|(x, y)| in_range(*x) && in_range(*y));
        is_sound.then_some(Self { curve })
    }

    fn at(&self, utilization: i64) -> i64 {
        let next = self.curve.partition_point(|(x, _)| *x < utilization);
        let before = next.checked_sub(1).map(|before| self.curve[before]);
        let next = self.curve.get(next).copied();
        match (before, next) {
            (Some((from, low)), Some((to, high))) => low + (high - low) * (utilization - from) / (to - from),
            (Some((_, points)), None) | (None, Some((_, points))) => points,
            (None, None) => 0,
        }
    }
}

impl Score for RequestedToCapacityRatio {
    fn name(&self) -> &'static str {
        "NodeResourcesFit"
    }

    fn for_pod(&self, pod: &PodInfo) -> Option<NodeScore> {
        let (pod, curve) = (pod.clone(), self.clone());
        Some(Box::new(move |node| {
            // As upstream, a resource without points does not count.
            let (sum, count) = points_by_usage(&pod, node, |used, has| {
                let full = has == 0 || used > has;
                Some(curve.at(if full { 100 } else { scale(used, has) })).filter(|points| *points > 0)
            });
            if count == 0 { 0 } else { (sum + count / 2) / count }
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
    fn points_lie_on_straight_lines_between_those_that_are_given() {
        let curve = RequestedToCapacityRatio::new([(20, 10), (60, 90), (100, 0)]).unwrap();
        let points = [0, 20, 40, 60, 80, 100].map(|utilization| curve.at(utilization));
        assert_eq!(points, [10, 10, 50, 90, 45, 0]);
    }

    #[test]
    fn a_curve_has_utilizations_that_rise_and_points_in_range() {
        assert!(RequestedToCapacityRatio::new([]).is_none());
        assert!(RequestedToCapacityRatio::new([(50, 10), (50, 20)]).is_none());
        assert!(RequestedToCapacityRatio::new([(0, 0), (100, 101)]).is_none());
    }

    #[test]
    fn both_resources_count_alike_and_one_without_points_does_not() {
        let packing = RequestedToCapacityRatio::new([(0, 0), (100, 100)]).unwrap();
        let sized = node("n").allocatable("cpu", "1").allocatable("memory", "1000Mi").info();
        let pod = pod("p").requests("cpu", "250m").requests("memory", "500Mi").info();
        assert_eq!(score_points(&packing, &pod, &[&sized]), [38]);
        let none_below_half = RequestedToCapacityRatio::new([(49, 0), (50, 100)]).unwrap();
        assert_eq!(score_points(&none_below_half, &pod, &[&sized]), [100]);
    }
}
